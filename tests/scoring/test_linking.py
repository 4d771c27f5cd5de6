"""Linking on tables and fits, chains, and trends recovered over simulated years."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring.irt.errors import DesignError
from scoring.linking import Link, average, chain

LABELS = {"Dffclt": "b", "Dscrmn": "a", "Gussng": "g"}


def reference_form(place: Path, model: str, form: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    values = pd.read_csv(place / f"{model}_form{form}_irtpars.csv").set_index("parameter")["value"]
    parts = [p.split(".") for p in values.index]
    long = pd.DataFrame(
        {"kind": [LABELS[k] for k, _ in parts], "item": [n for _, n in parts], "value": values.to_numpy()}
    )
    items = long.pivot(index="item", columns="kind", values="value").assign(model=model.replace("est", ""))
    covariance = pd.read_csv(place / f"{model}_form{form}_irtpars_var.csv", index_col=0)
    names = [f"{n}:{LABELS[k]}" for k, n in (c.split(".") for c in covariance.columns)]
    return items, covariance.set_axis(names, axis=0).set_axis(names, axis=1)


@pytest.mark.reference
@pytest.mark.parametrize("model", ["est2pl", "est3pl", "estrasch"])
def test_tables_and_covariances_give_the_reference(reference_data: Path, model: str) -> None:
    place = reference_data / "equateIRT_SIMULATED" / "ref"
    table = pd.read_csv(place / f"linking_{model}.csv")
    forms = {f: reference_form(place, model, f) for f in (1, 2, 3)}
    for _, row in table[table["integration"].str.startswith(("-", "unweighted")) & table["to"].isin([2, 3])].iterrows():
        if row["method"] == "mean-sigma":  # its standard error: tests/scoring/irt/test_linking.py
            continue
        (old, old_v), (new, new_v) = forms[row["from"]], forms[row["to"]]
        got = scoring.link(old, new, method=row["method"].lower(), covariances=(old_v, new_v), nodes=40, bound=4)
        found = (got.A, got.B, got.se_A, got.se_B, got.cov_AB)
        assert found == pytest.approx(tuple(row[["A", "B", "se_A", "se_B", "cov_AB"]]), abs=1e-6)
        assert len(got.anchors) == row["n_common"]


@pytest.mark.reference
def test_chains_equal_equateirt(reference_data: Path) -> None:
    place = reference_data / "equateIRT_SIMULATED" / "ref"
    text = (place / "chain_haebara_est2pl.txt").read_text()
    forms = {f: reference_form(place, "est2pl", f) for f in range(1, 6)}
    x, w = np.polynomial.hermite_e.hermegauss(30)
    links: dict[tuple[int, int], Link] = {}
    number = r"\s+(-?[\d.]+)\s+([\d.]+)"
    found = re.findall(rf"Path: (\S+) *\n.*?\nA{number}\s*\nB{number}", text, flags=re.S)
    assert len(found) >= 10
    for path, *expected in found:
        steps = [int(p[4:]) for p in path.split(".")]
        for one, two in pairwise(steps):
            if (one, two) not in links:
                (old, old_v), (new, new_v) = forms[one], forms[two]
                links[one, two] = scoring.link(
                    old, new, method="haebara", covariances=(old_v, new_v), nodes=x, weights=w / w.sum(),
                    names=(f"form {one}", f"form {two}"),
                )  # fmt: skip
        whole = chain(*(links[pair] for pair in pairwise(steps)))
        a, se_a, b, se_b = map(float, expected)
        # printed to five decimals
        assert (whole.A, whole.se_A, whole.B, whole.se_B) == pytest.approx((a, se_a, b, se_b), abs=6e-6)


ITEMS = pd.DataFrame({"model": "2pl", "a": [1.0, 1.3, 0.8, 1.1, 0.9], "d": [0.5, 0.0, -0.4, 1.0, -1.0]}, list("pqrst"))


def moved(items: pd.DataFrame, A: float, B: float) -> pd.DataFrame:
    return items.assign(a=items["a"] / A, d=items["d"] - items["a"] * B / A)


def test_a_link_moves_items_and_scores_alike() -> None:
    got = scoring.link(ITEMS, moved(ITEMS, 1.2, 0.3), nodes=40, bound=4)
    assert pytest.approx((1.2, 0.3), abs=1e-8) == (got.A, got.B)
    table = got.items(ITEMS)
    np.testing.assert_allclose(table["a"], ITEMS["a"] / 1.2, atol=1e-8)
    np.testing.assert_allclose(table["b"], -1.2 * ITEMS["d"] / ITEMS["a"] + 0.3, atol=1e-7)
    answers = pd.DataFrame([[1, 0, 1, 1, 0]], columns=list("pqrst"))
    old = scoring.score(ITEMS, answers, method="mle")["theta"].iloc[0]
    assert scoring.score(table, answers, method="mle")["theta"].iloc[0] == pytest.approx(got.theta(old), abs=1e-6)
    assert np.isnan(got.se_A)
    assert (got.drift["displacement"].abs() < 1e-7).all()


def test_a_chain_of_exact_links_is_exact_and_must_fit_together() -> None:
    second, third = moved(ITEMS, 1.2, 0.3), moved(moved(ITEMS, 1.2, 0.3), 0.9, -0.5)
    one, two = scoring.link(ITEMS, second), scoring.link(second, third)
    whole = chain(one, two)
    direct = scoring.link(ITEMS, third)
    assert pytest.approx((direct.A, direct.B), abs=1e-7) == (whole.A, whole.B)
    with pytest.raises(DesignError, match="do not make a chain"):
        chain(two, one)


def test_anchors_can_be_chosen_and_must_exist() -> None:
    other = moved(ITEMS, 1.0, 0.2)
    other.loc["t", "d"] += 2.0
    everything = scoring.link(ITEMS, other)
    assert abs(everything.B - 0.2) > 0.1
    got = scoring.link(ITEMS, other, anchors=list("pqrs"))
    assert pytest.approx(0.2, abs=1e-8) == got.B
    assert got.anchors == ("p", "q", "r", "s")
    with pytest.raises(DesignError) as refused:
        scoring.link(ITEMS, other, anchors=["p", "zz"])
    assert refused.value.details == ("zz",)


@pytest.mark.parametrize(
    "arguments",
    [{"method": "equipercentile"}, {"weights": "none"}, {"drifted": "drop"}, {"nodes": np.array([0.0])}],
)
def test_refusals(arguments: dict[str, object]) -> None:
    with pytest.raises(DesignError):
        scoring.link(ITEMS, ITEMS, **arguments)


def year(rng: np.random.Generator, b: np.ndarray, mean: float, n: int, names: list[str]) -> pd.DataFrame:
    theta = rng.normal(mean, 1.0, n)
    p = 1 / (1 + np.exp(-1.2 * (theta[:, None] - b)))
    return pd.DataFrame((rng.random(p.shape) < p).astype(int), columns=names)


def test_a_trend_over_three_years_with_drifting_anchors() -> None:
    rng = np.random.default_rng(6)
    names = [f"x{j}" for j in range(40)]
    b = np.concatenate([np.linspace(-1.5, 1.5, 20)] * 2)
    trend = [0.0, 0.15, 0.30]
    used = [range(0, 24), range(12, 36), range(12, 40)]
    gaps, inside, caught = [], 0, 0
    for _ in range(4):
        now = b.copy()
        fits = []
        for k, mean in enumerate(trend):
            if k == 2:
                now[[14, 21]] += [0.8, -0.7]
            chosen = list(used[k])
            data = year(rng, now[chosen], mean, 1500, [names[j] for j in chosen])
            fits.append(scoring.calibrate(data))
        back = [scoring.link(fits[2], fits[1], drifted="remove"), scoring.link(fits[1], fits[0])]
        whole = chain(*back)
        gaps.append(whole.theta(0.0) - trend[2])
        low, high = whole.interval(0.0)  # the students' sampling is in the items' covariances
        inside += low < trend[2] < high
        caught += {"x14", "x21"} <= set(back[0].removed)
    assert caught == 4
    # standard error of one trend about .05 (sampling of 1,500 students twice, two links), of the mean of 4 about .025
    assert abs(np.mean(gaps)) < 0.075
    assert inside >= 3
    assert np.std(gaps) < 0.1


def test_links_of_fits_take_their_covariances() -> None:
    rng = np.random.default_rng(7)
    names = [f"x{j}" for j in range(15)]
    b = np.linspace(-1.5, 1.5, 15)
    one, two = (scoring.calibrate(year(rng, b, m, 1500, names)) for m in (0.4, 0.0))
    got = scoring.link(one, two)
    assert pytest.approx(1.0, abs=0.12) == got.A
    assert pytest.approx(0.4, abs=0.15) == got.B
    # of two means of 1,500: .037; the rest from the items
    assert 0.03 < got.se_B < 0.07
    assert got.variance() == pytest.approx(got.se_B**2 + got.linking_variance)
    assert got.variance(1.0, anchors=False) == pytest.approx(got.se_B**2 + 2 * got.cov_AB + got.se_A**2)


def test_an_average_of_two_ways_counts_what_they_share_once() -> None:
    rng = np.random.default_rng(8)
    names = [f"x{j}" for j in range(15)]
    b = np.linspace(-1.5, 1.5, 15)
    one, two, three = (scoring.calibrate(year(rng, b, m, 800, names)) for m in (0.4, 0.2, 0.0))
    direct = scoring.link(one, three, anchors=names[:8])
    around = chain(scoring.link(one, two, anchors=names[5:]), scoring.link(two, three, anchors=names[5:]))
    both = average(direct, around)
    # the samples of the first and the last year are in both ways: √(2/800) = .05 cannot be averaged away
    assert 0.05 < both.se_B < min(direct.se_B, around.se_B)
    alone = average(direct, direct)
    assert (alone.A, alone.B, alone.se_B) == pytest.approx((direct.A, direct.B, direct.se_B), rel=1e-9)
    with pytest.raises(DesignError, match="cannot be averaged"):
        average(direct, scoring.link(one, two))
    with pytest.raises(DesignError, match="part of a chain"):
        chain(both, scoring.link(three, two))
