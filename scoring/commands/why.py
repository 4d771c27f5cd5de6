"""`itembank why`: from a number in a report to everything it rests on."""

from typing import Annotated, Any

import typer

from scoring.commands.options import Json

app = typer.Typer()


@app.command()
def why(
    cell: Annotated[
        str,
        typer.Argument(
            help="As the line under a report's table has it: RUN, RUN:TABLE:WORDS (3:mastery:geometry:district-a), "
            "RUN-RUN:changes:WORDS, indicators:CODE:DISTRICT:PERIOD. For short: RUN:CONCEPT:DISTRICT, RUN:ITEM."
        ),
    ],
    json: Json = False,
) -> None:
    """Trace a number: its run, parameters, software, keys, item versions, N, files, hashes; and if it still stands."""
    from itembank import terminal
    from scoring import bank
    from scoring.runs.tracing import trace

    with bank.reading() as session:
        found = trace(session, cell)
    if json:
        terminal.emit_json(found)
        return
    for name, value in found.items():
        lines = [_line(v) for v in value] if isinstance(value, list) else [value]
        terminal.emit(f"{name}: {lines[0] if lines else 'none'}")
        for line in lines[1:]:
            terminal.emit(f"{'':{len(name)}}  {line}")


def _line(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{name.replace('_', ' ')} {told}" for name, told in value.items())
