"""How often each misconception showed, by concept and group: the table that starts the talk about teaching."""

import numpy as np
import pandas as pd

from scoring.analysis.inputs import AnalysisInput

Z = 1.959963984540054
FEWEST = 30


def misconception_table(data: AnalysisInput) -> pd.DataFrame:
    """Share of answers that show each misconception, among answers to items where it could show.

    Returns:
        One row per misconception, concept and group: misconception, name, concept, group, chosen, n, share, low, high.
        The interval counts that the answers of one school (else one student) belong together: the variance of a ratio
        of sums over clusters (Cochran 1977, 6.3), on the logit scale. Rows with fewer than 30 answers are left out.
    """
    known = data.options[data.options["misconception"].fillna("") != ""]
    if data.raw is None or not len(known):
        return pd.DataFrame()
    groups = data.groups if data.groups is not None else pd.Series("all students", index=data.raw.index)
    units = pd.factorize(data.clusters)[0] if data.clusters is not None else np.arange(len(data.raw))
    rows = []
    for misconception, options in known.groupby("misconception", sort=True):
        for concept, mine in options.groupby(data.items["concept"].reindex(options["item"]).to_numpy(), sort=True):
            chosen, given = _counts(data.raw, mine)
            for group in data.group_order or ("all students",):
                here = (groups == group).to_numpy()
                n = int(given[here].sum())
                if n < FEWEST:
                    continue
                share, low, high = _ratio(chosen[here], given[here], units[here])
                name = data.misconceptions["name"].get(misconception, misconception)
                rows.append((misconception, name, concept, group, int(chosen[here].sum()), n, share, low, high))
    columns = ["misconception", "name", "concept", "group", "chosen", "n", "share", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _counts(raw: pd.DataFrame, options: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(N,) answers of each student that show it, and answers in which it could have shown."""
    chosen = np.zeros(len(raw))
    given = np.zeros(len(raw))
    for item, mine in options.groupby("item", sort=False):
        answers = raw[item].astype(str).str.strip()
        chosen += answers.isin({a for counted in mine["answers"] for a in counted}).to_numpy()
        given += ~answers.isin(["", "R", "nan", "None", "<NA>"]).to_numpy()
    return chosen, given


def _ratio(chosen: np.ndarray, given: np.ndarray, units: np.ndarray) -> tuple[float, float, float]:
    """Ratio of sums with a 95 % interval by cluster."""
    y = np.bincount(units, chosen)
    x = np.bincount(units, given)
    y, x = y[x > 0], x[x > 0]
    share = y.sum() / x.sum()
    s = len(x)
    if not 0 < share < 1 or s < 2:
        return float(share), np.nan, np.nan
    variance = s / (s - 1) * ((y - share * x) ** 2).sum() / x.sum() ** 2
    spread = Z * np.sqrt(variance) / (share * (1 - share))
    centre = np.log(share / (1 - share))
    return float(share), float(1 / (1 + np.exp(-centre + spread))), float(1 / (1 + np.exp(-centre - spread)))
