"""`itembank report`: pages about a concept, an item, a school, a class and its students, and the method."""

from typing import Annotated

import typer

app = typer.Typer()
Output = Annotated[str, typer.Option("--output", "-o", help="File to write.")]
Run = Annotated[int | None, typer.Option("--run", help="Number of a comparison; the newest without one.")]
Pdf = Annotated[bool, typer.Option("--pdf", help="A PDF instead of HTML, from the same tables.")]
Stale = Annotated[bool, typer.Option("--allow-stale", help="Write it although newer data or keys exist.")]


@app.command("concept")
def concept(
    name: Annotated[str, typer.Argument(help="The concept's code.")],
    run: Run = None,
    output: Output = "concept.html",
    edition: Annotated[str, typer.Option(help="internal, or public: agreed and protected, released items only.")] = (
        "internal"
    ),
    pdf: Pdf = False,
    stale: Stale = False,
) -> None:
    """A concept for math experts: where it stands, misconceptions, every item with its curve."""
    from dataclasses import replace

    from itembank.errors import Rejected, UsageFault
    from scoring import bank
    from scoring.report.item_report import concept_page
    from scoring.report.writing import write_page
    from scoring.runs import releasing
    from scoring.runs.reporting import reported

    if edition not in ("internal", "public"):
        raise UsageFault("unknown-edition", f"There is no edition {edition!r}.", "--edition internal or public")
    public = edition == "public"
    with bank.writing() if public else bank.reading() as session:
        found = reported(session, run, stale, curves=not public)
        if name not in found.analysis.concepts.index:
            known = ", ".join(found.analysis.concepts.index)
            raise Rejected("no-concept", f"The comparison has no concept {name!r}.", f"Concepts: {known}")
        if public:
            stored = bank.run_of(session, found.run, "compare")
            person = bank.person_of(session)
            release, entry = releasing.released(session, stored, found.analysis, person, f"concept {name}")
            found = replace(found, analysis=releasing.as_public(release.analysis, entry))
    write_page(concept_page(found, name, public), output, pdf)


@app.command("item")
def item(
    name: Annotated[str, typer.Argument(help="The item's id.")],
    run: Run = None,
    output: Output = "item.html",
    pdf: Pdf = False,
    stale: Stale = False,
) -> None:
    """An item: as typeset, who chose what, its curve in each district, its history."""
    from itembank.errors import Rejected
    from scoring import bank
    from scoring.report.item_report import item_page
    from scoring.report.writing import write_page
    from scoring.runs.reporting import reported

    with bank.reading() as session:
        found = reported(session, run, stale)
        if name not in found.analysis.items.index:
            raise Rejected("no-item", f"The comparison has no item {name!r}.", "itembank compare show --table items")
        history = bank.item_history(session, name)
    write_page(item_page(found, name, history), output, pdf)


@app.command("school")
def school(
    name: Annotated[str, typer.Argument(help="DISTRICT-CODE of the school, as `compare show --table schools` has it.")],
    run: Run = None,
    output: Output = "school.html",
    pdf: Pdf = False,
    stale: Stale = False,
) -> None:
    """A school beside its district, shrunken and without ranks. Internal."""
    from itembank.errors import Rejected
    from scoring import bank
    from scoring.bank.pages import school_names
    from scoring.report.school_report import school_page
    from scoring.report.writing import write_page
    from scoring.runs.reporting import reported

    name = name.rpartition(" / ")[2]  # the table of schools puts the district's name in front
    with bank.reading() as session:
        found = reported(session, run, stale, curves=False)
        names = school_names(session)
    if not (found.data.persons["school"].astype("str") == name).any():
        hint = "itembank compare show --table schools"
        raise Rejected("no-school", f"No student of a school {name!r} sat this assessment.", hint)
    write_page(school_page(found, name, names), output, pdf)


@app.command("student")
def student(
    file: Annotated[str, typer.Argument(help="A file with the district's own identifiers, one a line; - is stdin.")],
    district: Annotated[str, typer.Option(help="Whose students they are; its key file must be here.")],
    folder: Annotated[str, typer.Option("--output", "-o", help="Folder for the pages.")] = "students",
    language: Annotated[str, typer.Option(help="en or es.")] = "en",
    title: Annotated[str, typer.Option(help="Name of the class, for the roster.")] = "Class roster",
    assessment: Annotated[
        str, typer.Option(help="What the pages call the assessment; its title without one, in Spanish its days.")
    ] = "",
    run: Run = None,
    pdf: Pdf = False,
    stale: Stale = False,
) -> None:
    """A page for each student and family (English or Spanish), and the teacher's roster. Private."""
    import sys
    from pathlib import Path

    from itembank import terminal
    from itembank.errors import Rejected, UsageFault
    from scoring import bank
    from scoring.bank.pages import concept_names_in
    from scoring.report.student_report import TEXT, roster_page, student_page, window_in_spanish
    from scoring.report.writing import write_page
    from scoring.runs.reporting import reported, student_marks

    if language not in TEXT:
        raise UsageFault("unknown-language", f"There is no language {language!r}.", "--language en or es")
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise Rejected("unreadable", "The file of identifiers cannot be read.", "One per line, UTF-8.") from None
    who = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if not who:
        raise Rejected("no-student", "No student was named.", "One identifier per line.")
    with bank.reading() as session:
        found = reported(session, run, stale, curves=False)
        marks = student_marks(session, found, district, who)
        names = concept_names_in(session, language)
    given = found.data.administration
    what = assessment or (window_in_spanish(given.opens_on, given.closes_on) if language == "es" else "")
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    end = "pdf" if pdf else "html"
    for number, (name, own) in enumerate(zip(who, marks, strict=True), 1):
        page = student_page(found.analysis, own, name, language, names, what)
        write_page(page, str(place / f"student-{number:03d}.{end}"), pdf, quiet=True)
    write_page(
        roster_page(found.analysis, list(zip(who, marks, strict=True)), title),
        str(place / f"roster.{end}"),
        pdf,
        quiet=True,
    )
    terminal.say(
        f"Wrote {len(who)} pages and the roster to {place}; the files' names hold no identifier, the pages do."
    )
    terminal.next_step(f"open {place / f'roster.{end}'}")


@app.command("technical")
def technical(
    run: Run = None,
    output: Output = "technical.html",
    tables: Annotated[str, typer.Option(help="Folder for the tables as CSV; beside the report without one.")] = "",
    pdf: Pdf = False,
    stale: Stale = False,
) -> None:
    """The technical report: what a reviewer asks for, from the run, with the tables beside it as CSV."""
    from pathlib import Path

    from itembank import terminal
    from scoring import bank
    from scoring.report.technical_report import technical_page, write_tables
    from scoring.report.writing import write_page
    from scoring.runs.reporting import reported
    from scoring.runs.technical import technical_tables

    with bank.reading() as session:
        found = reported(session, run, stale)
        facts = technical_tables(session, found)
    place = Path(tables) if tables else Path(output).with_suffix("").with_name(Path(output).stem + "-tables")
    names = write_tables(found.analysis, facts, place)
    terminal.say(f"Wrote {len(names)} tables to {place}.")
    write_page(technical_page(found, facts, place.name), output, pdf)
