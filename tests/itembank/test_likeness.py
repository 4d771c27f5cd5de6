"""Likeness: planted pairs of each kind are found, what only looks alike is not, and a named pair stays listed."""

from dataclasses import replace
from pathlib import Path

import pytest

from itembank import item_file, likeness
from itembank.errors import Rejected
from itembank.item_model import Expression, Item, Verify

FOLDER = Path(__file__).parent / "items"


def item(name: str, stem: str, key: str = "", concept: str = "rates", **given: str) -> Item:
    read = item_file.read(FOLDER / "X-NUMERIC.md").item
    assert read is not None
    verify = Verify(
        given={k: Expression(v) for k, v in given.items()}, expressions={"key": Expression(key)} if key else {}
    )
    return replace(
        read, id=name, stem=stem, concepts=(concept,), verify=verify, enemies=(), figures=(), stimulus_text=""
    )


def kinds(*items: Item) -> list[tuple[str, str, str]]:
    return [(p.one, p.other, p.kind) for p in likeness.pairs(items)]


WALK = item("A", "Ana walks 12 miles in 3 hours at the same speed. How many miles does she walk in 5 hours?")


def test_the_same_words_with_other_numbers() -> None:
    other = item("B", "Ana walks 15 miles in 2 hours at the same speed. How many miles does she walk in 9 hours?")
    assert kinds(WALK, other) == [("A", "B", "same-words")]


def test_the_same_numbers_in_other_words() -> None:
    other = item("B", "A pump fills 12 tanks within 3 days. How full is a pool after 5 days of pumping?")
    assert kinds(WALK, other) == [("A", "B", "same-numbers")]
    assert kinds(WALK, replace(other, grade="8")) == []
    assert kinds(WALK, replace(other, concepts=("area",))) == []


def test_small_numbers_alone_are_no_likeness() -> None:
    one = item("A", "A rope of 2 yards is cut into 3 pieces for 5 tents.")
    other = item("B", "Share 5 apples among 3 friends; 2 stay in a basket.")
    assert kinds(one, other) == []


def test_the_same_computation_with_other_names_steps_and_numbers() -> None:
    one = item("A", "Seven words of one story.", "(a - b) / c + c", a="9", b="5", c="2")
    other = item("B", "Quite another tale is told here.", "step / n + n", total="30", less="10", n="4")
    other = replace(other, verify=replace(other.verify, let={"step": Expression("total - less")}))
    assert kinds(one, other) == [("A", "B", "same-structure")]
    turned = replace(other, verify=replace(other.verify, expressions={"key": Expression("n / step + n")}))
    assert kinds(one, turned) == []
    plain = item("C", "A third one.", "u * v", u="8", v="6"), item("D", "And a fourth story.", "k * m", k="7", m="9")
    assert kinds(*plain) == []  # one operation is shared by half of a grade


def test_the_structure_tells_which_given_stands_where() -> None:
    assert likeness.structure(item("A", "x", "a - b * a")) != likeness.structure(item("B", "x", "a - b * b"))
    assert likeness.structure(item("A", "x", "p - q * p")) == likeness.structure(item("B", "x", "a - b * a"))
    assert likeness.structure(item("A", "x", "1 +")) is None


def test_enemies_and_named_pairs_are_intended(tmp_path: Path) -> None:
    other = replace(WALK, id="B")
    assert [p.intended for p in likeness.pairs([WALK, other])] == ["", ""]
    assert {p.intended for p in likeness.pairs([WALK, replace(other, enemies=("A",))])} == {"enemies"}
    file = tmp_path / likeness.FILE
    file.write_text("- pair: [B, A]\n  why: Two forms of one task.\n", encoding="utf-8")
    found = likeness.pairs([WALK, other], likeness.intended_pairs(file))
    assert {p.intended for p in found} == {"Two forms of one task."}


def test_a_file_of_pairs_says_all_its_faults(tmp_path: Path) -> None:
    file = tmp_path / likeness.FILE
    assert likeness.intended_pairs(file) == {}
    file.write_text("- pair: [A]\n  why: x\n- pair: [A, B]\n- text\n", encoding="utf-8")
    with pytest.raises(Rejected) as caught:
        likeness.intended_pairs(file)
    assert [f.code for f in caught.value.findings] == ["bad-pair"] * 3
    file.write_text("- pair: [A, B\n", encoding="utf-8")
    with pytest.raises(Rejected) as caught:
        likeness.intended_pairs(file)
    assert caught.value.code == "bad-yaml"
