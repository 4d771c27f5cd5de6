"""`itembank concepts sheet`: candidates for a concept, the experts' order, and what students' answers say."""

from pathlib import Path
from typing import Annotated

import typer

from itembank.commands.options import As, DryRun, DryRunEnd, Format, Json, format_of

app = typer.Typer()


@app.command("sheet")
def sheet(
    concept: Annotated[str, typer.Argument(help="Code of the concept.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write the page here: the items side by side.")
    ] = None,
    rank: Annotated[str, typer.Option(help="Your order, the best first: 'CODE, CODE, CODE'.")] = "",
    why: Annotated[str, typer.Option(help="Why; needed with --rank.")] = "",
    administration: Annotated[str, typer.Option(help="Whose answers; the newest calibrated one by default.")] = "",
    as_: As = "",
    dry_run: DryRun = False,
    format: Format = "table",
    json: Json = False,
) -> None:
    """The items of one concept, how experts of both districts rank them, and what their answers say afterwards."""
    import contextlib

    from itembank import concept_sheet, concepts, people, terminal
    from scoring import bank

    kind = format_of(format, json)
    if rank or why:
        with contextlib.suppress(DryRunEnd), bank.writing() as session:
            person = people.require(session, "reviews", as_)
            row = concept_sheet.rank(session, concepts.concept_of(session, concept), rank.split(","), why, person)
            if row.identity == "declared":
                terminal.say(f"notice: that you are {person.code} is declared, not proven by a login.")
            if dry_run:
                raise DryRunEnd
        terminal.say(f"{'Would store' if dry_run else 'Stored'} the order of {person.code}: {', '.join(row.ranking)}.")
        terminal.next_step(f"itembank concepts sheet {concept} -o {concept}.html")
        return
    from scoring.runs import measured_items

    with bank.reading() as session:
        subject = concepts.concept_of(session, concept)
        items = [c["item"] for c in concept_sheet.candidates(session, subject)]
        measured, source = measured_items.measured(session, items, administration)
        rows = concept_sheet.table(session, subject, measured)
        if out is not None and not dry_run:
            page, _ = concept_sheet.page(session, concept, measured, source)
            out.write_text(page, "utf-8")
    known = [m for m, *_ in concept_sheet.MEASURES if any(m in r["measured"] for r in rows)]
    flat = [
        {
            "item": r["item"],
            "status": r["status"],
            "mean": r["mean"],
            **r["by"],
            "experts": r["ranked"],
            **r["measured"],
        }
        for r in rows
    ]
    districts = list(rows[0]["by"]) if rows else []
    terminal.emit_rows(flat, ["item", "status", "mean", *districts, "experts", *known], kind)
    if source:
        terminal.say(f"Measured: {source}.")
    if out is not None:
        terminal.say(f"{'Would write' if dry_run else 'Wrote'} {out}: {len(rows)} candidates side by side.")
    terminal.next_step(f"itembank concepts sheet {concept} --rank 'BEST, NEXT' --why REASON --as PERSON")
