"""`itembank bank`: status, backup, restore, verify, privacy. Export and merge are in bank_bundles.py."""

from pathlib import Path
from typing import Annotated, Any

import typer

from itembank.commands import bank_bundles
from itembank.commands.options import DryRun, Format, Json, format_of

app = typer.Typer()
app.registered_commands.extend(bank_bundles.app.registered_commands)


@app.command("status")
def status(json: Json = False) -> None:
    """What the bank holds."""
    import sqlalchemy as sa

    from itembank import audit, database, models, terminal

    tables: dict[str, Any] = {
        "districts": models.District,
        "people": models.Person,
        "concepts": models.Concept,
        "items": models.Item,
        "item versions": models.ItemVersion,
        "forms": models.Form,
        "administrations": models.Administration,
        "students": models.Student,
        "sittings": models.Sitting,
        "runs": models.Run,
        "open decisions": models.Decision,
    }
    with database.reading() as session:
        counts = {}
        for name, table in tables.items():
            statement = sa.select(sa.func.count()).select_from(table)
            if name == "open decisions":
                statement = statement.where(models.columns(table).status == "open")
            counts[name] = int(session.execute(statement).scalar_one())
        heads = {h.chain: h.hash for h in audit.heads(session)}
    url = database.location()
    file = database.file_of(url)
    size = file.stat().st_size / 1e6 if file else None
    if json:
        terminal.emit_json({"bank": database.shown(url), "megabytes": size, **counts, "heads": heads})
        return
    terminal.emit(f"{'bank':16} {database.shown(url)}" + (f" ({size:.1f} MB)" if size is not None else ""))
    for name, count in counts.items():
        terminal.emit(f"{name:16} {count}")
    for chain, hash_ in heads.items():
        terminal.emit(f"{'head of ' + chain:16} {hash_}")


@app.command("backup")
def backup(target: Annotated[Path, typer.Argument(help="A new file, or a folder.")]) -> None:
    """Copy the bank, consistently, also while others write."""
    from itembank import backups, terminal

    made = backups.backup(target)
    terminal.emit(str(made))
    terminal.say("The districts' key files are not part of it: back them up apart, each district its own.")
    terminal.next_step(f"itembank --bank {made} bank verify")


@app.command("restore")
def restore(
    source: Annotated[Path, typer.Argument(help="The backup.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the bank; it is kept beside.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Put a backup in the bank's place."""
    from itembank import backups, terminal

    if dry_run:
        backups.check(source)
        terminal.say(f"{source} is a whole bank; nothing was changed.")
        return
    kept = backups.restore(source, overwrite)
    terminal.say(f"Restored {source}." + (f" What was there is at {kept}." if kept else ""))
    terminal.next_step("itembank upgrade, then itembank bank verify")


@app.command("verify")
def verify(
    head: Annotated[str, typer.Option(help="A head printed in a report (12 digits or more).")] = "",
    json: Json = False,
) -> None:
    """Check the audit chains, stored hashes and that every sitting reads."""
    from itembank import audit, database, terminal, verification
    from itembank.errors import HasFindings, UsageFault

    if head and len(head) < 12:
        raise UsageFault("short-head", "A head needs 12 digits or more.", "Copy it whole from the report.")
    with database.reading() as session:
        found = audit.verify(session, head) + verification.check(session)
        heads = audit.heads(session)
    if json:
        terminal.emit_json({"findings": [f.as_dict() for f in found], "heads": {h.chain: h.hash for h in heads}})
    if found:
        raise HasFindings("not-verified", "The bank is not as it was written.", "Compare with a backup.", found)
    if not json:
        for chain in heads:
            terminal.emit(f"{chain.chain:8} {chain.sequence:6} events  {chain.hash}")
    terminal.say("All chains hold" + (", and the printed head lies on one of them." if head else "."))


@app.command("privacy")
def privacy(
    fields: Annotated[
        bool, typer.Option("--fields", help="Every stored field: source, who reads it, how long it is kept.")
    ] = False,
    page: Annotated[str, typer.Option(help="Write that as a page (Markdown) to this file.")] = "",
    format: Format = "table",
    json: Json = False,
) -> None:
    """What the bank holds of students: by district, or field by field."""
    from itembank import database, students, terminal
    from itembank import privacy as register

    if page:
        Path(page).write_text(register.page(), encoding="utf-8")
        terminal.say(f"Wrote {page}.")
        return
    if fields:
        terminal.emit_rows(register.fields(), list(register.NAMES), format_of(format, json))
        return
    with database.reading() as session:
        rows = students.held(session)
    names = ["district", "students", "sittings", "scores", "schools", "recorded", "key", "key_here"]
    terminal.emit_rows(rows, names, format_of(format, json))
    terminal.say("No names and no student numbers are stored: only the district's keyed hash of them.")
    terminal.say("Whoever holds a district's key file can recognise its students; keep it with that district alone.")
