"""`itembank report`: pages to read and print."""

from typing import Annotated

import typer

from scoring.commands.options import As

app = typer.Typer()
Output = Annotated[str, typer.Option("--output", "-o", help="File to write.")]


@app.command("comparison")
def comparison(
    number: Annotated[int | None, typer.Argument(help="Number of a comparison; the newest without one.")] = None,
    output: Output = "report.html",
    edition: Annotated[
        str, typer.Option(help="internal (the districts' own), public (agreed, protected, logged) or draft.")
    ] = "internal",
    propose: Annotated[str, typer.Option(help="Propose the public edition to both districts, with the reason.")] = "",
    summary: Annotated[bool, typer.Option("--summary", help="Print five plain sentences instead of the page.")] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="A PDF instead of HTML, from the same tables.")] = False,
    stale: Annotated[bool, typer.Option("--allow-stale", help="Write it although newer data or keys exist.")] = False,
    as_: As = "",
) -> None:
    """The district comparison for leaders and math experts: one HTML file, no network."""
    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring import bank
    from scoring.report.comparison import comparison as page_of
    from scoring.report.words import five_sentences
    from scoring.report.writing import write_page
    from scoring.runs.comparing import current_analysis

    if edition not in ("internal", "public", "draft"):
        raise UsageFault("unknown-edition", f"There is no edition {edition!r}.", "--edition internal, public or draft")
    if edition != "internal" or propose:
        from scoring.runs import releasing
    if propose:
        with bank.writing() as session:
            found = bank.run_of(session, number, "compare")
            decision = releasing.propose_edition(session, found, propose, as_)
            said, run_number = decision.id, found.id
        terminal.say(f"Decision {said} asks both districts whether comparison {run_number} may be published.")
        terminal.next_step(f"itembank decisions agree {said}, in each district; look at it with --edition draft")
        return
    with bank.writing() if edition == "public" else bank.reading() as session:
        found = bank.run_of(session, number, "compare")
        analysis = current_analysis(session, found, stale)
        if edition == "draft":
            analysis = releasing.draft(session, found, analysis).analysis
        elif edition == "public":
            release, entry = releasing.released(session, found, analysis, bank.person_of(session, as_))
            analysis = releasing.as_public(release.analysis, entry)
            terminal.say(f"Release {entry.id} is in the release log; attack it: itembank compare audit {entry.id}")
    if summary:
        for sentence in five_sentences(analysis):
            terminal.emit(sentence)
        return
    write_page(page_of(analysis), output, pdf)


@app.callback()
def group() -> None:
    """Reports to read and print."""
