"""`itembank students`: erase a student's data."""

from typing import Annotated

import typer

from itembank.commands.options import As, DryRun, DryRunEnd

app = typer.Typer()


@app.command("erase")
def erase(
    file: Annotated[str, typer.Argument(help="A file with one identifier per line; - is stdin.")],
    district: Annotated[str, typer.Option(help="Whose students they are.")],
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Erase students for good: sittings, responses, scores, pseudonyms.

    Identifiers come from a file, never from the command line, which other programs could read.
    """
    import contextlib
    import sys
    from pathlib import Path

    from itembank import database, people, students, terminal
    from itembank.errors import Rejected

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise Rejected("unreadable", "The file of identifiers cannot be read.", "One per line, UTF-8.") from None
    with contextlib.suppress(DryRunEnd), database.writing() as session:
        person = people.require(session, "students", as_)
        done = students.erase(session, people.district_of(session, district), text.splitlines(), person)
        if dry_run:
            raise DryRunEnd
    counts = ", ".join(f"{n} {what}" for what, n in done.items())
    terminal.say(f"{'Would erase' if dry_run else 'Erased'} {counts}.")
    if not dry_run:
        terminal.say("Backups and exported files are not touched; runs that used these sittings keep their totals.")
        terminal.next_step(
            "itembank bank backup FILE, then delete the older backups, which still hold these rows, and the file of "
            "identifiers"
        )
