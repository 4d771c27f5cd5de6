"""Why M2 of 3PL and C2 of GPCM items differ from the reference: two of its derivatives are not those of its model."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scoring.diagnostics import m2
from scoring.irt.curves import ItemParameters, category_probabilities
from tests.scoring.diagnostics.test_fit_statistics import NODES, make_items, normal, reference_case

Derivatives = Callable[[ItemParameters, np.ndarray, np.ndarray, "m2._Moments"], np.ndarray]
TRUE: Derivatives = m2._derivatives


def without_guessing(items: ItemParameters, nodes: np.ndarray, w: np.ndarray, m: "m2._Moments") -> np.ndarray:
    """3PL as the reference has it: θP(1 - P) for a and P(1 - P) for d, right only where g is 0; 1 - P for g is right.

    The true ones are θ and 1 times (P - g)(1 - P)/(1 - g).
    """
    columns = []
    for s, p in enumerate(category_probabilities(items, nodes)[:, 1]):
        for change in (nodes * p * (1 - p), p * (1 - p), 1 - p):
            columns.append(m2._derivative(m, s, np.stack([-change, change]), w))
    return np.stack(columns, axis=1)


def unnormalised(items: ItemParameters, nodes: np.ndarray, w: np.ndarray, m: "m2._Moments") -> np.ndarray:
    """GPCM as the reference has it: numerators not divided by their sum in one term of the derivative by a.

    Expected points have the derivative θ[E(x²) - E(x)·E(x)]; its last E(x) is there a sum of points times numerators
    relative to the greatest numerator. Means of categories (C2) have their true derivatives, means of points (M2*) not.
    """
    out = TRUE(items, nodes, w, m)
    start = len(m.owner) if m.value[0] > 0 else 0
    for s in range(len(items)):
        k = np.arange(int(items.categories[s]))
        z = k[:, None] * items.a[s] * nodes + np.append(0, items.d[s, : len(k) - 1])[:, None]
        numerator = np.exp(z - z.max(axis=0))
        p = numerator / numerator.sum(axis=0)
        change = np.zeros((m.p.shape[1], len(nodes)))
        change[1] = nodes * (k**2 @ p - (k @ p) * (k @ numerator))
        out[start:, s] = m2._derivative(m, s, change, w)[start:]
    return out


@pytest.mark.reference
@pytest.mark.parametrize(
    ("data", "which", "kind", "derivatives"),
    [
        ("SAT12", "3pl_prior_norm", "M2", without_guessing),
        ("SAT12", "3pl_prior_full", "M2", without_guessing),
        ("SAT12", "3pl_prior_expbeta", "M2", without_guessing),
        ("Science", "gpcm", "C2", unnormalised),
        ("timssAusTwn", "gpcm", "C2", unnormalised),
        ("timssAusTwn", "gpcm", "M2*", unnormalised),
    ],
)
def test_the_reference_is_met_with_its_derivatives(
    reference_data: Path, data: str, which: str, kind: str, derivatives: Derivatives, monkeypatch: pytest.MonkeyPatch
) -> None:
    items, x, w, ref = reference_case(reference_data, data, which)
    expected = json.loads((ref / f"mirt_{which}_{kind.replace('*', 'star')}.json").read_text())
    ours = m2.model_fit(items, x, NODES, w, kind=kind)
    monkeypatch.setattr(m2, "_derivatives", derivatives)
    got = m2.model_fit(items, x, NODES, w, kind=kind)
    # everything else is the same arithmetic: only the printed digits of the parameters differ
    assert got.statistic == pytest.approx(expected["M2"], abs=1e-6)
    assert got.df == ours.df == expected["df"]
    # the same df, but not the same statistic: the test would otherwise not tell the two apart
    assert abs(ours.statistic - expected["M2"]) > 1


A = np.array([0.8, 1.1, 1.5, 0.9, 1.3, 1.8, 1.0, 1.4])
LOCATION = np.array([-1.2, 0.8, 0.2, -0.4, 1.0, -0.8, 0.5, 0.0])
THREE = make_items(["3pl"] * 8, A, [[v] for v in LOCATION], np.linspace(0.1, 0.3, 8))
PARTIAL = make_items(["gpcm"] * 8, A, [[v + 0.5, v] for v in LOCATION])


@pytest.mark.parametrize(
    ("items", "kind", "reference"), [(THREE, "M2", without_guessing), (PARTIAL, "C2", unnormalised)]
)
def test_only_the_true_derivatives_forget_the_error_of_estimates(
    items: ItemParameters, kind: str, reference: Derivatives
) -> None:
    """Exact moments of the model, estimates off by h: what is left must be of the fourth order.

    The statistic has its chi-square distribution for every consistent estimator because errors of order h = 1/√N
    leave N·O(h⁴) → 0. If some is left in the second order, N·O(h²) stays however many the students.
    """
    w, rng = normal(), np.random.default_rng(3)
    move = [rng.normal(size=x.shape) for x in (items.a, items.d, items.g)]
    exact = m2._expected(m2._moments(category_probabilities(items, NODES), items.categories, kind), w)

    def left(h: float, derivatives: Derivatives) -> float:
        a, d, g = (x + h * by for x, by in zip((items.a, items.d, items.g), move, strict=True))
        off = ItemParameters(items.names, items.model, a, d, g if kind == "M2" else items.g, items.categories)
        m = m2._moments(category_probabilities(off, NODES), off.categories, kind)
        whiten = m2._whitener(m2._covariance(m, w))
        design = whiten(derivatives(off, NODES, w, m))
        return m2._left_over([whiten(exact - m2._expected(m, w))], [(design, np.zeros((len(exact), 0)))])[0]

    # halving h: 2⁴ and 2², up to the next order of h (a small h, since eight 3PL items show little of the second order)
    assert left(1e-4, TRUE) / left(5e-5, TRUE) == pytest.approx(16, rel=0.1)
    assert left(1e-4, reference) / left(5e-5, reference) == pytest.approx(4, rel=0.1)
