"""Linking constants against equateIRT, against exact transformations, and their errors by simulation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import roots_hermitenorm

from scoring.irt import linking, linking_drift
from scoring.irt.curves import ItemParameters, category_probabilities
from scoring.irt.errors import DesignError

MODELS = {"est2pl": "2pl", "est3pl": "3pl", "estrasch": "rasch"}
LABELS = {"Dffclt": "b", "Dscrmn": "a", "Gussng": "g"}
UNIFORM = (np.linspace(-4, 4, 40), np.ones(40))


def read_form(place: Path, model: str, form: int) -> tuple[ItemParameters, pd.DataFrame]:
    values = pd.read_csv(place / f"{model}_form{form}_irtpars.csv").set_index("parameter")["value"]
    covariance = pd.read_csv(place / f"{model}_form{form}_irtpars_var.csv", index_col=0)
    names = [n.split(".")[1] for n in values.index if n.startswith("Dffclt")]
    b = np.array([values[f"Dffclt.{n}"] for n in names])
    a = np.array([values.get(f"Dscrmn.{n}", 1.0) for n in names])
    g = np.array([values.get(f"Gussng.{n}", 0.0) for n in names])
    items = ItemParameters(tuple(names), (MODELS[model],) * len(names), a, (-a * b)[:, None], g, np.full(len(names), 2))
    return items, covariance


def side(items: ItemParameters, covariance: pd.DataFrame, anchors: list[str]) -> linking.Side:
    some = items.select(np.array([items.names.index(n) for n in anchors]))
    parts = [(c, *c.split(".")) for c in covariance.columns]
    chosen = [(c, anchors.index(n), LABELS[t]) for c, t, n in parts if n in anchors]
    columns = [c for c, _, _ in chosen]
    return linking.Side(some, tuple((j, t) for _, j, t in chosen), covariance.loc[columns, columns].to_numpy())


@pytest.mark.reference
@pytest.mark.parametrize("model", MODELS)
def test_every_method_equals_equateirt(reference_data: Path, model: str) -> None:
    place = reference_data / "equateIRT_SIMULATED" / "ref"
    forms = {f: read_form(place, model, f) for f in range(1, 6)}
    x, w = roots_hermitenorm(30)
    for _, row in pd.read_csv(place / f"linking_{model}.csv").iterrows():
        (old, old_v), (new, new_v) = forms[row["from"]], forms[row["to"]]
        anchors = [n for n in old.names if n in new.names]
        assert len(anchors) == row["n_common"]
        method = row["method"].lower()
        nodes, weights = (x, w / w.sum()) if "Gauss" in row["integration"] else UNIFORM
        got = linking.constants(side(old, old_v, anchors), side(new, new_v, anchors), method, nodes, weights)
        # equateIRT's own search stops at about 1e-7
        assert pytest.approx((row["A"], row["B"]), abs=1e-6) == (got.A, got.B)
        errors = np.array([*np.sqrt(np.diag(got.covariance)), got.covariance[0, 1]])
        expected = row[["se_A", "se_B", "cov_AB"]].to_numpy(float)
        if method == "mean-sigma" and model != "estrasch":
            # equateIRT derives A = s_to/s_from with variances over n - 1 but divides by n: its SE of A is too small
            # by (n - 1)/n. The next test shows by simulation whose is right.
            assert errors[0] * (len(anchors) - 1) / len(anchors) == pytest.approx(expected[0], abs=1e-8)
        else:
            np.testing.assert_allclose(errors, expected, atol=1e-6)


@pytest.mark.reference
def test_standard_error_of_mean_sigma_is_the_one_simulation_gives(reference_data: Path) -> None:
    place = reference_data / "equateIRT_SIMULATED" / "ref"
    (old, old_v), (new, new_v) = (read_form(place, "est2pl", f) for f in (1, 2))
    anchors = [n for n in old.names if n in new.names]
    one, two = side(old, old_v, anchors), side(new, new_v, anchors)
    got = linking.constants(one, two, "mean-sigma", *UNIFORM)
    rng = np.random.default_rng(1)
    draws = []
    for end in (one, two):
        at = [i for i, (_, label) in enumerate(end.parameters) if label == "b"]
        order = [end.parameters[i][0] for i in at]
        b = linking.difficulties(end.items)[order]
        draws.append(rng.multivariate_normal(b, end.covariance[np.ix_(at, at)], 40_000))
    slope = draws[1].std(axis=1) / draws[0].std(axis=1)
    # 40,000 draws: relative error of a standard deviation .0035; equateIRT's value is 10 % lower
    assert np.sqrt(got.covariance[0, 0]) == pytest.approx(slope.std(), rel=0.015)


def some_items(kind: str) -> ItemParameters:
    nan = np.nan
    if kind == "mixed":
        return ItemParameters(
            ("two", "guess", "graded", "partial"),
            ("2pl", "3pl", "grm", "gpcm"),
            np.array([0.8, 1.4, 1.1, 0.7]),
            np.array([[0.3, nan, nan], [-0.5, nan, nan], [1.5, 0.2, -1.0], [0.4, -0.3, nan]]),
            np.array([0.0, 0.2, 0.0, 0.0]),
            np.array([2, 2, 4, 3]),
        )
    d = np.array([1.0, 0.2, -0.7])[:, None]
    return ItemParameters(("p", "q", "r"), ("rasch",) * 3, np.ones(3), d, np.zeros(3), np.full(3, 2))


def test_transformed_items_have_the_same_curves() -> None:
    items = some_items("mixed")
    theta = np.linspace(-3, 3, 25)
    moved = linking.transform(items, 1.3, -0.4)
    np.testing.assert_allclose(
        category_probabilities(moved, 1.3 * theta - 0.4), category_probabilities(items, theta), atol=1e-12
    )
    np.testing.assert_allclose(moved.b[0, 0], 1.3 * items.b[0, 0] - 0.4)
    np.testing.assert_allclose(moved.b[3, :2], 1.3 * items.b[3, :2] - 0.4)


@pytest.mark.parametrize("method", linking.METHODS)
def test_an_exact_transformation_is_found(method: linking.LinkMethod) -> None:
    items = some_items("mixed")
    got = linking.constants(linking.Side(items), linking.Side(linking.transform(items, 1.25, -0.35)), method, *UNIFORM)
    assert pytest.approx((1.25, -0.35), abs=1e-7) == (got.A, got.B)
    assert np.isnan(got.covariance).all()


@pytest.mark.parametrize("method", linking.METHODS)
def test_rasch_items_have_no_slope_to_link(method: linking.LinkMethod) -> None:
    items = some_items("rasch")
    got = linking.constants(linking.Side(items), linking.Side(linking.transform(items, 1.0, 0.6)), method, *UNIFORM)
    assert got.A == 1.0
    assert pytest.approx(0.6, abs=1e-9) == got.B


@pytest.mark.parametrize("method", linking.METHODS)
def test_derivatives_are_those_of_the_whole_solution(method: linking.LinkMethod) -> None:
    items = some_items("mixed")
    rng = np.random.default_rng(2)
    other = linking.transform(items, 1.1, 0.2)
    noisy = ItemParameters(
        other.names, other.model, other.a * np.exp(rng.normal(0, 0.1, 4)), other.d + 0.1, other.g, other.categories
    )
    names = ((0, "a"), (0, "d"), (1, "logit_g"), (2, "d2"), (3, "a"))
    one, two = (linking.Side(x, names, np.eye(5)) for x in (items, noisy))
    got = linking.constants(one, two, method, *UNIFORM)
    h = 1e-4
    for k, (item, label) in enumerate(names):
        ends = [
            linking.constants(linking.Side(linking.changed(items, item, label, s)), two, method, *UNIFORM)
            for s in (h, -h)
        ]
        slope = np.array([ends[0].A - ends[1].A, ends[0].B - ends[1].B]) / (2 * h)
        # second-order error of the difference h², and of a search to 1e-9 over h
        np.testing.assert_allclose(got.from_slope[:, k], slope, atol=2e-5)


def test_items_that_cannot_be_anchors_are_named_together() -> None:
    items = some_items("mixed")
    bad = ItemParameters(
        items.names, ("grm", "3pl", "grm", "gpcm"), items.a * [1, -1, 1, 1], items.d, items.g, np.array([2, 2, 4, 2])
    )
    with pytest.raises(DesignError) as refused:
        linking.constants(linking.Side(items), linking.Side(bad), "mean-mean", *UNIFORM)
    assert [d.split(":")[0] for d in refused.value.details] == ["two", "guess", "partial"]
    alone = linking.Side(items.select(np.array([0])))
    with pytest.raises(DesignError, match="1 common items"):
        linking.constants(alone, alone, "mean-mean", *UNIFORM)


def two_pl(b: np.ndarray, a: float = 1.1) -> ItemParameters:
    n = len(b)
    names = tuple(f"i{j}" for j in range(n))
    return ItemParameters(names, ("2pl",) * n, np.full(n, a), (-a * b)[:, None], np.zeros(n), np.full(n, 2))


def test_planted_drift_is_found_and_removed_within_the_bound() -> None:
    rng = np.random.default_rng(3)
    b = np.linspace(-1.5, 1.5, 20)
    moved = b + rng.normal(0, 0.03, 20)
    moved[[4, 11]] += [0.6, -0.5]

    def evaluate(which: np.ndarray) -> linking_drift.Drift:
        one, two = linking.Side(two_pl(b[which])), linking.Side(two_pl(moved[which]))
        return linking_drift.drift(one, two, linking.constants(one, two, "stocking-lord", *UNIFORM), *UNIFORM)

    names = [f"i{j}" for j in range(20)]
    keep, removed, protected = linking_drift.bounded_removal(names, evaluate)
    assert removed == ("i4", "i11")
    assert protected == ()
    assert len(keep) == 18
    first = evaluate(np.arange(20))
    assert first.displacement[4] == pytest.approx(0.6, abs=0.15)  # the link itself is drawn along a little
    assert first.rmsd.argmax() == 4
    # a concept with three anchors: a fifth of them is none
    concepts = ["few" if j in (4, 5, 6) else "many" for j in range(20)]
    _, removed, protected = linking_drift.bounded_removal(names, evaluate, concepts)
    assert removed == ("i11",)
    assert protected == ("i4",)


def test_robust_z_is_not_pulled_by_an_outlier() -> None:
    d = np.array([-0.02, -0.01, 0.0, 0.01, 0.02, 3.0])
    z = linking_drift.robust_z(d)
    low, high = np.quantile(d, [0.25, 0.75])
    np.testing.assert_allclose(z, (d - 0.005) / (0.74 * (high - low)))
    assert z[-1] > 50
    assert np.abs(z[:-1]).max() < 2


def test_linking_variance_recovers_the_spread_of_true_drift() -> None:
    rng = np.random.default_rng(4)
    k, tau = 12, 0.2
    # errors that all anchors share (the origin's) and errors of their own
    covariance = 0.05 + np.diag(np.full(k, 0.03))
    values, naive = [], []
    for _ in range(3000):
        d = rng.normal(0, tau, k) + rng.multivariate_normal(np.zeros(k), covariance)
        values.append(linking_drift.linking_variance(d, covariance))
        naive.append(linking_drift.linking_variance(d, np.full((k, k), np.nan)))
    # truncation at 0 lifts the mean a little: 2 % here; Monte Carlo error 1.5 %
    assert np.mean(values) == pytest.approx(tau**2 / k, rel=0.06)
    assert np.mean(naive) == pytest.approx((tau**2 + 0.03) / k, rel=0.03)


def test_standard_errors_of_displacements() -> None:
    rng = np.random.default_rng(5)
    b = np.linspace(-1, 1, 6)
    names = tuple((j, "b") for j in range(6))
    v = 0.01 * np.eye(6) + 0.002
    ends = (linking.Side(two_pl(b), names, v), linking.Side(two_pl(b), names, v))
    got = linking_drift.location_covariance(*ends, 1.2)
    draws = rng.multivariate_normal(b, v, 100_000) - 1.2 * rng.multivariate_normal(b, v, 100_000)
    np.testing.assert_allclose(got, np.cov(draws.T), atol=6e-4)
