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
    linkage_key: Annotated[
        Path | None, typer.Option(help="Key that both districts share to pair students who moved; made by the first.")
    ] = None,
    linkage_column: Annotated[str, typer.Option(help="Column of users.csv with the statewide number.")] = "",
    linkage_out: Annotated[Path | None, typer.Option(help="Write the one-time file for the other district.")] = None,
    linkage_in: Annotated[
        Path | None, typer.Option(help="The other district's one-time file; deleted when the pairs are stored.")
    ] = None,
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Import a roster in the place of the last one. Names, birth dates and the like are never read."""
    import contextlib
    from datetime import date

    from itembank import administrations, database, enrolling, linkage, people, rosters, terminal
    from itembank.commands.options import write_private
    from itembank.errors import UsageFault

    linking = linkage_out is not None or linkage_in is not None
    if linking and (linkage_key is None or not linkage_column):
        hint = "--linkage-key FILE --linkage-column metadata.ssid"
        raise UsageFault("linkage", "Pairing needs the shared key and the column of the statewide number.", hint)

    day = administrations.day(on, "--on") if on else None
    roster = rosters.read_roster(package, day, identifier, tuple(attribute or ()))
    numbers = rosters.other_numbers(package, identifier, linkage_column) if linking else {}
    counts, written, paired = None, 0, 0
    with contextlib.suppress(DryRunEnd), database.writing() as session:
        person = people.require(session, "responses", as_)
        home = people.district_of(session, district)
        counts = enrolling.store_roster(session, home, roster, day or date.today(), person)
        if linkage_key is not None and linking:
            key = linkage.shared_key(linkage_key, make=linkage_in is None and not dry_run)
            if linkage_in is not None:
                paired = linkage.pair(session, home, key, numbers, linkage_in, person)
            if linkage_out is not None:
                text, written = linkage.file_text(session, home, key, numbers)
                if not dry_run:
                    write_private(linkage_out, text.encode())
        if dry_run:
            raise DryRunEnd
    if linkage_in is not None and not dry_run:
        linkage_in.unlink()
        terminal.say(f"Paired {paired} students with the other district; {linkage_in} was deleted.")
        terminal.say("Destroy the linkage key on both sides: who holds it can try out numbers.")
    if linkage_out is not None:
        terminal.say(f"{'Would write' if dry_run else 'Wrote'} {written} rows to {linkage_out}, for one use.")
    terminal.show_findings(roster.findings)
    if counts is None:
        terminal.say("This roster is in force already; nothing was changed.")
    else:
        listed = ", ".join(f"{n} {what}" for what, n in counts.items())
        terminal.say(f"{'Would store' if dry_run else 'Stored'} {listed}.")
    terminal.next_step("itembank administrations status")
