"""Cuts, verdicts and second opinions on DataFrames."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

import scoring
from scoring import mastery
from scoring.irt.errors import DesignError, ScoringWarning

B = np.array([-1.0, -0.3, 0.4, 1.0, -0.6, 0.2, 0.8, 1.4])
NAMES = [f"r{j}" for j in range(4)] + [f"e{j}" for j in range(4)]
CONCEPT = {name: "ratios" if name[0] == "r" else "equations" for name in NAMES}
ITEMS = pd.DataFrame(
    {"model": "2pl", "a": 1.0, "d": -B, "concept": [CONCEPT[n] for n in NAMES]}, index=pd.Index(NAMES, name="item")
)
DISTRICTS = {"ann": "A", "bo": "A", "cy": "B", "di": "B", "ed": "B"}


def ratings_at(theta: dict[str, float], severity: dict[str, float] | None = None) -> pd.DataFrame:
    """Percent ratings of raters who know the curves: students at θ succeed with σ(θ - b + severity)."""
    severity = severity or dict.fromkeys(DISTRICTS, 0.0)
    at = np.array([theta[CONCEPT[n]] for n in NAMES])
    return pd.DataFrame({r: 100 * expit(at - B + s) for r, s in severity.items()}, index=NAMES).T


def test_raters_who_know_the_curves_find_their_cut() -> None:
    got = scoring.angoff(ratings_at({"ratios": 0.3, "equations": -0.4}), ITEMS, districts=DISTRICTS)
    assert got.cuts["cut"].to_dict() == pytest.approx({"ratios": 0.3, "equations": -0.4}, abs=1e-8)
    assert (got.cuts["status"] == "final").all()
    assert (got.cuts["basis"] == "angoff").all()
    assert got.items["difference"].abs().max() < 1e-8
    assert got.cuts["se_raters"].max() < 1e-8


def test_severe_raters_are_seen_and_balanced() -> None:
    severity = {"ann": -0.5, "bo": 0.5, "cy": 0.4, "di": -0.4, "ed": 0.0}
    got = scoring.angoff(ratings_at({"ratios": 0.3, "equations": -0.4}, severity), ITEMS, districts=DISTRICTS)
    assert got.raters["severity"].to_dict() == pytest.approx(severity, abs=1e-8)
    assert got.cuts.loc["ratios", "cut"] == pytest.approx(0.3, abs=1e-8)
    assert (got.cuts["se_raters"] > 0.1).all()


def test_long_and_wide_ratings_are_the_same() -> None:
    wide = ratings_at({"ratios": 0.3, "equations": -0.4}, dict(zip(DISTRICTS, [0.2, 0.1, -0.3, 0.0, 0.4], strict=True)))
    wide.loc["ann", "r0"] = np.nan
    long = wide.rename_axis("rater").reset_index().melt("rater", var_name="item", value_name="rating").dropna()
    long["district"] = long["rater"].map(DISTRICTS)
    one, two = scoring.angoff(wide, ITEMS, districts=DISTRICTS), scoring.angoff(long, ITEMS)
    pd.testing.assert_frame_equal(one.cuts, two.cuts)


def test_a_small_or_one_sided_panel_is_provisional() -> None:
    ratings = ratings_at({"ratios": 0.3, "equations": -0.4})
    four = scoring.angoff(ratings.iloc[:4], ITEMS, districts=DISTRICTS).cuts
    assert (four["status"] == "provisional").all()
    assert four["reason"].iloc[0] == "4 raters, 5 needed"
    alone = scoring.angoff(ratings, ITEMS, districts={**DISTRICTS, "bo": "B"}).cuts
    assert alone["reason"].iloc[0] == "1 rater of A, 2 needed"
    unknown = scoring.angoff(ratings, ITEMS).cuts
    assert "two districts" in unknown["reason"].iloc[0]


def test_a_concept_without_ratings_gets_the_provisional_domain_cut() -> None:
    ratings = ratings_at({"ratios": 0.3, "equations": -0.4})[[n for n in NAMES if n[0] == "r"]]
    got = scoring.angoff(ratings, ITEMS, districts=DISTRICTS).cuts
    assert got.loc["equations", ["basis", "status"]].to_list() == ["domain score", "provisional"]
    domain = mastery.domain_cuts(ITEMS)
    assert domain.loc["equations", "cut"] == got.loc["equations", "cut"]
    assert expit(domain.loc["equations", "cut"] - B[4:]).mean() == pytest.approx(0.70, abs=1e-9)


def test_no_cut_where_the_raters_leave_the_curve() -> None:
    ratings = ratings_at({"ratios": 0.3, "equations": -0.4})
    guessing = ITEMS.assign(model="3pl", g=0.25)
    ratings[:] = 15.0
    got = scoring.angoff(ratings, guessing, districts=DISTRICTS).cuts
    assert (got["status"] == "no cut").all()
    assert got["cut"].isna().all()


def test_points_are_rated_in_points() -> None:
    table = pd.DataFrame(
        {"model": ["2pl", "gpcm"], "a": [1.0, 1.0], "d1": [0.0, 0.2], "d2": [np.nan, 0.0]}, index=["one", "rubric"]
    )
    ratings = pd.DataFrame({"one": [60.0] * 5, "rubric": [1.2] * 5}, index=list(DISTRICTS))
    got = scoring.angoff(ratings, table, districts=DISTRICTS)
    assert got.cuts.loc["all", "mean_rating"] == pytest.approx((0.6 + 1.2) / 3)
    with pytest.raises(DesignError) as refused:
        scoring.angoff(ratings * 2, table, districts=DISTRICTS)
    assert len(refused.value.details) == 2
    as_share = ratings.assign(one=0.6)
    again = scoring.angoff(as_share, table, districts=DISTRICTS, out_of={"one": 1.0})
    assert again.cuts.loc["all", "cut"] == pytest.approx(got.cuts.loc["all", "cut"])


def test_on_a_common_scale_the_whole_test_has_a_cut_too() -> None:
    plain = ITEMS.drop(columns="concept")
    got = scoring.angoff(
        ratings_at({"ratios": 0.3, "equations": 0.3}), plain, concepts=CONCEPT, districts=DISTRICTS
    ).cuts
    assert list(got.index) == ["ratios", "equations", "all"]
    np.testing.assert_allclose(got["cut"], 0.3, atol=1e-8)


def test_a_profile_is_asked_for_its_items() -> None:
    ratings = ratings_at({"ratios": 0.3, "equations": -0.4})
    one = scoring.angoff(ratings, SimpleNamespace(items=ITEMS), districts=DISTRICTS)
    pd.testing.assert_frame_equal(one.cuts, scoring.angoff(ratings, ITEMS, districts=DISTRICTS).cuts)


def test_faulty_ratings_are_refused_together() -> None:
    ratings = ratings_at({"ratios": 0.3, "equations": -0.4}).assign(zz=50.0)
    ratings.loc["ann", "r1"] = 140.0
    with pytest.raises(DesignError) as refused:
        scoring.angoff(ratings, ITEMS)
    assert refused.value.details == ("zz: not calibrated", "r1: 1 ratings are not between 0 and 100")


def test_bookmarks() -> None:
    pages = mastery.booklet(ITEMS)
    ratios = pages[pages["concept"] == "ratios"]
    np.testing.assert_allclose(ratios["theta"], np.sort(B[:4]) + logit(0.67), atol=1e-9)
    marks = pd.DataFrame(
        {"rater": list(DISTRICTS), "district": list(DISTRICTS.values()), "concept": "ratios", "page": [2, 4, 3, 3, 4]}
    )
    got = mastery.bookmark(marks, ITEMS)
    theta = ratios["theta"].to_numpy()
    expected = np.mean([np.median(theta[[0, 2]]), np.median(theta[[1, 1, 2]])])
    assert got.loc["ratios", "cut"] == pytest.approx(expected)
    assert got.loc["ratios", "status"] == "final"
    assert got.loc["equations", "basis"] == "domain score"


def test_classification_of_scores_and_of_sum_scores() -> None:
    rng = np.random.default_rng(1)
    theta = rng.normal(size=3000)
    names = [f"i{j}" for j in range(40)]
    table = pd.DataFrame({"model": "2pl", "a": 1.3, "d": np.linspace(-1.5, 1.5, 40)}, index=names)
    p = expit(1.3 * theta[:, None] + table["d"].to_numpy())
    data = pd.DataFrame((rng.random(p.shape) < p).astype(int), columns=names)
    scores = scoring.score(table, data)
    got = mastery.classification(table, 0.3, scores=scores)
    # simulated verdicts against the simulated truth: standard error of a share .9 among 3,000 is .006
    assert got.accuracy == pytest.approx(((scores["theta"] >= 0.3) == (theta >= 0.3)).mean(), abs=0.02)
    lee = mastery.classification(table, 0.3, method="lee")
    assert lee.accuracy == pytest.approx(got.accuracy, abs=0.02)
    with pytest.raises(DesignError, match="needs scores"):
        mastery.classification(table, 0.3)


def test_classification_of_a_profile_is_right_about_the_truth() -> None:
    rng = np.random.default_rng(9)
    n, cut = 1500, {"ratios": 0.2, "equations": -0.3}
    theta = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], n)
    of = np.repeat([0, 1], 8)
    p = expit(1.4 * (theta[:, of] - np.tile(np.linspace(-1.2, 1.2, 8), 2)))
    names = [f"{'re'[c]}{j}" for j, c in enumerate(of)]
    data = pd.DataFrame((rng.random(p.shape) < p).astype(int), columns=names)
    concepts = {name: "ratios" if name[0] == "r" else "equations" for name in names}
    profile = scoring.concept_profile(data, concepts, cuts=cut)
    got = mastery.concept_classification(profile)
    for c, concept in enumerate(["ratios", "equations"]):
        true = theta[:, c] >= cut[concept]
        verdict = profile.scores[concept]["theta"].to_numpy() >= cut[concept]
        # standard error of a share of .85 among 1,500: .009
        assert got.loc[concept, "accuracy"] == pytest.approx((verdict == true).mean(), abs=0.035)
        probability = profile.scores[concept]["p_mastery"].to_numpy()
        decided = (probability >= 0.8) | (probability <= 0.2)
        assert got.loc[concept, "decided"] == pytest.approx(decided.mean())
        right = ((probability >= 0.8) == true)[decided].mean()
        assert got.loc[concept, "decided_accuracy"] == pytest.approx(right, abs=0.03)
        assert got.loc[concept, "decided_accuracy"] > got.loc[concept, "accuracy"] > got.loc[concept, "lee_accuracy"]


def simulated(n: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, list[str]]]:
    rng = np.random.default_rng(seed)
    needs = {f"q{j}": [["ratios"], ["equations"], ["ratios", "equations"]][j % 3] for j in range(12)}
    has = pd.DataFrame(rng.random((n, 2)) < [0.6, 0.4], columns=["ratios", "equations"])
    able = np.array([has[c].all(axis=1) for c in needs.values()]).T
    answers = (rng.random(able.shape) < np.where(able, 0.9, 0.15)).astype(float)
    return pd.DataFrame(answers, columns=list(needs)), has, needs


def test_dina_on_a_dataframe() -> None:
    data, has, needs = simulated(2000, 2)
    data.iloc[0] = np.nan
    got = scoring.dina(data, needs)
    assert got.converged
    np.testing.assert_allclose(got.items["guess"], 0.15, atol=0.07)
    np.testing.assert_allclose(got.items["slip"], 0.10, atol=0.07)
    assert got.mastery.iloc[0].isna().all()
    assert ((got.mastery.iloc[1:] > 0.5) == has.iloc[1:]).mean().min() > 0.93
    np.testing.assert_allclose(got.concepts["prevalence"], [0.6, 0.4], atol=0.05)
    assert got.indistinguishable == ()
    assert got.concepts["identified"].all()
    assert got.n_parameters == 2 * 12 + 3
    assert got.bic > got.aic > -2 * got.log_likelihood


def test_dina_names_what_it_cannot_tell() -> None:
    data, _, _ = simulated(300, 3)
    q = pd.DataFrame({"ratios": [1, 1, 1], "equations": [0, 1, 1]}, index=["q0", "q2", "q5"])
    with pytest.raises(DesignError) as refused:
        scoring.dina(data[["q0"]], q)
    assert refused.value.details == ("q2", "q5")
    # q0 is the only item that tells students without "ratios" apart from those without "equations"
    with pytest.warns(ScoringWarning, match="do not determine the probabilities of q0"):
        got = scoring.dina(data, q)
    assert np.isnan(got.items.at["q0", "se_guess"])
    assert got.indistinguishable == (("00", "01"),)
    assert got.concepts["identified"].to_dict() == {"ratios": True, "equations": False}


def test_dina_weights_follow_the_students_or_are_refused() -> None:
    data, _, q = simulated(200, 4)
    weights = pd.Series(np.linspace(0.5, 2.0, len(data)), index=data.index)
    turned = scoring.dina(data, q, weights=weights.iloc[::-1])
    assert turned.log_likelihood == scoring.dina(data, q, weights=weights).log_likelihood
    for wrong, code in (
        (weights.iloc[:5], "not-aligned"),
        (weights.mask(weights.index == data.index[2]), "missing-values"),
        (-weights, "impossible-weights"),
        (0 * weights, "impossible-weights"),
    ):
        with pytest.raises(DesignError) as refused:
            scoring.dina(data, q, weights=wrong)
        assert refused.value.code == code
    for arguments, code in (
        ({"responses": data.assign(q0=np.nan), "q_matrix": q}, "no-answers"),
        ({"responses": data, "q_matrix": q, "rule": "dino"}, "unknown-rule"),
    ):
        with pytest.raises(DesignError) as refused:
            scoring.dina(**arguments)
        assert refused.value.code == code


def test_bookmarks_that_are_none_are_named_together() -> None:
    marks = pd.DataFrame(
        {
            "rater": ["ana", "ana", "ben", "cleo", "dan"],
            "concept": ["ratios", "ratios", "ratios", "ratios", "poetry"],
            "page": [2, 3, 2.5, np.nan, 1],
            "district": list("xxyyy"),
        }
    )
    with pytest.raises(DesignError) as refused:
        scoring.bookmark(marks, ITEMS)
    text = "; ".join(refused.value.details)
    assert len(refused.value.details) == 4
    for what in (
        "ana, ratios: two bookmarks",
        "ben, ratios: not a page",
        "cleo, ratios: not a page",
        "dan: poetry is no",
    ):
        assert what in text
    with pytest.raises(DesignError) as refused:
        scoring.bookmark(marks.drop(columns="page"), ITEMS)
    assert refused.value.details == ("page",)


def test_gdina_lists_each_pattern_of_needed_concepts() -> None:
    data, _, needs = simulated(3000, 4)
    got = scoring.dina(data, needs, rule="gdina")
    both = got.items[got.items["item"] == "q2"].set_index("mastered")["probability"]
    assert list(both.index) == ["none", "ratios", "equations", "ratios and equations"]
    np.testing.assert_allclose(both, [0.15, 0.15, 0.15, 0.9], atol=0.1)
    # the data follow DINA: its fewer parameters win
    assert scoring.dina(data, needs).bic < got.bic


def test_agreement_is_cohens_kappa() -> None:
    one = pd.DataFrame({"ratios": [0.9, 0.8, 0.1, 0.2, 0.7, np.nan]})
    two = pd.DataFrame({"ratios": [0.6, 0.1, 0.3, 0.2, 0.9, 0.9], "other": 0.5})
    got = mastery.agreement(one, two).loc["ratios"]
    # of 5: both masters 2, both not 2, one differs: agree .8, chance .6·.4 + .4·.6 = .48
    assert got["n"] == 5
    assert got["agree"] == pytest.approx(0.8)
    assert got["kappa"] == pytest.approx((0.8 - 0.48) / 0.52)
    with pytest.raises(DesignError):
        mastery.agreement(one, two[["other"]])


def test_verdicts_have_a_middle() -> None:
    got = mastery.verdicts(pd.DataFrame({"ratios": [0.8, 0.2, 0.5, np.nan]}))["ratios"].tolist()
    assert got[:3] == ["mastered", "not yet", "undecided"]
    assert got[3] is None or got[3] != got[3]
