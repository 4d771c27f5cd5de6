"""Swapping the districts' labels changes no student's score or verdict, whatever the design."""

import warnings

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import scoring
from scoring.irt.curves import ItemParameters, category_probabilities
from scoring.irt.errors import ScoringWarning

MIXES = (("2pl",), ("2pl", "gpcm"), ("2pl", "grm", "2pl"), ("2pl", "3pl", "gpcm"))
CONCEPTS, PER_CONCEPT = 2, 5


def world(sizes: tuple[int, int], mix: tuple[str, ...], by_design: bool, weighted: bool, seed: int):
    """Answers, models, concepts, districts and weights of two unequal districts that differ concept by concept."""
    rng = np.random.default_rng(seed)
    n, items = sum(sizes), CONCEPTS * PER_CONCEPT
    kinds = tuple(mix[j % len(mix)] for j in range(items))
    theta = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], n)
    theta[: sizes[0]] += [-0.4, 0.3]
    names = [f"i{j}" for j in range(items)]
    answers = np.zeros((n, items))
    for j, kind in enumerate(kinds):
        steps = 2 if kind in ("gpcm", "grm") else 1
        d = rng.normal(0, 0.6, 1) + (np.array([0.6, -0.6]) if steps == 2 else np.zeros(1))
        one = ItemParameters(
            ("x",), (kind,), rng.uniform(0.9, 1.7, 1), d[None], np.full(1, 0.2 * (kind == "3pl")), np.array([steps + 1])
        )
        p = category_probabilities(one, theta[:, j // PER_CONCEPT])[0]
        answers[:, j] = (rng.random(n) > np.cumsum(p, axis=0)[:-1]).sum(axis=0)
    frame = pd.DataFrame(answers, columns=names)
    if by_design:  # two booklets, each without two items, and one item that one district never saw
        frame.iloc[::2, [0, 6]] = np.nan
        frame.iloc[1::2, [4, 9]] = np.nan
        frame.iloc[: sizes[0], 2] = np.nan
    district = pd.Series(np.repeat(["north", "south"], sizes))
    weights = pd.Series(rng.uniform(0.5, 2.0, n)) if weighted else None
    concept = {name: f"c{j // PER_CONCEPT}" for j, name in enumerate(names)}
    return frame, dict(zip(names, kinds, strict=True)), concept, district, weights


designs = st.tuples(
    st.tuples(st.integers(150, 250), st.integers(250, 700)),
    st.sampled_from(MIXES),
    st.booleans(),
    st.booleans(),
    st.integers(0, 1000),
)


@settings(max_examples=6)
@given(designs)
def test_no_score_or_verdict_of_a_student_depends_on_the_labels(design) -> None:
    frame, models, concepts, district, weights = world(*design)
    swapped = district.map({"north": "south", "south": "north"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoringWarning)  # small samples: a correlation of 1 is possible, and named
        first, second = (
            scoring.concept_profile(frame, concepts, groups=labels, model=models, weights=weights)
            for labels in (district, swapped)
        )
    pd.testing.assert_frame_equal(first.scores, second.scores, check_exact=True)
    pd.testing.assert_frame_equal(first.evidence, second.evidence, check_exact=True)
    pd.testing.assert_frame_equal(first.cuts, second.cuts, check_exact=True)


@settings(max_examples=6)
@given(designs)
def test_no_score_over_all_items_depends_on_the_labels(design) -> None:
    frame, models, _, district, weights = world(*design)
    swapped = district.map({"north": "south", "south": "north"})
    fits = [
        scoring.calibrate(frame, model=models, groups=labels, weights=weights, max_iterations=200)
        for labels in (district, swapped)
    ]
    for method in ("eap", "map", "wle"):
        one, other = (scoring.score(fit, frame, method) for fit in fits)
        # 1e-8, the bound for parameters: the groups' sums are added in another order
        pd.testing.assert_frame_equal(one, other, rtol=0, atol=1e-8)
