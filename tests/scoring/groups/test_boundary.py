"""Concepts that the answers cannot tell apart: draws exist all the same."""

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring.groups.latent import SMALLEST_EIGENVALUE, inside


def test_a_covariance_inside_is_left_alone_and_one_outside_is_held():
    fine = np.array([[1.0, 0.9], [0.9, 2.0]])
    kept, held = inside(fine)
    assert not held
    assert kept is fine
    shrunk, held = inside(np.array([[1.0, 2.0], [2.0, 4.0]]))
    assert held
    assert np.diag(shrunk) == pytest.approx([1.0, 4.0])
    assert shrunk[0, 1] / 2 == pytest.approx(1 - SMALLEST_EIGENVALUE)


@pytest.mark.filterwarnings("ignore::scoring.irt.errors.ScoringWarning")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_ability_behind_two_concepts_can_be_compared(seed):
    rng = np.random.default_rng(seed)
    n = 600
    district = np.where(np.arange(n) % 2, "A", "B")
    school = np.array([f"{d}{k}" for d, k in zip(district, rng.integers(0, 10, n), strict=True)])
    theta = rng.normal(size=n)
    b = np.tile(np.linspace(-1, 1, 6), 2)
    answers = (rng.random((n, 12)) < 1 / (1 + np.exp(-1.2 * (theta[:, None] - b)))).astype(float)
    table = pd.DataFrame(answers, columns=[f"q{j}" for j in range(12)])
    groups = pd.Series(district)
    profile = scoring.concept_profile(
        table, {f"q{j}": "one" if j < 6 else "two" for j in range(12)}, groups=groups, partner=groups
    )
    drawn = scoring.plausible_values(profile, table, pd.DataFrame({"district": district, "school": school}), [])
    compared = scoring.compare(drawn, cuts={"one": 0.3, "two": 0.3})
    assert np.isfinite(compared[["estimate", "se"]]).all().all()
