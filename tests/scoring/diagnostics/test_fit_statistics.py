"""Fit statistics against reference results at the reference parameters, brute force, and their null distributions."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest, multivariate_normal

from scoring.diagnostics import m2
from scoring.diagnostics.m2 import _covariance, _derivatives, _expected, _moments, model_fit
from scoring.diagnostics.observed_curves import observed_curves, pseudo_counts, rmsd
from scoring.diagnostics.persons import person_fit
from scoring.diagnostics.polychoric import bivariate_normal, dimensions, polychoric
from scoring.diagnostics.residuals import mean_squares, residual_correlations
from scoring.diagnostics.sx2 import collapse, s_x2
from scoring.irt import ability_modes
from scoring.irt.curves import ItemParameters, category_probabilities
from scoring.irt.errors import DesignError
from scoring.irt.simulate import draw_responses

NODES = np.linspace(-6, 6, 61)


def normal(sd: float = 1.0, mean: float = 0.0) -> np.ndarray:
    w = np.exp(-((NODES - mean) ** 2) / (2 * sd**2))
    return w / w.sum()


def make_items(model: list[str], a: np.ndarray, d: list[list[float]], g: np.ndarray | None = None) -> ItemParameters:
    width = max(map(len, d))
    table = np.array([row + [np.nan] * (width - len(row)) for row in d])
    names = tuple(f"Q{j}" for j in range(len(a)))
    return ItemParameters(names, tuple(model), np.asarray(a, dtype=float), table, np.zeros(len(a)) if g is None else g,
                          1 + (~np.isnan(table)).sum(axis=1))  # fmt: skip


def reference_case(root: Path, data: str, which: str) -> tuple[ItemParameters, np.ndarray, np.ndarray, Path]:
    """Items as the reference estimated them, scores, population weights, its folder."""
    scores = pd.read_csv(root / data / "data.csv")
    scores = scores.iloc[:, :11] if data == "timssAusTwn" else scores
    x = scores.to_numpy() - (1 if data == "Science" else 0)
    ref = root / data / "ref"
    variance = (
        json.loads((ref / f"mirt_{which}_fit.json").read_text()).get("latent_var", 1.0) if which == "rasch" else 1.0
    )
    if (ref / f"mirt_{which}_items.csv").exists():
        t = pd.read_csv(ref / f"mirt_{which}_items.csv")
        g = t["g"].to_numpy() if "g" in t else np.zeros(len(t))
        model = which[:3] if which.startswith("3pl") else which
        items = make_items([model] * len(t), t["a"].to_numpy(), [[v] for v in t["d"]], g)
    else:
        t = pd.read_csv(ref / f"mirt_{which}_items_long.csv")
        t = t[(t["parametrisation"] == "slope-intercept")]
        model, a, d = [], [], []
        for _, rows in t.groupby("item", sort=False):
            value = rows.set_index("parameter")["estimate"]
            if "a1" not in value:  # the population
                continue
            steps = [k for k in value.index if k[0] == "d" and k != "d0"]
            a.append(value["a1"])
            d.append(value[steps].tolist())
            model.append("2pl" if len(steps) == 1 else {"graded": "grm", "gpcm": "gpcm"}[which])
        items = make_items(model, np.array(a), d)
    return items, x.astype(np.int8), normal(variance**0.5), ref


@pytest.mark.reference
@pytest.mark.parametrize(
    ("data", "which"),
    [("LSAT7", "2pl"), ("LSAT7", "rasch"), ("SAT12", "2pl"), ("SAT12", "rasch"), ("SAT12", "3pl_prior_norm"),
     ("timssAusTwn", "graded"), ("timssAusTwn", "gpcm"), ("Science", "gpcm")],
)  # fmt: skip
def test_item_statistics_match_the_reference(reference_data: Path, data: str, which: str) -> None:
    """At the reference's own parameters and abilities only printed digits (10 to 12) differ."""
    items, x, weights, ref = reference_case(reference_data, data, which)
    expected = pd.read_csv(ref / f"mirt_{which}_itemfit_SX2.csv")
    got = s_x2(items, x, NODES, weights)
    np.testing.assert_allclose(got.chi_square, expected["S_X2"], atol=1e-6)
    np.testing.assert_array_equal(got.df, expected["df.S_X2"])
    np.testing.assert_allclose(got.p_value, expected["p.S_X2"], atol=1e-8)
    np.testing.assert_allclose(got.rmsea, expected["RMSEA.S_X2"], atol=1e-8)
    scores = pd.read_csv(ref / f"mirt_{which}_scores.csv")
    for theta in ("EAP", "WLE"):
        file = ref / f"mirt_{which}_infit_{theta}.csv"
        if file.exists():
            squares = mean_squares(items, x, scores[theta].to_numpy())
            table = np.c_[squares.outfit, squares.outfit_t, squares.infit, squares.infit_t]
            np.testing.assert_allclose(table, pd.read_csv(file).iloc[:, 1:], atol=1e-5)
    q3 = residual_correlations(items, x, scores["EAP"].to_numpy())
    np.testing.assert_allclose(q3.q3, pd.read_csv(ref / f"mirt_{which}_Q3.csv").iloc[:, 1:], atol=1e-6)
    pairs = ~np.eye(len(items), dtype=bool)
    assert q3.centred[pairs].mean() == pytest.approx(0, abs=1e-12)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("data", "which", "kind"),
    [("LSAT7", "2pl", "M2"), ("LSAT7", "rasch", "M2"), ("SAT12", "2pl", "M2"), ("SAT12", "rasch", "M2"),
     ("Science", "graded", "C2"), ("timssAusTwn", "graded", "C2"), ("timssAusTwn", "graded", "M2*")],
)  # fmt: skip
def test_model_fit_matches_the_reference(reference_data: Path, data: str, which: str, kind: str) -> None:
    items, x, weights, ref = reference_case(reference_data, data, which)
    name = {"M2": "M2", "C2": "C2", "M2*": "M2star"}[kind]
    expected = json.loads((ref / f"mirt_{which}_{name}.json").read_text())
    got = model_fit(items, x, NODES, weights, kind=kind)
    # Rasch: the reference counts the population's SD as a parameter but leaves out its derivative (see below)
    assert got.statistic == pytest.approx(expected["M2"], rel=2e-5)
    assert got.df == expected["df"]
    assert got.rmsea == pytest.approx(expected["RMSEA"], abs=1e-5)
    assert got.srmsr == pytest.approx(expected["SRMSR"], abs=1e-6)
    # the reference's interval is found by a search that stops at 3e-4, its null model is estimated iteratively
    assert got.rmsea_low == pytest.approx(expected["RMSEA_5"], abs=1e-3)
    assert got.rmsea_high == pytest.approx(expected["RMSEA_95"], abs=1e-3)
    assert got.cfi == pytest.approx(expected["CFI"], abs=2e-3)
    assert got.tli == pytest.approx(expected["TLI"], abs=1e-3)


