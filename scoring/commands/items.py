"""`itembank items stats`: what administrations have taught about an item."""

from typing import Annotated

import typer

from scoring.commands.options import Format, Json, show_table

app = typer.Typer()


@app.command("stats")
def stats(
    item: Annotated[str, typer.Argument(help="CODE of the item.")],
    format: Format = "table",
    json: Json = False,
) -> None:
    """An item over its administrations: students, difficulty, steepness, their errors, by calibration."""
    from itembank.errors import Rejected
    from scoring import bank

    with bank.reading() as session:
        table = bank.item_history(session, item)
    if not len(table):
        raise Rejected("no-statistics", f"{item} has not been calibrated yet.", "itembank calibrate run")
    show_table(table, format, json)
