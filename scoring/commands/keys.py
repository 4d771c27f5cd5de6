"""`itembank keys check`: keys that the answers contradict, found before scoring."""

import typer

from scoring.commands.options import Administration, Format, Json, show_table

app = typer.Typer()


@app.command("check")
def check(administration: Administration = "", format: Format = "table", json: Json = False) -> None:
    """Name keys that are probably wrong, and say what another key would change. Exit 1 when there are any."""
    from itembank import terminal
    from itembank.errors import HasFindings
    from scoring import bank
    from scoring.runs import diagnosing

    with bank.reading() as session:
        given = diagnosing.sitting(session, administration)
        found = diagnosing.classical_of(session, given).keys
    if not len(found):
        terminal.say(f"No key of {given.scored.shape[1]} items looks wrong.")
        if json:
            terminal.emit_json([])
        terminal.next_step("itembank calibrate run")
        return
    show_table(found, format, json)
    first = found.iloc[0]
    raise HasFindings(
        "wrong-keys",
        f"{len(found)} key(s) look wrong: {', '.join(map(str, found.index))}.",
        f"itembank keys correct {found.index[0]} ... (suggested: {first['suggested']})",
    )
