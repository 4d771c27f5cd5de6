"""`itembank decisions`: what both districts decide together."""

from typing import Annotated

import typer

from itembank.commands.options import As, DryRun, DryRunEnd, Format, Json, format_of

app = typer.Typer()

Number = Annotated[int, typer.Argument(help="Number from `decisions list`.")]


@app.command("list")
def list_(
    status: Annotated[str, typer.Option(help="open, agreed, declined, withdrawn or all.")] = "open",
    waiting: Annotated[str, typer.Option("--waiting-for", help="Only those that wait for this district.")] = "",
    format: Format = "table",
    json: Json = False,
) -> None:
    """Decisions, and whose word is missing."""
    from itembank import database, decisions, terminal

    with database.reading() as session:
        rows = decisions.listed(session, status, waiting)
    names = ["decision", "kind", "subject", "version", "proposal", "by", "status", "agreed", "waiting"]
    terminal.emit_rows(rows, names, format_of(format, json))
    if any(r["waiting"] for r in rows):
        terminal.next_step("itembank decisions show NUMBER, then agree or decline")


@app.command("show")
def show(decision: Number, json: Json = False) -> None:
    """One decision: what is proposed, why, and who said what."""
    from sqlmodel import select

    from itembank import database, decisions, terminal
    from itembank.models import DecisionVote, Person

    with database.reading() as session:
        row = decisions.decision_of(session, decision)
        stands = decisions.standing(session, row)
        who = {p.id: p.code for p in session.exec(select(Person)).all()}
        votes = [
            {"person": who[v.person_id], "verdict": v.verdict, "comment": v.comment, "identity": v.identity}
            for v in session.exec(select(DecisionVote).where(DecisionVote.decision_id == decision)).all()
        ]
    facts = {
        "decision": row.id,
        "kind": row.kind,
        "subject": row.subject,
        "version": row.subject_version,
        "proposal": row.proposal,
        "reason": row.reason,
        "by": who.get(row.proposed_by, ""),
        "status": row.status,
        "waiting": list(stands.waiting),
        "votes": votes,
    }
    if json:
        terminal.emit_json(facts)
        return
    for name, value in facts.items():
        if name != "votes":
            terminal.emit(f"{name:9} {terminal.cell(value)}")
    for vote in votes:
        terminal.emit(f"{vote['verdict']:9} {vote['person']} ({vote['identity']} identity) {vote['comment']}".rstrip())
    if stands.waiting:
        terminal.next_step(f"itembank decisions agree {decision} --as PERSON, or decline {decision} --comment WHY")


def _vote(decision: int, verdict: str, comment: str, as_: str, dry_run: bool) -> None:
    import contextlib

    from itembank import database, decisions, people, terminal

    with contextlib.suppress(DryRunEnd), database.writing() as session:
        person = people.require(session, "decisions", as_)
        stands = decisions.vote(session, decision, person, verdict, comment)
        if people.identity_is(session, person) == "declared":
            terminal.say(f"notice: that you are {person.code} is declared, not proven by a login.")
        if dry_run:
            terminal.say("Nothing was stored.")
            raise DryRunEnd
    terminal.say(f"Decision {decision} is {stands.decision.status}.")
    if stands.waiting:
        terminal.next_step("waits for district " + ", ".join(stands.waiting))


@app.command("agree")
def agree(
    decision: Number,
    comment: Annotated[str, typer.Option(help="Kept with it.")] = "",
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Agree for your district. With the last agreement the decision takes effect."""
    _vote(decision, "agree", comment, as_, dry_run)


@app.command("decline")
def decline(
    decision: Number,
    comment: Annotated[str, typer.Option(help="Why; needed.")] = "",
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Decline for your district; that ends it."""
    _vote(decision, "decline", comment, as_, dry_run)
