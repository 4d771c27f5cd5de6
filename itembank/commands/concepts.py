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
    file: Annotated[
        Path,
        typer.Argument(
            help="YAML or CSV (id, name, grades, description, standards, prerequisites), or a CASE package (.json)."
        ),
    ],
    dry_run: DryRun = False,
) -> None:
    """Store the concepts of a file: new ones and changed ones."""
    import contextlib

    from itembank import concepts, database, terminal
    from itembank.exchange import case

    if case.is_package(file):
        package, notices = case.read(file)
        terminal.show_findings(notices)
        with contextlib.suppress(DryRunEnd), database.writing() as session:
            new, changed, standards = case.store(session, package, file.name)
            if dry_run:
                raise DryRunEnd
        done = "Would store" if dry_run else "Stored"
        terminal.say(f"{done} {new} new and {changed} changed concepts, and the wording of {standards} standards.")
        terminal.next_step("itembank concepts tree")
        return
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
    q_matrix: Annotated[bool, typer.Option("--q-matrix", help="Items by concepts, 1 where tagged.")] = False,
    form: Annotated[str, typer.Option(help="With --q-matrix: the items of this form.")] = "",
    grade: Annotated[str, typer.Option(help="Only this grade.")] = "",
    format: Format = "table",
    json: Json = False,
) -> None:
    """How many items there are, by concept or standard, grade, DOK and status; or items by concepts."""
    from itembank import concept_views, concepts, database, terminal
    from itembank.errors import UsageFault

    if by not in ("concept", "standard"):
        raise UsageFault("bad-option", f"--by {by!r} is unknown.", "--by concept or standard")
    if form and not q_matrix:
        raise UsageFault("bad-option", "--form goes with --q-matrix.", "--q-matrix --form FORM")
    if q_matrix:
        with database.reading() as session:
            items, names, never_alone = concept_views.q_matrix(session, form, grade)
        terminal.emit_rows(items, ["item", "primary", *names], format_of(format, json))
        if never_alone:
            terminal.say(f"No item measures these alone, which a diagnosis of them needs: {', '.join(never_alone)}.")
        return
    with database.reading() as session:
        rows = [r for r in concepts.coverage(session, by) if not grade or r["grade"] in ("", grade)]
    terminal.emit_rows(rows, [by, "grade", "dok", "status", "items"], format_of(format, json))


@app.command("gaps")
def gaps(
    want: Annotated[int, typer.Option(help="Usable items wanted for each grade, concept and DOK.")] = 2,
    by: Annotated[str, typer.Option(help="concept or standard.")] = "concept",
    grade: Annotated[str, typer.Option(help="Only this grade.")] = "",
    dok: Annotated[list[int] | None, typer.Option(help="DOK wanted; give it for each. 1, 2 and 3 by default.")] = None,
    format: Format = "table",
    json: Json = False,
) -> None:
    """Where items are missing: grade, concept (or standard) and DOK with fewer usable items than wanted."""
    from itembank import concept_views, database, terminal
    from itembank.errors import UsageFault

    if by not in ("concept", "standard") or want < 1 or not set(dok or ()) <= {1, 2, 3, 4}:
        raise UsageFault("bad-option", "--by concept or standard, --want 1 or more, --dok 1 to 4.", "--want 2 --dok 1")
    with database.reading() as session:
        rows = concept_views.gaps(session, want, by, grade, tuple(dok or concept_views.DOKS))
    names = [by, "grade", "dok", "usable", "coming", "wanted", "missing"]
    terminal.emit_rows(rows, names, format_of(format, json))
    missing = sum(r["missing"] for r in rows)
    terminal.say(f"{len(rows)} cells lack {missing} items." if rows else "Every cell has what is wanted.")
    if rows:
        first = rows[0]
        terminal.next_step(f"itembank items new --{by} {first[by]} --grade {first['grade'] or 'GRADE'}")


@app.command("export")
def export(
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The file; stdout by default.")] = None,
    framework: Annotated[str, typer.Option(help="Identifier of an imported one, which goes out whole.")] = "",
    case_: Annotated[str, typer.Option("--case", help="1.0 or 1.1, for the bank's own concepts.")] = "1.1",
    creator: Annotated[str, typer.Option(help="Who publishes.")] = "",
    list_: Annotated[bool, typer.Option("--list", help="The frameworks that were imported.")] = False,
    dry_run: DryRun = False,
    format: Format = "table",
    json: Json = False,
) -> None:
    """The concepts as a CASE package (JSON): the bank's own, or an imported framework as it came."""
    from itembank import database, terminal
    from itembank.exchange import case

    with database.reading() as session:
        if list_:
            terminal.emit_rows(case.frameworks(session), ["framework", "title", "items"], format_of(format, json))
            return
        package = case.export(session, framework, case_, creator)
    said = f"{len(package.get('CFItems') or [])} items, {len(package.get('CFAssociations') or [])} associations"
    if dry_run:
        terminal.say(f"Would write {said}; nothing was written.")
        return
    if out is None:
        terminal.emit_json(package)
    else:
        from json import dumps

        out.write_text(dumps(package, indent=1, ensure_ascii=False) + "\n", "utf-8")
        terminal.emit(str(out))
    terminal.say(f"{said}.")
    terminal.next_step(f"in another bank: itembank concepts import {out or 'FILE.json'}")
