"""Calibration: designs, models mixed, anchors, weights, clusters, refusals, determinism, saving."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring.fits import Fit
from scoring.irt.curves import ItemParameters
from scoring.irt.simulate import draw_responses

N, J = 600, 12


def make(seed: int = 1, n: int = N, shift: float = 0.0, items: int = J) -> pd.DataFrame:
    """Responses to 2PL items of fixed parameters by n students of mean `shift`."""
    random = np.random.default_rng(seed)
    p = truth(items)
    x = draw_responses(p, shift + random.standard_normal(n), random)
    return pd.DataFrame(x.astype(float), columns=list(p.names))


def truth(items: int = J) -> ItemParameters:
    a, b = np.linspace(0.7, 1.8, items), np.tile(np.linspace(-1.5, 1.5, 6), 10)[:items]
    names = tuple(f"i{j + 1}" for j in range(items))
    return ItemParameters(names, ("2pl",) * items, a, -(a * b)[:, None], np.zeros(items), np.full(items, 2))


def two_districts(n: int = N) -> tuple[pd.DataFrame, "pd.Series[str]"]:
    data = pd.concat([make(1, n, -0.5), make(2, n, 0.5)], ignore_index=True)
    data.loc[: n - 1, ["i11", "i12"]] = np.nan
    data.loc[n:, ["i1", "i2"]] = np.nan
    return data, pd.Series(np.repeat(["North", "South"], n))


def values(fit: Fit) -> np.ndarray:
    return np.concatenate(
        [fit.items.select_dtypes("number").to_numpy().ravel(), fit.groups.select_dtypes("number").to_numpy().ravel()]
    )


def test_same_answer_under_row_order_threads_and_labels() -> None:
    data, district = two_districts()
    fit = scoring.calibrate(data, groups=district, threads=1)
    order = np.random.default_rng(0).permutation(len(data))
    shuffled = scoring.calibrate(data.iloc[order], groups=district.iloc[order], threads=2)
    assert shuffled.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-12)
    assert np.allclose(values(fit), values(shuffled), atol=1e-8, equal_nan=True)
    renamed = scoring.calibrate(data, groups=district.map({"North": "Z", "South": "A"}))
    columns = fit.items.select_dtypes("number").columns
    assert np.allclose(fit.items[columns], renamed.items[columns], atol=1e-8, equal_nan=True)


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    data, district = two_districts()
    fit = scoring.calibrate(data, groups=district)
    for module in ("estep", "information", "blocks"):
        monkeypatch.setattr(f"scoring.irt.{module}.CHUNK", 61)
    monkeypatch.setattr("scoring.irt.blocks.SPAN", 122)
    again = scoring.calibrate(data, groups=district, threads=2)
    assert again.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-12)
    assert np.allclose(values(fit), values(again), atol=1e-8, equal_nan=True)


def test_the_start_on_a_subsample_leads_to_the_same_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    data, district = two_districts(4000)
    direct = scoring.calibrate(data, groups=district)
    monkeypatch.setattr("scoring.irt.estimate.SUBSAMPLE", 1500)
    short = scoring.calibrate(data, groups=district)
    assert short.converged
    assert np.allclose(values(direct), values(short), atol=1e-7, equal_nan=True)
    assert short.log_likelihood == pytest.approx(direct.log_likelihood, rel=1e-12)


def test_pooled_origin_weighs_partners_equally_and_their_groups_by_size() -> None:
    data = pd.concat([make(k, n, s) for k, n, s in ((1, 300, -0.6), (2, 600, -0.2), (3, 400, 0.7))], ignore_index=True)
    grade = pd.Series(np.repeat(["N6", "N7", "S6"], [300, 600, 400]))
    fit = scoring.calibrate(data, groups=grade, partner=grade.str[0])
    assert fit.groups["share"].tolist() == pytest.approx([1 / 6, 2 / 6, 1 / 2])
    w, m, s = (fit.groups[c].to_numpy() for c in ("share", "mean", "sd"))
    assert w @ m == pytest.approx(0, abs=1e-12)
    assert w @ (s**2 + m**2) == pytest.approx(1)
    assert (fit.groups["se_mean"] > 0).all()
    assert fit.n_parameters == 2 * J + 2 * 3 - 2


def test_reference_group_fixes_origin_and_unit() -> None:
    data, district = two_districts()
    fit = scoring.calibrate(data, groups=district, origin="North")
    assert fit.groups.loc["North", ["mean", "sd"]].tolist() == [0, 1]
    assert fit.groups.loc["North", ["se_mean", "se_sd"]].isna().all()
    assert fit.groups.loc["South", "mean"] == pytest.approx(1.0, abs=0.15)


def test_items_only_one_district_saw_are_recovered_without_bias() -> None:
    """A small version of studies/recovery.py: 25 replications, so a bound of four Monte Carlo errors."""
    from scoring.recovery import Design, recovery, summarise

    cell = Design("small", "2pl", students=1000, common=8, own=4)
    table = summarise(recovery(cell, 25, seed=7)).set_index(["block", "parameter"])
    b = table.xs("b", level="parameter")
    assert (b["bias"].abs() < np.maximum(4 * b["mc_error"], 0.02)).all()
    assert table["bias"].abs().max() < 0.06
    assert table["coverage"].mean() == pytest.approx(0.95, abs=0.02)
    assert (table["mean_se"] / table["sd_of_estimates"]).between(0.75, 1.35).all()


def test_anchors_free_every_group_and_stay_where_they_are() -> None:
    data, district = two_districts()
    free = scoring.calibrate(data, groups=district)
    anchors = free.items.loc[["i3", "i4", "i5", "i6", "i7"]]
    fit = scoring.calibrate(data, groups=district, fixed=anchors)
    assert fit.items.loc[anchors.index, "a"].tolist() == anchors["a"].tolist()
    assert fit.items.loc[anchors.index, "se_a"].isna().all()
    assert np.allclose(fit.items["a"], free.items["a"], atol=1e-4)
    assert np.allclose(fit.groups["mean"], free.groups["mean"], atol=1e-4)
    assert (fit.groups[["se_mean", "se_sd"]] > 0).all().all()
    assert fit.n_parameters == 2 * (J - 5) + 4
    moved = anchors.assign(a=anchors["a"] / 2, d=anchors["d"] - anchors["a"])  # θ* = 2θ + 2
    far = scoring.calibrate(data, groups=district, fixed=moved[["a", "d"]])
    assert np.allclose(far.groups["mean"], 2 * free.groups["mean"] + 2, atol=2e-3)
    assert far.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-3)
    by_b = scoring.calibrate(data, groups=district, fixed=anchors[["a", "b"]])
    assert np.allclose(by_b.items["d"], fit.items["d"], atol=1e-8)


def test_an_item_with_parameters_of_its_own_in_each_district() -> None:
    data, district = two_districts()
    random = np.random.default_rng(9)
    data.loc[N:, "i5"] = (random.random(N) < 0.2).astype(float)  # works differently in the South
    common = scoring.calibrate(data, groups=district, partner=district)
    fit = scoring.calibrate(data, groups=district, partner=district, separate=["i5"])
    assert fit.items.loc["i5", "group"].tolist() == ["North", "South"]
    assert fit.items.loc["i5", "n"].tolist() == [N, N]
    north, south = fit.items.loc["i5", "a"]
    assert north > 0.7
    assert abs(south) < 0.3
    assert fit.log_likelihood > common.log_likelihood + 20
    assert fit.n_parameters == common.n_parameters + 2
    assert "i5[South]:a" in fit.covariance.columns
    south = fit.item_parameters("South")
    assert south.names == tuple(data.columns)
    assert south.d[4, 0] == fit.items.loc["i5", "d"].iloc[1]
    by_group = scoring.calibrate(data, groups=district, separate={"i5": [["South"]]})
    assert by_group.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)
    with pytest.raises(scoring.DesignError, match="Name a group"):
        fit.item_parameters()


def test_models_mix_and_one_slope_is_shared() -> None:
    random = np.random.default_rng(4)
    theta = random.standard_normal(1500)
    data = draw_responses(truth(), theta, random).astype(float)
    graded = ItemParameters(("g1", "g2"), ("grm", "gpcm"), np.array([1.2, 1.1]), np.array([[1.0, -0.8], [0.2, -0.4]]),
                            np.zeros(2), np.array([3, 3]))  # fmt: skip
    frame = pd.DataFrame(np.hstack([data, draw_responses(graded, theta, random)]), columns=[*truth().names, "g1", "g2"])
    model = {"i1": "1pl", "i2": "1pl", "i3": "3pl", "g1": "grm", "g2": "gpcm"}
    fit = scoring.calibrate(frame, model, priors={"options": {"i3": 5}})
    assert fit.converged
    assert fit.items["model"].tolist() == ["1pl", "1pl", "3pl", *["2pl"] * 9, "grm", "gpcm"]
    assert fit.items.loc["i1", "a"] == fit.items.loc["i2", "a"]
    assert fit.n_parameters == 1 + 2 + 3 + 18 + 6
    assert fit.items.loc["g1", ["d1", "d2"]].tolist() == pytest.approx([1.0, -0.8], abs=0.3)
    assert fit.settings["priors"] == ["normal(-1.38629, 0.5) on logit g"]
    one = scoring.calibrate(frame, "1pl")
    rasch = scoring.calibrate(frame, "rasch")
    assert one.items["a"].nunique() == 1
    # the same curves: a common slope with unit SD is a unit slope with that SD
    assert rasch.groups.loc["all", "sd"] == pytest.approx(one.items["a"].iloc[0], abs=1e-4)
    assert rasch.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-3)
    assert rasch.n_parameters == one.n_parameters
    assert rasch.items["se_a"].isna().all()


def test_codes_follow_the_rules_of_calibration() -> None:
    data = make()
    coded = data.astype(object)
    coded.iloc[0, 0], coded.iloc[1, 1], coded.iloc[2, 2], coded.iloc[3, 3] = "O", "M", "R", np.nan
    plain = data.copy()
    plain.iloc[0, 0], plain.iloc[1, 1], plain.iloc[2, 2], plain.iloc[3, 3] = 0, 0, np.nan, np.nan
    assert np.allclose(values(scoring.calibrate(coded)), values(scoring.calibrate(plain)), equal_nan=True)


def test_weights_count_students() -> None:
    data = make()
    twice = scoring.calibrate(data, weights=pd.Series(np.full(N, 2.0)))
    doubled = scoring.calibrate(pd.concat([data, data], ignore_index=True))
    assert twice.log_likelihood == pytest.approx(doubled.log_likelihood, rel=1e-12)
    assert np.allclose(twice.items["se_a"], doubled.items["se_a"], atol=1e-9)
    assert "weights-count" in [n.code for n in twice.notices]


def test_clusters_of_one_student_each_resemble_the_model_and_whole_schools_do_not() -> None:
    data, district = two_districts()
    model = scoring.calibrate(data, groups=district)
    single = scoring.calibrate(data, groups=district, clusters=pd.Series(np.arange(len(data))))
    assert single.df == len(data) - 2
    assert np.allclose(single.items["a"], model.items["a"])
    ratio = single.items["se_d"] / model.items["se_d"]
    assert ratio.between(0.85, 1.15).all()
    copies = pd.concat([data] * 4, ignore_index=True)  # each student four times: a school of four equal students
    schools = pd.Series(np.tile(np.arange(len(data)), 4))
    districts = pd.concat([district] * 4, ignore_index=True)
    robust = scoring.calibrate(copies, groups=districts, clusters=schools)
    assert np.allclose(robust.items["se_d"], single.items["se_d"], rtol=1e-6)
    assert robust.df == single.df


def test_cluster_covariance_centres_within_districts() -> None:
    """A constant added to all scores of a district must not matter: checked through the definition."""
    from scipy.sparse import identity

    from scoring.irt.blocks import make_blocks
    from scoring.irt.grid import make_grid
    from scoring.irt.likelihood import Problem, evaluate
    from scoring.irt.parameters import Origin, make_layout, slot_exists
    from scoring.irt.posteriors import summed_scores
    from scoring.irt.priors import no_prior

    data, district = two_districts(200)
    schools = pd.Series(np.arange(400) // 10)
    fit = scoring.calibrate(data, groups=district, origin="North", clusters=schools, bound=6)
    codes = np.where(data.isna(), -1, data).astype(np.int8)
    template = fit.item_parameters()
    groups = (district == "South").to_numpy(dtype=np.int64)
    blocks = make_blocks(codes, template.categories, groups, np.ones(400), 2, collapse=False)
    layout = make_layout(template, np.zeros_like(slot_exists(template)), np.zeros(J, dtype=bool), 2,
                         Origin(np.array([1.0, 0.0]), True, True))  # fmt: skip
    xi = np.concatenate([layout.item_coordinates(template),
                         [fit.population.mean[1], np.log(fit.population.sd[1])]])  # fmt: skip
    problem = Problem(blocks, layout, no_prior(), make_grid())
    scores = summed_scores(problem, xi, identity(400, format="csr"))[blocks.row_of] @ layout.jacobian(xi)
    bread = np.linalg.inv(evaluate(problem, xi, True).information)
    meat = np.zeros_like(bread)
    for g in range(2):
        u = np.array([scores[schools == c].sum(axis=0) for c in np.unique(schools[groups == g])])
        meat += len(u) * np.cov(u.T)
    expected = np.sqrt(np.diag(bread @ meat @ bread))
    ours = fit.items[["se_a", "se_d"]].to_numpy().ravel()
    assert np.allclose(ours, expected[: 2 * J], rtol=1e-6)
    assert fit.df == 38


def test_negative_slopes_are_flagged_and_kept() -> None:
    data = make()
    data["i4"] = 1 - data["i4"]
    fit = scoring.calibrate(data)
    assert fit.converged
    assert fit.items.loc["i4", "a"] < -0.5
    assert [n.places for n in fit.warnings] == [("i4",)]


def test_the_grid_widens_and_refines_by_itself() -> None:
    far = pd.concat([make(1, shift=-3.0), make(2, shift=3.0)], ignore_index=True)
    fit = scoring.calibrate(far, groups=pd.Series(np.repeat(["low", "high"], N)), origin="low")
    assert fit.settings["bound"] > 6
    assert scoring.calibrate(far, bound=6).settings["bound"] == 6
    random = np.random.default_rng(1)
    items = ItemParameters(tuple(f"i{j}" for j in range(30)), ("2pl",) * 30, np.full(30, 6.0),
                           6 * np.linspace(-2, 2, 30)[:, None], np.zeros(30), np.full(30, 2))  # fmt: skip
    sharp = pd.DataFrame(draw_responses(items, random.standard_normal(800), random), columns=list(items.names))
    assert scoring.calibrate(sharp).settings["nodes"] > 61


def test_histograms_find_a_shape_that_is_not_normal() -> None:
    random = np.random.default_rng(3)
    theta = np.where(random.random(1000) < 0.7, -0.65, 1.5) + 0.2 * random.standard_normal(1000)
    items = truth(20)
    data = pd.DataFrame(draw_responses(items, theta, random), columns=list(items.names))
    normal = scoring.calibrate(data)
    fit = scoring.calibrate(data, population="histogram")
    assert fit.log_likelihood > normal.log_likelihood + 20
    assert fit.groups.loc["all", ["mean", "sd"]].tolist() == pytest.approx([0, 1], abs=1e-9)
    assert fit.population.histogram is not None
    assert fit.population.histogram.sum() == pytest.approx(1)
    assert fit.groups["se_mean"].isna().all()
    error = np.abs(fit.items["b"] - (items.b[:, 0] - theta.mean()) / theta.std()).mean()
    assert error < np.abs(normal.items["b"] - (items.b[:, 0] - theta.mean()) / theta.std()).mean() + 0.02


def code_of(*args: object, **options: object) -> str:
    with pytest.raises(scoring.DesignError) as refusal:
        scoring.calibrate(*args, **options)  # type: ignore[arg-type]
    assert refusal.value.exit_code == 3
    return refusal.value.code


def test_what_cannot_be_calibrated_is_refused() -> None:
    data, district = two_districts()
    assert code_of(data.assign(x=1)) == "item-without-variation"
    assert code_of(data.assign(x=np.nan)) == "item-without-answers"
    assert code_of(data.assign(x=np.where(np.arange(len(data)) % 2, 0, 2))) == "unused-category"
    assert code_of(data.head(1)) == "too-few-students"
    assert code_of(data[["i4"]]) == "too-few-items"
    assert code_of(data.assign(copy=data["i4"])) == "same-item-twice"
    assert code_of(data * np.nan) == "too-few-students"
    assert code_of(data, "4pl") == "unknown-model"
    assert code_of(data, {"nobody": "2pl"}) == "unknown-item"
    assert code_of(data, groups=district.head(5)) == "not-aligned"
    assert code_of(data, groups=district, origin="East") == "unknown-group"
    assert code_of(data, weights=pd.Series(np.full(len(data), -1.0))) == "impossible-weights"
    assert code_of(data, "3pl", priors={"g": ("lognormal", 0, 1)}) == "unknown-prior"
    assert code_of(data, priors={"c": 1}) == "unknown-prior"
    assert code_of(data, clusters=pd.Series(np.zeros(len(data)))) == "too-few-clusters"
    assert code_of(data, groups=pd.Series(["x", *["y"] * (len(data) - 1)])) == "group-too-small"
    assert code_of(data, groups=district, partner=pd.Series(np.arange(len(data)) % 2)) == "group-across-partners"
    assert code_of(data, population="skewed") == "unknown-population"


def test_a_disconnected_design_names_its_parts() -> None:
    data, district = two_districts()
    data.loc[: N - 1, data.columns[6:]] = np.nan
    data.loc[N:, data.columns[:6]] = np.nan
    with pytest.raises(scoring.DesignError) as refusal:
        scoring.calibrate(data, groups=district)
    assert refusal.value.code == "disconnected"
    assert refusal.value.details == ("North: i1, i2, i3, i4, i5, i6", "South: i7, i8, i9, i10, i11, i12")
    anchors = pd.DataFrame({"a": 1.0, "d": 0.0}, index=["i4", "i9"])
    assert scoring.calibrate(data, groups=district, fixed=anchors).converged
    one_group = scoring.calibrate(data)
    assert [n.code for n in one_group.warnings] == ["link-by-assignment"]


def test_few_shared_items_and_unseen_items_are_said() -> None:
    data, district = two_districts()
    data.loc[: N - 1, data.columns[8:]] = np.nan
    data.loc[N:, data.columns[:5]] = np.nan
    notices = {n.code: n for n in scoring.calibrate(data, groups=district).notices}
    assert notices["few-shared-items"].severity == "warning"
    assert "share only 3 items" in notices["few-shared-items"].message
    assert "i12: North" in notices["item-not-seen"].places


def test_an_item_fixed_in_full_may_lack_variation() -> None:
    data = make().assign(x=1.0)
    p = truth()
    known = pd.DataFrame({"a": [*p.a[:6], 1.0], "d": [*p.d[:6, 0], 3.0]}, index=[*p.names[:6], "x"])
    fit = scoring.calibrate(data, fixed=known)
    assert fit.items.loc["x", "d"] == 3.0
    assert fit.converged


def test_students_all_right_or_all_wrong_and_empty_rows_are_fine() -> None:
    data = make()
    extremes = pd.concat([data, data.head(30) * 0, data.head(30) * 0 + 1, data.head(7) * np.nan], ignore_index=True)
    fit = scoring.calibrate(extremes)
    assert fit.converged
    assert fit.n_students == N + 60
    assert "7 students answered nothing" in next(n.message for n in fit.notices if n.code == "empty-rows")


def test_one_tenth_observed_calibrates_a_rasch_model() -> None:
    items = truth(60)
    random = np.random.default_rng(2)
    frame = pd.DataFrame(draw_responses(items, random.standard_normal(3000), random).astype(float))
    frame.columns = list(items.names)
    fit = scoring.calibrate(frame.where(random.random(frame.shape) < 0.1), "rasch")
    assert fit.converged
    assert fit.items["n"].between(220, 380).all()
    assert np.corrcoef(fit.items["b"], items.b[:, 0])[0, 1] > 0.95


def test_a_search_that_does_not_end_says_so() -> None:
    sparse = make(3, n=40)
    sparse["i12"] = (sparse.drop(columns="i12").sum(axis=1) > 7).astype(float)  # a step: its slope is infinite
    fit = scoring.calibrate(sparse)
    assert not fit.converged
    assert "not-converged" in [n.code for n in fit.warnings]


def test_saved_fits_come_back_as_they_were(tmp_path: Path) -> None:
    data, district = two_districts()
    fit = scoring.calibrate(data, {"i4": "3pl"}, groups=district, separate=["i5"])
    fit.save(tmp_path / "fit.json")
    again = scoring.read_fit(tmp_path / "fit.json")
    for table in ("items", "groups", "covariance"):
        pd.testing.assert_frame_equal(getattr(fit, table), getattr(again, table), check_exact=True)
    assert again.parameters.d.tolist() == fit.parameters.d.tolist()
    assert again.population.mean.tolist() == fit.population.mean.tolist()
    assert (again.notices, again.settings, again.log_likelihood) == (fit.notices, fit.settings, fit.log_likelihood)
    (tmp_path / "other.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(scoring.DesignError, match="not a saved calibration"):
        scoring.read_fit(tmp_path / "other.json")


def test_simulation_is_seeded_and_returns_to_its_fit() -> None:
    data, district = two_districts()
    fit = scoring.calibrate(data, groups=district)
    first, second = scoring.simulate(fit, 4000, 7), scoring.simulate(fit, 4000, 7)
    assert first.equals(second)
    assert not first.equals(scoring.simulate(fit, 4000, 8))
    groups = first.attrs["group"]
    again = scoring.calibrate(first, groups=groups)
    assert np.abs((again.items["b"] - fit.items["b"]) / again.items["se_b"]).max() < 4.5
    assert again.groups.loc["South", "mean"] == pytest.approx(fit.groups.loc["South", "mean"], abs=0.08)


def test_progress_is_reported() -> None:
    seen: list[tuple[int, float, float]] = []
    scoring.calibrate(make(), progress=lambda *what: seen.append(what))
    assert len(seen) >= 2
    assert seen[-1][2] < 1e-3
