"""`itembank cuts`: where mastery begins, from people's ratings, agreed by both districts."""

from typing import Annotated, Any

import typer

from scoring.commands.options import As, DryRun, Format, Json, show_table

app = typer.Typer()
Concepts = Annotated[list[str] | None, typer.Option("--concept", help="For this concept only; repeat it.")]
Profile = Annotated[
    int | None, typer.Option("--profile", help="Number of the comparison whose calibration is used; the newest.")
]


@app.command("rate")
def rate(
    given: Annotated[list[str] | None, typer.Argument(help="ITEM=RATING, of 100 students (or of the points).")] = None,
    concept: Concepts = None,
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Rate items: of 100 students who just know this, how many would get it right? Without items, asks one by one."""
    import pandas as pd

    from itembank import people, terminal
    from itembank.commands.options import pairs
    from scoring import bank
    from scoring.runs import cutting

    with bank.reading() as session:
        rater = people.require(session, "reviews", as_).code
        items = bank.bank_items(session)
    answers = pairs(given, "rating") if given else _asked(items, concept)
    table = pd.DataFrame([(i, rater, r) for i, r in answers], columns=["item", "rater", "rating"])
    if dry_run:
        terminal.say(f"Would keep {len(table)} ratings of {rater}; nothing was stored.")
        return
    with bank.writing() as session:
        run = cutting.store_ratings(session, table, people.require(session, "reviews", as_), f"rated by {rater}")
        number = run.id
    terminal.say(f"Run {number}: {len(table)} ratings of {rater} are kept. A later rating of an item replaces it.")
    terminal.next_step("itembank cuts show --items")


def _asked(items: Any, concept: list[str] | None) -> list[tuple[str, str]]:
    """Ask about every item of the concepts on a terminal; an empty answer passes over it."""
    import sys

    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring.runs import cutting

    if not sys.stdin.isatty():
        raise UsageFault("no-ratings", "Say which items.", "itembank cuts rate ITEM=65 ITEM=40 --as PERSON")
    found: list[tuple[str, str]] = []
    for code, row in items.iterrows():
        if concept and row["concept"] not in concept:
            continue
        points = int(row["points"])
        terminal.say(f"{code}: {row['title']} ({row['concept']}). itembank items show {code} shows it.")
        while True:
            said = typer.prompt(cutting.question(points), default="", show_default=False, err=True).strip()
            if not said or (said.replace(".", "", 1).isdigit() and float(said) <= (100 if points == 1 else points)):
                break
            terminal.say(f"A number from 0 to {100 if points == 1 else points}, or nothing to pass over it.")
        if said:
            found.append((str(code), said))
    return found


@app.command("import")
def import_(
    file: Annotated[str, typer.Argument(help="CSV: rater, district, then a column per item; or rater, item, rating.")],
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Import a panel's ratings; raters who are not in the bank need a column `district`."""
    import contextlib

    from itembank import people, terminal
    from itembank.commands.options import DryRunEnd
    from scoring import bank
    from scoring.runs import cutting

    table = cutting.read_ratings(file)
    with contextlib.suppress(DryRunEnd), bank.writing() as session:
        run = cutting.store_ratings(session, table, people.require(session, "decisions", as_), file)
        raters, number = run.details["raters"], run.id
        if dry_run:
            terminal.say(f"{len(table)} ratings of {raters} raters can be used. Nothing was stored.")
            raise DryRunEnd
    if not dry_run:
        terminal.say(f"Run {number}: {len(table)} ratings of {raters} raters.")
        terminal.next_step("itembank cuts show --items, then itembank cuts set --reason WHY --as PERSON")


@app.command("set")
def set_(
    reason: Annotated[str, typer.Option(help="Why; kept with the decision.")],
    concept: Concepts = None,
    basis: Annotated[str, typer.Option(help="ratings, bookmark or domain (a share of the points).")] = "ratings",
    share: Annotated[float, typer.Option(help="Share of the points, with --basis domain.")] = 0.70,
    bookmarks: Annotated[
        str, typer.Option(help="CSV with --basis bookmark: rater, district, concept, page (first page not mastered).")
    ] = "",
    profile: Profile = None,
    as_: As = "",
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Compute cuts and propose them; reports obey them once each district has agreed."""
    import contextlib

    from itembank import terminal
    from itembank.commands.options import DryRunEnd
    from scoring import bank
    from scoring.runs import cutting

    marks = cutting.read_bookmarks(bookmarks) if bookmarks else None
    shown: Any = None
    with contextlib.suppress(DryRunEnd), bank.writing() as session:
        run, calibrated = cutting.stored_profile(session, profile)
        cuts = cutting.make_cuts(session, concept or (), basis, share, marks, calibrated)
        shown = cutting.rows_of([(c, "proposed") for c in cuts], calibrated)
        if dry_run:
            raise DryRunEnd
        _, decision = cutting.propose_cuts(session, cuts, reason, as_, run)
        number = decision.id
    show_table(shown, "table", json)
    if dry_run:
        terminal.say("Nothing was stored.")
        return
    terminal.say(f"Proposed as decision {number}: each district has to agree, not by who proposed it.")
    terminal.next_step(f"itembank decisions agree {number} --as PERSON")


@app.command("show")
def show(
    concept: Concepts = None,
    history: Annotated[bool, typer.Option("--history", help="Every version, also declined ones.")] = False,
    items: Annotated[bool, typer.Option("--items", help="The ratings by item, beside what is expected there.")] = False,
    booklet: Annotated[
        bool, typer.Option("--booklet", help="The ordered item booklet for bookmarks (response probability .67).")
    ] = False,
    output: Annotated[
        str, typer.Option("--output", "-o", help="With --booklet: write it as a page to print (HTML).")
    ] = "",
    profile: Profile = None,
    format: Format = "table",
    json: Json = False,
) -> None:
    """Cuts in force: share of the points, score θ in the newest comparison, errors from raters and items apart."""
    from pathlib import Path

    from itembank import terminal
    from itembank.errors import Rejected, UsageFault
    from scoring import bank
    from scoring.runs import cutting

    if output and not booklet:
        raise UsageFault("no-booklet", "Only the booklet is written to a file.", "itembank cuts show --booklet -o FILE")
    with bank.reading() as session:
        run, calibrated = cutting.stored_profile(session, profile)
        if booklet:
            if calibrated is None:
                raise Rejected("no-profile", "No comparison has calibrated the items yet.", "itembank compare run")
            table = cutting.printed_booklet(session, calibrated, concept or ())
            if output:
                from itembank import ordered_booklet

                source = f"run {run.id}"
                html = ordered_booklet.page(session, table.to_dict("records"), source)
                Path(output).write_text(html, encoding="utf-8")
        elif items:
            table = cutting.item_ratings(session, calibrated, concept or ())
        else:
            table = cutting.cuts_table(session, calibrated, history)
            table = table[table["concept"].isin(concept)] if concept else table
    show_table(table, format, json)
    if run is None:
        terminal.say("No score θ is given: no comparison has calibrated the items yet.")
    elif output:
        terminal.say(
            f"Wrote {output}: {len(table)} pages. Print it; bookmarks come back as rater, district, concept, page."
        )
        terminal.next_step("itembank cuts set --basis bookmark --bookmarks FILE --reason WHY --as PERSON")
    elif not booklet:
        terminal.say(f"θ is on the scale of run {run.id}; a cut itself is kept as a share of the points.")
    if not booklet and not items and (table["decision"] == "provisional").any():
        terminal.next_step("itembank cuts rate ITEM=65 --as PERSON, or itembank cuts import FILE")
