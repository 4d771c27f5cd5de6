"""Case weights are honoured everywhere: a student of weight 3 counts like three students."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.run import analyse
from scoring.analysis.subgroups import Asked
from scoring.demo.world import DISTRICTS, DemoItem, simulate_districts

ITEMS = [
    DemoItem(f"{c[:2]}{k}", c, float(s), "A", {"B": "m1", "C": "m2"})
    for c in ("geometry", "ratios")
    for k, s in enumerate(np.linspace(0.35, 0.75, 6))
]


#: More than 500 in each district: below, the profile holds correlations common, and repeated students are not below.
STUDENTS = 1200


def given(weight: "pd.Series[int]", repeat: bool) -> AnalysisInput:
    """The same students, weighted or repeated."""
    world = simulate_districts(ITEMS, STUDENTS, seed=5, dif=0)
    rows = world.answers.index
    w = weight.set_axis(rows)
    take = np.repeat(np.arange(len(rows)), w) if repeat else np.arange(len(rows))
    index = pd.Index([f"{rows[i]}/{k}" for k, i in enumerate(take)], name="student")
    people = world.persons.loc[rows].iloc[take].set_axis(index)
    answers, scored = (t.iloc[take].set_axis(index) for t in (world.answers, world.scored))
    form = pd.DataFrame(
        [(i.name, i.concept, i.kind, i.points, i.key) for i in ITEMS],
        columns=["title", "concept", "type", "points", "key"], index=[i.name for i in ITEMS],
    )  # fmt: skip
    options = [(i.name, o, m, o == i.key, (o,)) for i in ITEMS for o, m in [(i.key, ""), *i.wrong.items()]]
    return AnalysisInput(
        "test", scored, form, raw=answers, groups=people["district"], group_order=DISTRICTS, clusters=people["school"],
        options=pd.DataFrame(options, columns=["item", "option", "misconception", "is_key", "answers"]),
        persons=people[["sex"]], weights=None if repeat else (w / w.mean()).set_axis(index).astype(float),
    )  # fmt: skip


def done(data: AnalysisInput):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return analyse(data, asked=Asked(("sex",)))


@pytest.fixture(scope="module")
def pair():
    """Weighted and repeated: boys count three times, and in District B everybody with an odd place twice more."""
    world = simulate_districts(ITEMS, STUDENTS, seed=5, dif=0)
    people = world.persons.loc[world.answers.index]
    theta = world.theta.loc[world.answers.index].mean(axis=1)
    # weights that go with ability, so that leaving them out anywhere shows
    weight = pd.Series(np.where(theta > 0, 3, 1) + (people["sex"] == "boy").to_numpy(), name="w")
    return done(given(weight, False)), done(given(weight, True)), done(replace(given(weight, False), weights=None))


def test_parameters_populations_and_shares_are_those_of_repeated_students(pair):
    weighted, repeated, _ = pair
    # both are maxima of the same likelihood, found to a Newton decrement below 1e-9
    assert np.allclose(weighted.parameters[["a", "b"]], repeated.parameters[["a", "b"]], atol=1e-4)
    for table, columns in (
        ("items", ["share_correct", "share_correct: District A"]),
        ("options", ["share"]),
        ("misconceptions", ["share"]),
    ):
        one, other, bare = (getattr(x.analysis, table)[columns].to_numpy(dtype=float) for x in pair)
        assert np.allclose(one, other, atol=1e-9), table
        assert np.abs(one - bare).max() > 0.01, table
    one, other, bare = (x.analysis.mastery["rate"].to_numpy() for x in pair)
    assert np.allclose(one, other, atol=1e-3)  # the profile settles to 1e-6 of its evidence
    assert np.abs(one - bare).max() > 0.03


@pytest.mark.parametrize("table", ["mean_contrasts", "contrasts", "subgroups", "levels"])
def test_differences_and_levels_follow_the_weights(pair, table):
    """A repeated student has other draws for each copy: agreement within a fraction of the SE, not more."""
    one, other, bare = (getattr(x.analysis, table) for x in pair)
    column = "difference" if "difference" in one else "estimate"
    a, b, c = (t[column].to_numpy(dtype=float) for t in (one, other, bare))
    assert np.nanmax(np.abs(a - b) / one["se"].to_numpy()) < 0.6
    if table == "levels":
        share = (one["measure"] == "mastery").to_numpy()
        assert np.nanmin((a - c)[share]) > 0.05  # able students count more: unweighted levels are lower


def test_students_are_counted_not_weighed(pair):
    weighted, _, plain = pair
    assert weighted.analysis.mastery["n"].tolist() == plain.analysis.mastery["n"].tolist()
    assert weighted.analysis.misconceptions["n"].tolist() == plain.analysis.misconceptions["n"].tolist()
    assert any(n.code == "weighted" for n in weighted.analysis.notices)
