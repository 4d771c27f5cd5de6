"""What a link says of change: each group then and now on one scale, with every error that enters."""

from typing import Any

import numpy as np
import pandas as pd

from scoring.irt.distributions import student_quantile
from scoring.irt.errors import DesignError
from scoring.irt.linking_chain import compose
from scoring.linking import Link

#: The row for all groups together, partners weighted equally: mean 0 where the calibration has its origin there.
POOLED = "both together"


def group_trend(link: Link, from_: Any, to: Any, level: float = 0.95) -> pd.DataFrame:
    """Change of the groups that both calibrations have, on the scale of `to`.

    The errors of the groups' means, of the items and of the constants belong together: the change is differentiated
    in all parameters of every calibration of the link (delta method), and the linking variance is added.

    Args:
        link: from `from_` to `to`; a chain is welcome, an average is not.
        from_, to: the fits at its ends.
        level: of confidence.

    Returns:
        DataFrame indexed by group, `POOLED` first where both fits have their origin there: before and now (means on the
        scale of `to`), change, se, se_sampling (students and items, without the choice of anchors), se_anchors, df,
        low, high. The students are taken as drawn independently.

    Raises:
        DesignError: an average of links, or calibrations without covariances.
    """
    if not link.legs:
        raise DesignError("average-in-trend", "An average of links has no trend of groups.", "Use one link or chain.")
    whole = compose(link.legs)
    keys = link.legs[0].from_.key, link.legs[-1].to.key
    if any(c is None for c in whole.covariances.values()):
        raise DesignError("no-covariances", "A calibration of the link has no covariances.", "Link stored fits.")
    rows: dict[str, dict[str, float]] = {}
    names = [g for g in from_.groups.index if g in set(to.groups.index)]
    pooled = [POOLED] if from_.settings.get("origin") == to.settings.get("origin") == "pooled" else []
    for group in [*pooled, *map(str, names)]:
        before = 0.0 if group == POOLED else float(from_.groups.at[group, "mean"])
        now = 0.0 if group == POOLED else float(to.groups.at[group, "mean"])
        sampling = 0.0
        for key, slope in whole.slopes.items():
            along = -(before * slope[0] + slope[1])
            if group != POOLED:
                along = along.copy()
                if key == keys[0]:
                    along[_place(from_, group)] -= whole.A
                if key == keys[1]:
                    along[_place(to, group)] += 1.0
            covariance = whole.covariances[key]
            assert covariance is not None
            sampling += float(along @ covariance @ along)
        rows[group] = _row(whole.A * before + whole.B, now, sampling, link, level)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")


def _row(before: float, now: float, sampling: float, link: Link, level: float) -> dict[str, float]:
    total = sampling + link.linking_variance
    doubt = sum(part**2 / df for part, df in link.spread if df > 0)
    df = max(float(link.df), total**2 / doubt) if doubt > 0 else np.inf
    half = float(student_quantile(0.5 + level / 2, df)) * float(np.sqrt(total))
    change = now - before
    return {
        "before": before,
        "now": now,
        "change": change,
        "se": float(np.sqrt(total)),
        "se_sampling": float(np.sqrt(sampling)),
        "se_anchors": float(np.sqrt(link.linking_variance)),
        "df": df,
        "low": change - half,
        "high": change + half,
    }


def _place(fit: Any, group: str) -> int:
    return int(fit.covariance.columns.get_loc(f"group {group}:mean"))
