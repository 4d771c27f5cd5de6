"""`itembank link`: one scale over the years, through items that are repeated."""

from typing import Annotated

import typer

from scoring.commands.options import As, DryRun, Format, Json, show_table

app = typer.Typer()
Number = Annotated[int | None, typer.Argument(help="Number of the link; the newest without one.")]


@app.command("plan")
def plan(
    calibration: Annotated[str, typer.Option(help="Number of a calibration or its file; the newest without it.")] = "",
    students: Annotated[int | None, typer.Option(help="Students expected next time; as many as this time.")] = None,
    items: Annotated[list[int] | None, typer.Option("--items", help="A number of repeated items; repeat it.")] = None,
    drift: Annotated[float, typer.Option(help="Spread of a year's drift of an anchor that is assumed, in θ.")] = 0.10,
    avoid: Annotated[list[str] | None, typer.Option(help="An item not to repeat; repeat it.")] = None,
    secure: Annotated[bool, typer.Option("--secure", help="Leave released items out.")] = False,
    which: Annotated[bool, typer.Option("--which", help="Show the items in their order, not the precision.")] = False,
    format: Format = "table",
    json: Json = False,
) -> None:
    """Which items to repeat next time, and how small a change would still be found."""
    from itembank import terminal
    from scoring import bank
    from scoring.runs import linking_run

    with bank.reading() as session:
        found = linking_run.plan(session, calibration, students, items or (), drift, avoid or (), secure)
    show_table(found.items if which else found.precision, format, json)
    if not which:
        terminal.say("detectable: the smallest change, in SDs of the students, found with 80 % power at the 5 % level.")
        able = found.items.index[found.items["passed_over"] == ""]
        terminal.say(f"In this order: {', '.join(map(str, able[:12]))}{', ...' if len(able) > 12 else ''}")
        terminal.next_step("itembank link plan --which")


@app.command("run")
def run(
    ends: Annotated[list[str], typer.Argument(help="Calibrations, the oldest first: FROM TO, or FROM VIA TO.")],
    method: Annotated[
        str, typer.Option(help="stocking-lord, haebara, mean-sigma, mean-mean or mean-gmean.")
    ] = "stocking-lord",
    drifted: Annotated[str, typer.Option(help="Anchors that drifted: remove (within a bound) or keep.")] = "remove",
    anchor: Annotated[list[str] | None, typer.Option(help="Link by this item only; repeat it.")] = None,
    as_: As = "",
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Put an older calibration on a newer one's scale, and say how the groups have changed since."""
    import contextlib

    from itembank import terminal
    from itembank.commands.options import DryRunEnd
    from scoring import bank
    from scoring.runs import linking_run

    with contextlib.suppress(DryRunEnd), bank.writing() as session:
        stored, _, trend, notices = linking_run.link_calibrations(
            session, ends, method, drifted, anchor or (), bank.person_of(session, as_)
        )
        facts, number = linking_run.facts_of(stored), stored.id
        if dry_run:
            raise DryRunEnd
    for notice in notices:
        terminal.say(f"notice: {notice}")
    show_table(facts, "table", json)
    if not json:
        terminal.emit("")
        show_table(trend, "table", False)
    if dry_run:
        terminal.say("Nothing was stored.")
        return
    terminal.say(f"Link {number} is stored. Changes are in SDs of the students, on the newer scale.")
    terminal.next_step(f"itembank link show {number} --drift")


@app.command("show")
def show(
    number: Number = None,
    drift: Annotated[bool, typer.Option("--drift", help="The anchors: how far each has moved.")] = False,
    trend: Annotated[bool, typer.Option("--trend", help="How the groups have changed.")] = False,
    format: Format = "table",
    json: Json = False,
) -> None:
    """A stored link: constants with their errors; --drift the anchors, --trend the groups."""
    from itembank import terminal
    from scoring import bank
    from scoring.runs import linking_run

    with bank.reading() as session:
        found = bank.run_of(session, number, "link")
        name = "drift" if drift else "trend" if trend else ""
        table = bank.read_table(session, found, name) if name else linking_run.facts_of(found)
        stale = bank.stale_reasons(session, found)
    for reason in stale:
        terminal.say(f"stale: {reason}; run again: itembank link run")
    show_table(table, format, json)
