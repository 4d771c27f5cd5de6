"""Bare files: what is read, and how every fault is named with its row and column."""

import pandas as pd
import pytest

from itembank.errors import Rejected
from scoring.analysis.files import read_files

GOOD = "id,district,q1,q2,q3\n" + "".join(
    f"s{i},{'A' if i % 2 else 'B'},{i % 2},{i % 3},{(i + 1) % 2}\n" for i in range(8)
)


@pytest.fixture
def write(tmp_path):
    def _write(name: str, text: str, encoding: str = "utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return _write


def codes(error: pytest.ExceptionInfo[Rejected]) -> set[str]:
    return {f.code for f in error.value.findings}


def test_scores_groups_and_order(write):
    data = read_files(write("r.csv", GOOD), group="district", labels={"B": "Beta"}, identifier="id")
    assert list(data.scored.columns) == ["q1", "q2", "q3"]
    assert data.group_order == ("Beta", "A")
    assert data.items.loc["q2", "points"] == 2
    assert list(data.scored.index[:2]) == ["s0", "s1"]
    assert data.raw is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_spreadsheet_exports_read_the_same(write, encoding):
    plain = read_files(write("a.csv", GOOD), group="district", identifier="id")
    other = read_files(write("b.csv", GOOD.replace(",", ";"), encoding), group="district", identifier="id")
    pd.testing.assert_frame_equal(plain.scored, other.scored)


def test_raw_answers_are_keyed_and_blanks_told_apart(write):
    responses = write("r.csv", 'q1,q2\nA,1/2\nB,"0,5"\n8,.75\n,2\n')
    items = write("i.csv", "item,key,type,points,concept\nq1,A,choice,1,c\nq2,0.5,numeric,1,c\n")
    data = read_files(responses, items=items, omit=["8"])
    assert list(data.scored["q1"][:3]) == [1, 0, "O"]
    assert pd.isna(data.scored["q1"].iloc[3])
    assert list(data.scored["q2"]) == [1, 1, 0, 0]
    assert set(data.options["item"]) == {"q1"}


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        ("", {}, "empty-file"),
        ("q1,q2\n", {}, "no-rows"),
        ("q1,q2\n1,0\n1\n", {}, "uneven-row"),
        ("q1,q2\n1,0\n1,0\n1", {}, "truncated"),
        ("q1,q1\n1,0\n", {}, "duplicate-column"),
        ("q1,q2\n1,x\n0,1\n", {}, "impossible-response"),
        ("q1,q2\n1,-1\n0,1\n", {}, "impossible-response"),
        ("id,q1\na,1\na,0\n", {"identifier": "id"}, "duplicate-student"),
        ("g,q1\na,1\na,0\nb,1\n", {"group": "g"}, "small-group"),
        ("g,q1\na,1\n,0\na,1\n", {"group": "g"}, "no-group"),
        ("q1,q2\n1,0\n", {"group": "nosuch"}, "missing-column"),
        ("q1,q2\n1,0\n", {"columns": "z*"}, "no-items"),
    ],
)
def test_each_fault_is_named(write, text, options, code):
    with pytest.raises(Rejected) as error:
        read_files(write("r.csv", text), **options)
    assert error.value.exit_code == 3
    assert code in codes(error)


def test_every_fault_at_once_with_row_and_column(write):
    with pytest.raises(Rejected) as error:
        read_files(write("r.csv", "id,g,q1,q2\na,x,1,?\na,x,5.5,1\nb,,1,0\n"), identifier="id", group="g")
    places = {(f.code, f.line, f.column) for f in error.value.findings}
    assert {
        ("duplicate-student", 3, "id"),
        ("no-group", 4, "g"),
        ("impossible-response", 2, "q2"),
        ("impossible-response", 3, "q1"),
    } <= places
    text = " ".join(f.message for f in error.value.findings)
    assert "?" not in text
    assert "5.5" not in text  # answers stay out of messages


def test_faults_of_the_item_table(write):
    responses = write("r.csv", "q1,q2\nA,1\nB,0\n")
    items = write("i.csv", "item,key,type,points\nq1,A,choise,1\nq1,A,choice,1\nq9,A,choice,none\n")
    with pytest.raises(Rejected) as error:
        read_files(responses, items=items)
    assert {"bad-type", "duplicate-item", "bad-points", "unknown-item"} <= codes(error)


def test_a_table_of_items_may_only_name_them(write):
    data = read_files(write("r.csv", GOOD), items=write("i.csv", "item\nq1\nq3\n"))
    assert list(data.scored.columns) == ["q1", "q3"]
    assert (data.items[["concept", "key"]] == "").all(axis=None)


def test_weights_and_attributes_are_read_beside_the_items(write):
    text = 'id,w,sex,q1,q2\na,2,girl,1,0\nb,"0,5",boy,0,1\nc,0.5,girl,1,1\n'
    data = read_files(write("r.csv", text), identifier="id", weight="w", attributes=["sex"])
    assert list(data.scored.columns) == ["q1", "q2"]
    assert data.weights.tolist() == [2.0, 0.5, 0.5]  # mean 1 as it is
    assert data.persons["sex"].tolist() == ["girl", "boy", "girl"]
    scaled = read_files(write("s.csv", text.replace("0,5", "0,25").replace("0.5", "0.25").replace("a,2", "a,1")),
                        identifier="id", weight="w", attributes=["sex"])  # fmt: skip
    assert scaled.weights.tolist() == data.weights.tolist()


def test_each_weight_that_is_none_is_named(write):
    text = "id,w,q1,q2\na,1,1,0\nb,,0,1\nc,-1,1,1\nd,x,0,0\n"
    with pytest.raises(Rejected) as error:
        read_files(write("r.csv", text), identifier="id", weight="w")
    assert [(f.code, f.line) for f in error.value.findings] == [("bad-weight", k) for k in (3, 4, 5)]
