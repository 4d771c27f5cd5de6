"""`itembank forms export`: a form for other systems."""

from pathlib import Path
from typing import Annotated

import typer

from itembank.commands.options import DryRun

app = typer.Typer()


@app.command("export")
def export(
    form: Annotated[str, typer.Argument(help="Name of the form.")],
    qti: Annotated[str, typer.Option(help="Version of QTI: 3.0, 2.2, or 1.2 for Canvas.")] = "3.0",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The package; FORM-qti.zip by default.")] = None,
    language: Annotated[str, typer.Option(help="en or es; untranslated items stay in English.")] = "en",
    sources: Annotated[
        bool, typer.Option("--sources/--no-sources", help="Also our own item files, which hold what QTI cannot.")
    ] = True,
    dry_run: DryRun = False,
) -> None:
    """A form as a QTI package for an LMS or a test platform, with a list of what is lost there. It holds the keys."""
    from itembank import database, form_paper, forms, terminal
    from itembank.errors import UsageFault
    from itembank.exchange import canvas, canvas_losses
    from itembank.exchange import qti as exchange

    if qti not in ("3.0", "2.2", "1.2"):
        raise UsageFault("qti", f"QTI {qti!r} is not written.", "--qti 3.0, 2.2 or 1.2")
    if language not in ("en", "es"):
        raise UsageFault("language", f"There is no language {language!r}.", "--language en or es")
    with database.reading() as session:
        row = forms.form_of(session, form)
        if row.version:
            hint = f"itembank forms export {row.version_of}"
            raise UsageFault("version", f"{form} is a paper version; players shuffle by themselves.", hint)
        found = form_paper.paper(session, form)
        places = forms.lines(session, forms.form_of(session, form))
    path = out or Path(f"{form}-{'canvas' if qti == '1.2' else 'qti'}.zip")
    if qti == "1.2":
        content, losses = canvas.package(found.items, found.title, form, language)
        beside = path.with_name(f"{path.stem}-losses.csv")
        if not dry_run:
            beside.write_text(canvas_losses.table(losses), "utf-8", newline="")
        next_step = f"Canvas: Settings, Import Course Content, QTI .zip file; what it loses is in {beside}"
    else:
        sections: dict[str, list[str]] = {}
        for line in places:
            sections.setdefault(line.section, []).append(line.item)
        version: exchange.Version = "3.0" if qti == "3.0" else "2.2"
        made = exchange.package(found.items, found.title, form, version, list(sections.items()), language, sources)
        content, losses = made.content, made.losses
        next_step = f"itembank items import {path} --dry-run"
    if not dry_run:
        path.write_bytes(content)
    terminal.show_findings(losses)
    size = len(content) // 1024
    terminal.say(f"{'Would write' if dry_run else 'Wrote'} {path}: {len(found.items)} items, {size} kB, with the keys.")
    terminal.next_step(next_step)
