"""Options that the commands of scoring share."""

from typing import Annotated

import typer

As = Annotated[str, typer.Option("--as", help="Who you are (a code of `people list`). Also ITEMBANK_PERSON.")]
Administration = Annotated[str, typer.Option(help="Name of the administration; may be left away when there is one.")]
Format = Annotated[str, typer.Option("--format", help="table, csv or json.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; store nothing.")]


def show_table(table: object, format: str, json: bool) -> None:
    """A DataFrame on stdout in the format asked for."""
    import math
    from typing import Any, Literal, cast

    from itembank import terminal
    from itembank.errors import UsageFault

    if format not in ("table", "csv", "json"):
        raise UsageFault("unknown-format", f"There is no format {format!r}.", "--format table, csv or json")
    frame = cast(Any, table)
    if frame.index.name:
        frame = frame.reset_index()
    rows = [
        {k: (None if isinstance(v, float) and math.isnan(v) else v) for k, v in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]
    chosen: Literal["table", "csv", "json"] = "json" if json else cast(Any, format)
    terminal.emit_rows(rows, [str(c) for c in frame.columns], chosen)
