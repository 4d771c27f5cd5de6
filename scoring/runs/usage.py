"""A calibration and the item analysis of its students as QTI usage data."""

from typing import Any

import pandas as pd

from itembank.exchange.usage import Statistic, document
from scoring import bank
from scoring.runs import calibrating, diagnosing

#: Our column -> the names of QTI's example: share correct, correlations with the whole and with the rest of the test.
CLASSICAL = {"proportion_correct": "P-value", "item_total": "PTbis", "item_rest": "PTbis-Corrected"}
#: Parameters of exp(a(theta - b)), without the factor 1.7.
PARAMETERS = {"a": "A-Parm", "b": "B-Parm", "g": "C-Parm"}


def usage_data(session: Any, number: int | None = None) -> tuple[bytes, int]:
    """(document, items) of a calibration, by default the newest.

    Share correct with its caseCount, mean points (AIS) of graded items, both correlations, the share that chose each
    option of a choice item, and the model's parameters with their standard errors (steps of graded models as D-Parm).
    """
    run = bank.run_of(session, number, "calibrate")
    about = bank.administration_by_id(session, run)
    fit = calibrating.stored_fit(session, run)
    code = about.code if about is not None else "pooled"
    found: list[Statistic] = []
    if about is not None:
        analysis = diagnosing.classical_of(session, diagnosing.sitting(session, code))
        for item, row in analysis.items.iterrows():
            found += _classical(str(item), row)
        found += _options(analysis.options, analysis.items["n"])
    for item, row in fit.items.iterrows():
        found += _parameters(str(item), row)
    day = run.created_at.date().isoformat()
    context = f"urn:itembank:administration:{code}:calibration:{run.id}"
    return document(found, context, day), len({s.item for s in found})


def _classical(item: str, row: pd.Series) -> list[Statistic]:
    n = int(row["n"])
    made = [Statistic(item, name, float(row[column]), n) for column, name in CLASSICAL.items()]
    if row["maximum"] > 1:
        made.append(Statistic(item, "AIS", float(row["mean"]), n, sd=float(row["sd"])))
    return made


def _options(options: pd.DataFrame, n: pd.Series) -> list[Statistic]:
    """The share that chose each option; of typed answers nothing, since a rare one could be a student's own."""
    lettered = [(i, o) for i, o in options.index if len(str(o)) == 1 and str(o).isalpha()]
    return [
        Statistic(str(i), "Proportion", float(options.at[(i, o), "share"]), int(n[i]), part=str(o)) for i, o in lettered
    ]


def _parameters(item: str, row: pd.Series) -> list[Statistic]:
    n = int(row["n"])
    group = "" if row.get("group", "all") == "all" else f"-{row['group']}"
    steps = {c[1:]: float(row[c]) for c in row.index if c[:1] == "b" and c[1:].isdigit() and pd.notna(row[c])}
    made = []
    for column, name in PARAMETERS.items():
        if (column == "b" and steps) or (column == "g" and row["model"] != "3pl"):
            continue
        value, error = float(row.get(column, float("nan"))), float(row.get(f"se_{column}", float("nan")))
        made.append(Statistic(item, name + group, value, n, error))
    if steps:
        made.append(Statistic(item, "D-Parm" + group, n=n, steps=steps))
    return made
