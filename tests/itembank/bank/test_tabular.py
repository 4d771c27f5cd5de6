"""Tables as spreadsheets save them: read alike whatever the encoding, and every fault named by row and column."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itembank.errors import Rejected
from itembank.tabular import parse_table, read_table

TEXT = "student,naïve,Q1\n0012,é,A\n13,ü,B\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.encode("latin-1"),
        TEXT.encode("cp1252"),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode(),
        TEXT.replace(",", "|").encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.rstrip("\n").encode(),
        ("sep=;\r\n" + TEXT.replace(",", ";").replace("\n", "\r\n")).encode(),
        ("\n\n" + TEXT + "\n\n,,\n").encode(),
        TEXT.replace("A", " A ").replace("0012", '"0012"').encode(),
        "".join(line + ",\n" for line in TEXT.splitlines()).encode(),
    ],
)
def test_every_way_of_saving_reads_alike(data):
    table = parse_table(data, "r.csv")
    assert table.columns == ("student", "naïve", "Q1")
    assert table.records() == [
        {"student": "0012", "naïve": "é", "Q1": "A"},
        {"student": "13", "naïve": "ü", "Q1": "B"},
    ]


def codes(data, **options):
    with pytest.raises(Rejected) as refused:
        parse_table(data, "r.csv", **options)
    assert refused.value.exit_code == 3
    return [(f.code, f.line) for f in refused.value.findings]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", [("empty-file", 0)]),
        (b" \r\n\t\n", [("empty-file", 0)]),
        (b"a,b\n", [("no-rows", 0)]),
        (b"a,a\n1,2\n", [("duplicate-column", 1)]),
        (b"a,,b\n1,2,3\n", [("unnamed-column", 1)]),
        (b"a,b,c\n1,2,3\n1,2\n4,5,6\n7,8", [("uneven-row", 3), ("truncated", 5)]),
        (b'a,b\n"x\ny",2\n3,4,5\n6,7\n', [("uneven-row", 4)]),
        (b'a,b\n1,"2\n3,4\n', [("open-quote", 2)]),
        (b"PK\x03\x04rest", [("spreadsheet", 0)]),
        (b"\x00\x01\x02\x03binary", [("not-text", 0)]),
        (b"\n\na,a\n1,2\n", [("duplicate-column", 3)]),
    ],
)
def test_every_fault_has_a_name_and_a_row(data, expected):
    assert codes(data) == expected


def test_missing_columns_are_all_named_at_once():
    assert codes(b"a,b\n1,2\n", required=["a", "x", "y"]) == [("missing-column", 1), ("missing-column", 1)]


def test_rows_are_those_of_the_file():
    table = parse_table(b'\na,b\n1,2\n\n"x\ny",4\n5,6\n', "r.csv")
    assert table.rows.tolist() == [3, 5, 7]


def test_many_uneven_rows_are_counted_not_listed():
    found = codes(b"a,b\n" + b"1\n" * 200)
    assert len(found) == 51


def test_a_guessed_encoding_is_said():
    table = parse_table("a\né\n".encode("latin-1"), "r.csv")
    assert [f.code for f in table.findings] == ["encoding"]


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_a_path_that_is_no_file(tmp_path, name):
    with pytest.raises(Rejected):
        read_table(tmp_path / name)


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data):
    """Any bytes are a table or are refused with findings."""
    table, findings = None, ()
    try:
        table = parse_table(data, "r.csv")
    except Rejected as refused:
        findings = refused.findings
    assert findings if table is None else len(table) == len(table.rows) > 0


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8), min_size=3, max_size=3),
        min_size=1,
        max_size=8,
    )
)
def test_what_the_csv_module_writes_is_what_is_read(rows):
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["a", "b", "c"])
    writer.writerows([["x", *row[1:]] for row in rows])
    table = parse_table(buffer.getvalue().encode(), "r.csv")
    assert table.column("a") == ["x"] * len(rows)
    for j, name in ((1, "b"), (2, "c")):
        assert [t.split() for t in table.column(name)] == [
            row[j].replace("\r\n", "\n").replace("\r", "\n").split() for row in rows
        ]
