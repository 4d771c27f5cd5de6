"""`itembank compare`: the districts' mastery of concepts, with the uncertainty of every number."""

from typing import Annotated

import typer

from scoring.commands.options import Administration, As, Format, Json, show_table

app = typer.Typer()


@app.command("run")
def run(
    administration: Administration = "",
    seed: Annotated[int, typer.Option(help="Seed of the plausible values.")] = 1,
    as_: As = "",
    json: Json = False,
) -> None:
    """Analyse an administration and compare its districts; the result is kept for reports."""
    from itembank import terminal
    from scoring import bank
    from scoring.report.words import five_sentences
    from scoring.runs.comparing import compare_administration

    with bank.writing() as session:
        stored, result = compare_administration(
            session, administration, seed, bank.person_of(session, as_), terminal.say
        )
        number = stored.id
    for notice in result.analysis.notices:
        terminal.say(f"{notice.severity}: {notice.message}")
    terminal.say(f"Run {number} is stored.")
    if json:
        terminal.emit_json({"run": number, "summary": five_sentences(result.analysis)})
    else:
        for sentence in five_sentences(result.analysis):
            terminal.emit(sentence)
    terminal.next_step(f"itembank report comparison {number} -o report.html")


@app.command("show")
def show(
    number: Annotated[int | None, typer.Argument(help="Number of the run; the newest without one.")] = None,
    table: Annotated[str, typer.Option(help="differences, mastery, means, items, dif or full.")] = "differences",
    format: Format = "table",
    json: Json = False,
) -> None:
    """A stored comparison as a table."""
    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring import bank
    from scoring.runs.comparing import stored_analysis

    names = {
        "differences": "contrasts",
        "mastery": "mastery",
        "means": "mean_contrasts",
        "items": "items",
        "dif": "dif",
    }
    if table not in (*names, "full"):
        raise UsageFault("unknown-table", f"There is no table {table!r}.", f"--table {', '.join(names)} or full")
    with bank.reading() as session:
        found = bank.run_of(session, number, "compare")
        stale = bank.stale_reasons(session, found)
        shown = (
            bank.read_comparison(session, found)
            if table == "full"
            else getattr(stored_analysis(session, found), names[table])
        )
    for reason in stale:
        terminal.say(f"stale: {reason}; run again: itembank compare run")
    show_table(shown, format, json)


@app.command("list")
def listed(administration: Administration = "", format: Format = "table", json: Json = False) -> None:
    """Comparisons, newest first."""
    from scoring import bank

    with bank.reading() as session:
        table = bank.runs_table(session, "compare", administration)
    show_table(table, format, json)
