"""Growth over three occasions on tables: absences, subgroups, a link that carries the scale."""

import numpy as np
import pandas as pd
import pytest

from scoring.frozen_profile import FrozenProfile
from scoring.irt.curves import ItemParameters
from scoring.irt.errors import DesignError
from scoring.trends.growth import Bridge, Sat, growth

PER, CONCEPTS = 8, ("ratios", "geometry")
GAIN = np.array([0.3, -0.3])


def profile(scale: float = 1.0, shift: float = 0.0) -> FrozenProfile:
    """Items whose abilities are reported as scale·θ + shift."""
    a = np.tile([0.9, 1.4, 1.1, 1.6], 4) / scale
    b = scale * np.tile(np.linspace(-1.4, 1.4, PER), 2) + shift
    items = ItemParameters(
        tuple(f"i{j}" for j in range(2 * PER)), ("2pl",) * (2 * PER), a, (-a * b)[:, None], np.zeros(2 * PER),
        np.full(2 * PER, 2),
    )  # fmt: skip
    return FrozenProfile(items, np.repeat([0, 1], PER), CONCEPTS, np.zeros(2), np.eye(2), scale * np.zeros(2) + shift,
                         np.ones(2, dtype=bool), np.linspace(-6, 6, 49))  # fmt: skip


@pytest.fixture(scope="module")
def cohort():
    """600 students in 12 schools of two districts; learners lie .5 lower and gain .2 less a year on both concepts."""
    rng = np.random.default_rng(4)
    n = 600
    school = np.arange(n) % 12
    learner = rng.random(n) < 0.4
    theta = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], n) - 0.5 * learner[:, None]
    p = profile().items
    occasions = []
    for t in range(3):
        here = theta + t * GAIN - 0.2 * t * learner[:, None] + 0.3 * rng.standard_normal((n, 2))
        chance = 1 / (1 + np.exp(-(p.a * np.repeat(here, PER, axis=1) + p.d[:, 0])))
        scores = pd.DataFrame((rng.random(chance.shape) < chance).astype(int), columns=list(p.names))
        absent = rng.random(n) < (0.0, 0.2, 0.3)[t]
        occasions.append(scores[~absent])
    persons = pd.DataFrame({"district": np.where(school < 6, "A", "B"), "school": [f"s{s}" for s in school],
                            "language": np.where(learner, "EL", "EO")})  # fmt: skip
    return occasions, persons


def test_three_occasions_with_absences_and_subgroups(cohort):
    occasions, persons = cohort
    known = [{c: Bridge(1.0, 0.0, 0.0, True) for c in CONCEPTS}] * 3
    model = growth([Sat(o, profile()) for o in occasions], persons, CONCEPTS, known, ("language",))
    found = model.changes(0, 2).set_index(["group", "who", "concept", "measure"])
    for district in "AB":
        for concept, gain in zip(CONCEPTS, GAIN, strict=True):
            for label, true in (("EL", 2 * gain - 0.4), ("EO", 2 * gain)):
                row = found.loc[(f"{district}, language {label}", "everybody", concept, "mean")]
                assert row["low"] - 0.1 < true < row["high"] + 0.1
                assert row["change"] == pytest.approx(true, abs=3.5 * row["se"])
    both = found.loc[("A", "both", "ratios", "mean"), "students"]
    assert both == (model.present[(persons["district"] == "A").to_numpy()].all(axis=1)).sum()
    assert found.loc[("A", "everybody", "ratios", "mean"), "students"] == 300
    # a year and a year make two
    steps = [
        model.changes(a, b).set_index(["group", "who", "concept", "measure"])["change"] for a, b in ((0, 1), (1, 2))
    ]
    assert np.allclose(steps[0] + steps[1], found["change"])
    # residuals of SD 1 and a new part of SD .3 each time: 1/1.09
    assert model.correlations()["students"].between(0.75, 0.99).all()


def test_the_scale_of_an_occasion_does_not_matter_where_a_link_carries_it(cohort):
    """The first occasion reported as .8θ - .5, and a bridge that says so, gives the same change."""
    occasions, persons = cohort
    here = {c: Bridge(1.0, 0.0, 0.0, True) for c in CONCEPTS}
    there = {c: Bridge(1 / 0.8, 0.5 / 0.8, 0.1, True) for c in CONCEPTS}
    plain = growth([Sat(o, profile()) for o in occasions[::2]], persons, CONCEPTS, [here, here])
    moved = growth([Sat(occasions[0], profile(0.8, -0.5)), Sat(occasions[2], profile())], persons, CONCEPTS,
                   [there, here])  # fmt: skip
    one, two = plain.changes(0, 1), moved.changes(0, 1)
    assert np.allclose(one["change"], two["change"], atol=1e-6)
    means = two["measure"] == "mean"
    # the link's error is added to the variance of the mean as it is
    assert np.allclose(two.loc[means, "se"] ** 2, one.loc[means, "se"] ** 2 + 0.01, rtol=1e-6)
    assert (two.loc[~means, "se_linking"] < 0.1).all()
    # without a link nothing is said of means
    alone = growth([Sat(o, profile()) for o in occasions[::2]], persons, CONCEPTS).changes(0, 1)
    assert set(alone["measure"]) == {"share"}
    assert alone["se_linking"].isna().all()


def test_what_cannot_be_followed_is_refused(cohort):
    occasions, persons = cohort
    with pytest.raises(DesignError, match="1 occasions"):
        growth([Sat(occasions[0], profile())], persons, CONCEPTS)
    with pytest.raises(DesignError, match="no items"):
        growth([Sat(occasions[0], profile()), Sat(occasions[1][["i0", "i1"]], profile())], persons, CONCEPTS)
