"""`itembank administrations`: open one, follow it, close it."""

from typing import Annotated

import typer

from itembank.commands import administrations_sheets, administrations_status
from itembank.commands.options import As, DryRun, DryRunEnd, pairs

app = typer.Typer()
app.registered_commands.extend(administrations_sheets.app.registered_commands)
app.registered_commands.extend(administrations_status.app.registered_commands)


@app.command("open")
def open_(
    name: Annotated[str, typer.Argument(help="Name of the administration.")],
    form: Annotated[list[str], typer.Option("--form", help="A frozen form; give it for each.")],
    district: Annotated[list[str], typer.Option("--district", help="A district that takes part; give it for each.")],
    opens: Annotated[str, typer.Option("--from", help="First day, 2026-05-04.")],
    closes: Annotated[str, typer.Option("--to", help="Last day.")],
    mode: Annotated[str, typer.Option(help="paper, online or mixed.")],
    title: Annotated[str, typer.Option(help="For people.")] = "",
    taught: Annotated[
        list[str] | None,
        typer.Option("--taught", help="DISTRICT:CONCEPT=yes|partly|no|unknown before the window; give it for each."),
    ] = None,
    expected: Annotated[
        list[str] | None, typer.Option("--expected", help="DISTRICT=NUMBER of students; give it for each.")
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="The students are simulated: every page says so.")
    ] = False,
    accommodation: Annotated[
        list[str] | None, typer.Option(help="One that is offered, such as 'text to speech'; give it for each.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="A language edition that is given, en or es; give it for each.")
    ] = None,
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Open an administration: its window, mode and districts, accommodations and language editions."""
    import contextlib

    from itembank import administrations, database, people, terminal
    from itembank.errors import UsageFault

    lessons = []
    for subject, answer in pairs(taught or [], "--taught"):
        home, sign, concept = subject.partition(":")
        if not sign:
            raise UsageFault("bad-option", f"--taught {subject!r} names no district.", "--taught A:geometry=no")
        lessons.append((home, concept, answer))
    counts: dict[str, int] = {}
    for home, number in pairs(expected or [], "--expected"):
        if not number.isdigit():
            raise UsageFault("bad-option", f"--expected {home}={number} is no number.", "--expected A=5000")
        counts[home] = int(number)
    first, last = administrations.day(opens, "--from"), administrations.day(closes, "--to")
    with contextlib.suppress(DryRunEnd), database.writing() as session:
        person = people.acting(session, as_)
        administrations.open_administration(
            session,
            name,
            form,
            district,
            first,
            last,
            mode,
            title,
            lessons,
            counts,
            person,
            administrations.offered(accommodation or [], language or []) | ({"simulated": True} if simulated else {}),
        )
        if dry_run:
            terminal.say(f"Would open {name}; nothing was stored.")
            raise DryRunEnd
    if not dry_run:
        terminal.say(f"Opened {name}: {', '.join(form)} in {', '.join(district)}, {first} to {last}, {mode}.")
        terminal.next_step(f"itembank responses check FILE --administration {name}")


@app.command("close")
def close(
    name: Annotated[str, typer.Argument(help="Name of the administration.")], as_: As = "", dry_run: DryRun = False
) -> None:
    """Close an administration: no more responses come in."""
    from itembank import administrations, database, people, terminal

    with database.writing() as session:
        adm = administrations.administration_of(session, name)
        if not dry_run:
            administrations.close(session, adm, people.acting(session, as_))
    terminal.say(f"{'Would close' if dry_run else 'Closed'} {name}.")


@app.command("purge")
def purge(
    before: Annotated[str, typer.Option(help="Purge what ended before this day, 2027-07-01.")],
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Delete students' answers and scores of old administrations; group results and item statistics stay."""
    from itembank import administrations, database, people, students, terminal

    day = administrations.day(before, "--before")
    with database.writing() as session:
        person = people.require(session, "students", as_)
        rows = students.purge(session, day, person, dry_run)
    terminal.emit_rows(rows, ["administration", "sittings", "scores"])
    terminal.say(f"{'Would purge' if dry_run else 'Purged'} {len(rows)} administrations that ended before {day}.")
    if rows and not dry_run:
        terminal.next_step("itembank bank backup FILE, then delete the older backups: they still hold these rows")
