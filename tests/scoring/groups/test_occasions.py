"""Change from one model of both times: joined evidence, planted change, coverage where many leave not at random."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from scoring.groups.occasions import MEAN, SHARE, density, join
from scoring.groups.sites import evidence
from scoring.irt.errors import DesignError

SPEC = importlib.util.spec_from_file_location("growth_study", Path(__file__).parents[3] / "studies" / "growth.py")
assert SPEC is not None
assert SPEC.loader is not None
study = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(study)


def test_who_was_absent_has_a_flat_likelihood_and_the_others_their_own():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 2, (6, 16)).astype(np.int8)
    first = evidence(scores, study.LOG_P, study.OF, study.NODES, 2)
    second = evidence(scores[:3], study.LOG_P, study.OF, study.NODES, 2)
    found = join([first, second], [np.arange(6), np.array([4, 0, 2])], 6)
    assert found.log_likelihood.shape == (6, 4, study.NODES.size)
    assert np.array_equal(found.log_likelihood[:, :2], first.log_likelihood)
    assert np.array_equal(found.log_likelihood[[4, 0, 2], 2:], second.log_likelihood)
    assert not found.log_likelihood[[1, 3, 5], 2:].any()
    assert not found.answered[[1, 3, 5], 2:].any()
    with pytest.raises(DesignError, match="cannot be joined"):
        join([first, second], [np.arange(6), np.array([4, 4, 2])], 6)


def test_the_density_is_the_slope_of_a_normal_share():
    from scipy.stats import norm

    step = 1e-5
    slope = (norm.sf(0.5 - step, 0.2, 0.8) - norm.sf(0.5 + step, 0.2, 0.8)) / (2 * step)
    assert density(np.array([0.2, 0.2**2 + 0.64]), 0.5) == pytest.approx(slope, rel=1e-6)
    assert (MEAN, SHARE) == (0, 2)


def test_a_small_version_of_the_study():
    """8 replications of 2 districts, 2 concepts: 32 intervals each for means and shares, of those who stayed and of
    everybody. True coverage .95 gives at most 6 of 32 outside with probability .995 even where concepts go together;
    the bias of the mean change over replications must be within four of its Monte Carlo errors."""
    cell = study.CELLS[0]
    target = np.zeros((2, 2, 2, 2))
    target[0, ..., 0] = study.GROWTH
    with threadpool_limits(limits=1, user_api="blas"):
        rows = [
            row
            for r in range(8)
            for row in study.replication(cell, np.random.default_rng([11, r]), target, r, separate=False)
        ]
    found = pd.DataFrame(rows)
    part = found[(found["who"] == "everybody") & (found["what"] == "mean")]
    assert len(part) == 32
    assert (part["covered"] == 0).sum() <= 6
    assert abs(part["error"].mean()) < 4 * part["error"].std() / np.sqrt(16)
    # the error that is claimed is the error that is made: SD of 32 errors has a Monte Carlo error of 12.5 %
    assert np.sqrt((part["se"] ** 2).mean()) / part["error"].std() == pytest.approx(1, abs=0.4)


def test_the_committed_study_holds():
    """The coverage of the committed cells lies within 92-98 %, widened by three of its Monte Carlo errors where a cell
    has few replications; where it has 300 and more, their mean lies within 94-96 %."""
    table = pd.read_csv(Path(__file__).parents[3] / "studies" / "growth.csv")
    joint = table[table["method"] == "joint model"]
    slack = 3 * joint["mc_error"] * (joint["replications"] < 300)
    assert (joint["coverage"] > 0.92 - slack).all()
    assert (joint["coverage"] < 0.98 + slack).all()
    assert 0.94 <= joint.loc[joint["replications"] >= 300, "coverage"].mean() <= 0.96
