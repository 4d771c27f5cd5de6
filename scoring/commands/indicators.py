"""`itembank indicators`: numbers followed from year to year, and their targets."""

from pathlib import Path
from typing import Annotated

import typer

from scoring.commands.options import As, DryRun, Format, Json, show_table

app = typer.Typer()


@app.command("import")
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(help="CSV of definitions (a column title), of values (value) or of targets (target)."),
    ],
    replace: Annotated[bool, typer.Option("--replace", help="Take other values than the bank holds.")] = False,
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Import definitions, values and targets of indicators, all files or none.

    Definitions: indicator, title; optional unit, better, definition, source, formula, beside.
    Values: indicator, district, period, value; optional school, subgroup, n, se, source.
    Targets: indicator, district, period, target; optional school, subgroup, reason.
    """
    from itembank import terminal
    from scoring import bank
    from scoring.bank import trends_writing

    with bank.writing() as session:
        counts = trends_writing.import_files(session, files, as_, replace)
        if dry_run:
            session.rollback()
    word = "Would store" if dry_run else "Stored"
    for name, told in counts:
        terminal.say(f"{name}: {word.lower()} {told}.")
    terminal.next_step("itembank indicators show")


@app.command("target")
def target(
    indicator: Annotated[str, typer.Argument(help="Code of the indicator.")],
    district: Annotated[str, typer.Option(help="Whose target.")],
    period: Annotated[str, typer.Option(help="When it is to be reached: 2009-10, 2026-10 or 2026.")],
    value: Annotated[float, typer.Option(help="What is to be reached, in the indicator's unit.")],
    reason: Annotated[str, typer.Option(help="Why that much.")] = "",
    school: Annotated[str, typer.Option(help="Code of a school; the whole district without one.")] = "",
    subgroup: Annotated[str, typer.Option(help="Subgroup of students.")] = "all",
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Set what an indicator is meant to reach; a change stays in the audit."""
    from itembank import terminal
    from scoring import bank
    from scoring.bank import trends_writing

    with bank.writing() as session:
        trends_writing.set_target(session, indicator, district, period, value, reason, school, subgroup, as_)
        if dry_run:
            session.rollback()
    terminal.say(f"{'Would set' if dry_run else 'Set'} {indicator} of {district} in {period} to {value:g}.")
    terminal.next_step(f"itembank indicators show {indicator} --table targets")


@app.command("show")
def show(
    indicator: Annotated[str, typer.Argument(help="Code of an indicator; all without one.")] = "",
    table: Annotated[str, typer.Option(help="values, targets, alerts, definitions or reading.")] = "values",
    format: Format = "table",
    json: Json = False,
) -> None:
    """Values over the periods, targets and how far they are, dips and flattenings, definitions, what follows."""
    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring import bank
    from scoring.runs.trending import indicator_tables

    with bank.reading() as session:
        found = indicator_tables(session, indicator)
    if table not in found:
        raise UsageFault("unknown-table", f"There is no table {table!r}.", "--table " + ", ".join(found))
    show_table(found[table], format, json)
    if table == "values" and len(found["alerts"]):
        terminal.say(f"{len(found['alerts'])} series dipped or flattened: --table alerts")
