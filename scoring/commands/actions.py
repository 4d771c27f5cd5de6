"""`itembank actions`: what the districts agreed to try, and what its number did since."""

from typing import Annotated

import typer

from scoring.commands.options import As, DryRun, Format, Json, show_table

app = typer.Typer()
On = Annotated[str, typer.Option(help="The day it was said, 2026-10-21; default today.")]
Due = Annotated[str, typer.Option(help="When it is looked at again, 2027-01-20.")]


@app.command("add")
def add(
    observed: Annotated[str, typer.Option(help="What was seen.")],
    owner: Annotated[str, typer.Option(help="The role that sees to it (a role, not a name).")],
    try_: Annotated[list[str], typer.Option("--try", help='What a district will try: A="...". Repeat it.')],
    supposed: Annotated[str, typer.Option(help="The reason supposed.")] = "",
    about: Annotated[str, typer.Option(help="concept:CODE or indicator:CODE, whose number is followed.")] = "",
    on: On = "",
    due: Due = "",
    note: Annotated[str, typer.Option(help="For the room only: never in a public edition.")] = "",
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Keep what was agreed, with its number as it stands today."""
    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring import bank
    from scoring.bank import trends_writing
    from scoring.runs.trending import numbers_of

    plans = {}
    for text in try_:
        code, sign, what = text.partition("=")
        if not sign or not what.strip():
            raise UsageFault("bad-option", f"--try {text!r} is not DISTRICT=WHAT.", '--try A="number lines weekly"')
        plans[code.strip()] = what.strip().strip('"')
    agreed, looked = _day(on), _day(due) if due else None
    with bank.writing() as session:
        trends_writing.check_subject(session, about)
        now = numbers_of(session, about)
        number = trends_writing.add_action(
            session, observed, supposed, plans, owner, as_, agreed, about, looked, note, now
        )
        if dry_run:
            session.rollback()
    if dry_run:
        terminal.say("Nothing was stored.")
        return
    terminal.say(f"Action {number} is kept" + (f" with {len(now)} numbers of {about}." if about else "."))
    terminal.next_step("itembank actions list")


@app.command("list")
def list_(
    status: Annotated[str, typer.Option(help="open, done, dropped or all.")] = "open",
    format: Format = "table",
    json: Json = False,
) -> None:
    """Actions, each beside what its number did since."""
    from itembank import terminal
    from scoring import bank
    from scoring.runs.trending import actions_since, actions_table

    with bank.reading() as session:
        found = actions_since(session, status)
    if json:
        terminal.emit_json(found)
        return
    show_table(actions_table(found), format, json)
    if found:
        terminal.next_step('itembank actions update NUMBER --text "..."')


@app.command("update")
def update(
    action: Annotated[int, typer.Argument(help="Number from `actions list`.")],
    text: Annotated[str, typer.Option(help="What was said of it.")] = "",
    status: Annotated[str, typer.Option(help="open, done or dropped.")] = "",
    public: Annotated[bool, typer.Option("--public", help="The text may stand in a public edition.")] = False,
    on: On = "",
    due: Due = "",
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Write down what was said of an action. What was agreed at first stays as it was."""
    from itembank import terminal
    from scoring import bank
    from scoring.bank import trends_writing

    said, looked = _day(on), _day(due) if due else None
    with bank.writing() as session:
        now = trends_writing.update_action(session, action, text, as_, said, status, not public, looked)
        if dry_run:
            session.rollback()
    terminal.say("Nothing was stored." if dry_run else f"Action {action} is {now}.")
    terminal.next_step("itembank actions list")


def _day(text: str):  # type: ignore[no-untyped-def]  # datetime is imported when it is needed
    """A day as it was typed; today without one."""
    from datetime import date

    from itembank.errors import UsageFault

    if not text:
        return date.today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageFault("bad-date", f"{text!r} is no day.", "2026-10-21") from None
