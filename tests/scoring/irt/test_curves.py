"""Properties of the response curves and of their derivatives, for any parameters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.irt.curves import (
    ItemParameters,
    category_probabilities,
    expected_scores,
    information,
    log_probabilities,
    probability_slopes,
)
from scoring.irt.derivatives import complete_hessian, differentiate, expected_information
from scoring.irt.parameters import slot_exists, slot_values

THETA = np.linspace(-6, 6, 25)
MODELS = ("2pl", "3pl", "grm", "gpcm")


def one(model: str, a: float, d: list[float], g: float = 0.0) -> ItemParameters:
    return ItemParameters(("x",), (model,), np.array([a]), np.array([d]), np.array([g]), np.array([len(d) + 1]))


@st.composite
def items(draw: st.DrawFn) -> ItemParameters:
    model = draw(st.sampled_from(MODELS))
    a = draw(st.floats(-2.5, 2.5).filter(lambda x: abs(x) > 0.05))
    if model in ("2pl", "3pl"):
        return one(model, a, [draw(st.floats(-4, 4))], draw(st.floats(0.02, 0.5)) if model == "3pl" else 0.0)
    steps = draw(st.lists(st.floats(0.1, 2), min_size=1, max_size=4))
    if model == "grm":
        return one(model, a, list(draw(st.floats(-2, 3)) - np.cumsum(steps)))
    return one(model, a, list(np.cumsum(np.array(steps) * draw(st.sampled_from([-1.0, 1.0])))))


@settings(max_examples=60, deadline=None)
@given(items())
def test_probabilities_sum_to_one_and_never_leave_the_unit_interval(item: ItemParameters) -> None:
    p = category_probabilities(item, THETA)
    assert np.allclose(p.sum(axis=1), 1, atol=1e-14)
    assert (p >= 0).all()
    assert np.allclose(np.exp(log_probabilities(item, THETA)), p, atol=1e-14)


@settings(max_examples=60, deadline=None)
@given(items())
def test_expected_score_is_monotone_in_the_direction_of_the_slope(item: ItemParameters) -> None:
    steps = np.diff(expected_scores(item, THETA)[0]) * np.sign(item.a[0])
    assert (steps >= -1e-12).all()
    assert steps.max() > 0


@settings(max_examples=60, deadline=None)
@given(items())
def test_limits(item: ItemParameters) -> None:
    far = category_probabilities(item, np.array([-1e4, 1e4]) * np.sign(item.a[0]))[0]
    assert far[0, 0] == pytest.approx(1 - item.g[0])
    assert far[-1, 1] == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(items())
def test_slopes_and_information_against_differences(item: ItemParameters) -> None:
    h = 1e-5
    slope = (category_probabilities(item, THETA + h) - category_probabilities(item, THETA - h)) / (2 * h)
    assert np.allclose(probability_slopes(item, THETA), slope, atol=1e-8)  # differences err by about h²
    p = category_probabilities(item, THETA)
    assert np.allclose(information(item, THETA), (slope**2 / np.maximum(p, 1e-300)).sum(axis=1), atol=1e-5)


def moved(item: ItemParameters, slot: int, by: float) -> ItemParameters:
    a, d, g = item.a.copy(), item.d.copy(), item.g.copy()
    if slot == 0:
        a += by
    elif slot <= d.shape[1]:
        d[0, slot - 1] += by
    else:
        g = 1 / (1 + (1 - g) / g * np.exp(-by))
    return ItemParameters(item.names, item.model, a, d, g, item.categories)


@settings(max_examples=60, deadline=None)
@given(items(), st.integers(0, 2**31))
def test_scores_and_hessian_against_differences(item: ItemParameters, seed: int) -> None:
    theta = np.linspace(-3, 3, 7)
    at = differentiate(item, theta)
    counts = np.random.default_rng(seed).uniform(0, 5, at.log_p.shape)
    h = 1e-5
    n_slots = at.score.shape[2]
    hessian = np.empty((n_slots, n_slots))
    for s in range(n_slots):
        up, down = differentiate(moved(item, s, h), theta), differentiate(moved(item, s, -h), theta)
        assert np.allclose(at.score[0, :, s], (up.log_p - down.log_p)[0] / (2 * h), atol=1e-6)
        hessian[s] = np.einsum("kq,ktq->t", counts[0], (up.score - down.score)[0]) / (2 * h)
    assert np.allclose(complete_hessian(at, counts)[0], hessian, rtol=1e-5, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(items())
def test_expected_information_is_minus_the_expected_hessian(item: ItemParameters) -> None:
    at = differentiate(item, THETA)
    n = np.linspace(1, 2, len(THETA))
    expected = -complete_hessian(at, at.probabilities * n)
    assert np.allclose(expected_information(at, n[None]), expected, atol=1e-8)


def test_slots_hold_what_an_item_has() -> None:
    item = ItemParameters(
        ("x", "y", "z"), ("2pl", "gpcm", "3pl"), np.array([1.0, 2.0, 3.0]),
        np.array([[0.5, np.nan], [0.1, 0.2], [0.3, np.nan]]), np.array([0, 0, 0.2]), np.array([2, 3, 2]),
    )  # fmt: skip
    assert slot_exists(item).tolist() == [
        [True, True, False, False], [True, True, True, False], [True, True, False, True]
    ]  # fmt: skip
    assert slot_values(item, 4)[2, 3] == pytest.approx(np.log(0.2 / 0.8))


def test_graded_curves_keep_their_digits_in_the_tails() -> None:
    p = category_probabilities(one("grm", 2.0, [1.0, 0.0, -1.0]), np.array([-18.0, 18.0]))[0]
    assert p[3, 0] == pytest.approx(1 / (1 + np.exp(37.0)), rel=1e-12)
    assert p[0, 1] == pytest.approx(1 / (1 + np.exp(37.0)), rel=1e-12)
