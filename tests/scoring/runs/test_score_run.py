"""Scoring from the bank with frozen parameters: nothing is estimated anew, and labels do not matter."""

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from sqlmodel import select

import scoring
from itembank import database
from itembank.errors import Conflict, Rejected
from itembank.models import District, Sitting, columns
from scoring import bank as gate
from scoring.irt.errors import DesignError
from scoring.runs.calibrating import stored_fit
from scoring.runs.comparing import compare_administration
from scoring.runs.profiles_kept import kept_profile
from scoring.runs.score_run import score_administration
from tests.scoring.runs.conftest import draw, load


def swap_districts(session):
    """Call the first half of each district's students by the other district's name."""
    ids = [d.id for d in session.exec(select(District)).all()]
    sitting = columns(Sitting)
    rows = session.execute(sa.select(sitting.id, sitting.district_id).order_by(sitting.id)).all()
    for number, district in rows:
        if number % 2:
            other = ids[1] if district == ids[0] else ids[0]
            session.execute(sa.update(Sitting).where(sitting.id == number).values(district_id=other, school_id=None))


def test_concepts_are_scored_as_the_comparison_scored_them(compared):
    with gate.writing() as session:
        done = score_administration(session)
        stored = gate.read_scores(session, gate.run_of(session, 2))
    assert done.run.details["statuses"] == {"scored": 600}
    for concept in ("ratios", "geometry"):
        before = stored[stored["scale"] == concept]
        # the comparison's sites were warm, these start cold; sites settle to 1e-6
        assert np.allclose(before["theta"], done.concepts[concept]["theta"], atol=1e-5)
        assert np.allclose(before["p_mastery"], done.concepts[concept]["p_mastery"], atol=1e-5)


def test_what_is_stored_is_what_the_frame_functions_say(compared):
    with gate.writing() as session:
        done = score_administration(session, method="wle", profile="none")
        fit = stored_fit(session, gate.run_of(session, 1))
        expected = scoring.score(fit, done.data.frame(), method="wle")
        stored = gate.read_scores(session, done.run)
    finite = np.isfinite(expected["theta"].to_numpy())
    assert np.array_equal(stored["theta"].to_numpy()[finite], expected["theta"].to_numpy()[finite])
    assert (stored["status"].to_numpy() == expected["status"].to_numpy()).all()
    assert done.concepts is None
    assert set(stored["scale"]) == {"total"}


def test_other_labels_change_no_score_and_no_verdict(compared):
    with gate.writing() as session:
        before = score_administration(session)
    with database.writing() as session:
        swap_districts(session)
    with gate.writing() as session:
        after = score_administration(session)
    assert (before.data.persons["district"].to_numpy() != after.data.persons["district"].to_numpy()).sum() == 300
    pd.testing.assert_frame_equal(before.scores, after.scores, check_exact=True)
    pd.testing.assert_frame_equal(before.concepts, after.concepts, check_exact=True)


def test_one_student_scores_as_among_all(compared):
    with gate.reading() as session:
        _, profile = kept_profile(session)
        frame = gate.scored_responses(session).frame()
    whole = profile.score(frame)
    for row in (0, 17, 599):
        alone = profile.score(frame.iloc[[row]])
        numbers = [c for c in whole.columns if c[1] in ("theta", "se", "p_mastery")]
        # sites settle to 1e-6 whoever stands in the same block
        assert np.allclose(alone[numbers].astype(float), whole.iloc[[row]][numbers].astype(float), atol=2e-6)
        words = [c for c in whole.columns if c[1] in ("status", "verdict")]
        assert alone[words].equals(whole.iloc[[row]][words])


def test_a_profile_is_read_back_number_for_number(compared, tmp_path):
    with gate.reading() as session:
        _, profile = kept_profile(session)
        frame = gate.scored_responses(session).frame().iloc[:20]
    profile.save(tmp_path / "profile.json")
    again = scoring.read_profile(tmp_path / "profile.json")
    pd.testing.assert_frame_equal(again.score(frame), profile.score(frame), check_exact=True)
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DesignError, match="not a saved concept profile"):
        scoring.read_profile(tmp_path / "other.json")


def test_late_students_are_scored_with_the_frozen_parameters(compared):
    with gate.writing() as session:
        first = score_administration(session)
    with database.writing() as session:
        load(session, "A", draw(9, 0.0, 5), first=2000)
    with gate.writing() as session:
        done = score_administration(session)
    assert len(done.scores) == 605
    assert any("responses were loaded since" in n for n in done.notices)
    pd.testing.assert_frame_equal(done.scores.loc[first.scores.index], first.scores, check_exact=True)


def test_few_answers_are_kept_with_a_status(compared):
    answers = draw(10, 0.0, 3).astype(object)
    answers[0, 3:] = ""  # three answers, the rest not reached
    answers[1, :] = ""
    answers[2, 5:] = ""  # five answers, all on the first concept
    with database.writing() as session:
        load(session, "B", answers, first=3000)
    with gate.writing() as session:
        done = score_administration(session)
    assert done.scores["status"].tail(3).tolist() == ["too few responses", "nothing valid", "scored"]
    assert done.scores["theta"].tail(3).notna().tolist() == [False, False, True]
    assert done.concepts["geometry"]["verdict"].tail(3).tolist() == ["not enough evidence"] * 3


def test_what_cannot_score_is_refused(compared):
    with gate.writing() as session:
        with pytest.raises(DesignError, match="no method"):
            score_administration(session, method="median")
        with pytest.raises(DesignError, match="compare run"):
            score_administration(session, calibration=2)
        with pytest.raises(Rejected, match="holds no profile"):
            score_administration(session, profile="1")
        with pytest.raises(DesignError, match="names no profile"):
            score_administration(session, profile="last")
        gate.run_of(session, 1).status = "withdrawn"
        with pytest.raises(Conflict, match="withdrawn"):
            score_administration(session)


def test_a_new_comparison_after_the_swap_judges_alike_within_its_own_estimates(compared):
    """Populations and items are estimated anew, so numbers move a little; no verdict turns into its opposite."""
    with database.writing() as session:
        swap_districts(session)
    with gate.writing() as session:
        old = gate.read_scores(session, gate.run_of(session, 2))
        run, _ = compare_administration(session)
        new = gate.read_scores(session, run)
    both = old["p_mastery"].notna().to_numpy()
    assert (new["scale"].to_numpy() == old["scale"].to_numpy()).all()
    p, q = old["p_mastery"].to_numpy()[both], new["p_mastery"].to_numpy()[both]
    assert not (((p >= 0.8) & (q <= 0.2)) | ((p <= 0.2) & (q >= 0.8))).any()
    assert np.corrcoef(p, q)[0, 1] > 0.999
