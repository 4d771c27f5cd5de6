"""`itembank rosters`: schools, classes and students from a roster."""

from pathlib import Path
from typing import Annotated

import typer

from itembank.commands.options import As, DryRun, DryRunEnd

app = typer.Typer()


@app.command("import")
def import_(
    package: Annotated[Path, typer.Argument(help="OneRoster 1.1 or 1.2 CSV: a zip, or a folder of its files.")],
    district: Annotated[str, typer.Option(help="Whose roster it is.")],
    on: Annotated[
        str, typer.Option(help="The day it is to hold for, 2026-05-04; default today, all enrollments.")
    ] = "",
    identifier: Annotated[str, typer.Option(help="Column of users.csv that response files use.")] = "identifier",
    attribute: Annotated[
        list[str] | None,
        typer.Option(help="Column of users.csv or demographics.csv to keep, metadata.elas for example."),
    ] = None,
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Import a roster in the place of the last one. Names, birth dates and the like are never read."""
    import contextlib
    from datetime import date

    from itembank import administrations, database, enrolling, people, rosters, terminal

    day = administrations.day(on, "--on") if on else None
    roster = rosters.read_roster(package, day, identifier, tuple(attribute or ()))
    counts = None
    with contextlib.suppress(DryRunEnd), database.writing() as session:
        person = people.require(session, "responses", as_)
        home = people.district_of(session, district)
        counts = enrolling.store_roster(session, home, roster, day or date.today(), person)
        if dry_run:
            raise DryRunEnd
    terminal.show_findings(roster.findings)
    if counts is None:
        terminal.say("This roster is in force already; nothing was changed.")
    else:
        listed = ", ".join(f"{n} {what}" for what, n in counts.items())
        terminal.say(f"{'Would store' if dry_run else 'Stored'} {listed}.")
    terminal.next_step("itembank administrations status")
