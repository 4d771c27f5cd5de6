"""`itembank reviews`: submit, queue, review, and reviewing on one page without a terminal."""

from pathlib import Path
from typing import Annotated

import typer

from itembank.commands.options import As, DryRun, DryRunEnd, Format, Json, format_of

app = typer.Typer()

Item = Annotated[str, typer.Argument(help="CODE of the item.")]


@app.command("submit")
def submit(
    item: Item,
    to: Annotated[str, typer.Option(help="in-review, field-test, operational, released or retired.")] = "in-review",
    editorial: Annotated[
        bool, typer.Option("--editorial", help="The new version only mends wording: keep reviews and status.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why; needed unless it goes to review.")] = "",
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Send an item to review, or propose to move it on; both districts decide."""
    import contextlib

    from itembank import database, people, review, terminal

    with contextlib.suppress(DryRunEnd), database.writing() as session:
        person = people.require(session, "reviews", as_)
        status = to.replace("-", " ")
        if editorial:
            decision = review.propose_editorial(session, item, reason, person)
        elif status == "in review":
            decision = review.submit(session, item, person, reason)
        else:
            decision = review.propose_status(session, item, status, reason, person)
        if dry_run:
            terminal.say(f"Would propose: {decision.proposal}. Nothing was stored.")
            raise DryRunEnd
    if not dry_run:
        terminal.say(f"Decision {decision.id} is open: {decision.proposal}, once both districts agree.")
        step = f"itembank reviews review {item} --as PERSON" if decision.kind == "item approval" else ""
        terminal.next_step(step or f"itembank decisions agree {decision.id} --as PERSON")


@app.command("queue")
def queue(as_: As = "", format: Format = "table", json: Json = False) -> None:
    """What waits for you: reviews and decisions, the earliest date first."""
    from dataclasses import asdict

    from itembank import database, people, review, terminal
    from itembank.errors import UsageFault

    with database.reading() as session:
        person = people.acting(session, as_)
        if person is None:
            raise UsageFault("who", "Say who you are.", "--as PERSON, or ITEMBANK_PERSON=...")
        rows = [asdict(t) for t in review.queue(session, person)]
    terminal.emit_rows(rows, ["what", "item", "version", "title", "due", "command"], format_of(format, json))
    if rows:
        terminal.next_step(str(rows[0]["command"]) + f" --as {person.code}")


@app.command("show")
def show(
    item: Item,
    comments: Annotated[bool, typer.Option("--comments", help="The remarks instead.")] = False,
    format: Format = "table",
    json: Json = False,
) -> None:
    """All reviews of an item; with --comments, the remarks about it."""
    from itembank import authoring, database, review, terminal

    with database.reading() as session:
        authoring.latest_version(session, item)
        rows = review.comments_of(session, item) if comments else review.reviews_of(session, item)
    names = ["comment", "version", "person", "answers", "text"] if comments else _REVIEW
    terminal.emit_rows(rows, names, format_of(format, json))


_REVIEW = ["version", "person", "district", "verdict", "identity", "angoff", "no", "comment", "due", "at"]


@app.command("review")
def review_(
    item: Item,
    verdict: Annotated[str, typer.Option(help="approve, change, or comment for a remark without a verdict.")],
    comment: Annotated[str, typer.Option(help="Needed with change.")] = "",
    yes: Annotated[list[str] | None, typer.Option(help="Checklist entry that holds; all is all of them.")] = None,
    no: Annotated[list[str] | None, typer.Option(help="Checklist entry that does not hold.")] = None,
    angoff: Annotated[
        float | None,
        typer.Option(help="Share of the points that students get who have just mastered the concept, 0 to 1."),
    ] = None,
    version: Annotated[int | None, typer.Option(help="The version you read.")] = None,
    answer_to: Annotated[int | None, typer.Option("--answer-to", help="Number of the remark it answers.")] = None,
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Review an item: the checklist, the rating, a verdict. An approval is your district's agreement."""
    import contextlib

    from itembank import database, people, review, terminal

    answers = dict.fromkeys(review.CHECKLIST if "all" in (yes or []) else yes or [], True)
    answers |= dict.fromkeys(no or [], False)
    with contextlib.suppress(DryRunEnd), database.writing() as session:
        person = people.require(session, "reviews", as_)
        if verdict == "comment":
            review.comment(session, item, person, comment, answer_to)
            terminal.say(f"{'Would keep' if dry_run else 'Kept'} the remark.")
            if dry_run:
                raise DryRunEnd
            return
        stands = review.review(session, item, person, verdict, comment, answers, angoff, version)
        if people.identity_is(session, person) == "declared":
            terminal.say(f"notice: that you are {person.code} is declared, not proven by a login.")
        if dry_run:
            terminal.say("Nothing was stored.")
            raise DryRunEnd
    if not dry_run:
        terminal.say(f"Reviewed {item}; its approval is {stands.decision.status}.")
        if stands.waiting:
            terminal.next_step("waits for district " + ", ".join(stands.waiting))


@app.command("assign")
def assign(
    item: Item,
    to: Annotated[str, typer.Option(help="The reviewer.")],
    due: Annotated[str, typer.Option(help="By when, 2026-02-01.")] = "",
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Ask somebody for a review, or change the date."""
    import contextlib

    from itembank import administrations, database, people, review, terminal

    when = administrations.day(due, "--due") if due else None
    with contextlib.suppress(DryRunEnd), database.writing() as session:
        by = people.require(session, "reviews", as_)
        review.assign(session, item, people.person_of(session, to), by, when)
        if dry_run:
            terminal.say("Nothing was stored.")
            raise DryRunEnd
    if not dry_run:
        terminal.say(f"Asked {to} to review {item}{f' by {when}' if when else ''}.")
        terminal.next_step(f"itembank reviews queue --as {to}")


@app.command("packet")
def packet(
    for_: Annotated[str, typer.Option("--for", help="The reviewer (a code of `people list`).")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The page; packet-PERSON.html by default.")] = None,
    dry_run: DryRun = False,
) -> None:
    """One page with all items that wait for a reviewer, for whom needs no terminal; it saves one file to import."""
    from itembank import database, people, review_packet, terminal

    with database.reading() as session:
        page, count = review_packet.build(session, people.person_of(session, for_))
    target = out or Path(f"packet-{for_}.html")
    if dry_run:
        terminal.say(f"Would write {count} items to {target}; nothing was written.")
        return
    target.write_text(page, "utf-8")
    terminal.emit(str(target))
    terminal.say(f"{count} item{'' if count == 1 else 's'} for {for_}. Send the page; it works offline in any browser.")
    terminal.next_step(f"itembank reviews import reviews-{for_}.json")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="What the page saved, reviews-PERSON.json.")],
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Store the reviews that were written on a page of `reviews packet`."""
    import contextlib

    from itembank import database, people, review_packet, terminal
    from itembank.errors import Conflict
    from itembank.findings import Finding

    named, answers = review_packet.read(file)
    done: list[str] = []
    found: list[Finding] = []
    with contextlib.suppress(DryRunEnd), database.writing() as session:
        person = review_packet.reviewer(session, named, as_)
        done, found = review_packet.store(session, person, answers, file.name)
        if people.identity_is(session, person) == "declared":
            terminal.say(f"notice: that these are the words of {person.code} is declared, not proven by a login.")
        if dry_run:
            raise DryRunEnd
    said = ", ".join(done) or "nothing"
    terminal.say(f"Would store: {said}; nothing was stored." if dry_run else f"Stored reviews of {named}: {said}.")
    if found:
        terminal.show_findings(found)
        raise Conflict("not-stored", f"{len(found)} of {len(answers)} answers were not stored.", "see the lines above")
    terminal.next_step(f"itembank reviews show {done[0]}" if done else f"itembank reviews packet --for {named}")
