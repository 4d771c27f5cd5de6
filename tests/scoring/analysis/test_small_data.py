"""Few students, few items, concepts that are one ability: ordinary data of a single school year's pilot."""

import warnings

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring.analysis import run
from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.result import TOTAL


def pilot(seed: int, students: int, concepts: int) -> AnalysisInput:
    """Two districts of four schools; four items for each of several concepts behind which there is one ability."""
    rng = np.random.default_rng(seed)
    district = np.where(np.arange(students) < students // 2, "North", "South")
    theta = rng.normal(np.where(district == "North", 0.2, -0.2), 1.0)
    items = [f"c{c} {k}" for c in range(concepts) for k in range(4)]
    a, b = np.exp(rng.normal(0.2, 0.2, len(items))), rng.normal(0, 0.8, len(items))
    scored = (rng.random((students, len(items))) < 1 / (1 + np.exp(-a * (theta[:, None] - b)))).astype(float)
    index = pd.Index([f"s{i}" for i in range(students)])
    schools = pd.Series([f"{d} {k}" for d, k in zip(district, rng.integers(0, 4, students), strict=True)], index=index)
    form = pd.DataFrame({"title": items, "concept": [i[:2] for i in items], "type": "choice", "points": 1}, index=items)
    return AnalysisInput(
        "pilot", pd.DataFrame(scored, index=index, columns=items), form, groups=pd.Series(district, index=index),
        group_order=("North", "South"), group_word="district", clusters=schools,
    )  # fmt: skip


@pytest.mark.parametrize(("seed", "students", "concepts"), [(1, 580, 3), (1, 400, 5)])
def test_concepts_that_are_one_ability_are_compared_all_the_same(seed, students, concepts):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analysis = run.analyse(pilot(seed, students, concepts)).analysis
    assert len(analysis.concepts) == concepts
    rows = analysis.mean_contrasts.set_index("concept")
    assert set(rows.index) == {TOTAL, *(f"c{c}" for c in range(concepts))}
    # one ability, planted .4 apart: no concept may stray from the score over all items by more than a few errors
    assert (rows["difference"] - rows.at[TOTAL, "difference"]).abs().max() < 0.25


def test_what_does_not_rest_on_the_concepts_is_reported_when_they_do_not_settle(monkeypatch):
    drawn = scoring.plausible_values

    def unsettled(source, *args, **kwargs):
        if "concepts" in kwargs:
            return drawn(source, *args, **kwargs)
        raise scoring.NotConverged("latent-regression", "The latent regression did not settle.")

    monkeypatch.setattr(scoring, "plausible_values", unsettled)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analysis = run.analyse(pilot(2, 400, 3)).analysis
    assert list(analysis.mean_contrasts["concept"]) == [TOTAL]
    assert len(analysis.items) == 12
    (said,) = [n.message for n in analysis.notices if n.code == "concepts-unsettled"]
    assert "did not settle" in said
    assert "Only the score over all items is reported" in said
