"""DIF by observed scores: published results, definitions, schools, concepts, purification."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scoring


@pytest.fixture(scope="module")
def verbal(reference_data: Path) -> tuple[pd.DataFrame, pd.Series, Path]:
    data = pd.read_csv(reference_data / "verbal/data.csv")
    return data.iloc[:, :24], data["Gender"], reference_data / "verbal/ref"


@pytest.mark.reference
@pytest.mark.parametrize(
    ("purify", "file"), [("no", "dif_MH_gender_cc_nopurify"), ("p_value", "dif_MH_gender_cc_purified")]
)
def test_mantel_haenszel_matches_the_reference(verbal: tuple, purify: str, file: str) -> None:
    responses, gender, ref = verbal
    expected = pd.read_csv(ref / f"{file}.csv").set_index("item")
    got = scoring.dif(responses, gender, purify=purify, focal=1)
    # the same arithmetic on the same counts: only printed digits differ
    np.testing.assert_allclose(got["statistic"], expected["MH_chisq"], atol=1e-8)
    np.testing.assert_allclose(got["odds_ratio"], expected["alphaMH"], atol=1e-8)
    np.testing.assert_allclose(got["d_dif"], expected["deltaMH"], atol=1e-8)
    np.testing.assert_allclose(got["se_d_dif"], 2.35 * np.sqrt(expected["varlog"]), atol=1e-8)
    assert got.attrs["settled"]


@pytest.mark.reference
def test_standardisation_and_logistic_match_the_reference(verbal: tuple) -> None:
    responses, gender, ref = verbal
    std = scoring.dif(responses, gender, "std", focal=1, purify="no")
    np.testing.assert_allclose(std["effect"], pd.read_csv(ref / "dif_std_gender.csv")["STD"], atol=1e-8)
    expected = pd.read_csv(ref / "dif_logistic_gender_both_LRT.csv")
    logistic = scoring.dif(responses, gender, "logistic", focal=1, purify="no")
    # iterations stop at a Newton decrement of 1e-9
    np.testing.assert_allclose(logistic["statistic"], expected["LRT"], atol=1e-6)
    np.testing.assert_allclose(logistic["delta_r2"], expected["deltaR2"], atol=1e-8)


def simulated(
    n: int,
    n_items: int,
    seed: int,
    impact: float = 0.0,
    dif: dict[int, float] | None = None,
    schools: int = 0,
    spread: float = 0.0,
) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Rasch data of two groups; `spread`: SD over schools of each item's own difficulty."""
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1], n)
    theta = rng.normal(size=2 * n) + impact * (group - 0.5)
    b = np.tile(np.linspace(-1.5, 1.5, n_items), (2 * n, 1))
    for item, shift in (dif or {}).items():
        b[:, item] += shift * group
    school = np.zeros(2 * n, dtype=int)
    if schools:
        school = rng.integers(0, schools, 2 * n) + schools * group
        b = b + spread * rng.normal(size=(2 * schools, n_items))[school]
    x = (rng.random((2 * n, n_items)) < 1 / (1 + np.exp(-(theta[:, None] - b)))).astype(float)
    frame = pd.DataFrame(x, columns=[f"Q{j + 1}" for j in range(n_items)])
    return frame, pd.Series(np.where(group, "North", "South")), pd.Series(school)


@pytest.mark.parametrize("method", ["mh", "std", "logistic"])
def test_planted_dif_is_found_and_its_direction_said(method: str) -> None:
    responses, groups, _ = simulated(2000, 20, 1, impact=0.5, dif={4: 1.0, 12: -1.0})
    out = scoring.dif(responses, groups, method)
    flagged = out.index[out["favours"] != "neither"].tolist()
    assert flagged == ["Q5", "Q13"]
    # North (0) meets a harder Q5: the table is North, South, so South is ahead
    assert out.loc["Q5", "favours"].startswith("South, by about")
    assert out.loc["Q13", "favours"].startswith("North")
    assert out.loc["Q5", "effect_low"] < out.loc["Q5", "effect"] < out.loc["Q5", "effect_high"]
    if method == "mh":
        assert out.loc[["Q5", "Q13"], "ets_class"].tolist() == ["C", "C"]
        # in a Rasch test matched on the purified score D-DIF is 2.35 times the shift
        assert out.loc["Q5", "d_dif"] == pytest.approx(2.35, abs=3 * out.loc["Q5", "se_d_dif"])
        assert not out.loc["Q5", "in_matching"]


def test_labels_and_order_of_rows_do_not_matter() -> None:
    responses, groups, school = simulated(400, 8, 2, dif={1: 0.8})
    out = scoring.dif(responses, groups, clusters=school + 10 * (groups == "North"))
    shuffled = np.random.default_rng(0).permutation(len(groups))
    again = scoring.dif(
        responses.iloc[shuffled], groups.iloc[shuffled], clusters=(school + 10 * (groups == "North")).iloc[shuffled]
    )
    np.testing.assert_allclose(out["effect"], again["effect"], rtol=0, atol=1e-12)
    swapped = scoring.dif(responses, groups.map({"North": "B", "South": "A"}))
    plain = scoring.dif(responses, groups)
    np.testing.assert_allclose(plain["effect"], -swapped["effect"], atol=1e-12)
    np.testing.assert_allclose(plain["statistic"], swapped["statistic"], atol=1e-10)


