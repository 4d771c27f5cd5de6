"""The simulated administration of the study, small: every planted student is accounted for, by the commands alone."""

import contextlib
import csv
import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from itembank import administrations, database, responses, tabular
from itembank.errors import NotPermitted, Rejected, UsageFault
from itembank.models import Attendance, Student, StudentLink
from itembank.sheets import Layout

from .conftest import _use

STUDENTS = 240
_SPEC = importlib.util.spec_from_file_location(
    "no_student_lost", Path(__file__).parents[3] / "studies" / "no_student_lost.py"
)
study = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(study)


def count(table):
    with database.reading() as session:
        return len(session.exec(database.sa.select(table)).all())


def rows_of(file):
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def empty(tmp_path, monkeypatch):
    return _use(monkeypatch, tmp_path, str(tmp_path / "bank.db"))


def test_every_student_is_accounted_for(empty, run, tmp_path):
    students, files = study.prepare(run, tmp_path, STUDENTS)
    assert not (tmp_path / "one-time.csv").exists()  # used once, gone
    moved = sum(s["fate"] == "moved" for s in students)
    assert count(StudentLink) == moved > 2
    aside = study.load(run, tmp_path, files)
    planted = [s for s in students if s["fate"] in ("two rows", "bad row")]
    assert aside == len(planted)
    assert study.differences(run, students, files, mended=False) == []
    study.mend(run, tmp_path)
    assert study.differences(run, students, files, mended=True) == []
    assert study.named(run, tmp_path, students) == []
    doubts = json.loads(run("administrations", "status", "spring", "--by", "version", "--json")[1])
    assert len(doubts) == sum(s["fate"] == "wrong version" for s in students)

    assert run("administrations", "status", "spring", "--chase", "left", "--names", "A.zip", "--district", "A")[0] == 0
    assert run("administrations", "status", "spring", "--chase", "left")[0] == 6  # never over an older one
    rows = [r for f in sorted((tmp_path / "left").glob("*.csv")) for r in rows_of(f)]
    left = {s["number"] for s in students if s["district"] == "A" and s["fate"] in ("absent", "missing", "empty")}
    assert {r["student"] for r in rows} == left
    assert all(r["name"].startswith("Family") for r in rows)
    assert rows == sorted(rows, key=lambda r: r["class"])
    assert (tmp_path / "left").stat().st_mode & 0o077 == 0

    whole = b"".join(p.read_bytes() for p in tmp_path.glob("bank.db*"))
    assert not any(word.encode() in whole for word in (*study.SECRET, "Family", "Given"))
    assert not any(s[what].encode() in whole for s in students for what in ("number", "state"))
    assert run("bank", "verify")[0] == 0


def test_absences_are_read_recorded_last_and_withdrawn(furnished, run, tmp_path):
    (tmp_path / "a.csv").write_text("student,attendance\n1,absent\n2,EXEMPT\n3,\n")
    code, _, err = run("responses", "check", "a.csv", "--district", "A")
    assert code == 3  # the third row claims a sheet, and the file has no items
    assert "no-items" in err
    (tmp_path / "a.csv").write_text("student,attendance\n1,absent\n2,EXEMPT\n")
    assert "2 absent or exempt" in run("responses", "check", "a.csv", "--district", "A")[2]
    assert count(Attendance) == 0
    assert run("responses", "load", "a.csv", "--district", "A")[0] == 0
    assert "nothing was changed" in run("responses", "load", "a.csv", "--district", "A")[2]
    (tmp_path / "b.csv").write_text("student,attendance,Q1\n1,exempt,\n4,present,B\n5,,C\n")
    assert run("responses", "load", "b.csv", "--district", "A")[0] == 0
    with database.reading() as session:
        states = [a.state for a in session.scalars(database.sa.select(Attendance).order_by(Attendance.student_id))]
    assert states == ["exempt", "exempt"]
    for text, code in (
        ("student,attendance,Q1\n6,absent,B\n", "away-with-answers"),
        ("student,attendance,Q1\n6,ill,\n", "attendance"),
        ("student,attendance\n6,absent\n6,exempt\n", "duplicate-student"),
        ("student,attendance\n,absent\n", "no-student"),
    ):
        (tmp_path / "c.csv").write_text(text)
        done = run("responses", "load", "c.csv", "--district", "A")
        assert done[0] == 3
        assert code in done[2]
    assert run("responses", "withdraw", "2", "--as", "leadA")[0] == 0
    assert count(Attendance) == 1
    (tmp_path / "ids.txt").write_text("2\n")
    assert run("students", "erase", "ids.txt", "--district", "A", "--as", "leadA")[0] == 0
    assert count(Attendance) == count(Student) == 0


