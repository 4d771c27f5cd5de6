"""`itembank upgrade`: bring a bank to this version's tables."""

import typer

from itembank.commands.options import DryRun

app = typer.Typer()


@app.command()
def upgrade(dry_run: DryRun = False) -> None:
    """Bring a bank to this version's tables, all or nothing. A file is copied beside itself first."""
    from itembank import backups, database, terminal
    from itembank.migrations import HEAD

    bank = database.engine()
    with bank.connect() as connection:
        before = database.schema_version(connection)
    if not before:
        raise database.NoBank("no-bank", "This database holds no bank.", "itembank init")
    if before == HEAD:
        terminal.say(f"The bank is current (schema {HEAD}).")
        return
    if dry_run:
        terminal.say(f"Would bring the bank from schema {before} to {HEAD}; nothing was changed.")
        return
    file = database.file_of(database.location())
    if file is not None:
        copy = file.with_name(f"{file.stem}-before-{HEAD}{file.suffix}")
        backups.copy_file(file, copy)
        terminal.say(f"Copied the bank to {copy} first.")
    database.migrate()
    terminal.say(f"Brought the bank from schema {before} to {HEAD}.")
    terminal.next_step("itembank doctor")
