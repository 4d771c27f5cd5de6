"""What can be loaded and is probably a slip is said before it is loaded; columns that are no items come with flags."""

import pytest

from itembank import administrations, database, responses, tabular
from itembank.sheets import Layout, role_of

HEAD = "student,school,Q1,Q2,Q3,Q4,Q5\n"
GOOD = HEAD + "S-001,Lincoln Middle,B,1/2,AC,2,rhombus\nS-002,School 2,A,0.5,A,O,\n"


def checked(text, layout=None):
    with database.reading() as session:
        adm = administrations.administration_of(session)
        table = tabular.parse_table(text.encode(), "r.csv")
        return responses.check(session, adm, table, layout or Layout(fixed={"district": "A"}))


def load(text):
    with database.writing() as session:
        adm = administrations.administration_of(session)
        table = tabular.parse_table(text.encode(), "r.csv")
        responses.load(session, adm, table, Layout(fixed={"district": "A"}))


def said(result):
    return [(f.code, f.line, f.column) for f in result.findings if f.severity == "warning"]


def test_a_good_file_raises_no_doubt(furnished):
    assert not checked(GOOD).findings


def test_answers_that_are_no_number_are_said_by_row(furnished):
    rows = "".join(f"T-{i},School 2,B,{'ten' if i % 2 else 10},AC,1,kite\n" for i in range(50))
    result = checked(HEAD + rows)
    assert not result.refused
    found = [f for f in result.findings if f.code == "no-number"]
    assert [(f.line, f.column) for f in found[:3]] == [(0, "Q2"), (3, "Q2"), (5, "Q2")]
    assert "5 more rows" in found[0].message  # 25 of them, 20 singly
    assert "ten" not in " ".join(f.message for f in found)
    long = "student,item,response\n1,Q1,A\n1,Q2,ten\n1,Q3,A\n1,Q4,1\n1,Q5,x\n"
    assert ("no-number", 3, "response") in said(checked(long))


def test_an_item_nobody_answers_is_said(furnished):
    result = checked(HEAD + "1,School 2,A,,A,1,kite\n2,School 2,A,O,A,1,kite\n")
    (found,) = result.findings
    assert (found.code, found.severity) == ("item-unanswered", "warning")
    assert "1 item of the form F1 without an answer on any of the 2 sheets: Q2." in found.message


def test_new_schools_are_said_by_name_with_the_one_that_is_near(furnished):
    load(GOOD)
    rows = ["Lincon Middle", "School 3", "LINCOLN MIDDLE", "Lincoln Middle"]
    text = HEAD + "".join(f"N{i},{school},A,1,A,1,kite\n" for i, school in enumerate(rows))
    found = [f for f in checked(text).findings if f.code == "new-school"]
    assert [(f.line, f.column) for f in found] == [(0, "school"), (2, "school"), (4, "school")]
    assert "School 3" in found[0].message  # another number is another school
    assert all("Did you mean 'Lincoln Middle'?" in f.hint for f in found[1:])


def test_columns_that_are_no_items_are_told_once_with_their_flags(furnished, run, tmp_path):
    (tmp_path / "r.csv").write_text("student,School Name,First Name,class,EL,Q01,Q2\n1,N,Ann,7a,Y,A,1\n")
    code, _, err = run("responses", "check", "r.csv", "--district", "A")
    assert code == 3
    assert err.count("unknown-item") == 2
    assert "--column school='School Name' --ignore 'First Name' --attribute class --attribute EL" in err
    assert "Did you mean Q1? --map Q01=Q1" in err
    code, _, err = run("responses", "check", "r.csv", "--district", "A", "--column", "school=School")
    assert "Did you mean --column school='School Name'?" in err


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("School Name", "school"),
        ("Pupil No", "student"),
        ("DIST", "district"),
        ("School grade", ""),
        ("Old school", ""),
    ],
)
def test_roles_by_name(name, role):
    assert role_of(name) == role


def test_a_file_that_is_loaded_already_is_told_in_one_line(furnished, run, tmp_path):
    rows = "".join(f"T-{i},School 2,B,10,AC,1,kite\n" for i in range(50))
    (tmp_path / "r.csv").write_text(HEAD + rows)
    assert run("responses", "load", "r.csv", "--district", "A")[0] == 0
    code, _, err = run("responses", "check", "r.csv", "--district", "A")
    assert code == 0
    assert "to load it again changes nothing" in err
    (tmp_path / "again.csv").write_text(HEAD + "".join(reversed(rows.splitlines(keepends=True))))
    code, _, err = run("responses", "check", "again.csv", "--district", "A")
    assert code == 3
    assert "all 50 sittings" in err
    assert err.count("already-stored") == 1


def test_a_table_is_no_roster(furnished, run, tmp_path):
    (tmp_path / "roster.csv").write_text("student,school\n1,N\n")
    code, _, err = run("rosters", "import", "roster.csv", "--district", "A")
    assert code == 3
    assert "OneRoster" in err
