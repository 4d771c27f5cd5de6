"""Scores, sum-score tables and reliability against mirt and TAM, given their parameters.

Tolerances. EAP, SEs and tables: same grid, same arithmetic, so 1e-8. Root-finding methods: mirt stops its optimiser at
about 1e-6 of θ (3e-5 where the likelihood is flat), and differentiates numerically for the SE. Its SEs are therefore
compared to 1e-4 where the SE is below 1, and relative 3e-4 (5e-4 for WLE) beyond.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scoring.irt import ability, ability_modes, reliability, sumscore
from scoring.irt.curves import ItemParameters

pytestmark = pytest.mark.reference
NODES = np.linspace(-6, 6, 61)
CASES = {
    # folder, reference, model, population variance, lowest category in the file
    "LSAT7 2pl": ("LSAT7", "mirt_2pl", "2pl", 1.0, 0),
    "LSAT7 rasch": ("LSAT7", "mirt_rasch", "rasch", None, 0),
    "SAT12 2pl": ("SAT12", "mirt_2pl", "2pl", 1.0, 0),
    "SAT12 rasch": ("SAT12", "mirt_rasch", "rasch", None, 0),
    "SAT12 3pl": ("SAT12", "mirt_3pl_prior_norm", "3pl", 1.0, 0),
    "Science gpcm": ("Science", "mirt_gpcm", "gpcm", 1.0, 1),
    "Science grm": ("Science", "mirt_graded", "grm", 1.0, 1),
    "Science pcm": ("Science", "mirt_rasch", "pcm", None, 1),
    "TIMSS gpcm": ("timssAusTwn", "mirt_gpcm", "gpcm", 1.0, 0),
    "TIMSS grm": ("timssAusTwn", "mirt_graded", "grm", 1.0, 0),
}


def read_case(data: Path, name: str) -> tuple[ItemParameters, np.ndarray, float, Path]:
    folder, reference, model, variance, low = CASES[name]
    place = data / folder / "ref"
    wide = place / f"{reference}_items.csv"
    items = read_wide(wide, model) if wide.exists() else read_long(place / f"{reference}_items_long.csv", model)
    if variance is None:
        fit = json.loads((place / f"{reference}_fit.json").read_text())
        variance = float(fit["latent_var"] if "latent_var" in fit else long_variance(place, reference))
    scores = pd.read_csv(data / folder / "data.csv")[list(items.names)].to_numpy() - low
    return items, scores.astype(np.int8), float(np.sqrt(variance)), place / reference


def read_wide(path: Path, model: str) -> ItemParameters:
    t = pd.read_csv(path)
    n = len(t)
    g = t["g"].to_numpy(float) if model == "3pl" else np.zeros(n)
    return ItemParameters(
        tuple(t["item"]), (model,) * n, t["a"].to_numpy(float), t[["d"]].to_numpy(float), g, np.full(n, 2)
    )


def read_long(path: Path, model: str) -> ItemParameters:
    t = pd.read_csv(path)
    t = t[(t["parametrisation"] == "slope-intercept") & ~t["item"].isin(["GroupPars", "GROUP"])]
    parts = {item: part.set_index("parameter")["estimate"] for item, part in t.groupby("item", sort=False)}
    steps = [[p for p in s.index if p == "d" or (p[0] == "d" and p[1:] > "0")] for s in parts.values()]
    d = np.full((len(parts), max(map(len, steps))), np.nan)
    for j, (s, names) in enumerate(zip(parts.values(), steps, strict=True)):
        d[j, : len(names)] = s[names]
    categories = np.array([len(names) + 1 for names in steps])
    two = {"pcm": "rasch"}.get(model, "2pl")
    models = tuple(two if k == 2 else model for k in categories)
    a = np.array([s["a1"] for s in parts.values()], dtype=float)
    return ItemParameters(tuple(parts), models, a, d, np.zeros(len(parts)), categories)


def long_variance(place: Path, reference: str) -> float:
    t = pd.read_csv(place / f"{reference}_items_long.csv")
    return float(t.loc[t["parameter"].str.upper() == "COV_11", "estimate"].iloc[0])


@pytest.mark.parametrize("name", CASES)
def test_eap_and_its_sd(reference_data: Path, name: str) -> None:
    items, scores, sd, ref = read_case(reference_data, name)
    expected = pd.read_csv(f"{ref}_scores.csv")
    got = ability.eap(items, scores, NODES, ability.normal_log_weights(NODES, 0.0, sd))
    np.testing.assert_allclose(got.theta, expected["EAP"], atol=1e-8)
    np.testing.assert_allclose(got.se, expected["SE_EAP"], atol=1e-8)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("method", "column"), [("map", "MAP"), ("mle", "ML"), ("wle", "WLE")])
def test_roots(reference_data: Path, name: str, method: ability_modes.Method, column: str) -> None:
    items, scores, sd, ref = read_case(reference_data, name)
    table = pd.read_csv(f"{ref}_scores.csv")
    # one student of each pattern is enough
    scores, first = np.unique(scores, axis=0, return_index=True)
    expected, expected_se = table[column].to_numpy(float)[first], table[f"SE_{column}"].to_numpy(float)[first]
    got = ability_modes.solve(items, scores, method, 0.0, sd)
    finite = np.isfinite(expected)
    assert (np.isfinite(got.theta) == finite).all()
    np.testing.assert_array_equal(np.sign(got.theta[~finite]), np.sign(expected[~finite]))
    np.testing.assert_allclose(got.theta[finite], expected[finite], atol=5e-5)
    relative = 5e-4 if method == "wle" else 3e-4
    limit = np.maximum(1e-4, relative * np.maximum(expected_se, 0.5))
    assert (np.abs(got.se - expected_se)[finite] <= limit[finite]).all()


@pytest.mark.parametrize("name", CASES)
def test_sum_score_table(reference_data: Path, name: str) -> None:
    items, _, sd, ref = read_case(reference_data, name)
    expected = pd.read_csv(f"{ref}_eapsum_table.csv")
    got = sumscore.sum_scores(items, NODES, ability.normal_log_weights(NODES, 0.0, sd))
    np.testing.assert_allclose(got.theta, expected.iloc[:, 1], atol=1e-8)
    np.testing.assert_allclose(got.sd, expected.iloc[:, 2], atol=1e-8)
    n = expected["observed"].sum()
    np.testing.assert_allclose(n * got.probability, expected["expected"], atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_empirical_reliability(reference_data: Path, name: str) -> None:
    items, scores, sd, ref = read_case(reference_data, name)
    expected = json.loads(Path(f"{ref}_scores.json").read_text())["EAP_empirical_rxx"]
    got = ability.eap(items, scores, NODES, ability.normal_log_weights(NODES, 0.0, sd))
    assert reliability.eap_reliability(got) == pytest.approx(expected, abs=1e-8)


def test_marginal_reliability(reference_data: Path) -> None:
    # only where the population's variance is 1: mirt divides by I + σ² in place of I + 1/σ²
    for name, expected in (("LSAT7 2pl", 0.44181901374), ("SAT12 2pl", 0.83569936967)):
        items, _, _, _ = read_case(reference_data, name)
        weights = ability.normal_log_weights(NODES, 0.0, 1.0)
        # 1e-7: mirt integrates adaptively, and uses the nominal variance 1 in place of the grid's
        assert reliability.marginal_reliability(items, NODES, weights) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("folder", ["LSAT7", "SAT12"])
def test_wle_reliability_and_alpha(reference_data: Path, folder: str) -> None:
    items, scores, _, ref = read_case(reference_data, f"{folder} 2pl")
    wle = ability_modes.solve(items, scores, "wle")
    se = 1 / np.sqrt(ability_modes.expected_information(items, scores, wle.theta))
    expected = json.loads((ref.parent / "TAM_2pl_fit.json").read_text())["WLE_rel"]
    # TAM's own estimates of the parameters differ in the sixth decimal
    assert reliability.wle_reliability(ability.Abilities(wle.theta, se)) == pytest.approx(expected, abs=1e-4)
    alpha = json.loads((ref.parent / "ctt.json").read_text())["alpha"]
    assert reliability.alpha(scores) == pytest.approx(alpha, abs=1e-9)
