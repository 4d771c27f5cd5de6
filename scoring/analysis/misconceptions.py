"""How often each misconception showed, by concept and group: the table that starts the talk about teaching."""

import pandas as pd

from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.result import SMALLEST_CELL
from scoring.diagnosis import misconceptions


def misconception_table(data: AnalysisInput) -> pd.DataFrame:
    """One row per misconception, concept and group: misconception, name, concept, group, chosen, n, share, low,
    high."""
    known = data.options[data.options["misconception"].fillna("") != ""]
    if data.raw is None or not len(known):
        return pd.DataFrame()
    meaning: dict[str, dict[object, str]] = {}
    for row in known.itertuples():
        meaning.setdefault(str(row.item), {}).update(dict.fromkeys(row.answers, str(row.misconception)))
    concepts = {str(i): str(c) for i, c in data.items["concept"].items()}
    groups = data.groups if data.groups is not None else pd.Series("all students", index=data.raw.index)
    found = misconceptions(data.raw, meaning, groups=groups, concepts=concepts, clusters=data.clusters,
                           weights=data.weights)  # fmt: skip
    found = found[(found["band"] == "all") & (found["students"] >= SMALLEST_CELL) & (found["group"] != "all")]
    names = data.misconceptions["name"]
    table = pd.DataFrame(
        {
            "misconception": found["misconception"],
            "name": [str(names.get(m, m)) for m in found["misconception"]],
            "concept": found["concept"],
            "group": found["group"],
            "chosen": found["chosen"],
            "n": found["answers"],
            "share": found["share"],
            "low": found["low"],
            "high": found["high"],
        }
    )
    return table.reset_index(drop=True)
