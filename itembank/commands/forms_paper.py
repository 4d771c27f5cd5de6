"""`itembank forms booklet`: a form on paper."""

from pathlib import Path
from typing import Annotated

import typer

from itembank.commands.options import DryRun

app = typer.Typer()


@app.command("booklet")
def booklet(
    form: Annotated[str, typer.Argument(help="Name of the form.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The PDF; FORM-booklet.pdf by default.")] = None,
    edition: Annotated[
        str, typer.Option(help="booklet (students), answer-sheet, or key (teachers: with misconceptions).")
    ] = "booklet",
    language: Annotated[str, typer.Option(help="en or es; untranslated items stay in English.")] = "en",
    instructions: Annotated[str, typer.Option(help="Text of the first page; a usual one by default.")] = "",
    dry_run: DryRun = False,
) -> None:
    """A form on paper: students' booklet, answer sheet or teachers' key as an accessible PDF."""
    from itembank import booklet as paper
    from itembank import database, form_paper, terminal
    from itembank.errors import UsageFault

    if edition not in paper.EDITIONS:
        raise UsageFault("edition", f"There is no edition {edition!r}.", "--edition " + ", ".join(paper.EDITIONS))
    if language not in ("en", "es"):
        raise UsageFault("language", f"There is no language {language!r}.", "--language en or es")
    with database.reading() as session:
        found = form_paper.paper(session, form)
    pdf = paper.compiled(
        found.items,
        found.title,
        edition,
        language,
        instructions=instructions,
        misconceptions=found.misconceptions,
        concepts=found.concepts,
        footer=found.footer,
    )
    path = out or Path(f"{form}-{edition}.pdf")
    if not dry_run:
        path.write_bytes(pdf)
    terminal.say(
        f"{'Would write' if dry_run else 'Wrote'} {path}: {len(found.items)} questions, {len(pdf) // 1024} kB."
    )
    others = [e for e in paper.EDITIONS if e != edition]
    terminal.next_step(f"itembank forms booklet {form} --edition {others[0]}")
