"""Scores are stored once per sitting and run, and read as one row per scale and sitting."""

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from itembank import administrations, database, responses, students, tabular
from itembank.models import Score, columns
from itembank.people import district_of
from itembank.sheets import Layout
from scoring import bank as gate
from scoring.bank import scores as door

STATUSES = ["scored", "too few responses", "nothing valid"]


@pytest.fixture
def persons(furnished):
    return loaded()


@pytest.fixture
def persons_anywhere(any_furnished):
    return loaded()


def loaded():
    """Seven sittings of two districts."""
    with database.writing() as session:
        adm = administrations.administration_of(session)
        for district, n in (("A", 4), ("B", 3)):
            table = tabular.parse_table(("student,Q1\n" + "".join(f"{i},A\n" for i in range(n))).encode(), "r.csv")
            responses.load(session, adm, table, Layout(fixed={"district": district}))
        return gate.scored_responses(session).persons


def drawn(persons, mastery, seed):
    random = np.random.default_rng(seed)
    n = len(persons)
    table = pd.DataFrame({"theta": random.normal(size=n), "se": random.uniform(0.2, 0.5, n)}, index=persons.index)
    if mastery:
        table["p_mastery"] = random.uniform(size=n)
    return table.assign(status=random.permutation(np.resize(STATUSES, n)))


def expected(tables, persons):
    """Written out scale by scale, in the order of their names."""
    parts = [tables[s].assign(scale=s).reindex(columns=["scale", *door.VALUES, "status"]) for s in sorted(tables)]
    return pd.concat([p.assign(student=persons["student"]) for p in parts]).astype({"scale": "str", "status": "str"})


def test_scores_come_back_as_stored_together_and_scale_by_scale(persons_anywhere, monkeypatch):
    persons = persons_anywhere
    monkeypatch.setattr(door, "_AT_ONCE", 3)  # in more than one part
    tables = {"total": drawn(persons, False, 1), "ratios": drawn(persons, True, 2), "geometry": drawn(persons, True, 3)}
    tables["total"].iloc[2, :2] = np.nan
    backwards = persons.iloc[::-1]  # whatever order the persons come in
    with gate.writing() as session:
        first = gate.store_run(session, "compare")
        gate.store_scores(session, first, tables, backwards)
        second = gate.store_run(session, "score")
        gate.store_scores(session, second, {"total": tables["ratios"].drop(columns="status")}, persons)
    with gate.reading() as session:
        first, second = gate.run_of(session, first.id), gate.run_of(session, second.id)
        whole = expected(tables, persons)
        pd.testing.assert_frame_equal(gate.read_scores(session, first), whole, check_exact=True)
        for scale in tables:
            alone = gate.read_scores(session, first, scale)
            pd.testing.assert_frame_equal(alone, whole[whole["scale"] == scale], check_exact=True)
        assert list(gate.read_scores(session, second, "total")["status"]) == ["scored"] * 7
        stored = session.execute(sa.select(columns(Score).sitting_id, columns(Score).district_id)).all()
        districts = persons["district"].map({"A": 1, "B": 2}).astype(int).to_dict()
        assert len(stored) == 2 * len(persons)
        assert all(districts[s] == d for s, d in stored)
        nothing = gate.read_scores(session, first, "volume")
        assert (len(nothing), list(nothing.columns)) == (0, list(whole.columns))
        other = gate.store_run(session, "calibrate")
        pd.testing.assert_frame_equal(gate.read_scores(session, other), whole.iloc[:0])


def test_an_infinite_score_is_kept_as_none_with_its_status(persons):
    table = drawn(persons, False, 4)
    table.loc[table.index[:2], "theta"] = [np.inf, -np.inf]
    table.loc[table.index[:2], "status"] = "extreme"
    with gate.writing() as session:
        run = gate.store_run(session, "score")
        gate.store_scores(session, run, {"total": table}, persons)
        read = gate.read_scores(session, run)
    assert read["theta"].isna().tolist() == [True] * 2 + [False] * 5
    assert read["status"].tolist()[:2] == ["extreme"] * 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.iloc[1:], "same sittings"),
        (lambda t: t.iloc[::-1], "same sittings"),
        (lambda t: t.assign(status=[None, *t["status"][1:]]), "no status"),
        (lambda t: t.set_axis(t.index.map(lambda i: 1000 * i)), "same sittings"),
    ],
)
def test_scales_that_do_not_go_together_are_refused(persons, change, said):
    table = drawn(persons, True, 5)
    with gate.writing() as session:
        run = gate.store_run(session, "score")
        with pytest.raises(ValueError, match=said):
            gate.store_scores(session, run, {"total": table, "ratios": change(table)}, persons)


def test_more_statuses_than_a_byte_tells_apart_are_refused():
    table = pd.DataFrame({"status": [f"reason {i}" for i in range(256)]})
    assert len(door._statuses({"total": table.iloc[:255]}, 255)[0]) == 255
    with pytest.raises(ValueError, match="at most 255"):
        door._statuses({"total": table}, 256)


def test_erasing_takes_the_scores_along_and_a_damaged_row_shows(persons_anywhere, run):
    persons = persons_anywhere
    with gate.writing() as session:
        for _ in range(2):
            stored = gate.store_run(session, "score")
            tables = {"total": drawn(persons, False, 6), "ratios": drawn(persons, True, 7)}
            gate.store_scores(session, stored, tables, persons)
    with database.writing() as session:
        counts = students.erase(session, district_of(session, "B"), ["1"])
        assert counts == {"students": 1, "sittings": 1, "scores": 2}  # one of each run, on both scales
    with gate.reading() as session:
        assert len(gate.read_scores(session, gate.run_of(session))) == 2 * 6
    assert run("bank", "verify")[0] == 0
    for damage in (b"\x00" * 49, b"\x00" * 49 + b"\x07"):  # too short; a status that the run has no word for
        with database.writing() as session:
            session.execute(sa.update(Score).where(columns(Score).sitting_id == 1).values(packed=damage))
        code, _, err = run("bank", "verify")
        assert code == 1
        assert err.count("wrong-scores") == 2
