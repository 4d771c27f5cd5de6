"""An analysis written by hand, for tests of the pages: no engine is needed, every state occurs."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from scoring.analysis.result import Analysis, Notice
from scoring.report import charts, item_parts, trend_charts

GROUPS = ("District A", "District B")
NAMES = {
    "expressions-equations": "Expressions and equations",
    "geometry-measurement": "Geometry and measurement",
    "proportional-relationships": "Proportional relationships",
    "rational-numbers": "Rational numbers",
    "statistics-probability": "Statistics and probability",
}


def example(**changes: object) -> Analysis:
    concepts = pd.DataFrame(
        {
            "name": list(NAMES.values()),
            "items": 8,
            "points": 8,
            "cut": 0.3,
            "cut_kind": "provisional",
            "cut_se": np.nan,
            "evidence": ["enough"] * 4 + ["not enough evidence"],
            "accuracy": [0.72, 0.70, 0.74, 0.69, 0.41],
            "advice": ["", "", "", "", "3 more items would bring accuracy from .41 to .55"],
        },
        index=pd.Index(list(NAMES), name="concept"),
    )
    mastery, contrasts = [], []
    verdicts = ["ahead", "behind", "ahead", "cannot say", "not enough evidence"]
    for k, concept in enumerate(NAMES):
        gap = [0.09, -0.08, 0.06, 0.01, np.nan][k]
        for j, group in enumerate(GROUPS):
            rate = 0.36 + 0.04 * k - (gap if j and gap == gap else 0)
            shown = concept != "statistics-probability"
            mastery.append(
                {
                    "concept": concept,
                    "group": group,
                    "n": 2750 + 300 * j,
                    "schools": 15 + 2 * j,
                    "rate": rate if shown else np.nan,
                    "se": 0.02,
                    "low": rate - 0.04 if shown else np.nan,
                    "high": rate + 0.04 if shown else np.nan,
                    "shown": shown,
                    "reason": "" if shown else "not enough evidence",
                }
            )
        contrasts.append(
            {
                "concept": concept,
                "group": GROUPS[0],
                "other": GROUPS[1],
                "difference": gap,
                "se": 0.025,
                "low": gap - 0.05,
                "high": gap + 0.05,
                "df": 30.0,
                "p_value": 0.01,
                "p_adjusted": 0.02,
                "verdict": verdicts[k],
                "reason": ["", "", "", "the difference may be zero", "only 3 of its items can be scored"][k],
            }
        )
    rng = np.random.default_rng(0)
    names = [f"G7-{k:02d}" for k in range(40)]
    items = pd.DataFrame(
        {
            "title": [f"Item {k}" for k in range(40)],
            "concept": [list(NAMES)[k % 5] for k in range(40)],
            "model": "2pl",
            "n": 5700,
            "points": 1,
            "share_correct": 0.5,
            "share_correct: District A": rng.uniform(0.3, 0.8, 40),
            "share_correct: District B": rng.uniform(0.3, 0.8, 40),
            "item_rest": rng.uniform(0.2, 0.5, 40),
            "a": 1.2,
            "se_a": 0.05,
            "b": rng.normal(size=40),
            "se_b": 0.04,
            "flags": [""] * 39 + ["few students got it right"],
        },
        index=pd.Index(names, name="item"),
    )
    dif = pd.DataFrame(
        {
            "title": items["title"].iloc[:6],
            "concept": items["concept"].iloc[:6],
            "effect": [0.18, -0.17, 0.04, -0.03, 0.02, 0.01],
            "low": [0.14, -0.21, 0.0, -0.06, -0.01, -0.02],
            "high": [0.22, -0.13, 0.08, 0.0, 0.05, 0.04],
            "p_adjusted": [0.001, 0.001, 0.2, 0.3, 0.5, 0.8],
            "ets_class": ["C", "C", "A", "A", "A", "A"],
            "ets_class_total": ["C", "C", "B", "A", "A", "A"],
            "favours": ["District A", "District B", "", "", "", ""],
            "words": ["easier in District A at equal ability", "easier in District B at equal ability", "", "", "", ""],
        },
        index=pd.Index(names[:6], name="item"),
    )
    misconceptions = pd.DataFrame(
        [
            {
                "misconception": f"m{k}",
                "name": f"Adds where multiplying is needed ({k})",
                "concept": list(NAMES)[k % 5],
                "group": group,
                "chosen": 400,
                "n": 2700,
                "share": 0.22 - 0.01 * k + 0.03 * j,
                "low": 0.2 - 0.01 * k + 0.03 * j,
                "high": 0.24 - 0.01 * k + 0.03 * j,
            }
            for k in range(8)
            for j, group in enumerate(GROUPS)
        ]
    )
    distribution = pd.DataFrame(
        [
            {"group": g, "low": low, "high": low + 0.25, "share": float(np.exp(-0.5 * (low + 0.1 - 0.3 * j) ** 2)) / 10}
            for j, g in enumerate(GROUPS)
            for low in np.arange(-3, 3, 0.25)
        ]
    )
    means = pd.DataFrame(
        [
            {
                "concept": c,
                "group": g,
                "mean": 0.15 - 0.3 * j,
                "sd": 0.98,
                "se": 0.05,
                "low": 0.05 - 0.3 * j,
                "high": 0.25 - 0.3 * j,
            }
            for c in NAMES
            for j, g in enumerate(GROUPS)
        ]
    )
    analysis = Analysis(
        title="Grade 7 common assessment, autumn",
        groups=GROUPS,
        group_word="district",
        concepts=concepts,
        mastery=pd.DataFrame(mastery),
        contrasts=pd.DataFrame(contrasts),
        mean_contrasts=pd.DataFrame(
            [
                {
                    "concept": "all concepts together",
                    "group": GROUPS[0],
                    "other": GROUPS[1],
                    "difference": 0.2,
                    "se": 0.06,
                    "low": 0.08,
                    "high": 0.32,
                    "p_value": 0.001,
                    "p_adjusted": 0.002,
                    "effect": 0.2,
                    "status": "",
                }
            ]
        ),
        means=means,
        items=items,
        dif=dif,
        misconceptions=misconceptions,
        options=pd.DataFrame(),
        scores=pd.DataFrame({"theta": [0.1], "se": [0.3], "status": ["scored"]}),
        profile_scores=pd.DataFrame(),
        distribution=distribution,
        participation=pd.DataFrame(
            {"group": GROUPS, "students": [2801, 3199], "scored": [2715, 3110], "schools": [15, 17]}
        ),
        fit={"converged": True},
        gate=pd.DataFrame(
            [("district DIF has been run", "passed", "40 items"), ("testing window", "passed", "1 to 19 October")],
            columns=["check", "state", "detail"],
        ),
        notices=(Notice("few-links", "notice", "The two districts share all 40 items."),),
        provenance={"itembank": "0.1.0", "seed": 1, "responses": "sha256 0123456789abcdef"},
        simulated=True,
        truth=pd.DataFrame(
            [{"what": "gap in geometry", "truth": 0.35, "estimate": 0.33, "low": 0.2, "high": 0.46, "inside": "yes"}]
        ),
    )
    return replace(analysis, **changes)  # type: ignore[arg-type]


def without_pictures(patch):
    """Let every chart be an empty drawing."""
    for module in (charts, item_parts, trend_charts):
        if hasattr(module, "_svg"):
            patch.setattr(module, "_svg", lambda chart: '<svg xmlns="http://www.w3.org/2000/svg"/>')


@pytest.fixture
def make():
    """A function that makes the example, with changes."""
    return example
