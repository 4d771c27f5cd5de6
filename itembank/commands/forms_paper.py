"""`itembank forms booklet`: a form on paper."""

from pathlib import Path
from typing import Annotated

import typer

from itembank.commands.options import DryRun

app = typer.Typer()


@app.command("booklet")
def booklet(
    form: Annotated[str, typer.Argument(help="Name of the form.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The PDF, or a folder for it; FORM-EDITION.pdf by default.")
    ] = None,
    edition: Annotated[
        str,
        typer.Option(
            help="booklet (students), answer-sheet (circles and lines, for people), bubble-sheet (for scanners, with "
            "number grids), or key (teachers: with misconceptions)."
        ),
    ] = "booklet",
    language: Annotated[
        str,
        typer.Option(help="en, es, or both (English and Spanish side by side); untranslated items stay in English."),
    ] = "en",
    large_print: Annotated[bool, typer.Option("--large-print", help="18 points, larger pictures.")] = False,
    instructions: Annotated[str, typer.Option(help="Text of the first page; a usual one by default.")] = "",
    dry_run: DryRun = False,
) -> None:
    """A form, or a version of one, on paper: booklet, answer sheets or teachers' key as an accessible PDF."""
    from itembank import answer_sheets, database, form_paper, terminal
    from itembank import booklet as paper
    from itembank.errors import UsageFault

    editions = (*paper.EDITIONS, "bubble-sheet")
    if edition not in editions:
        raise UsageFault("edition", f"There is no edition {edition!r}.", "--edition " + ", ".join(editions))
    if language not in ("en", "es", paper.BOTH):
        raise UsageFault("language", f"There is no language {language!r}.", "--language en, es or both")
    if language == paper.BOTH and edition not in ("booklet", "answer-sheet"):
        raise UsageFault("language", f"The {edition} is in one language.", "--language en, or es")
    if large_print and edition not in ("booklet", "answer-sheet"):
        raise UsageFault("large-print", f"The {edition} has no large print.", "--edition booklet, or answer-sheet")
    with database.reading() as session:
        found = form_paper.paper(session, form)
    languages = ("en", "es") if language == paper.BOTH else (language,)
    title = " / ".join(dict.fromkeys(found.title_in(spoken) for spoken in languages))
    if edition == "bubble-sheet":
        areas = answer_sheets.bodies(found.items, language)
        pdf = answer_sheets.without_tickets(areas, title, form, found.version, language)
    else:
        names = [[name for name, _ in found.sections_in(spoken)] for spoken in languages]
        parts = [(own, size) for own, (_, size) in zip(zip(*names, strict=True), found.sections, strict=True)]
        pdf = paper.compiled(
            found.items,
            title,
            edition,  # type: ignore[arg-type]
            language,
            instructions=instructions,
            misconceptions=found.misconceptions,
            concepts=found.concepts_in(language),
            footer=found.footer,
            large=large_print,
            version=found.version,
            sections=parts,
        )
    english = [i.id for i in found.items if "es" in languages and not any(v.language == "es" for v in i.variants)]
    if english and edition != "bubble-sheet":
        shown = ", ".join(english[:8]) + (", ..." if len(english) > 8 else "")
        terminal.say(f"notice: {len(english)} questions have no Spanish and stay in English: {shown}")
    kind = edition + ("-large" if large_print else "") + ("" if language == "en" else f"-{language}")
    path = Path(f"{form}-{kind}.pdf") if out is None else out / f"{form}-{kind}.pdf" if out.is_dir() else out
    if not path.suffix:
        path = path.with_name(f"{path.name}.pdf")
    if not dry_run:
        path.write_bytes(pdf)
    terminal.say(
        f"{'Would write' if dry_run else 'Wrote'} {path}: {len(found.items)} questions, {len(pdf) // 1024} kB."
    )
    others = [e for e in editions if e != edition]
    terminal.next_step(f"itembank forms booklet {form} --edition {others[0]}")