@pytest.mark.reference
@pytest.mark.parametrize("data", ["LSAT7", "SAT12"])
def test_what_the_reference_does_with_the_population_sd(
    reference_data: Path, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the SD's derivative its statistic is reproduced to all digits, with one degree of freedom more."""
    items, x, weights, ref = reference_case(reference_data, data, "rasch")
    expected = json.loads((ref / "mirt_rasch_M2.json").read_text())
    full = m2._population_derivatives
    monkeypatch.setattr(m2, "_population_derivatives", lambda m, n, w, mean, sd: full(m, n, w, mean, False))
    got = model_fit(items, x, NODES, weights)
    assert got.statistic == pytest.approx(expected["M2"], abs=1e-6)
    assert got.df == expected["df"] + 1


MIXED = make_items(
    ["2pl", "3pl", "grm", "gpcm"],
    np.array([1.2, 0.9, 1.1, 0.8]),
    [[0.3], [-0.5], [1.0, -0.8], [0.4, -0.3]],
    np.array([0, 0.2, 0, 0]),
)


def test_moments_and_their_covariance_match_enumeration() -> None:
    """All 36 patterns, with their exact probabilities on the grid."""
    p = category_probabilities(MIXED, NODES)
    m = _moments(p, MIXED.categories, "C2")
    patterns = np.array(list(product(range(2), range(2), range(3), range(3))))
    probability = np.array([np.prod([p[j, k] for j, k in enumerate(x)], axis=0) @ normal() for x in patterns])
    i, j = np.triu_indices(4, 1)
    value = np.concatenate([(patterns[:, m.owner] == m.value), patterns[:, i] * patterns[:, j]], axis=1).astype(float)
    mean = probability @ value
    np.testing.assert_allclose(_expected(m, normal()), mean, atol=1e-12)
    covariance = (value * probability[:, None]).T @ value - np.outer(mean, mean)
    np.testing.assert_allclose(_covariance(m, normal()), covariance, atol=1e-12)


def test_derivatives_of_moments_match_finite_differences() -> None:
    m = _moments(category_probabilities(MIXED, NODES), MIXED.categories, "C2")
    analytic = _derivatives(MIXED, NODES, normal(), m)
    step, columns = 1e-4, []
    for name, j, at in (
        [("a", j, 0) for j in range(4)] + [("d", j, k) for k in range(2) for j in range(4)] + [("g", 1, 0)]
    ):
        if name == "d" and np.isnan(MIXED.d[j, at]):
            continue
        ends = []
        for sign in (1, -1):
            a, d, g = MIXED.a.copy(), MIXED.d.copy(), MIXED.g.copy()
            {"a": a, "g": g}.get(name, d[:, at])[j] += sign * step
            items = ItemParameters(MIXED.names, MIXED.model, a, d, g, MIXED.categories)
            ends.append(_expected(_moments(category_probabilities(items, NODES), items.categories, "C2"), normal()))
        columns.append((ends[0] - ends[1]) / (2 * step))
    np.testing.assert_allclose(analytic, np.stack(columns, axis=1), atol=1e-8)


def test_model_fit_refuses_what_it_cannot_judge() -> None:
    x = np.array([[0, 1, 2, -1]] * 20, dtype=np.int8)
    with pytest.raises(DesignError, match="not available for this design"):
        model_fit(MIXED, x, NODES, normal())


def test_collapsing_keeps_totals_and_reaches_the_least_expected_number() -> None:
    rng = np.random.default_rng(1)
    expected = rng.gamma(0.7, 3, (12, 3))
    observed = rng.poisson(expected).astype(float)
    o, e = collapse(observed, expected, 1.0)
    assert np.nansum(o) == pytest.approx(observed.sum())
    assert np.nansum(e) == pytest.approx(expected.sum())
    assert np.nanmin(e) >= 1
    assert (np.isnan(o) == np.isnan(e)).all()


def bank(n_items: int, seed: int) -> ItemParameters:
    rng = np.random.default_rng(seed)
    return make_items(["2pl"] * n_items, np.exp(rng.normal(0, 0.25, n_items)), [[v] for v in rng.normal(0, 1, n_items)])


def test_s_x2_has_its_nominal_size_with_planned_missingness_and_two_groups() -> None:
    """True parameters, so df are cells minus rows; three booklets of 12 of 18 items, groups one SD apart."""
    items = bank(18, 11)
    rng = np.random.default_rng(12)
    rejected = []
    for _ in range(25):
        group = np.repeat([0, 1], 600)
        x = draw_responses(items, rng.normal(size=1200) + group, rng)
        booklet = rng.integers(0, 3, 1200)
        for b in range(3):
            x[np.ix_(booklet == b, range(6 * b, 6 * b + 6))] = -1
        weights = np.stack([normal(), normal(mean=1.0)])
        got = s_x2(items, x, NODES, weights, group, estimated=np.zeros(18, dtype=np.int64))
        assert (got.n == (x >= 0).sum(axis=0)).all()
        rejected += (got.p_value < 0.05).tolist()
    # 450 tests: .05 ± 3 SE
    assert abs(np.mean(rejected) - 0.05) < 0.031


def test_s_x2_sees_a_wrong_curve() -> None:
    items = bank(15, 3)
    a = items.a.copy()
    a[4] = 0.3 * a[4]
    wrong = ItemParameters(items.names, items.model, a, items.d, items.g, items.categories)
    rng = np.random.default_rng(4)
    x = draw_responses(items, rng.normal(size=2000), rng)
    got = s_x2(wrong, x, NODES, normal())
    assert got.p_value.argmin() == 4
    assert got.p_value[4] < 1e-6
    counts = pseudo_counts(wrong, x, NODES, normal())
    assert rmsd(wrong, counts, NODES)[0].argmax() == 4


def test_rmsd_and_curves_single_out_the_group_that_answers_otherwise() -> None:
    items = bank(20, 5)
    rng = np.random.default_rng(6)
    group = np.repeat([0, 1], 2000)
    x = draw_responses(items, rng.normal(size=4000), rng)
    harder = ItemParameters(
        items.names, items.model, items.a, items.d - np.eye(20)[7][:, None], items.g, items.categories
    )
    x[2000:] = draw_responses(harder, rng.normal(size=2000), rng)
    x[:100, 3] = -1
    counts = pseudo_counts(items, x, NODES, np.stack([normal(), normal()]), group)
    assert counts.n[0, 3].sum() == pytest.approx(1900)
    deviation = rmsd(items, counts, NODES)
    assert deviation.argmax() == 20 + 7
    assert deviation[1, 7] > 0.1 > np.delete(deviation.ravel(), 27).max()
    curves = observed_curves(items, counts, NODES)
    inside = (curves.low <= curves.expected) & (curves.expected <= curves.high)
    seen = np.isfinite(curves.observed)
    assert inside[0][seen[0]].mean() > 0.9
    assert inside[1, 7][seen[1, 7]].mean() < 0.5


def test_lz_star_is_standard_normal_where_lz_is_not() -> None:
    items = bank(30, 7)
    rng = np.random.default_rng(8)
    x = draw_responses(items, rng.normal(size=3000), rng)
    x[:1000, 20:] = -1
    one = np.ones(3000)
    fit = person_fit(items, x, ability_modes.solve(items, x, "wle", 0 * one, one).theta)
    # to first order only: the mean is a little above 0; SD of 3,000 values within 3 SE of 1
    assert abs(np.nanmean(fit.lz_star)) < 0.12
    assert np.nanstd(fit.lz_star) == pytest.approx(1, abs=0.04)
    assert np.nanstd(fit.lz) < 0.9
    assert 0.035 < np.mean(fit.lz_star < -1.645) < 0.075
    guessing = (rng.random((300, 30)) < 0.5).astype(np.int8)
    ones = np.ones(300)
    odd = person_fit(items, guessing, ability_modes.solve(items, guessing, "wle", 0 * ones, ones).theta)
    assert np.mean(odd.lz_star < -1.645) > 0.7


def test_bivariate_normal_matches_the_library() -> None:
    rng = np.random.default_rng(1)
    for rho in (-0.98, -0.4, 0.0, 0.7, 0.995):
        h, k = rng.normal(size=2)
        expected = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([h, k])
        assert bivariate_normal(np.array(h), np.array(k), np.array(rho)) == pytest.approx(expected, abs=1e-7)


def test_polychoric_recovers_the_correlations_behind_the_scores() -> None:
    rng = np.random.default_rng(2)
    loading = np.array([0.8, 0.6, 0.7, 0.5, 0.75, 0.65])
    z = rng.normal(size=(20000, 1)) * loading + rng.normal(size=(20000, 6)) * np.sqrt(1 - loading**2)
    x = (z > rng.normal(0, 0.6, 6)).astype(np.int8)
    x[:, 3:] += (z[:, 3:] > 1.2) & (x[:, 3:] == 1)
    x[rng.random(x.shape) < 0.2] = -1
    got = polychoric(x)
    pairs = np.triu_indices(6, 1)
    # SE of a tetrachoric from 13,000 students is about .012
    np.testing.assert_allclose(got.correlation[pairs], np.outer(loading, loading)[pairs], atol=0.045)
    assert got.n[0, 1] == ((x[:, 0] >= 0) & (x[:, 1] >= 0)).sum()


def test_dimensions_are_counted() -> None:
    rng = np.random.default_rng(3)
    theta = rng.normal(size=(3000, 2))
    one = (theta[:, [0]] + rng.logistic(size=(3000, 12)) > 0).astype(np.int8)
    two = (theta[:, [1]] + rng.logistic(size=(3000, 12)) > 0).astype(np.int8)
    assert dimensions(one).n_dimensions == 1
    assert dimensions(np.concatenate([one, two], axis=1)).n_dimensions == 2
    assert dimensions((rng.random((3000, 8)) < 0.5).astype(np.int8)).n_dimensions <= 1
    constant = one.copy()
    constant[:, 5] = 1
    assert dimensions(constant).dropped == (5,)


def test_mean_squares_are_one_at_the_true_abilities() -> None:
    items = bank(20, 9)
    rng = np.random.default_rng(10)
    theta = rng.normal(size=4000)
    x = draw_responses(items, theta, rng)
    got = mean_squares(items, x, theta)
    assert kstest(got.infit_t, "norm").pvalue > 0.01
    assert kstest(got.outfit_t, "norm").pvalue > 0.01
