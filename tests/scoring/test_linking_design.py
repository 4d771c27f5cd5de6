"""Plans for links, and the jackknife over anchors."""

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring.irt.errors import DesignError
from scoring.linking_design import anchor_jackknife, plan_link


def responses(rng: np.random.Generator, b: np.ndarray, mean: float, n: int) -> pd.DataFrame:
    theta = rng.normal(mean, 1.0, n)
    p = 1 / (1 + np.exp(-1.2 * (theta[:, None] - b)))
    return pd.DataFrame((rng.random(p.shape) < p).astype(int), columns=[f"x{j}" for j in range(len(b))])


B = np.linspace(-1.5, 1.5, 12)
CONCEPTS = {f"x{j}": "ratios" if j < 6 else "equations" for j in range(12)}


def test_a_plan_takes_concepts_in_turn_and_says_what_they_buy() -> None:
    fit = scoring.calibrate(responses(np.random.default_rng(1), B, 0.0, 1500))
    plan = plan_link(fit, concepts=CONCEPTS, numbers=(4, 6, 10), avoid=["x5"])
    first = plan.items.iloc[:6]
    assert first["concept"].value_counts().to_dict() == {"ratios": 3, "equations": 3}
    assert plan.items.loc["x5", "passed_over"] == "to be avoided"
    assert plan.items.index[-1] == "x5"
    assert plan.precision["se_trend"].is_monotonic_decreasing
    # the samples of two years alone: √(2/1500) = .0365; anchors come on top
    assert plan.precision["se_constants"].iloc[-1] > 0.0365
    assert plan.precision["se_constants"].iloc[-1] == pytest.approx(0.0365, rel=0.6)
    np.testing.assert_allclose(plan.precision["se_anchors"], 0.1 / np.sqrt([4, 6, 10]))
    more = plan_link(fit, n=6000, concepts=CONCEPTS, numbers=(10,))
    assert more.precision["se_constants"].iloc[0] < plan.precision["se_constants"].iloc[-1]


def test_the_planned_precision_is_what_simulation_gives() -> None:
    rng = np.random.default_rng(2)
    fits = [scoring.calibrate(responses(rng, B[2:10], 0.0, 500)) for _ in range(24)]
    links = [
        scoring.link(one, two, anchors=[f"x{j}" for j in range(8)])
        for one, two in zip(fits[::2], fits[1::2], strict=True)
    ]
    planned = [link.se_B for link in links]
    # an SD of 12 values is good to 21 %
    assert np.std([link.B for link in links], ddof=1) == pytest.approx(np.mean(planned), rel=0.6)


def test_too_few_items_for_a_plan() -> None:
    fit = scoring.calibrate(responses(np.random.default_rng(3), B[:4], 0.0, 500))
    with pytest.raises(DesignError, match="1 items can serve"):
        plan_link(fit, avoid=["x0", "x1", "x2"])


def test_the_jackknife_sees_drifting_anchors() -> None:
    rng = np.random.default_rng(4)
    steady = [responses(rng, B[:8], m, 1200) for m in (0.0, 0.3)]
    drifted = [steady[0], responses(rng, B[:8] + rng.normal(0, 0.5, 8), 0.3, 1200)]
    year = pd.Series(np.repeat(["2024", "2025"], 1200))
    calm, restless = (anchor_jackknife(pd.concat(d, ignore_index=True), year) for d in (steady, drifted))
    assert list(calm.index) == ["2025"]
    assert calm.loc["2025", "anchors"] == 8
    # drift of SD .5 over 8 anchors: .5/√8 = .18; without any, the items' sampling errors: about .03
    assert calm.loc["2025", "se_anchors"] < 0.08
    assert restless.loc["2025", "se_anchors"] == pytest.approx(0.18, rel=0.5)
    with pytest.raises(DesignError):
        anchor_jackknife(pd.concat(steady, ignore_index=True), year, anchors=["x0", "x1"])
