"""Options that the commands of scoring share."""

from typing import Annotated

import typer

from itembank.commands.options import As, DryRun, Format, Json, format_of

Administration = Annotated[str, typer.Option(help="Name of the administration; may be left away when there is one.")]
__all__ = ["Administration", "As", "DryRun", "Format", "Json", "show_table"]


def show_table(table: object, format: str, json: bool) -> None:
    """A DataFrame on stdout in the format asked for."""
    import math
    from typing import Any, cast

    from itembank import terminal

    chosen = format_of(format, json)
    frame = cast(Any, table)
    if frame.index.name:
        frame = frame.reset_index()
    rows = [
        {k: (None if isinstance(v, float) and math.isnan(v) else v) for k, v in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]
    terminal.emit_rows(rows, [str(c) for c in frame.columns], chosen)
