"""`itembank report`: pages to read and print."""

from typing import Annotated

import typer

app = typer.Typer()
Output = Annotated[str, typer.Option("--output", "-o", help="File to write.")]


@app.command("comparison")
def comparison(
    number: Annotated[int | None, typer.Argument(help="Number of a comparison; the newest without one.")] = None,
    output: Output = "report.html",
    summary: Annotated[bool, typer.Option("--summary", help="Print five plain sentences instead of the page.")] = False,
    stale: Annotated[bool, typer.Option("--allow-stale", help="Write it although newer data or keys exist.")] = False,
) -> None:
    """The district comparison for leaders and math experts: one HTML file, no network."""
    from pathlib import Path

    from itembank import terminal
    from itembank.errors import Conflict
    from scoring import bank
    from scoring.report.comparison import comparison_page
    from scoring.report.words import five_sentences
    from scoring.runs.comparing import stored_analysis

    with bank.reading() as session:
        found = bank.run_of(session, number, "compare")
        reasons = bank.stale_reasons(session, found)
        if reasons and not stale:
            raise Conflict("stale", f"Comparison {found.id} is stale: {'; '.join(reasons)}.", "itembank compare run")
        analysis = stored_analysis(session, found)
        heads = bank.audit_heads(session)
    if summary:
        for sentence in five_sentences(analysis):
            terminal.emit(sentence)
        return
    analysis.provenance.update({f"audit {chain}": head[:16] for chain, head in heads.items()})  # type: ignore[attr-defined]
    Path(output).write_text(comparison_page(analysis), encoding="utf-8")
    terminal.say(f"Wrote {output}.")
    terminal.next_step(f"open {output}")


@app.callback()
def group() -> None:
    """Reports to read and print."""
