"""Messy files: what is accepted is said, what is refused comes with what to type."""

import re

import pytest

from itembank.errors import Rejected
from scoring.analysis.files import read_files

KEY = "BDAC"


def sheet(rows: int = 120, **changed: str) -> str:
    """Answers to Q1..Q4 of students of two districts; `changed` cells by name: Q1_5 is Q1 in the file's row 5."""
    lines = ["Student ID,Name,Dist,School," + ",".join(f"Q{j}" for j in range(1, 5))]
    for row in range(2, rows + 2):
        given = {f"Q{j}": "ABCD"[(row + j) % 4] for j in range(1, 5)}
        cells = {"Student ID": f"S{row}", "Name": f"N{row}", "Dist": "NS"[row % 2], "School": f"H{row % 6}", **given}
        cells |= {name.split("_")[0]: v for name, v in changed.items() if name.endswith(f"_{row}")}
        lines.append(",".join(cells.values()))
    return "\n".join(lines) + "\n"


def item_table(header: str = "item,concept,key", names: tuple[str, ...] = ("Q1", "Q2", "Q3", "Q4")) -> str:
    return header + "\n" + "".join(f"{n},c{i // 2},{k}\n" for i, (n, k) in enumerate(zip(names, KEY, strict=True)))


@pytest.fixture
def read(tmp_path):
    def _read(text: str, items: str | None = None, **options):
        (tmp_path / "r.csv").write_text(text)
        if items is not None:
            (tmp_path / "i.csv").write_text(items)
            options["items"] = tmp_path / "i.csv"
        return read_files(tmp_path / "r.csv", **options)

    return _read


def refused(read, *given, **options):
    with pytest.raises(Rejected) as error:
        read(*given, **options)
    return [f for f in error.value.findings if f.severity == "error"]


def test_doubtful_answers_are_read_and_said(read):
    data = read(sheet(Q1_5="E", Q1_9="N/A", Q2_7="a", Q2_8="b"), item_table())
    said = {(f.code, f.line, f.column): f for f in data.findings}
    assert said["rare-answer", 5, "Q1"].hint.startswith("If it is none: --omit E")
    assert "--omit N/A" in said["word-for-blank", 9, "Q1"].hint
    assert "2 small letters read as capitals: Q2" in said["small-letters", 7, ""].message
    assert all(any(f.message in n.message for n in data.notices) for f in data.findings)
    omitted = read(sheet(Q1_5="E", Q1_9="N/A"), item_table(), omit=["E", "N/A"])
    assert not [f for f in omitted.findings if f.code in ("rare-answer", "word-for-blank")]
    assert list(omitted.scored["Q1"].iloc[[3, 7]]) == ["O", "O"]


def test_an_option_of_the_key_or_of_other_items_is_no_doubt(read):
    keyed = read(sheet(Q1_5="E"), item_table().replace("Q1,c0,B", "Q1,c0,B|E"))
    assert "rare-answer" not in {f.code for f in keyed.findings}
    everywhere = {f"Q4_{row}": "E" for row in range(2, 60)} | {"Q1_5": "E"}
    assert "rare-answer" not in {f.code for f in read(sheet(**everywhere), item_table()).findings}


def test_words_for_a_blank_come_with_their_flag(read):
    (found,) = refused(read, sheet(Q1_5="n/a", Q1_6="-"), item_table())
    assert found.hint == "n/a, - for a blank: --omit n/a --omit -"


def test_a_file_without_flags_is_told_what_to_type_once(read):
    (found,) = refused(read, sheet())
    assert found.code == "not-scores"
    assert "--id 'Student ID' --group Dist --cluster School --items items.csv" in found.hint
    assert "Q1 ... Q4 (4)" in found.hint
    scores = re.sub(r",[ABCD]\b", lambda m: f",{'ABCD'.index(m[0][1]) % 2}", sheet())
    (found,) = refused(read, scores)
    assert "--ignore Name" in found.hint
    assert "--items" not in found.hint


def test_names_of_columns_are_proposed(read):
    (found,) = refused(read, sheet(), item_table(), group="district")
    assert "Did you mean --group Dist?" in found.hint
    (found,) = refused(read, sheet(), item_table(names=("Q1", "Q2", "Q03", "Q4")))
    assert found.hint == "Did you mean 'Q3'?"
    (found,) = refused(read, sheet(), item_table(names=("Q01", "Q02", "Q03", "Q04")))
    assert "4 names in another way" in found.message


def test_the_item_table_may_say_it_in_other_words(read):
    data = read(sheet(), item_table("Item,Topic,Answer"))
    assert data.items["concept"].tolist() == ["c0", "c0", "c1", "c1"]
    assert data.items["key"].tolist() == list(KEY)
    assert "Topic -> concept, Answer -> key" in data.findings[0].message
    capitals = read(sheet(), item_table("ITEM,Concept,Key"))
    assert "columns-understood" not in {f.code for f in capitals.findings}
    (found,) = refused(read, sheet(), item_table("which,Topic,Answer"))
    assert (found.code, found.line) == ("missing-column", 1)


def test_an_identifier_is_no_group(read):
    (found,) = refused(read, sheet(), item_table(), group="Student ID")
    assert found.message == "120 groups of one student: this looks like an identifier."
    assert "--id 'Student ID'" in found.hint


def test_a_student_twice_names_the_first_row(read):
    (found,) = refused(read, sheet().replace("S9,", "S4,"), item_table(), identifier="Student ID")
    assert found.line == 9
    assert "row 4" in found.message
    assert "S4" not in found.message


def test_a_row_without_a_school_is_said(read):
    data = read(sheet(School_9=""), item_table(), cluster="School", group="Dist")
    (found,) = [f for f in data.findings if f.code == "no-school"]
    assert (found.line, found.message) == (9, "1 row names no school; it counts as a school of its own.")
