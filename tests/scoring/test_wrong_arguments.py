"""Arguments of the wrong kind are refused in a sentence; what is dropped or taken by default is said."""

import warnings

import numpy as np
import pandas as pd
import pytest

import scoring

N, ITEMS = 300, [f"i{j}" for j in range(6)]


@pytest.fixture(scope="module")
def responses():
    rng = np.random.default_rng(1)
    theta = rng.normal(size=(N, 1))
    p = 1 / (1 + np.exp(-(1.3 * theta - np.linspace(-1, 1, 6))))
    return pd.DataFrame((rng.random((N, 6)) < p).astype(int), columns=ITEMS)


@pytest.fixture(scope="module")
def fit(responses):
    return scoring.calibrate(responses)


CALLS = [
    (lambda fit, x: scoring.calibrate(x, groups="district"), "not-aligned"),
    (lambda fit, x: scoring.calibrate(x, weights=3), "not-aligned"),
    (lambda fit, x: scoring.calibrate(x, nodes="61"), "not-a-number"),
    (lambda fit, x: scoring.calibrate(x, nodes=61.5), "not-a-number"),
    (lambda fit, x: scoring.calibrate(x, bound="6"), "not-a-number"),
    (lambda fit, x: scoring.concept_profile(x, ["c"] * 6), "bad-profile"),
    (lambda fit, x: scoring.dina(x, [[1, 0]]), "not-a-q-matrix"),
    (lambda fit, x: scoring.angoff(None, fit), "not-a-table"),
    (lambda fit, x: scoring.bookmark(None, fit), "not-a-table"),
    (lambda fit, x: scoring.disclose(None), "no-tables"),
    (lambda fit, x: scoring.person_fit(fit, None), "not-a-table"),
    (lambda fit, x: scoring.item_fit(fit, None), "not-a-table"),
    (lambda fit, x: scoring.dif(x, None), "dif-request"),
    (lambda fit, x: scoring.plausible_values(fit, x, None, ["g"]), "not-a-table"),
    (lambda fit, x: scoring.compare(None), "no-plausible-values"),
    (lambda fit, x: scoring.read_fit("nope.json"), "no-file"),
    (lambda fit, x: scoring.read_profile("nope.json"), "no-file"),
    (lambda fit, x: fit.save("/nope/x.json"), "not-written"),
    (lambda fit, x: scoring.simulate(fit, 3, "a"), "not-a-number"),
    (lambda fit, x: scoring.simulate(fit, -3), "too-small"),
    (lambda fit, x: scoring.simulate(None, 3), "not-a-fit"),
]


@pytest.mark.parametrize(("call", "code"), CALLS)
def test_each_is_refused_with_a_hint(fit, responses, call, code):
    with pytest.raises(scoring.DesignError) as refused:
        call(fit, responses)
    assert refused.value.code == code
    assert refused.value.hint


def test_the_hints_speak_of_what_was_given(responses):
    people = pd.DataFrame({"district": ["a", "b"] * (N // 2), "sex": "x"})
    with pytest.raises(scoring.DesignError, match="persons has the columns district, sex"):
        scoring.plausible_values(scoring.calibrate(responses), responses, people, ["grade"])
    with pytest.raises(scoring.DesignError, match="is -3; it must be 1 or more"):
        scoring.simulate(scoring.calibrate(responses), -3)


def test_students_that_repeat_are_said(responses):
    with pytest.warns(scoring.ScoringWarning, match="3 rows repeat a student"):
        fit = scoring.calibrate(pd.concat([responses, responses.iloc[:3]]))
    assert "repeated-students" in {n.code for n in fit.warnings}
    assert "1 warning (see .warnings)" in repr(fit)


def test_items_that_are_not_there_are_said(responses):
    with pytest.warns(scoring.ScoringWarning, match="not in the responses, left out: zz"):
        scoring.classical(responses, raw=responses.astype(str), key={"zz": "1", "i0": "1"})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scoring.concept_profile(responses, {**dict.fromkeys(ITEMS, "c"), "zz": "c"})
    assert any("concepts= that are not in the responses, left out: zz" in str(w.message) for w in caught)


def test_models_by_default_are_named(responses):
    fit = scoring.calibrate(responses, model={"i0": "rasch"})
    (notice,) = [n for n in fit.notices if n.code == "model-by-default"]
    assert notice.places == tuple(ITEMS[1:])


def test_results_show_themselves_in_a_line(fit, responses):
    assert repr(fit).startswith("<Fit: 6 items (2pl), 300 students, log-likelihood -")
    profile = scoring.concept_profile(responses, dict.fromkeys(ITEMS, "c"))
    assert repr(profile).startswith("<ConceptProfile: 1 concept (c), 6 items, 300 students, converged;")
    assert repr(scoring.link(fit, fit)).startswith("<Link: theta_to = 1.0000 theta_from + 0.0000 (se ")
