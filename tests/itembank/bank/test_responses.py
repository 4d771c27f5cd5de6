"""Responses: whole or not at all, every fault at once, answers kept as given."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import func, select

from itembank import administrations, database, packing, responses, tabular
from itembank.errors import Rejected
from itembank.models import AnswerCode, AuditEvent, Import, RawResponse, School, Sitting, Student
from itembank.sheets import Layout

HEAD = "student,school,Q1,Q2,Q3,Q4,Q5\n"
GOOD = HEAD + 'S-001,N,B,1/2,AC,2,rhombus\nS-002,N,A,"0,5",A,O,\nS-003,M,M,.5,,1,kite\n'


def counts():
    with database.reading() as session:
        return [
            session.exec(select(func.count()).select_from(t)).one()
            for t in (Student, Sitting, RawResponse, Import, AnswerCode, School)
        ]


def load(text, layout=None, name="r.csv"):
    table = tabular.parse_table(text if isinstance(text, bytes) else text.encode(), name)
    with database.writing() as session:
        adm = administrations.administration_of(session)
        return responses.load(session, adm, table, layout or Layout(fixed={"district": "A"}))


def faults(text, layout=None):
    with pytest.raises(Rejected) as refused:
        load(text, layout)
    assert refused.value.exit_code == 3
    return [(f.code, f.line, f.column) for f in refused.value.findings if f.severity == "error"]


def stored():
    """(N, J) codes as stored, in the order of the sittings."""
    with database.reading() as session:
        rows = session.exec(select(RawResponse).order_by(RawResponse.sitting_id)).all()
    return packing.unpack([r.packed for r in rows], 5)


def words(version):
    with database.reading() as session:
        return {
            a.code: (a.kind, a.answer)
            for a in session.exec(select(AnswerCode).where(AnswerCode.item_version_id == version)).all()
        }


def test_answers_stay_as_given_and_blanks_apart(any_furnished):
    done = load(GOOD)
    assert (done.sittings, done.students, done.schools) == (3, 3, 2)
    codes = stored()
    assert [words(2)[c][1] for c in codes[:, 1]] == ["1/2", "0,5", ".5"]
    assert words(1)[codes[0, 0]] == ("answer", "B")
    assert codes[2, 0] == packing.INVALID
    assert codes[1, 3] == packing.OMITTED
    assert codes[1, 4] == packing.NOT_REACHED  # the second blank after the last answer
    assert codes[2, 2] == packing.OMITTED
    assert words(4)[codes[0, 3]] == ("score", "2")  # rubric items hold scores


def test_the_same_file_again_changes_nothing_and_says_so(any_furnished, run, tmp_path):
    (tmp_path / "r.csv").write_text(GOOD)
    code, _, err = run("responses", "load", "r.csv", "--district", "A")
    assert code == 0
    assert "Loaded 3 sittings" in err
    before = counts()
    code, _, err = run("responses", "load", "r.csv", "--district", "A")
    assert code == 0
    assert "nothing was changed" in err
    assert counts() == before


def test_a_dry_run_and_a_check_store_nothing(furnished, run, tmp_path):
    (tmp_path / "r.csv").write_text(GOOD)
    before = counts()
    assert run("responses", "load", "r.csv", "--district", "A", "--dry-run")[0] == 0
    assert run("responses", "check", "r.csv", "--district", "A")[0] == 0
    assert counts() == before
    assert not list((tmp_path / "keys").glob("*"))


def test_the_students_of_a_file_are_stored_under_a_keyed_hash_only(furnished, tmp_path):
    load(GOOD)
    with database.reading() as session:
        names = session.exec(select(Student.pseudonym)).all()
        events = str([e.details for e in session.exec(select(AuditEvent)).all()])
    assert all(len(n) == 64 and int(n, 16) >= 0 for n in names)
    assert "S-00" not in events
    files = [p for p in tmp_path.rglob("*") if p.is_file() and p.name.startswith("bank.db")]
    assert files
    assert not any(b"S-001" in p.read_bytes() for p in files)
    key = tmp_path / "keys" / "A.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text().strip().encode() not in b"".join(p.read_bytes() for p in files)


def test_another_key_file_is_refused_rather_than_making_new_students(furnished, tmp_path):
    load(GOOD)
    key = tmp_path / "keys" / "A.key"
    kept = key.read_text()
    key.write_text("00" * 32 + "\n")
    before = counts()
    for _ in range(2):
        with pytest.raises(Rejected) as refused:
            load(GOOD.replace("S-", "T-"))
        assert refused.value.code in ("key-differs", "key-missing")
        key.unlink(missing_ok=True)
    assert counts() == before
    key.touch(0o600)
    key.write_text(kept)
    load(GOOD.replace("S-", "T-"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD.replace("Q2", "Qx") + "1,N,A,1,A,1,x\n", [("unknown-item", 1, "Qx")]),
        (HEAD + "1,N,A,1,A,1,x\n2,N,E,1,A,1,x\n", [("impossible-answer", 3, "Q1")]),
        (HEAD + "1,N,A,1,A,9,x\n", [("impossible-answer", 2, "Q4")]),
        (HEAD + "1,N,A,1,A,1,x\n2,N,A,1,A,1,x\n1,N,A,1,A,1,x\n", [("duplicate-student", 4, "student")]),
        (HEAD + ",N,A,1,A,1,x\n", [("no-student", 2, "student")]),
        ("pupil,Q1\n1,A\n", [("missing-column", 1, "student")]),
        ("student,school\n1,A\n", [("no-items", 1, "")]),
        (HEAD.replace("Q2", "Q1") + "1,N,A,A,A,1,x\n", None),
        (HEAD + "1,N,A,1,A,1,x\n2,N,A", None),
        ("", None),
        (HEAD, None),
        (
            HEAD + "1,N,E,1,A,1,x\n,N,A,1,Z,7,x\n1,N,A,1,A,1,x\n",
            [
                ("impossible-answer", 2, "Q1"),
                ("no-student", 3, "student"),
                ("impossible-answer", 3, "Q3"),
                ("impossible-answer", 3, "Q4"),
                ("duplicate-student", 4, "student"),
            ],
        ),
    ],
)
def test_bad_files_are_refused_with_every_fault_and_nothing_stored(furnished, text, expected):
    before = counts()
    if expected is None:
        with pytest.raises(Rejected):
            load(text)
    else:
        assert sorted(faults(text)) == sorted(expected)
    assert counts() == before


def test_a_bad_file_ends_with_exit_3_and_names_no_student(furnished, run, tmp_path):
    text = HEAD + "".join(f"SECRET{i},N,E,1,A,1,x\n" for i in range(60)) + "SECRET1,N,A,1,A,1,x\n"
    (tmp_path / "r.csv").write_text(text)
    for words_ in (("check",), ("load",), ("load", "--dry-run")):
        code, out, err = run("responses", words_[0], "r.csv", "--district", "A", *words_[1:])
        assert code == 3
        assert "SECRET" not in out + err
        assert "40 more rows" in err
        assert "r.csv:62 [student]" in err
    assert counts()[1] == 0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_spreadsheets_are_read(furnished, encoding, separator):
    text = GOOD.replace('"0,5"', "0.5").replace(",", separator).replace("kite", "naïve")
    assert load(text.encode(encoding)).sittings == 3


def test_districts_forms_and_dates_are_checked(furnished):
    text = "student,district,form,date,Q1\n1,A,F1,2026-05-04,A\n2,Z,F1,2026-05-04,A\n3,A,F9,04/05/26,A\n"
    assert sorted(faults(text, Layout())) == [
        ("bad-date", 4, "date"),
        ("unknown-district", 3, "district"),
        ("unknown-form", 4, "form"),
    ]
    assert [c for c, *_ in faults("student,Q1\n1,A\n", Layout())] == ["unknown-district"]


def test_a_student_already_stored_from_another_file_is_refused(furnished):
    load(GOOD)
    found = faults(HEAD + "S-009,N,A,1,A,1,x\nS-002,N,A,1,A,1,x\n")
    assert found == [("already-stored", 3, "student")]
    text = HEAD + "S-002,N,A,1,A,1,x\n"  # the same number in the other district is another student
    assert load(text, Layout(fixed={"district": "B"})).students == 1


def test_columns_are_mapped_by_flags(furnished, run, tmp_path):
    (tmp_path / "r.csv").write_text("Pupil No;EL;item_1;item_Q2;notes;cls\n7;Y;B;-;hi;x\n8;N;*;1;;\n")
    code, _, err = run(
        "responses", "load", "r.csv", "--district", "B", "--column", "student=Pupil No", "--attribute", "EL", "--map",
        "item_1=Q1", "--prefix", "item_", "--ignore", "notes", "--ignore", "cls", "--omit", "-", "--invalid", "*",
        "--school", "North",
    )  # fmt: skip
    assert code == 0, err
    assert "are not in the file" in err  # Q3 to Q5: a named warning
    codes = stored()
    assert codes[0, 1] == packing.OMITTED
    assert codes[1, 0] == packing.INVALID
    assert (codes[:, 2:] == packing.NOT_ADMINISTERED).all()


def test_scores_are_kept_apart_from_answers(furnished):
    load("student,Q1,Q2,Q3,Q4,Q5\n1,1,0,1,2,1\n2,0,1,0,0,O\n", Layout(fixed={"district": "A"}, cells="scores"))
    assert words(1) == {4: ("score", "1"), 5: ("score", "0")}
    found = faults("student,Q1\n3,2\n", Layout(fixed={"district": "A"}, cells="scores"))
    assert found == [("impossible-answer", 2, "Q1")]


def test_long_files_are_scattered_and_checked(any_furnished):
    text = "student,school,item,response\n1,N,Q1,B\n1,N,Q2,0.5\n2,N,Q1,A\n1,N,Q5,kite\n2,N,Q3,AC\n"
    assert load(text).sittings == 2
    codes = stored()
    assert words(1)[codes[0, 0]] == ("answer", "B")
    assert codes[0, 2] == packing.OMITTED
    assert words(3)[codes[1, 2]] == ("answer", "AC")
    assert (codes[:, 3] == packing.NOT_ADMINISTERED).all()  # no row of the file names Q4
    bad = "student,school,item,response\n5,N,Q1,E\n5,M,Q2,1\n5,N,Q1,B\n6,N,Qz,B\n"
    assert sorted(c for c, *_ in faults(bad)) == ["duplicate-answer", "facts-differ", "unknown-item"]


def test_wide_and_long_store_the_same(furnished):
    load("student,Q1,Q2,Q3,Q4,Q5\n1,B,1/2,AC,2,x\n2,A,,O,1,\n")
    wide = stored()
    text = "student,item,response\n3,Q1,B\n3,Q2,1/2\n3,Q3,AC\n3,Q4,2\n3,Q5,x\n4,Q1,A\n4,Q2,\n4,Q3,O\n4,Q4,1\n4,Q5,\n"
    load(text)
    assert (stored()[2:] == wide).all()


def test_empty_cells_follow_the_rule_that_was_given(furnished):
    load("student,Q1,Q2,Q3,Q4,Q5\n1,,,,,\n2,A,,,,\n", Layout(fixed={"district": "A"}))
    codes = stored()
    assert codes[0].tolist() == [packing.OMITTED] + [packing.NOT_REACHED] * 4
    assert codes[1, 1:].tolist() == [packing.OMITTED] + [packing.NOT_REACHED] * 3
    load("student,Q1,Q2,Q3,Q4,Q5\n3,A,,,,\n", Layout(fixed={"district": "A"}, empty="not administered"))
    assert stored()[2, 1:].tolist() == [packing.NOT_ADMINISTERED] * 4


def test_a_file_is_taken_back_whole(furnished, run):
    load(GOOD)
    assert run("responses", "withdraw", "1", "--as", "leadA", "--dry-run")[0] == 0
    assert counts()[1] == 3
    assert run("responses", "withdraw", "1", "--as", "leadA")[0] == 0
    assert counts()[:4] == [0, 0, 0, 0]
    assert load(GOOD).sittings == 3


def test_students_are_erased_and_nothing_of_them_is_left(any_furnished, run, tmp_path):
    load(GOOD)
    (tmp_path / "gone.txt").write_text("S-002\n")
    (tmp_path / "wrong.txt").write_text("S-001\nS-777\n")
    assert run("students", "erase", "gone.txt", "--district", "A", "--as", "authorA")[0] == 4
    assert run("students", "erase", "wrong.txt", "--district", "A", "--as", "leadA")[0] == 3
    assert run("students", "erase", "gone.txt", "--district", "A", "--as", "leadA", "--dry-run")[0] == 0
    assert counts()[:3] == [3, 3, 3]
    assert run("students", "erase", "gone.txt", "--district", "A", "--as", "leadA")[0] == 0
    assert counts()[:3] == [2, 2, 2]
    assert run("bank", "verify")[0] == 0


def test_a_closed_administration_takes_no_more(furnished, run, tmp_path):
    (tmp_path / "r.csv").write_text(GOOD)
    assert run("administrations", "close", "spring")[0] == 0
    assert run("responses", "load", "r.csv", "--district", "A")[0] == 4
    assert counts()[1] == 0


@given(st.lists(st.lists(st.integers(0, 70000), min_size=3, max_size=3), min_size=1, max_size=5))
def test_packing_is_undone_by_unpacking(rows):
    codes = np.array(rows, dtype=np.uint32)
    assert (packing.unpack(packing.pack(codes), 3) == codes).all()
    mixed = [packing.pack(codes[i : i + 1])[0] for i in range(len(codes))]  # each row at its own width
    assert (packing.unpack(mixed, 3) == codes).all()


def test_many_different_answers_do_not_run_out_of_codes(furnished):
    rows = "".join(f"{i},{i / 8}\n" for i in range(400))
    load("student,Q2\n" + rows)
    dictionary = words(2)
    assert [dictionary[c][1] for c in stored()[:, 1]] == [str(i / 8) for i in range(400)]
