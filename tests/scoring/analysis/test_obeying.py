"""Joint decisions about items are carried into the comparison."""

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.obeying import obey


@pytest.fixture(scope="module")
def data() -> AnalysisInput:
    rng = np.random.default_rng(3)
    n = 1200
    groups = pd.Series(np.where(np.arange(n) < n // 2, "A", "B"))
    theta = rng.normal(size=n)
    shift = np.where(groups == "B", 1.5, 0.0)  # item q0 is much harder in B
    scored = pd.DataFrame(
        {
            f"q{j}": (rng.random(n) < 1 / (1 + np.exp(-(theta - 0.3 * (j - 2) - (shift if j == 0 else 0))))) * 1.0
            for j in range(6)
        }
    )
    items = pd.DataFrame({"title": "", "concept": "c", "type": "choice", "points": 1, "key": "A"}, index=scored.columns)
    raw = scored.map(lambda v: "A" if v else "B")
    options = pd.DataFrame(
        [(q, "B", "m", False, ("B",)) for q in scored], columns=["item", "option", "misconception", "is_key", "answers"]
    )
    return AnalysisInput("t", scored, items, raw=raw, options=options, groups=groups, group_order=("A", "B"))


def test_nothing_decided_changes_nothing(data):
    assert obey(data, {}) is data
    assert obey(data, {"q0": "keep", "q1": "retire"}) is data


def test_left_out_items_are_gone_everywhere_and_named(data):
    out = obey(data, {"q0": "leave-out"})
    assert list(out.scored.columns) == ["q1", "q2", "q3", "q4", "q5"]
    assert list(out.items.index) == list(out.scored.columns) == list(out.raw.columns)
    assert "q0" not in set(out.options["item"])
    assert "q0" in out.notices[-1].message


def test_separate_columns_give_the_parameters_that_separate_gives(data):
    out = obey(data, {"q0": "separate"})
    assert list(out.scored.columns)[:2] == ["q0 (A)", "q0 (B)"]
    assert out.scored["q0 (A)"].notna().sum() == (data.groups == "A").sum()
    by_columns = scoring.calibrate(out.scored, groups=data.groups)
    by_option = scoring.calibrate(data.scored, groups=data.groups, separate=["q0"])
    assert by_columns.log_likelihood == pytest.approx(by_option.log_likelihood, abs=1e-6)  # the same model
    b = by_option.items.loc["q0"].set_index("group")["b"]
    assert by_columns.items.loc["q0 (B)", "b"] == pytest.approx(b["B"], abs=1e-5)
    own = by_option.items.loc["q0"].set_index("group")
    error = np.hypot(own.at["A", "se_d"], own.at["B", "se_d"])
    assert own.at["A", "d"] - own.at["B", "d"] == pytest.approx(1.5, abs=3 * error)  # slopes of 1
