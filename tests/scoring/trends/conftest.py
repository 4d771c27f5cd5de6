"""A meeting written by hand: two administrations, a concept that fell, indicators with a target, an action with a
note that is for the room only."""

import numpy as np
import pandas as pd

from scoring.runs.meeting import Meeting
from scoring.runs.trending import Occasion, readings
from scoring.trends import cohorts, targets
from tests.itembank.bank.conftest import bank, furnished, migrated, run
from tests.scoring.report.conftest import GROUPS, NAMES, example

__all__ = ["bank", "furnished", "migrated", "run"]

NOTE = "Only for the room: the substitute teachers."


def changes_by_hand() -> pd.DataFrame:
    rows = []
    for group, fall in zip(GROUPS, (-0.19, -0.12), strict=True):
        for concept in NAMES:
            size = fall if concept == "rational-numbers" else 0.05
            rows.append(
                {"kind": "cohort", "cohort": "c", "concept": concept, "group": group, "first": "autumn-2026",
                 "second": "autumn-2027", "rate_1": 0.4, "rate_2": 0.4 + size, "change": size, "se": 0.025,
                 "se_linking": 0.01, "low": size - 0.05, "high": size + 0.05, "students": 500.0,
                 "bar": "the same items both times", "method": cohorts.APART,
                 "everybody_1": 0.39, "everybody_2": 0.39 + size, "everybody_change": size,
                 "everybody_low": size - 0.06, "everybody_high": size + 0.06, "everybody": 640.0, "growth": 2.5 * size,
                 "growth_low": 2.5 * size - 0.1, "growth_high": 2.5 * size + 0.1,
                 "verdict": cohorts.verdict(size, size - 0.05, size + 0.05)}
            )  # fmt: skip
    return cohorts.standing_out(pd.DataFrame(rows, columns=list(cohorts.CHANGES)))


def meeting(edition: str = "internal") -> Meeting:
    held = [
        Occasion(code, title, day, "7", None, example(title=title), (), {})
        for code, title, day in (
            ("autumn-2026", "Autumn 2026", "2026-10-05"),
            ("autumn-2027", "Autumn 2027", "2027-10-04"),
        )
    ]
    values = pd.DataFrame(
        [
            {"indicator": code, "district": d, "school": "", "subgroup": "all", "period": p, "value": v, "n": np.nan,
             "se": np.nan, "source": "", "derived": False}
            for code, d, series in (("rate", "A", (38, 59)), ("rate", "B", (67, 69)), ("of_all", "A", (13.68, 14.75)),
                                    ("of_all", "B", (20.77, 26.22)), ("grad", "A", (75.5, 71.1)))
            for p, v in zip(("2005-06", "2008-09"), series, strict=True)
        ]
    )  # fmt: skip
    goals = pd.DataFrame(
        [{"indicator": "grad", "district": "A", "school": "", "subgroup": "all", "period": "2008-09", "value": 80.0,
          "reason": "agreed"}]
    )  # fmt: skip
    definitions = pd.DataFrame(
        {"title": ["Algebra 1, of those enrolled", "Algebra 1, of all", "Graduation rate"], "unit": "percent",
         "better": "higher", "definition": "", "source": "", "formula": "", "beside": ["", "rate", ""]},
        index=pd.Index(["rate", "of_all", "grad"], name="indicator"),
    )  # fmt: skip
    names = {"A": "District A", "B": "District B"}
    better = dict.fromkeys(definitions.index, "higher")
    internal = edition == "internal"
    action = {
        "action": 1, "agreed_on": "2026-11-04", "observed": "Signs are mixed up.", "supposed": "Rules before sense.",
        "subject": "concept:rational-numbers", "plans": {"A": "number lines", "B": "debts"}, "owner": "coordinator",
        "due_on": None, "status": "open", "note": NOTE if internal else "", "baseline": [], "now": [],
        "since": ["District A: 49 in autumn-2026 → 30 in autumn-2027."], "updates": [],
    }  # fmt: skip
    names_ = ["administration", "district", "code", "school", "students"]
    sat = [("autumn-2027", "A", "s1", "North", 120), ("autumn-2027", "A", "s2", "Tiny", 6)]
    schools = pd.DataFrame(sat, columns=names_)
    return Meeting(
        edition, names, held, changes_by_hand(), pd.DataFrame(columns=["verdict"]),
        {"values": values, "targets": targets.progress(values, goals, better),
         "alerts": targets.alerts(values, better), "definitions": definitions,
         "reading": readings(definitions, values, names)},
        [{"decision": 7, "proposal": "Retire it.", "subject": "item:G7-00", "waiting": ["B"]}] if internal else [],
        [action],
        schools if internal else pd.DataFrame(),
        True, "made by hand",
    )  # fmt: skip
