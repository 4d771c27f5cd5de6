"""Tables that a second process makes are those that this one makes, and a process that fails is not missed."""

import contextlib
import os

import numpy as np
import pandas as pd
import pytest

from scoring.analysis import beside, run
from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.steps import Steps
from scoring.irt import second

STEPS = ["item analysis", "items at equal ability", "answers"]


@pytest.fixture(scope="module")
def data():
    """600 students of two groups on 8 items, the last much easier in the second group."""
    random = np.random.default_rng(8)
    group = np.repeat(["one", "two"], 300)
    ability = random.normal(size=600)
    ease = np.linspace(-1, 1, 8) + np.where((group == "two")[:, None] & (np.arange(8) == 7), 1.6, 0.0)
    right = random.random((600, 8)) < 1 / (1 + np.exp(-1.3 * (ability[:, None] + ease)))
    names = [f"Q{j}" for j in range(8)]
    letters = pd.DataFrame(np.where(right, "A", np.where(random.random((600, 8)) < 0.5, "B", "C")), columns=names)
    items = pd.DataFrame({"title": names, "concept": "all", "type": "choice", "points": 1, "key": "A"}, index=names)
    options = pd.DataFrame(
        [(n, o, "halves" if o == "B" else "", o == "A", (o,)) for n in names for o in "ABC"],
        columns=["item", "option", "misconception", "is_key", "answers"],
    )
    return AnalysisInput(
        "test", pd.DataFrame(right.astype(float), columns=names), items, raw=letters.astype("category"),
        options=options, groups=pd.Series(group), group_order=("one", "two"),
        persons=pd.DataFrame({"secret": ["a name"] * 600}),
    )  # fmt: skip


def assert_same(first: beside.Beside, second: beside.Beside) -> None:
    for name in ("dif", "options", "misconceptions"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name), check_exact=True)
    pd.testing.assert_frame_equal(first.classical.items, second.classical.items, check_exact=True)
    pd.testing.assert_frame_equal(first.classical.keys, second.classical.keys, check_exact=True)


@pytest.fixture
def here(data):
    steps = Steps(None)
    return beside.beside(data, list(data.scored.columns), steps), steps


def test_the_second_process_makes_the_same_tables(data, here, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    expected, _ = here
    assert (expected.dif["ets_class"] == "C").tolist() == [False] * 7 + [True]
    said: list[str] = []
    steps = Steps(said.append)
    with second.working(True):
        others = beside.Started(data, list(data.scored.columns))
        assert others._job is not None
        found = others.result(steps)
        assert others.result(steps) is found
        assert others._job.exception() is None
    assert_same(found, expected)
    assert list(steps.seconds) == STEPS
    assert len(said) == 3


def test_what_is_not_needed_stays_here(data):
    assert beside.Started(data, list(data.scored.columns))._data.persons is None


def test_a_process_that_fails_is_not_missed(data, here, monkeypatch):
    expected, steps = here
    with second.working(True) as helper:
        assert helper is not None
        helper.close()
        others = beside.Started(data, list(data.scored.columns))
        again = Steps(None)
        assert_same(others.result(again), expected)
    assert again.notices == steps.notices
    assert list(again.seconds) == STEPS


@pytest.mark.parametrize(("worth", "wanted"), [(4_800, True), (4_801, False)])
def test_only_many_answers_are_worth_a_process(data, monkeypatch, worth, wanted):
    asked = []
    monkeypatch.setattr(run, "WORTH", worth)
    monkeypatch.setattr(second, "working", lambda wanted: asked.append(wanted) or contextlib.nullcontext())
    run.analyse(data)
    assert asked == [wanted]
