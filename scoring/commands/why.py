"""`itembank why`: from a number in a report to everything it rests on."""

from typing import Annotated

import typer

from scoring.commands.options import Json

app = typer.Typer()


@app.command()
def why(
    cell: Annotated[
        str,
        typer.Argument(
            help="RUN, RUN:CONCEPT, RUN:CONCEPT:DISTRICT, RUN:ITEM or RUN:ITEM:DISTRICT, as the report's last line and "
            "tables name them."
        ),
    ],
    json: Json = False,
) -> None:
    """Trace a number: its run, software, seed, keys, item versions, files and hashes, and whether it still stands."""
    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring import bank
    from scoring.runs.tracing import trace

    number, *rest = cell.split(":")
    if not number.isdigit() or len(rest) > 2:
        raise UsageFault("bad-cell", f"{cell!r} names no cell.", "For example: itembank why 3:geometry-measurement:A")
    with bank.reading() as session:
        found = trace(session, int(number), *rest)
    if json:
        terminal.emit_json(found)
        return
    for name, value in found.items():
        lines = value if isinstance(value, list) else [value]
        terminal.emit(f"{name}: {lines[0] if lines else 'none'}")
        for line in lines[1:]:
            terminal.emit(f"{'':{len(name)}}  {line}")
