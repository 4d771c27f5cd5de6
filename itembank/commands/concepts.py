"""`itembank concepts`: the framework."""

from pathlib import Path
from typing import Annotated

import typer

from itembank.commands.options import As, DryRun, DryRunEnd, Format, Json, format_of

app = typer.Typer()


@app.command("list")
def list_(
    standards: Annotated[bool, typer.Option("--standards", help="The standards instead.")] = False,
    grade: Annotated[str, typer.Option(help="Only this grade.")] = "",
    format: Format = "table",
    json: Json = False,
) -> None:
    """Concepts (or standards), in order."""
    from sqlmodel import select

    from itembank import database, terminal
    from itembank.models import Concept, Standard, columns

    with database.reading() as session:
        if standards:
            found = session.exec(select(Standard).order_by(columns(Standard).code)).all()
            rows = [{"standard": s.code, "grade": s.grade, "domain": s.domain_name, "text": s.statement} for s in found]
            names = ["standard", "grade", "domain", "text"]
        else:
            listed = session.exec(select(Concept).order_by(columns(Concept).position, columns(Concept).code)).all()
            rows = [{"concept": c.code, "title": c.title, "grade": c.grade} for c in listed]
            names = ["concept", "title", "grade"]
    rows = [r for r in rows if not grade or grade in str(r["grade"]).split(", ")]
    terminal.emit_rows(rows, names, format_of(format, json))
    if not rows:
        terminal.next_step("itembank concepts import items/concepts.yaml")


@app.command("show")
def show(concept: Annotated[str, typer.Argument(help="Code of the concept.")], json: Json = False) -> None:
    """One concept: description, standards, prerequisites, items."""
    from itembank import concepts, database, terminal

    with database.reading() as session:
        facts = concepts.described(session, concepts.concept_of(session, concept))
    if json:
        terminal.emit_json(facts)
        return
    for name, value in facts.items():
        terminal.emit(f"{name:14} {terminal.cell(value)}")


@app.command("add")
def add(
    code: Annotated[str, typer.Argument(help="Code, used in item files.")],
    title: Annotated[str, typer.Option(help="For people.")] = "",
    description: Annotated[str, typer.Option(help="What it is.")] = "",
    grade: Annotated[str, typer.Option(help="6, 7, 8 or A1.")] = "",
    parent: Annotated[str, typer.Option(help="The concept above it.")] = "",
    standard: Annotated[list[str] | None, typer.Option(help="A standard it belongs to; give it for each.")] = None,
    prerequisite: Annotated[list[str] | None, typer.Option(help="A concept learned before it.")] = None,
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Add a concept."""
    import contextlib

    from itembank import concepts, database, people, terminal

    with contextlib.suppress(DryRunEnd), database.writing() as session:
        person = people.acting(session, as_)
        concepts.add_concept(
            session, code, title, description, grade, parent, standard or (), prerequisite or (), person
        )
        if dry_run:
            terminal.say(f"Would add {code}; nothing was stored.")
            raise DryRunEnd
    if not dry_run:
        terminal.say(f"Added {code}.")
        terminal.next_step(f"itembank concepts show {code}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="YAML or CSV: id, name, grades, description, standards, prerequisites.")],
    dry_run: DryRun = False,
) -> None:
    """Store the concepts of a file: new ones and changed ones."""
    import contextlib

    from itembank import concepts, database, terminal

    rows = concepts.read_framework(file)
    new = changed = 0
    with contextlib.suppress(DryRunEnd), database.writing() as session:
        if file.stem == "misconceptions":
            new, what = concepts.import_misconceptions(session, rows), "misconceptions"
        else:
            new, changed = concepts.import_framework(session, rows, file.name)
            what = "concepts"
        if dry_run:
            raise DryRunEnd
    done = "Would store" if dry_run else "Stored"
    terminal.say(f"{done} {new} new and {changed} changed {what}; {len(rows) - new - changed} are as they were.")
    terminal.next_step("itembank concepts tree")


@app.command("tree")
def tree(format: Format = "table", json: Json = False) -> None:
    """Concepts below their parents."""
    from itembank import concepts, database, terminal

    with database.reading() as session:
        rows = [
            {"concept": "  " * depth + c.code, "title": c.title, "grade": c.grade, "depth": depth}
            for depth, c in concepts.tree(session)
        ]
    terminal.emit_rows(rows, ["concept", "title", "grade"], format_of(format, json))


@app.command("coverage")
def coverage(
    by: Annotated[str, typer.Option(help="concept or standard.")] = "concept",
    format: Format = "table",
    json: Json = False,
) -> None:
    """How many items there are, by concept or standard, grade, DOK and status."""
    from itembank import concepts, database, terminal
    from itembank.errors import UsageFault

    if by not in ("concept", "standard"):
        raise UsageFault("bad-option", f"--by {by!r} is unknown.", "--by concept or standard")
    with database.reading() as session:
        rows = concepts.coverage(session, by)
    terminal.emit_rows(rows, [by, "grade", "dok", "status", "items"], format_of(format, json))
