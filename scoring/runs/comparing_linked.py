"""Districts that sat different administrations, each calibrated apart: compared through a stored link."""

from typing import Any

import numpy as np
import pandas as pd

from itembank.errors import Rejected
from scoring import bank
from scoring.irt.distributions import student_quantile
from scoring.runs.comparing import current_analysis
from scoring.runs.growing import bridge_of, carried_rate
from scoring.runs.linking_comparisons import comparison_numbers, stored_constants
from scoring.trends.cohorts import share_slope

COLUMNS = (
    "concept", "measure", "group", "versus", "value_1", "value_2", "estimate", "se", "se_linking", "df", "low", "high",
)  # fmt: skip


def compare_linked(session: Any, first: str, second: str) -> tuple[pd.DataFrame, int]:
    """Every group of one comparison less every other group of another, on one scale.

    Groups that both have are not set against themselves: that is a change over time, which cohorts and grades show.
    The bar is that of the first comparison, where the link puts it. The linking error, of the items and of their
    choice, is added to the errors of both sides, whose students are different ones.

    Args:
        session: of `bank.reading()`.
        first, second: numbers of comparisons, or names of administrations; linked in this order.

    Returns:
        A row per concept, measure ("mean", in SDs of the second's students, and "mastery") and pair: `COLUMNS`; and the
        number of the link.

    Raises:
        Rejected: they are no comparisons, or not linked. Conflict: a comparison or the link is stale.
    """
    numbers = comparison_numbers(session, [first, second])
    if numbers is None:
        raise Rejected("no-comparison", "Calibrations have no groups to compare.", "itembank compare list")
    one, two = (bank.run_of(session, int(n), "compare") for n in numbers)
    sides = [current_analysis(session, r) for r in (one, two)]
    found = stored_constants(session, one.id or 0, two.id or 0)
    if found is None:
        what = f"Comparisons {one.id} and {two.id} were calibrated apart and are not linked."
        raise Rejected("no-link", what, f"itembank link run {one.id} {two.id}")
    link, constants = found
    rows: list[dict[str, Any]] = []
    for concept in constants.index:
        a, b = (_groups(s, str(concept)) for s in sides)
        bridge = bridge_of(constants, str(concept), np.nan)
        cut = bridge.A * float(sides[0].concepts.at[concept, "cut"]) + bridge.B
        own = float(sides[1].concepts.at[concept, "cut"])
        for name, left in a.items():
            for other, right in b.items():
                if name == other:
                    continue
                df = max(left["schools"] + right["schools"] - 2, 1)
                rows.append(_row(concept, "mean", (name, other),
                                 (bridge.A * left["mean"] + bridge.B, right["mean"]),
                                 (bridge.A * left["se_mean"], right["se_mean"]), bridge.se, df))  # fmt: skip
                if not (np.isfinite(left["rate"]) and np.isfinite(right["rate"])):
                    continue
                rate = carried_rate(right["rate"], right["mean"], right["sd"], own, cut)
                slope = share_slope((left["rate"] + rate) / 2)
                rows.append(_row(concept, "mastery", (name, other), (left["rate"], rate),
                                 (left["se_rate"], right["se_rate"]), bridge.se * slope, df))  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS)), int(link.id)


def _groups(analysis: Any, concept: str) -> dict[str, dict[str, float]]:
    """Group -> mean, sd, se_mean, rate, se_rate (NaN where a share is not shown), schools."""
    means = analysis.means[analysis.means["concept"] == concept].set_index("group")
    shares = analysis.mastery[analysis.mastery["concept"] == concept].set_index("group")
    out = {}
    for group in means.index.intersection(shares.index):
        m, s = means.loc[group], shares.loc[group]
        shown = bool(s["shown"])
        out[str(group)] = {
            "mean": float(m["mean"]), "sd": float(m["sd"]), "se_mean": float(m["se"]),
            "rate": float(s["rate"]) if shown else np.nan, "se_rate": float(s["se"]) if shown else np.nan,
            "schools": float(s["schools"]),
        }  # fmt: skip
    return out


def _row(
    concept: Any, measure: str, names: tuple[str, str], values: tuple[float, float], errors: tuple[float, float],
    linking: float, df: float,
) -> dict[str, Any]:  # fmt: skip
    size = values[0] - values[1]
    se = float(np.sqrt(errors[0] ** 2 + errors[1] ** 2 + linking**2))
    half = float(student_quantile(0.975, df)) * se
    return {
        "concept": concept, "measure": measure, "group": names[0], "versus": names[1], "value_1": values[0],
        "value_2": values[1], "estimate": size, "se": se, "se_linking": linking, "df": df, "low": size - half,
        "high": size + half,
    }  # fmt: skip
