"""Posteriors of students on the nodes, also where the likelihood of a long test underflows."""

import numpy as np
import pytest
from scipy.special import logsumexp

from scoring.irt.estep import posterior


@pytest.mark.parametrize("columns", [5, 60, 3000])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_posterior_is_the_normalised_product(columns, kind):
    rng = np.random.default_rng(columns)
    logs = np.log(rng.uniform(0.05, 0.95, (columns, 21)))
    base = np.log(rng.dirichlet(np.ones(21)))
    onehot = rng.integers(0, 2, (40, columns)).astype(np.int8)
    onehot[0] = 0  # nothing answered: the posterior is the prior
    weights = rng.uniform(0.5, 2.0, 40)
    post, log_l, x = posterior(onehot, logs.astype(kind), base.astype(kind), weights)
    exponent = onehot.astype(float) @ logs + base
    total = logsumexp(exponent, axis=1)
    assert (total.min() < -700) == (columns == 3000)  # the long test does underflow
    # the sums' rounding: 1e-16 (1e-7) of an exponent, times the exponent's size
    tolerance = (1e-15 if kind is np.float64 else 1e-6) * max(1.0, -exponent.min())
    np.testing.assert_allclose(post, weights[:, None] * np.exp(exponent - total[:, None]), atol=tolerance)
    np.testing.assert_allclose(log_l, total, rtol=1e-6 if kind is np.float32 else 1e-14, atol=tolerance)
    np.testing.assert_allclose(post[0], weights[0] * np.exp(base), rtol=1e-12 if kind is np.float64 else 1e-5)
    assert x.dtype == kind