def test_a_concept_difference_is_not_taken_for_dif() -> None:
    """Two concepts, the groups differ in opposite directions in them; one item has real DIF."""
    rng = np.random.default_rng(7)
    n = 3000
    group = np.repeat([0, 1], n)
    common = rng.normal(size=(2 * n, 1)) * np.sqrt(0.7)
    theta = common + rng.normal(size=(2 * n, 2)) * np.sqrt(0.3) + np.array([0.5, -0.3]) * group[:, None]
    b = np.tile(np.linspace(-1.2, 1.2, 8), 2)
    shift = np.zeros(16)
    shift[2] = 1.0
    z = theta[:, np.repeat([0, 1], 8)] - b - shift * group[:, None]
    names = [f"R{j}" for j in range(8)] + [f"G{j}" for j in range(8)]
    x = pd.DataFrame((rng.random(z.shape) < 1 / (1 + np.exp(-z))).astype(float), columns=names)
    out = scoring.dif(x, pd.Series(group), matching={name: name[0] for name in names})
    assert out.index[out["ets_class"] == "C"].tolist() == ["R2"]
    wrong = out.index[(out["total_ets_class"] != "A") & (out.index != "R2")]
    assert len(wrong) >= 4, "matched on the total the concept difference passes for DIF"
    assert out.loc[[w for w in wrong if out.loc[w, "ets_class"] == "A"], "note"].str.contains("not to blame").all()
    assert out.loc["G0", "matched_on"] == "G: score on 8 items"


def test_schools_are_taken_into_account() -> None:
    """Item difficulties vary between schools, not between districts: ignoring schools rejects far too often."""
    naive, robust = [], []
    for seed in range(12):
        responses, groups, school = simulated(500, 12, 100 + seed, schools=12, spread=0.5)
        out = scoring.dif(responses, groups, clusters=school, purify="no")
        naive += (out["naive_p_value"] < 0.05).tolist()
        robust += (out["p_value"] < 0.05).tolist()
    assert np.mean(naive) > 0.12
    assert np.mean(robust) < 0.09  # 144 tests at .05: mean + 2.2 SE
    assert (out["df_error"] == 22).all()


def test_three_groups_are_compared_together_and_each_with_the_others() -> None:
    responses, groups, _ = simulated(900, 10, 3, dif={6: 1.2})
    third = groups.where(np.arange(len(groups)) % 3 > 0, "East")
    out = scoring.dif(responses, third)
    assert (out["df"] == 2).all()
    assert out["p_value"].idxmin() == "Q7"
    row = out.loc["Q7"]
    assert row["effect_North"] < 0 < row["effect_South"]
    assert row["ets_class"] in ("B", "C")
    two = scoring.dif(responses, groups, purify="no")
    uncorrected = scoring.dif(responses, groups.where(groups.index >= 0), purify="no")
    np.testing.assert_allclose(two["statistic"], uncorrected["statistic"])


def test_graded_items_are_compared_by_mean_score() -> None:
    rng = np.random.default_rng(4)
    responses, groups, _ = simulated(1500, 10, 4)
    extra = (rng.random(3000) < np.where(groups == "North", 0.1, 0.9)) & (responses["Q5"] == 1)
    responses["R"] = responses["Q5"] + extra
    out = scoring.dif(responses.drop(columns="Q5"), groups)
    assert np.isnan(out.loc["R", "d_dif"])
    assert out.loc["R", "ets_class"] == "C"
    assert "of 2 points" in out.loc["R", "favours"]
    assert out.loc["R", "smd"] == pytest.approx(out.loc["R", "effect"] / responses["R"].std(ddof=0), rel=1e-9)


def test_an_item_one_group_never_saw_gets_no_statistic_and_booklets_stay_apart() -> None:
    responses, groups, _ = simulated(1500, 12, 6, impact=0.4)
    responses.loc[groups == "North", "Q1"] = np.nan
    booklet = np.arange(len(groups)) // 2 % 2 == 0
    responses.loc[booklet, ["Q2", "Q3"]] = np.nan
    out = scoring.dif(responses, groups)
    assert np.isnan(out.loc["Q1", "statistic"])
    assert "not given to North" in out.loc["Q1", "note"]
    assert out["p_value"].drop("Q1").min() > 0.002
    constant = scoring.dif(responses.assign(Q4=1.0), groups)
    assert constant.loc["Q4", "note"] == "everybody has the same score"
    short = {name: "small" if name in ("Q5", "Q6", "Q7") else "large" for name in responses}
    assert "too few to match on" in scoring.dif(responses, groups, matching=short).loc["Q5", "note"]
    assert out.loc["Q2", "n"] < 1600


def test_a_wrong_request_is_refused_with_every_reason() -> None:
    responses, groups, _ = simulated(50, 5, 1)
    with pytest.raises(scoring.DesignError) as refusal:
        scoring.dif(responses, groups.iloc[:-1], method="magic", matching={"Q1": "a"}, purify="maybe")
    text = str(refusal.value)
    assert all(part in text for part in ("magic", "Q2", "groups is not aligned", "maybe"))
    with pytest.raises(scoring.DesignError, match="two groups"):
        scoring.dif(responses, pd.Series("x", index=responses.index))
    with pytest.raises(scoring.DesignError, match="no group"):
        scoring.dif(responses, groups, focal="East")


def test_an_order_of_groups_that_somebody_chose_is_kept() -> None:
    responses, groups, _ = simulated(300, 6, 8, dif={2: 1.5})
    chosen = groups.astype(pd.CategoricalDtype(["South", "North"], ordered=True))
    chosen.iloc[:5] = None
    out = scoring.dif(responses, chosen)
    assert out.attrs["groups"] == ["South", "North"]
    assert out.loc["Q3", "effect"] < 0
    assert out.loc["Q3", "n"] <= 595
