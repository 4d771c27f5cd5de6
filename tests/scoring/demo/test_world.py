"""The simulated districts are what they claim to be."""

import numpy as np
import pytest

from scoring.demo.world import DISTRICTS, DemoItem, simulate_districts


@pytest.fixture(scope="module")
def items() -> list[DemoItem]:
    return [
        DemoItem(f"I{c}{k}", f"c{c}", 0.3 + 0.06 * k, "A", {"B": "m1", "C": "m2", "D": "m3"}, points=2 if k == 7 else 1)
        for c in range(3)
        for k in range(8)
    ]


def test_same_seed_same_world_and_another_seed_another(items):
    one, two, three = (simulate_districts(items, 600, seed=s) for s in (3, 3, 4))
    assert one.answers.equals(two.answers)
    assert not one.answers.equals(three.answers)


def test_planted_gaps_spread_and_shares(items):
    # 200 worlds of few schools would be slow; one large world with no school effect has sampling error .007
    world = simulate_districts(items, 80_000, seed=5, intraclass=0.0)
    side = world.persons["district"] == DISTRICTS[1]
    difference = world.theta[side].mean() - world.theta[~side].mean()
    for concept, gap in world.truth.gap.items():
        assert difference[concept] == pytest.approx(gap, abs=4 * 0.0072)
    pooled = (world.theta[side].var() + world.theta[~side].var()) / 2 + difference**2 / 4
    assert np.allclose(pooled, 1, atol=0.02)  # SE of a variance of 80,000 students is .005; two of them
    learners = (world.persons["language"] == "EL").groupby(world.persons["district"]).mean()
    assert learners[DISTRICTS[0]] == pytest.approx(0.260, abs=0.01)
    assert learners[DISTRICTS[1]] == pytest.approx(0.237, abs=0.01)


def test_shares_correct_follow_the_items(items):
    world = simulate_districts(items, 40_000, seed=6, intraclass=0.0, dif=0.0)
    for item in items:
        score = world.scored[item.name].replace({"O": 0, "R": np.nan}).astype(float)
        # not-reached students are the weaker ones, so the ends may be a little high
        assert score.mean() / item.points == pytest.approx(item.share, abs=0.02)


def test_answers_agree_with_scores(items):
    world = simulate_districts(items, 500, seed=7)
    for item in items:
        if item.points == 1:
            right = world.answers[item.name] == item.key
            assert (world.scored[item.name][right] == 1).all()
            assert not (world.scored[item.name][~right] == 1).any()
    assert world.answers.index.equals(world.scored.index)
    assert len(world.answers) < len(world.persons)  # some were absent


def test_one_reversed_concept_and_two_items_with_dif_elsewhere(items):
    truth = simulate_districts(items, 300, seed=8).truth
    assert sorted(np.sign(list(truth.gap.values()))) == [-1, -1, 1]
    assert sorted(truth.dif.values()) == [-0.9, 0.9]
    planted = truth.items.loc[list(truth.dif), "concept"]
    assert truth.reversed_concept not in set(planted)
    assert planted.nunique() == 2
