"""`itembank report packet` and `report dashboard`: everything over time, for a meeting and for the web."""

from typing import Annotated, Any

import typer

from scoring.commands.options import As

app = typer.Typer()
Stale = Annotated[bool, typer.Option("--allow-stale", help="Write it although newer data or keys exist.")]
Edition = Annotated[str, typer.Option(help="internal (for the room) or public (for the community).")]


@app.command("packet")
def packet(
    output: Annotated[str, typer.Option("--output", "-o", help="File to write.")] = "packet.html",
    edition: Edition = "internal",
    title: Annotated[str, typer.Option(help="Head of the page.")] = "Packet for the joint meeting",
    propose: Annotated[
        bool, typer.Option("--propose", help="Propose this public edition to both districts as a joint decision.")
    ] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="A PDF instead of HTML, from the same tables.")] = False,
    stale: Stale = False,
    as_: As = "",
) -> None:
    """The packet of a meeting: what changed, targets, cohorts, concepts to work on, decisions, actions."""
    from itembank.errors import UsageFault
    from scoring import bank
    from scoring.bank import trends_writing
    from scoring.report.blocks import render
    from scoring.report.packet import packet as page_of
    from scoring.report.writing import write_page
    from scoring.runs.meeting import EDITIONS, digest, gather

    if edition not in EDITIONS:
        raise UsageFault("unknown-edition", f"There is no edition {edition!r}.", "--edition internal or public")
    if propose and edition != "public":
        raise UsageFault("internal", "An internal edition needs nobody's word.", "--edition public --propose")
    with bank.reading() as session:
        meeting = gather(session, edition, stale)
        version = digest(render(page_of(meeting, title)))
        agreed = edition == "public" and trends_writing.edition_agreed(session, version)
    standing = _standing(edition, version, title, agreed, propose, as_)
    if agreed:
        _log(meeting, "packet", version, as_)
    write_page(page_of(meeting, title, standing), output, pdf)


@app.command("dashboard")
def dashboard(
    output: Annotated[str, typer.Option("--output", "-o", help="Folder to write the pages into.")] = "dashboard",
    edition: Edition = "internal",
    propose: Annotated[
        bool, typer.Option("--propose", help="Propose this public edition to both districts as a joint decision.")
    ] = False,
    stale: Stale = False,
    as_: As = "",
) -> None:
    """A small site without a server: administrations, concepts, cohorts, targets, schools; search and filters."""
    from pathlib import Path

    from itembank import terminal
    from itembank.errors import Conflict, UsageFault
    from scoring import bank
    from scoring.bank import trends_writing
    from scoring.report.dashboard import dashboard_pages
    from scoring.runs.meeting import EDITIONS, digest, gather

    if edition not in EDITIONS:
        raise UsageFault("unknown-edition", f"There is no edition {edition!r}.", "--edition internal or public")
    if propose and edition != "public":
        raise UsageFault("internal", "An internal edition needs nobody's word.", "--edition public --propose")
    folder = Path(output)
    with bank.reading() as session:
        meeting = gather(session, edition, stale)
        pages = dashboard_pages(meeting)
        version = digest("".join(f"{name}\n{text}" for name, text in sorted(pages.items())))
        agreed = edition == "public" and trends_writing.edition_agreed(session, version)
        others = sorted(f.name for f in folder.glob("*") if f.name not in pages) if folder.is_dir() else []
        if edition == "public" and others:
            shown = ", ".join(others[:5]) + (", ..." if len(others) > 5 else "")
            what = f"{folder} holds other files, which would be published with the site: {shown}."
            raise Conflict("folder-not-empty", what, "itembank report dashboard --edition public -o NEW-FOLDER")
    standing = _standing(edition, version, "Dashboard", agreed, propose, as_)
    if agreed:
        _log(meeting, "dashboard", version, as_)
    if standing:
        pages = dashboard_pages(meeting, standing)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    terminal.say(f"Wrote {len(pages)} pages into {folder}.")
    terminal.next_step(f"open {folder / 'index.html'}")


def _log(meeting: Any, report: str, version: str, as_: str) -> None:
    """Enter an agreed edition in the release log, with what it tells."""
    from itembank import terminal
    from scoring import bank
    from scoring.bank import trends_writing
    from scoring.runs.meeting import enter

    with bank.writing() as session:
        decision = trends_writing.edition_decision(session, version)
        entered = enter(session, meeting, report, version, decision, bank.person_of(session, as_))
    for number in entered:
        terminal.say(f"Release {number} is in the release log; attack it: itembank compare audit {number}")


def _standing(edition: str, version: str, title: str, agreed: bool, propose: bool, as_: str) -> str:
    """What a public edition says of its agreement, proposed when asked; empty for an internal one."""
    from itembank import terminal
    from scoring import bank
    from scoring.bank import trends_writing

    if edition != "public":
        return ""
    if propose and not agreed:
        with bank.writing() as session:
            number = trends_writing.propose_edition(session, version, title, as_)
        terminal.say(f"Decision {number} waits for both districts' word on this very edition.")
    standing = "agreed by both districts" if agreed else "draft, waits for both districts' word"
    terminal.say(f"Public edition: {standing}.")
    if not (agreed or propose):
        terminal.say("Ask both districts with --propose, then: itembank decisions agree NUMBER")
    return standing
