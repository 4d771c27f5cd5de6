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


def page(
    table: pd.DataFrame,
    form: str,
    run: int,
    scale: ReportingScale | None,
    items: Sequence[str] = (),
    missing: Sequence[str] = (),
) -> str:
    """The table as one HTML page for paper, side by side in as many as three parts; nothing fetched.

    Args:
        table: as of `scoring.sum_score_table`.
        form: what it is called. run: the calibration.
        scale: whose scores are shown; θ without one.
        items: whose points are added up. missing: items of the form whose points are not.
    """
    names = {"theta": "Score θ", "se": "±", "scaled": "Score", "scaled_se": "±"}
    shown = table[["scaled", "scaled_se"]] if scale is not None else table[["theta", "se"]]
    digits = [scale.decimals, scale.decimals + 1] if scale is not None else [2, 2]
    heads = "".join(f"<th scope='col'>{names[c]}</th>" for c in shown.columns)
    rows = [
        f"<tr><th scope='row'>{total}</th>"
        + "".join(f"<td>{value:.{d}f}</td>" for value, d in zip(row, digits, strict=True))
        + "</tr>"
        for total, row in zip(shown.index, shown.itertuples(index=False), strict=True)
    ]
    parts = min(3, -(-len(rows) // 15))
    each = -(-len(rows) // parts)
    tables = "".join(
        f"<table><thead><tr><th scope='col'>Points</th>{heads}</tr></thead>"
        f"<tbody>{''.join(rows[first : first + each])}</tbody></table>"
        for first in range(0, len(rows), each)
    )
    on = "" if scale is None else f" Scale: {escape(scale.name)}, version {scale.version}."
    without = f" <b>Leave out the points of {escape(', '.join(missing))}.</b>" if missing else ""
    listed = ", ".join(f"<span>{escape(i)}</span>" for i in items)
    listed = f"<p class='small'>Items: {listed}.</p>" if items else ""
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        f"<title>Sum scores: {escape(form)}</title><style>body{{font:11pt sans-serif;max-width:44em;margin:2em auto}}"
        "div{display:flex;gap:2em;align-items:flex-start}table{border-collapse:collapse}"
        "th,td{border:1px solid #999;padding:.15em .7em;text-align:right;font-variant-numeric:tabular-nums}"
        "tr:nth-child(5n) > *{border-bottom:2px solid #444}.small{font-size:9pt}span{white-space:nowrap}"
        "@media print{@page{margin:16mm}body{margin:0;max-width:none}tr{break-inside:avoid}}</style>"
        f"<h1>From points to scores: {escape(form)}</h1>"
        f"<p>Add up the points of all items, 0 to {int(table.index[-1])}, and read off the score beside the sum. "
        f"Only for students who were given every item.{without} ± is the standard error: two students of three are "
        f"that close to their true score.{on}</p><div>{tables}</div>{listed}"
        f"<p class='small'>Calibration run {run}; itembank {escape(__version__)}.</p></html>\n"
    )