LONG = "student,item,response\n1,Q1,A\n1,Q2,1/2\n2,Q1,B\n2,Q1,C\n2,Q2,3\n3,Q9,A\n3,Q1,D\n4,Q1,=A\n"


@pytest.mark.parametrize(
    ("text", "kept", "aside"),
    [
        ("student,Q1,Q2\n1,A,1\n1,A,1\n2,Z,=1/2\n,B,1\n3,B,-2\n", 2, {"1", "2", ""}),
        (LONG, 1, {"2", "3", "4"}),  # all rows of a sheet with a fault
    ],
    ids=["wide", "long"],
)
def test_rows_with_faults_are_set_aside_and_loaded_when_mended(furnished, run, tmp_path, text, kept, aside):
    (tmp_path / "r.csv").write_text(text)
    words = ("responses", "load", "r.csv", "--district", "A")
    assert run(*words)[0] == 3  # without being asked to, nothing
    code, _, err = run(*words, "--rejected", "out.csv")
    assert code == 0
    assert f"Loaded {kept} sitting" in err
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600
    rows = rows_of(tmp_path / "out.csv")
    assert {r["student"] for r in rows} == aside
    assert all(r["rejected_because"] for r in rows)
    assert "rows were set aside" in run("administrations", "status", "--by", "district")[2]
    assert run(*words, "--rejected", "out.csv")[0] == 6  # the rows in it would be lost
    assert "nothing was changed" in run(*words, "--rejected", "more.csv")[2]
    if "item" not in rows[0]:
        assert any(r["Q2"] == "'=1/2" for r in rows)  # no formula for a spreadsheet ...
        good = [{**r, "Q1": "C"} for r in rows if r["student"] == "2"]
        with (tmp_path / "out.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(good)
        assert run("responses", "load", "out.csv", "--district", "A")[0] == 0
        with database.reading() as session:
            from scoring import bank as gate

            assert gate.scored_responses(session).raw()["Q2"].tolist() == ["1", "-2", "=1/2"]  # ... and none lost
    else:
        assert "attendance" not in rows[0]


def test_a_structural_fault_sets_nothing_aside(furnished, run, tmp_path):
    (tmp_path / "r.csv").write_text("student,Qx\n1,A\n")
    assert run("responses", "load", "r.csv", "--district", "A", "--rejected", "out.csv")[0] == 3
    assert not (tmp_path / "out.csv").exists()


def test_the_linkage_key_is_guarded(tmp_path):
    from itembank import linkage, rosters

    with pytest.raises(Rejected):
        linkage.shared_key(tmp_path / "none.key")
    key = linkage.shared_key(tmp_path / "k.key", make=True)
    assert linkage.shared_key(tmp_path / "k.key") == key
    (tmp_path / "k.key").chmod(0o644)
    with pytest.raises(NotPermitted):
        linkage.shared_key(tmp_path / "k.key")
    (tmp_path / "k.key").chmod(0o600)
    (tmp_path / "k.key").write_text("ab\n")
    with pytest.raises(Rejected):
        linkage.shared_key(tmp_path / "k.key")
    with pytest.raises(UsageFault):
        rosters.other_numbers(tmp_path, "identifier", "phone")


class Undo(Exception):
    pass


ROW = st.tuples(
    st.sampled_from(["1", "2", "3", "", " 4", "1.2E+09", "=5"]),
    st.sampled_from(["", "absent", "Exempt", "present", "ill"]),
    st.sampled_from(["A", "B", "Z", "O", "", "=B"]),
    st.sampled_from(["1/2", "0,5", "-2", "=1/2", "", "x" * 600]),
    st.sampled_from(["", "2026-05-04", "2031-01-01", "4 May"]),
)


@given(st.lists(ROW, min_size=1, max_size=8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_row_is_stored_or_set_aside_or_the_file_is_refused(furnished, rows):
    """Whatever the cells: sheets, absences and rejected rows make the file, and what is rejected reads again."""
    text = study._text([("student", "attendance", "Q1", "Q2", "date"), *rows])
    table = tabular.parse_table(text.encode(), "r.csv")
    layout = Layout(fixed={"district": "A"})
    done = None
    with contextlib.suppress(Undo, Rejected), database.writing() as session:
        adm = administrations.administration_of(session)
        done = responses.load(session, adm, table, layout, None, set_aside=True)
        raise Undo
    if done is None:
        return
    assert done.sittings + done.away + done.rejected_rows == len(table)
    if done.rejected_rows:
        again = tabular.parse_table(done.rejected.encode(), "again.csv")
        assert len(again) == done.rejected_rows
        cells = {tuple(r[c] for c in table.columns) for r in table.records()}
        assert {tuple(r[c] for c in table.columns) for r in again.records()} <= cells
