"""Cuts: rated, proposed, agreed by both districts, and obeyed by every later analysis."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from itembank import database, decisions, people
from itembank.errors import Conflict, Rejected, UsageFault
from scoring import bank as gate
from scoring.agreed_cuts import angoff_cut, domain_cut
from scoring.irt.curves import ItemParameters, expected_scores
from scoring.runs import cutting
from scoring.runs.comparing import compare_administration, stored_analysis
from scoring.runs.inputs import from_bank
from scoring.runs.score_run import score_administration
from tests.scoring.runs.conftest import CONCEPTS, ITEMS

PANEL = ("a1", "a2", "a3", "b1", "b2", "b3")


def panel(theta, profile, raters=PANEL, noise=0.0, seed=0):
    """Ratings as given by raters who know the items and mean the same θ on every concept."""
    rng = np.random.default_rng(seed)
    expected = expected_scores(profile.items, np.array([theta]))[:, 0]
    rows = [
        (item, rater, 100 * expit(logit(p) + noise * rng.normal()))
        for rater in raters
        for item, p in zip(profile.items.names, expected, strict=True)
    ]
    return pd.DataFrame(rows, columns=["item", "rater", "rating"])


def agree(number, *who):
    with database.writing() as session:
        for code in who:
            decisions.vote(session, number, people.person_of(session, code), "agree")


def rate_and_propose(noise=0.0, **options):
    with gate.writing() as session:
        _, profile = cutting.stored_profile(session)
        cutting.store_ratings(session, panel(0.4, profile, noise=noise), gate.person_of(session, "a1"))
        cuts = cutting.make_cuts(session, **options)
        _, decision = cutting.propose_cuts(session, cuts, "The panel of May.", "a4")
        return cuts, decision.id


def test_ratings_that_follow_the_curves_give_back_their_score(compared):
    cuts, _ = rate_and_propose()
    with gate.reading() as session:
        _, profile = cutting.stored_profile(session)
    for cut in cuts:
        at = cutting.placed(profile, cut)
        assert at.theta == pytest.approx(0.4, abs=1e-6)  # the same curves, both ways; brentq to 1e-12
        assert at.se_raters == pytest.approx(0.0, abs=1e-9)  # raters who all agree
        assert cut.status == "final"
        assert cut.raters == 6


def test_an_agreed_cut_is_obeyed_and_a_proposed_one_is_not(compared):
    _, decision = rate_and_propose(noise=0.4)
    with gate.reading() as session:
        assert cutting.agreed_cuts(session) == {}
        assert {c.basis for c in from_bank(session)[0].cuts.values()} == {"domain score"}
    agree(decision, "a2", "b2")
    with gate.writing() as session:
        assert gate.stale_reasons(session, gate.run_of(session, 2)) == ["a cut was agreed since for geometry, ratios"]
        run, result = compare_administration(session)
        table = stored_analysis(session, run).concepts
        placed = {c: cutting.placed(result.profile.frozen(), k) for c, k in cutting.agreed_cuts(session).items()}
        assert gate.stale_reasons(session, run) == []
        mastery = stored_analysis(session, run).mastery
    assert set(table["cut_kind"]) == {"set"}
    for concept in CONCEPTS:
        assert table.at[concept, "cut"] == pytest.approx(placed[concept].theta, abs=1e-12)
        assert table.at[concept, "cut_se"] == pytest.approx(placed[concept].se, rel=1e-9)
        assert placed[concept].se_raters > 0
        assert placed[concept].se_items > 0
    # another cut moves the rate the other way, and by about the population's density times the step
    assert (mastery["rate_lower_cut"] > mastery["rate"]).all()
    assert (mastery["rate_higher_cut"] < mastery["rate"]).all()
    step = 0.4 * table["cut_se"].reindex(mastery["concept"]).to_numpy()  # no normal density of SD near 1 exceeds .45
    assert ((mastery["rate_lower_cut"] - mastery["rate"]) < 1.2 * step).all()


def test_scores_are_judged_at_the_cut_that_is_agreed_now(compared):
    with gate.writing() as session:
        before = score_administration(session)
    _, decision = rate_and_propose()
    agree(decision, "a2", "b2")
    with gate.writing() as session:
        after = score_administration(session)
    for concept in CONCEPTS:
        assert after.run.details["concepts"][concept]["cut"] == pytest.approx(0.4, abs=1e-6)
        assert (before.concepts[concept]["theta"] == after.concepts[concept]["theta"]).all()
        lower = after.run.details["concepts"][concept]["cut"] < before.run.details["concepts"][concept]["cut"]
        moved = after.concepts[concept]["p_mastery"] - before.concepts[concept]["p_mastery"]
        assert (moved >= -1e-12).all() if lower else (moved <= 1e-12).all()


def test_versions_are_kept_and_the_last_agreement_counts(compared):
    _, first = rate_and_propose()
    agree(first, "a2", "b2")
    with gate.writing() as session:
        cuts = cutting.make_cuts(session, ["ratios"], "domain", 0.65)
        _, second = cutting.propose_cuts(session, cuts, "Plainer.", "a4")
        second = second.id
        with pytest.raises(Conflict, match="open already"):
            cutting.propose_cuts(session, cutting.make_cuts(session, ["ratios"]), "Again.", "b4")
    agree(second, "a2", "b2")
    with gate.reading() as session:
        agreed = cutting.agreed_cuts(session)
        table = cutting.cuts_table(session, None, everything=True)
    assert (agreed["ratios"].basis, agreed["ratios"].version) == ("domain score", 2)
    assert (agreed["geometry"].basis, agreed["geometry"].version) == ("angoff", 1)
    assert table[table["concept"] == "ratios"]["version"].tolist() == [1, 2]
    assert table["theta"].isna().all()


def test_a_small_or_one_sided_panel_stays_provisional(compared):
    with gate.writing() as session:
        _, profile = cutting.stored_profile(session)
        cutting.store_ratings(session, panel(0.0, profile, PANEL[:3]), None)
        few = cutting.make_cuts(session)
    assert {c.status for c in few} == {"provisional"}
    assert few[0].reason == "3 raters, 5 needed; 0 of district B, 2 needed"
    with gate.writing() as session:
        _, decision = cutting.propose_cuts(session, few, "Better than nothing.", "a4")
        decision = decision.id
    agree(decision, "a2", "b2")
    with gate.writing() as session:
        run, _ = compare_administration(session)
        table = stored_analysis(session, run).concepts
    assert np.allclose(table["cut"], 0.0, atol=0.02)  # obeyed: raters meant θ = 0 on nearly the same calibration
    assert set(table["cut_kind"]) == {"provisional"}


def test_a_later_rating_replaces_an_earlier_one(compared):
    with gate.writing() as session:
        for rating in ("30", "70"):
            cutting.store_ratings(session, pd.DataFrame([{"item": "Q01", "rater": "a1", "rating": rating}]), None)
        table = cutting.concept_ratings(session)
    assert table["share"].tolist() == [0.7]
    assert table["source"].tolist() == ["run 4"]


def test_every_rating_that_cannot_be_used_is_named(compared):
    given = pd.DataFrame(
        [
            ("Q01", "a1", "101", "", 2),
            ("Q99", "a1", "50", "", 3),
            ("Q02", "stranger", "50", "", 4),
            ("Q02", "a1", "50", "B", 5),
            ("Q03", "a2", "many", "", 6),
        ],
        columns=["item", "rater", "rating", "district", "line"],
    )
    with gate.writing() as session, pytest.raises(Rejected) as refused:
        cutting.store_ratings(session, given, None, "panel.csv")
    assert [(f.line, f.code) for f in refused.value.findings] == [
        (2, "bad-rating"),
        (3, "unknown-item"),
        (4, "rater-without-district"),
        (5, "two-districts"),
        (6, "bad-rating"),
    ]


def test_a_bookmark_cut_is_found_again_on_its_own_calibration(compared):
    with gate.reading() as session:
        _, profile = cutting.stored_profile(session)
        pages = cutting.printed_booklet(session, profile, ["ratios"])
        marks = pd.DataFrame({"rater": PANEL, "district": list("AAABBB"), "page": [4, 5, 5, 5, 6, 6]})
        marks["concept"] = "ratios"
        [cut] = cutting.make_cuts(session, ["ratios"], "bookmark", bookmarks=marks, profile=profile)
    theta = pages["theta"].to_numpy()
    expected = (theta[3] + theta[4]) / 2  # medians 5 and 6 of the districts; the cut is the page before
    at = cutting.placed(profile, cut)
    assert at.theta == pytest.approx(expected, abs=1e-8)
    assert at.se_raters > 0


def test_unknown_bases_and_missing_evidence_are_refused(compared):
    with gate.reading() as session:
        with pytest.raises(UsageFault, match="no basis"):
            cutting.make_cuts(session, basis="guess")
        with pytest.raises(Rejected, match="No ratings"):
            cutting.make_cuts(session)
        with pytest.raises(Rejected, match="algebra"):
            cutting.make_cuts(session, ["algebra"], "domain")
        with pytest.raises(UsageFault, match="bookmarks"):
            cutting.make_cuts(session, basis="bookmark")


def items(names, a, b):
    n = len(names)
    a = np.asarray(a, dtype=float)
    return ItemParameters(
        tuple(names), ("2pl",) * n, a, (-a * np.asarray(b))[:, None], np.zeros(n), np.full(n, 2, dtype=np.int64)
    )


def test_a_cut_moves_with_the_scale_and_not_with_the_items_that_stand_beside():
    """θ' = (θ - .5)/2 is the same scale in other units: the cut is the same place on it."""
    pool = items(ITEMS[:6], [1.0, 1.2, 0.8, 1.5, 1.1, 0.9], [-1.0, -0.5, 0.0, 0.2, 0.8, 1.2])
    other = items([*ITEMS[:6], "X"], [*(2 * pool.a), 1.0], [*((pool.b[:, 0] - 0.5) / 2), 3.0])
    cut = domain_cut("c", 1, ITEMS[:6], 0.6)
    theta = cut(pool)
    assert expected_scores(pool, np.array([theta])).mean() == pytest.approx(0.6, abs=1e-9)
    assert cut(other) == pytest.approx((theta - 0.5) / 2, abs=1e-9)


