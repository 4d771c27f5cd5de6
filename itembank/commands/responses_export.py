"""`itembank responses export`: the file that crosses to a partner."""

from pathlib import Path
from typing import Annotated

import typer

from itembank.commands.options import As, DryRun

app = typer.Typer()


@app.command("export")
def export(
    administration: Annotated[str, typer.Option(help="Name; may be left away when there is one.")] = "",
    district: Annotated[str, typer.Option(help="Whose students.")] = "",
    exchange: Annotated[
        bool, typer.Option("--exchange", help="De-identified, for the partner: the only kind.")
    ] = False,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="Agreed column, most important first: school, grade, ...")
    ] = None,
    least: Annotated[int, typer.Option(help="Students who share a combination of columns for it to cross.")] = 10,
    cells: Annotated[str, typer.Option(help="answers, scores, or auto.")] = "auto",
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The file; its manifest is written beside it.")
    ] = None,
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """A de-identified file for the partner, with a manifest of what crosses. Answers stay as they were given."""
    from itembank import administrations, audit, database, exchanging, people, terminal
    from itembank.errors import UsageFault

    if not exchange:
        raise UsageFault("exchange", "Responses leave the bank de-identified only.", "--exchange")
    if cells not in ("auto", "answers", "scores"):
        raise UsageFault("cells", f"--cells {cells!r} is unknown.", "--cells answers, scores or auto")
    with database.writing() as session:
        person = people.require(session, "responses", as_)
        adm = administrations.administration_of(session, administration)
        homes = administrations.districts(session, adm)
        home = people.district_of(session, district) if district else homes[0] if len(homes) == 1 else None
        if home is None:
            raise UsageFault("no-district", "Say whose students.", "--district " + " or ".join(h.code for h in homes))
        made = exchanging.exchange(session, adm, home, tuple(column or ()), least, cells)
        if not dry_run:
            facts = {k: made.manifest[k] for k in ("sha256", "rows", "columns", "least")}
            audit.record(session, "export responses", f"administration:{adm.code}", person, home.code, facts)
    path = out or Path(f"{made.manifest['administration']}-{made.manifest['district']}-exchange.csv")
    terminal.emit(exchanging.manifest_text(made.manifest).rstrip())
    if not dry_run:
        path.write_text(made.text, encoding="utf-8")
        path.with_suffix(".manifest.json").write_text(exchanging.manifest_text(made.manifest), encoding="utf-8")
    terminal.say(f"{'Would write' if dry_run else 'Wrote'} {path}: {made.manifest['rows']} sittings.")
    terminal.next_step(f"itembank responses load {path} --district {made.manifest['district']}, in the partner's bank")
