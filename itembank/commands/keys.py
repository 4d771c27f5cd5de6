"""`itembank keys`: keys and their versions."""

from typing import Annotated

import typer

from itembank.commands.options import As, DryRun, DryRunEnd, Format, Json, format_of, pairs

app = typer.Typer()


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="An item (CODE or CODE@VERSION) or a form.")],
    format: Format = "table",
    json: Json = False,
) -> None:
    """The current key of an item, or of every item of a form."""
    from sqlmodel import select

    from itembank import authoring, database, forms, keys, terminal
    from itembank.models import Form

    with database.reading() as session:
        form = session.exec(select(Form).where(Form.code == name)).first()
        if form is not None:
            rows = forms.key_sheet(session, form)
        else:
            version = authoring.version_of(session, name)
            key = keys.current(session, [version.id or 0])[version.id or 0]
            rows = [
                {
                    "position": None,
                    "item": name.partition("@")[0],
                    "version": version.number,
                    "type": key.rule["type"],
                    "key": keys.in_words(key.rule),
                    "key_version": key.number,
                    "points": key.rule["max"],
                }
            ]
    names = ["position", "item", "version", "type", "key", "key_version", "points"]
    terminal.emit_rows(rows, names if form is not None else names[1:], format_of(format, json))


@app.command("history")
def history(
    item: Annotated[str, typer.Argument(help="CODE of the item.")], format: Format = "table", json: Json = False
) -> None:
    """All keys an item has had, with their reasons and decisions."""
    from itembank import database, keys, terminal

    with database.reading() as session:
        rows = [
            {
                "item": item,
                "version": version.number,
                "key_version": key.number,
                "key": keys.in_words(key.rule),
                "points": key.rule["max"],
                "reason": key.reason,
                "decision": key.decision_id,
                "since": f"{key.created_at:%Y-%m-%d %H:%M}",
            }
            for version, key in keys.history(session, item)
        ]
    names = ["item", "version", "key_version", "key", "points", "reason", "decision", "since"]
    terminal.emit_rows(rows, names, format_of(format, json))


@app.command("correct")
def correct(
    item: Annotated[str, typer.Argument(help="CODE or CODE@VERSION.")],
    reason: Annotated[str, typer.Option(help="Why; needed.")],
    key: Annotated[str, typer.Option(help="The right key instead of the wrong one.")] = "",
    also: Annotated[list[str] | None, typer.Option(help="A further right answer; give it for each.")] = None,
    partial: Annotated[list[str] | None, typer.Option(help="ANSWER=POINTS; give it for each.")] = None,
    drop: Annotated[bool, typer.Option("--drop", help="The item no longer counts.")] = False,
    everybody: Annotated[bool, typer.Option("--everybody", help="Full credit to everybody.")] = False,
    restore: Annotated[bool, typer.Option("--restore", help="Take back --drop or --everybody.")] = False,
    as_: As = "",
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Propose a corrected key: shows what it would change, and waits for both districts."""
    import contextlib
    from dataclasses import asdict

    from itembank import authoring, correction, database, keys, people, terminal
    from itembank.errors import UsageFault

    credit = []
    for answer, points in pairs(partial or [], "--partial"):
        if not points.isdigit():
            raise UsageFault("bad-option", f"--partial {answer}={points} is no number.", "--partial C=1")
        credit.append((answer, int(points)))
    number = None
    with contextlib.suppress(DryRunEnd), database.writing() as session:
        version = authoring.version_of(session, item)
        old = keys.current(session, [version.id or 0])[version.id or 0]
        last = keys.last_with_answers(session, version.id or 0)
        rule = correction.corrected_rule(
            old.rule, key, tuple(also or ()), tuple(credit), drop, everybody, restore, last.rule if last else None
        )
        if dry_run:
            changes = correction.effect(session, version, rule)
            raise DryRunEnd
        person = people.require(session, "keys", as_)
        decision, changes = correction.propose(session, item, rule, reason, person)
        number = decision.id
    if json:
        terminal.emit_json({**asdict(changes), "decision": number})
    else:
        terminal.emit(f"{changes.item}: {changes.before} becomes {changes.after}")
        terminal.emit(
            f"{changes.sittings} sittings: {changes.gain} gain, {changes.lose} lose, {changes.dropped} no longer count"
        )
        terminal.emit("runs that would be stale: " + (", ".join(map(str, changes.runs)) or "none"))
    if number is None:
        terminal.say("Nothing was stored.")
    else:
        terminal.next_step(f"itembank decisions agree {number} --as PERSON (one of each district)")
