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
    ends: Annotated[
        list[str],
        typer.Argument(
            help="Calibrations (numbers or files), or comparisons (numbers, or names of administrations), the oldest "
            "first: FROM TO, or FROM VIA TO."
        ),
    ],
    method: Annotated[
        str, typer.Option(help="stocking-lord, haebara, mean-sigma, mean-mean or mean-gmean.")
    ] = "stocking-lord",
    drifted: Annotated[str, typer.Option(help="Anchors that drifted: remove (within a bound) or keep.")] = "remove",
    anchor: Annotated[list[str] | None, typer.Option(help="Link by this item only; repeat it.")] = None,
    as_: As = "",
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Put an older scale on a newer one: of calibrations, or concept by concept of comparisons."""
    import contextlib

    from itembank import terminal
    from itembank.commands.options import DryRunEnd
    from scoring import bank
    from scoring.runs import linking_comparisons, linking_run

    trend = None
    with contextlib.suppress(DryRunEnd), bank.writing() as session:
        rules = (method, drifted, anchor or (), bank.person_of(session, as_))
        comparisons = linking_comparisons.comparison_numbers(session, ends)
        if comparisons is not None:
            stored, _, notices = linking_comparisons.link_comparisons(session, comparisons, *rules)
        else:
            stored, _, trend, notices = linking_run.link_calibrations(session, ends, *rules)
        facts, number = linking_run.facts_of(session, stored), stored.id
        if dry_run:
            raise DryRunEnd
    for notice in notices:
        terminal.say(f"notice: {notice}")
    show_table(facts, "table", json)
    if not json and trend is not None:
        terminal.emit("")
        show_table(trend, "table", False)
    if dry_run:
        terminal.say("Nothing was stored.")
        return
    if trend is None:
        terminal.say(f"Link {number} is stored. Cohorts and grades over years carry their bars through it from now on.")
    else:
        terminal.say(f"Link {number} is stored. Changes are in SDs of the students, on the newer scale.")
    terminal.next_step(f"itembank link show {number} --drift")


@app.command("show")
def show(
    number: Number = None,
    drift: Annotated[bool, typer.Option("--drift", help="The anchors: how far each has moved.")] = False,
    trend: Annotated[bool, typer.Option("--trend", help="How the groups have changed.")] = False,
    balance: Annotated[
        bool, typer.Option("--balance", help="Whether the anchors still stand for the form, concept by concept.")
    ] = False,
    format: Format = "table",
    json: Json = False,
) -> None:
    """A stored link: constants with their errors; --drift the anchors, --balance their content, --trend the groups."""
    from itembank import terminal
    from itembank.errors import Rejected
    from scoring import bank
    from scoring.runs import linking_run

    with bank.reading() as session:
        found = bank.run_of(session, number, "link")
        name = "drift" if drift else "trend" if trend else "balance" if balance else ""
        if name == "trend" and found.options.get("of") == "comparisons":
            hint = "itembank report dashboard: its page on cohorts and grades"
            raise Rejected("no-trend", "A link of comparisons has no trend of its own.", hint)
        table = bank.read_table(session, found, name) if name else linking_run.facts_of(session, found)
        stale = bank.stale_reasons(session, found)
    for reason in stale:
        terminal.say(f"stale: {reason}; run again: itembank link run")
    show_table(table, format, json)
