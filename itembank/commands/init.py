"""`itembank init`: create a bank."""

from typing import Annotated

import typer

from itembank.commands.options import DryRun, Json

app = typer.Typer()


@app.command()
def init(
    district: Annotated[
        list[str] | None, typer.Option("--district", help="A partner, as CODE or CODE=NAME; give it for each.")
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Create a bank: its tables, the standards of grades 6 to 8, the districts.

    Without --bank the bank is ./itembank.db. Calling it again changes nothing that is there.
    """
    from itembank import concepts, database, people, terminal
    from itembank.errors import UsageFault

    url = database.location()
    partners = []
    for text in district or []:
        code, _, name = text.partition("=")
        if not code.strip():
            raise UsageFault("bad-option", f"--district {text!r} is not CODE=NAME.", "--district A='District A'")
        partners.append((people.checked_code(code.strip(), "a district"), name.strip()))
    if dry_run:
        terminal.say(f"Would create or complete the bank at {database.shown(url)}; nothing was stored.")
        return
    before, after = database.migrate()
    with database.writing() as session:
        standards = concepts.store_standards(session)
        for code, name in partners:
            people.add_district(session, code, name)
        listed = people.districts(session)
    if json:
        terminal.emit_json({"bank": database.shown(url), "schema": after, "new": not before, "districts": listed})
    terminal.say(f"{'There is a bank' if before else 'Made a bank'} at {database.shown(url)} (schema {after}).")
    if standards:
        terminal.say(f"Stored {standards} standards.")
    if not listed:
        terminal.next_step("itembank init --district A='District A' --district B='District B'")
    else:
        terminal.next_step("itembank people add CODE --name NAME --district " + listed[0] + " --role author")
