"""Options that the commands of scoring share."""

from typing import Annotated, Any

import typer

from itembank.commands.options import As, DryRun, Format, Json, format_of

Administration = Annotated[str, typer.Option(help="Name of the administration; may be left away when there is one.")]
By = Annotated[list[str] | None, typer.Option("--by", help="Also compare by a recorded attribute; give it for each.")]
Within = Annotated[
    str, typer.Option(help="district: gaps inside each district, and the districts inside each level. none: pooled.")
]
Adjust = Annotated[
    list[str] | None,
    typer.Option("--adjust", help="Also compare at a common mix of this attribute; give it for each."),
]
__all__ = ["Adjust", "Administration", "As", "By", "DryRun", "Format", "Json", "Within", "asked_for", "show_table"]


def asked_for(by: list[str] | None, within: str, adjust: list[str] | None) -> Any:
    """What is compared beside the districts, as `scoring.analysis.subgroups.Asked`."""
    from itembank.errors import UsageFault
    from scoring.analysis.subgroups import Asked

    if within not in ("district", "none"):
        raise UsageFault("bad-option", f"--within {within!r} is unknown.", "--within district or --within none")
    return Asked(tuple(by or ()), within == "district", tuple(adjust or ()))


def show_table(table: object, format: str, json: bool, hide_empty: bool = False) -> None:
    """A DataFrame on stdout in the format asked for; people are spared columns without a cell where `hide_empty`."""
    import math
    from typing import cast

    from itembank import terminal

    chosen = format_of(format, json)
    frame = cast(Any, table)
    if frame.index.name:
        frame = frame.reset_index()
    rows = [
        {k: (None if isinstance(v, float) and math.isnan(v) else v) for k, v in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]
    names = [str(c) for c in frame.columns]
    if hide_empty and chosen == "table" and rows:
        names = [n for n in names if any(row.get(n) not in (None, "") for row in rows)]
    terminal.emit_rows(rows, names, chosen)
