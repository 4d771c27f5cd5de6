"""Sum-score tables of forms, to print and to score by hand."""

from collections.abc import Sequence
from html import escape
from typing import Any

import pandas as pd

from itembank import __version__
from scoring import bank
from scoring.reporting_scale import ReportingScale


def form_items(session: Any, form: str, calibrated: Sequence[str]) -> tuple[list[str], list[str]]:
    """Items of a form that are calibrated, and those that are not; every calibrated item without a form."""
    if not form:
        return list(dict.fromkeys(calibrated)), []
    listed = bank.form_items(session, form)
    return [i for i in listed if i in set(calibrated)], [i for i in listed if i not in set(calibrated)]


def page(table: pd.DataFrame, form: str, run: int, scale: ReportingScale | None) -> str:
    """The table as one HTML page for paper: three columns of rows, nothing fetched."""
    names = {"theta": "Score θ", "se": "± (SE)", "scaled": "Score", "scaled_se": "± (SE)"}
    shown = table[["scaled", "scaled_se"]] if scale is not None else table[["theta", "se"]]
    digits = [scale.decimals, scale.decimals + 1] if scale is not None else [2, 2]
    rows = "".join(
        f"<tr><th scope='row'>{total}</th>"
        + "".join(f"<td>{value:.{d}f}</td>" for value, d in zip(row, digits, strict=True))
        + "</tr>"
        for total, row in zip(shown.index, shown.itertuples(index=False), strict=True)
    )
    heads = "".join(f"<th scope='col'>{names[c]}</th>" for c in shown.columns)
    on = "" if scale is None else f" Scale: {escape(scale.name)}, version {scale.version}."
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        f"<title>Sum scores: {escape(form)}</title><style>body{{font:11pt sans-serif;max-width:40em;margin:2em auto}}"
        "table{border-collapse:collapse}th,td{border:1px solid #999;padding:.15em .8em;text-align:right}"
        "@media print{body{margin:0}}</style>"
        f"<h1>From points to scores: {escape(form)}</h1>"
        "<p>Add up the points of all items of the form and read off the score. Only for students who were given every "
        f"item.{on}</p><table><thead><tr><th scope='col'>Points</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f"<p>Calibration run {run}; itembank {escape(__version__)}.</p></html>\n"
    )
