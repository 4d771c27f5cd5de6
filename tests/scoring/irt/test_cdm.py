"""Cognitive diagnosis against CDM and GDINA, against brute force over all classes, and in simulation."""

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scoring.irt import cdm
from scoring.irt.errors import DesignError

Q = np.array([[1, 0], [0, 1], [1, 1], [1, 0], [0, 1], [1, 1]])


def simulate(
    rng: np.random.Generator, n: int, q: np.ndarray, guess: float, slip: float
) -> tuple[np.ndarray, np.ndarray]:
    attributes = (rng.normal(size=(n, 1)) + rng.normal(size=(n, q.shape[1])) > 0).astype(int)
    able = (attributes[:, None, :] >= q).all(axis=2)
    p = np.where(able, 1 - slip, guess)
    return (rng.random(p.shape) < p).astype(np.int8), attributes


def em_over_all_patterns(x: np.ndarray, q: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """DINA by plain EM over the 2^K patterns, one student at a time: guess, slip, posterior."""
    patterns = np.array(list(itertools.product((0, 1), repeat=q.shape[1])))
    able = (patterns[:, None, :] >= q).all(axis=2)  # (L, J)
    guess, slip = np.full(len(q), 0.2), np.full(len(q), 0.2)
    pi = np.full(len(patterns), 1 / len(patterns))
    distinct, of, count = np.unique(x, axis=0, return_inverse=True, return_counts=True)
    for _ in range(steps):
        p = np.where(able, 1 - slip, guess)
        post = np.array([pi * np.prod(np.where(row == 1, p, 1 - p), axis=1) for row in distinct])
        post /= post.sum(axis=1, keepdims=True)
        n = post * count[:, None]
        pi = n.sum(axis=0) / count.sum()
        with_all, without = n @ able, n @ ~able
        guess = (without * distinct).sum(axis=0) / without.sum(axis=0)
        slip = (with_all * (1 - distinct)).sum(axis=0) / with_all.sum(axis=0)
    return guess, slip, (post @ patterns)[of.reshape(-1)]


@pytest.mark.reference
@pytest.mark.parametrize(
    ("data", "q", "prefix"), [("data", "qmatrix", ""), ("fraction1_data", "fraction1_q.matrix", "fraction1_")]
)
def test_fraction_subtraction_equals_cdm(reference_data: Path, data: str, q: str, prefix: str) -> None:
    place = reference_data / "fraction_subtraction"
    x = pd.read_csv(place / f"{data}.csv").to_numpy().astype(np.int8)
    shape = cdm.structure(pd.read_csv(place / f"{q}.csv").iloc[:, 1:].to_numpy())
    model = cdm.fit(x, shape)
    assert model.converged
    expected = json.loads((place / "ref" / f"{prefix}CDM_dina_fit.json").read_text())["logLik"]
    # CDM stops at a change of 1e-4 in its parameters
    assert model.log_likelihood == pytest.approx(expected, abs=1e-5)
    assert model.log_likelihood >= expected - 1e-9
    items = pd.read_csv(place / "ref" / f"{prefix}CDM_dina_items.csv")
    np.testing.assert_allclose(model.success[:, 0], items["guess"], atol=1e-4)
    np.testing.assert_allclose(1 - model.success[:, 1], items["slip"], atol=1e-4)
    skills = pd.read_csv(place / "ref" / f"{prefix}CDM_dina_skills.csv")["prob"]
    np.testing.assert_allclose(model.class_probability @ shape.share, skills, atol=1e-4)
    persons = pd.read_csv(place / "ref" / f"{prefix}CDM_dina_persons.csv", dtype={"pattern": str})
    columns = [c for c in persons if c.startswith("post.")]
    by_pattern = persons.drop_duplicates("pattern").set_index("pattern")[columns]
    wanted = by_pattern.loc[["".join(map(str, row)) for row in x]].to_numpy()
    np.testing.assert_allclose(cdm.attribute_probabilities(model, x), wanted, atol=1e-3)
    if not prefix:
        assert shape.n_classes == 58


@pytest.mark.reference
def test_saturated_model_is_at_least_as_likely_as_cdms(reference_data: Path) -> None:
    place = reference_data / "fraction_subtraction"
    x = pd.read_csv(place / "fraction1_data.csv").to_numpy().astype(np.int8)
    q = pd.read_csv(place / "fraction1_q.matrix.csv").iloc[:, 1:].to_numpy()
    model = cdm.fit(x, cdm.structure(q, "gdina"))
    expected = json.loads((place / "ref" / "fraction1_CDM_gdina_fit.json").read_text())["logLik"]
    assert model.converged
    assert model.log_likelihood >= expected  # a saturated latent class model has several maxima; this one is higher
    assert model.log_likelihood > cdm.fit(x, cdm.structure(q)).log_likelihood


def test_em_equals_plain_em_over_every_pattern() -> None:
    x, _ = simulate(np.random.default_rng(1), 400, Q, 0.2, 0.15)
    model = cdm.fit(x, cdm.structure(Q))
    guess, slip, mastery = em_over_all_patterns(x, Q, 1500)
    # both stop within 1e-7 per step of a linearly converging sequence
    np.testing.assert_allclose(model.success[:, 0], guess, atol=2e-5)
    np.testing.assert_allclose(1 - model.success[:, 1], slip, atol=2e-5)
    np.testing.assert_allclose(cdm.attribute_probabilities(model, x), mastery, atol=1e-4)


def test_merging_classes_keeps_the_uniform_start() -> None:
    # the second attribute is needed only together with the first: without the first nothing tells it
    q = np.array([[1, 0], [1, 1], [1, 0], [1, 1], [1, 0]])
    shape = cdm.structure(q)
    assert shape.n_classes == 3
    x, _ = simulate(np.random.default_rng(2), 500, q, 0.15, 0.1)
    model = cdm.fit(x, shape)
    mastery = em_over_all_patterns(x, q, 3000)[2]
    np.testing.assert_allclose(cdm.attribute_probabilities(model, x), mastery, atol=1e-4)
    lowest = cdm.attribute_probabilities(model, np.zeros((1, 5), dtype=np.int8))[0]
    assert lowest[1] == pytest.approx(0.5, abs=0.01)


def test_estimates_and_standard_errors_in_simulation() -> None:
    rng = np.random.default_rng(4)
    q = np.vstack([Q, Q, [[1, 0], [0, 1]]])
    shape = cdm.structure(q)
    estimates, errors = [], []
    for _ in range(70):
        x, _ = simulate(rng, 600, q, 0.2, 0.1)
        model = cdm.fit(x, shape)
        estimates.append(model.success)
        errors.append(model.se)
    estimates, errors = np.array(estimates), np.array(errors)
    # Monte Carlo error of a mean over 70 samples: about .03/sqrt(70) = .004; of an SD: 8 %, of 28 of them averaged: 2 %
    np.testing.assert_allclose(estimates.mean(axis=0), np.tile([0.2, 0.9], (len(q), 1)), atol=0.012)
    ratio = np.nanmean(errors, axis=0) / estimates.std(axis=0, ddof=1)
    assert ratio.mean() == pytest.approx(1.0, abs=0.05)
    assert (np.abs(ratio - 1) < 0.35).all()


def test_empty_cells_leave_the_item_out() -> None:
    rng = np.random.default_rng(5)
    x, attributes = simulate(rng, 3000, np.vstack([Q, Q, Q]), 0.1, 0.1)
    x[rng.random(x.shape) < 0.3] = -1
    shape = cdm.structure(np.vstack([Q, Q, Q]))
    model = cdm.fit(x, shape)
    # with 12 answers of good quality nearly every student is classified; SE of a guess about .01
    np.testing.assert_allclose(model.success, np.tile([0.1, 0.9], (18, 1)), atol=0.05)
    right = (cdm.attribute_probabilities(model, x) > 0.5) == attributes
    assert right.mean() > 0.93
    alone = cdm.attribute_probabilities(model, np.full((1, 18), -1, dtype=np.int8))[0]
    np.testing.assert_allclose(alone, model.class_probability @ shape.share, atol=1e-9)


def test_weights_count_students() -> None:
    x, _ = simulate(np.random.default_rng(6), 300, Q, 0.2, 0.2)
    shape = cdm.structure(Q)
    twice = cdm.fit(np.vstack([x, x[:100]]), shape)
    weighted = cdm.fit(x, shape, np.where(np.arange(300) < 100, 2.0, 1.0))
    assert weighted.log_likelihood == pytest.approx(twice.log_likelihood, abs=1e-7)
    np.testing.assert_allclose(weighted.success, twice.success, atol=1e-6)


def test_gdina_contains_dina() -> None:
    x, _ = simulate(np.random.default_rng(8), 5000, np.vstack([Q, Q]), 0.2, 0.1)
    saturated = cdm.fit(x, cdm.structure(np.vstack([Q, Q]), "gdina"))
    # the two-attribute items: guess without either, with one of them, and 1 - slip with both
    np.testing.assert_allclose(saturated.success[2], [0.2, 0.2, 0.2, 0.9], atol=0.06)
    assert np.isnan(saturated.success[0, 2:]).all()
    assert saturated.log_likelihood > cdm.fit(x, cdm.structure(np.vstack([Q, Q]))).log_likelihood


def test_impossible_q_matrices_are_refused_with_every_fault() -> None:
    with pytest.raises(DesignError) as refused:
        cdm.structure(np.array([[1, 0], [0, 0]]))
    assert refused.value.details == ("item 2 needs no attribute", "attribute 2 is needed by no item")
    with pytest.raises(DesignError):
        cdm.structure(np.array([[2, 0]]))
    with pytest.raises(DesignError, match="above 1"):
        cdm.fit(np.array([[2, 0, 0, 0, 0, 0]], dtype=np.int8), cdm.structure(Q))