def test_too_few_of_its_items_leave_a_cut_without_a_place():
    pool = items(ITEMS[:6], np.ones(6), np.linspace(-1, 1, 6))
    cut = domain_cut("c", 1, ITEMS[3:9], 0.6)  # three of its six items are calibrated
    assert np.isnan(cut(pool))
    assert cut.place(pool).reason == "3 of its 6 items are calibrated, 4 needed"


def test_the_mean_share_of_a_panel_weighs_districts_equally():
    """Three raters say 40 in one district, one says 80 in the other: halfway on the logits."""
    rows = [(i, r, d, s) for i in ("x", "y") for r, d, s in [*((f"a{k}", "A", 0.4) for k in range(3)), ("b", "B", 0.8)]]
    cut = angoff_cut("c", 1, pd.DataFrame(rows, columns=["item", "rater", "district", "share"]), {}, ["A", "B"])
    assert cut.share == pytest.approx(expit((logit(0.4) + logit(0.8)) / 2), abs=1e-12)
    assert cut.reason == "4 raters, 5 needed; 1 of district B, 2 needed"


def test_items_of_earlier_forms_keep_a_cut_where_it_is():
    """The bank's eight items, four on this form and all on an earlier one in other units: one curve, one cut."""
    bank_items = items(ITEMS[:8], np.linspace(0.8, 1.6, 8), np.linspace(-1.2, 1.4, 8))
    here = bank_items.select(np.arange(4))
    then = items(ITEMS[:8], bank_items.a * 2, (bank_items.b[:, 0] - 0.5) / 2)
    cut = domain_cut("c", 1, ITEMS[:8], 0.7)
    whole = cut(bank_items)
    alone = cut(here)
    assert abs(alone - whole) > 0.3  # four easy items alone would set it much lower
    assert replace(cut, earlier=(then,))(here) == pytest.approx(whole, abs=1e-4)  # the link is found to 1e-5
    assert replace(cut, earlier=(then.select(np.arange(1, 8)),))(here) == alone  # three shared items carry no scale


def test_an_item_that_changed_since_stays_out_of_the_pool(compared):
    with gate.reading() as session:
        whole = cutting.earlier_items(session, {})
        data = gate.scored_responses(session)
        versions = {str(i): int(v) for i, v in data.items["version_id"].items()}
        changed = cutting.earlier_items(session, {**versions, "Q01": -1})
    assert [len(p) for p in whole["ratios"]] == [8]
    assert [p.names for p in changed["ratios"]] == [tuple(ITEMS[1:8])]


def test_a_refusal_of_another_kind_is_not_taken_for_a_comparison_without_concepts(monkeypatch):
    from types import SimpleNamespace

    from itembank.errors import Rejected
    from scoring.runs import cutting

    run = SimpleNamespace(id=1, administration_id=1, status="done", details={"cuts": {}})
    monkeypatch.setattr(cutting.bank, "runs_of_kind", lambda session, kind: [run])

    def refuse(code):
        def kept(session, number):
            raise Rejected(code, "Words.")

        monkeypatch.setattr(cutting, "kept_profile", kept)

    refuse("no-profile")
    assert cutting.earlier_items(None, {}) == {}
    refuse("unknown-run")
    with pytest.raises(Rejected, match="Words"):
        cutting.earlier_items(None, {})
