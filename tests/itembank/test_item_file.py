# ruff: noqa: E501
"""The reader and the writer of item files."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from itembank import item_file, item_folder
from itembank.item_model import (
    Answer,
    Author,
    Column,
    Expression,
    Figure,
    Item,
    MatchRow,
    Option,
    RubricError,
    RubricLevel,
    Variant,
    Verify,
)

HERE = Path(__file__).parent / "items"
BANK = Path(__file__).parents[2] / "items"
EXAMPLES = sorted(HERE.glob("*.md"))

CHOICE = """---
id: T-1
title: A title
grade: 7
concepts: [rates]
type: choice
---

A stem with $3$ and $4$.

## Options

- A [key]: $7$
- B [inverted]: $12$
- C [added]: $1$

## Solution

$3 + 4 = 7$.
"""


def bare(item: Item | None) -> Item:
    """Without the places, which differ between two files of one content."""
    assert item is not None

    def strip(value: object) -> object:
        if isinstance(value, tuple):
            return tuple(strip(v) for v in value)
        if isinstance(value, dict):
            return {k: strip(v) for k, v in value.items()}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {f.name: strip(getattr(value, f.name)) for f in dataclasses.fields(value)}
            fields |= {k: v for k, v in (("line", 0), ("lines", {}), ("source", "")) if k in fields}
            return type(value)(**fields)
        return value

    found = strip(item)
    assert isinstance(found, Item)
    return found


def codes(text: str) -> dict[str, int]:
    """Code -> line of every finding of the reader."""
    return {f.code: f.line for f in item_file.read_text(text, "t.md").findings}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_examples_of_every_type_read_without_findings(path: Path) -> None:
    reading = item_file.read(path)
    assert reading.findings == ()
    assert reading.item is not None
    assert reading.item.variants[0].language == "es"


def test_there_is_an_example_of_every_type() -> None:
    types = {item_file.read(p).item.type for p in EXAMPLES}  # type: ignore[union-attr]
    assert types == {"choice", "multi-select", "numeric", "short-text", "match", "rubric"}


def test_front_matter_stays_what_was_written() -> None:
    text = CHOICE.replace("title: A title", "title: 1:30").replace(
        "type: choice", "calculator: no\ntype: choice\nwhy: 3.10"
    )
    item = item_file.read_text(text).item
    assert item is not None
    assert (item.title, item.calculator, item.why) == ("1:30", "no", "3.10")


def test_every_part_knows_its_line() -> None:
    item = item_file.read_text(CHOICE).item
    assert item is not None
    lines = CHOICE.split("\n")
    for option in item.options:
        assert lines[option.line - 1].startswith(f"- {option.letter} ")
    assert lines[item.lines["solution"] - 1] == "## Solution"
    assert lines[item.lines["stem"] - 1].startswith("A stem")
    assert lines[item.lines["grade"] - 1] == "grade: 7"


@pytest.mark.parametrize("path", [*EXAMPLES, *sorted(BANK.rglob("grade-*/*.md"))[::7]], ids=lambda p: p.stem)
def test_writing_and_reading_gives_the_same_item(path: Path) -> None:
    item = item_file.read(path).item
    assert item is not None
    text = item_file.write(item)
    again = item_file.read_text(text, path.name, path.parent)
    assert again.findings == ()
    assert bare(again.item) == bare(item)
    assert again.item is not None
    assert again.item.content_hash == item.content_hash
    assert item_file.write(again.item) == text


@pytest.mark.parametrize(
    "change",
    [
        lambda t: "\ufeff" + t,
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("\n", "\r"),
        lambda t: t.replace("'", "’").replace('"', "”"),
        lambda t: t.replace("concepts: [rates]\ntype: choice", "type: choice\nconcepts:\n  - rates"),
        lambda t: t + "\n\n",
    ],
    ids=["bom", "crlf", "cr", "quotes", "order", "end"],
)
def test_the_hash_is_the_same_however_the_file_was_saved(change: object) -> None:
    text = CHOICE.replace("A stem", 'Ana\'s "stem"').replace("title: A title", "title: Ana's title")
    first, second = item_file.read_text(text).item, item_file.read_text(change(text)).item  # type: ignore[operator]
    assert first is not None
    assert second is not None
    assert first.content_hash == second.content_hash
    other = item_file.read_text(text.replace("$12$", "$13$")).item
    assert other is not None
    assert other.content_hash != first.content_hash


def test_one_bad_line_does_not_hide_the_next() -> None:
    text = (
        CHOICE.replace("title: A title", "title: A: title: [")
        .replace("grade: 7", "grade: 12")
        .replace("concepts: [rates]", "concept: [rates]\nverify: {key: if(3 > 2, 'a', 'b')}")
        .replace("- B [inverted]: $12$", "- B inverted $12$")
        .replace("- C [added]: $1$", "- A [added]: $1$")
        .replace("## Solution", "## Solutions")
    )
    reading = item_file.read_text(text, "t.md")
    found = [(f.code, f.line) for f in reading.findings]
    assert ("yaml", 3) in found
    assert ("bad-value", 4) in found
    assert ("unknown-key", 5) in found
    assert ("yaml", 6) in found
    assert ("option-line", 15) in found
    assert ("duplicate-option", 16) in found
    assert ("unknown-section", 18) in found
    assert all(f.hint for f in reading.findings if f.code in ("yaml", "bad-value", "option-line"))
    hints = {f.code: f.hint for f in reading.findings}
    assert "## Solution" in hints["unknown-section"]
    assert "concepts" in hints["unknown-key"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "front-matter"),
        ("no front matter", "front-matter"),
        ("---\nid: x\n", "front-matter"),
        ("---\n- a\n- b\n---\n", "yaml"),
        ("---\n? [a, b]\n: c\n---\n", "yaml"),
        ("---\nid: &a [x]\ntitle: *a\n---\n", "yaml-alias"),
        ("---\nid: a\nid: b\n---\n", "duplicate-key"),
        ("---\nid: !!python/object/apply:os.system [echo]\n---\n", "not-text"),
        ("---\n" + "[" * 5000 + "\n---\n", "yaml"),
        ("---\n" + "a: {" * 3000 + "\n---\n", "yaml"),
        ("---\nid: " + "x" * 70_000 + "\n---\n", "front-matter-too-long"),
        (CHOICE.replace("A stem", "A\x00stem"), "control-character"),
        (CHOICE.replace("id: T-1", "id: a b/c"), "item-id"),
        (CHOICE.replace("A stem with $3$ and $4$.", ""), "no-stem"),
        (CHOICE.replace("## Options", "## Answer"), "missing-section"),
        (CHOICE.replace("- A [key]", "- A [key, added]"), "key-with-misconception"),
        (CHOICE.replace("[added]", "[Added It]"), "misconception-id"),
        (CHOICE.replace("concepts: [rates]", "concepts: [rates]\nstandards: [7.XX.1]"), "unknown-standard"),
        (CHOICE.replace("concepts: [rates]", "concepts: [rates]\nverify: {given: {a: 3}, key: (1, 2)}"), "unknown-key"),
        (CHOICE.replace("type: choice", "type: choise"), "bad-value"),
    ],
)
def test_malformed_text_is_a_finding(text: str, code: str) -> None:
    assert code in codes(text)


def test_broken_bytes_huge_files_and_other_things_are_findings(tmp_path: Path) -> None:
    latin = tmp_path / "latin.md"
    latin.write_bytes(CHOICE.replace("A title", "Café").encode("latin-1"))
    assert next((f.code, f.line) for f in item_file.read(latin).findings) == ("not-utf-8", 3)
    huge = tmp_path / "huge.md"
    with huge.open("wb") as file:
        file.truncate(50_000_000)
    assert [f.code for f in item_file.read(huge).findings] == ["file-too-large"]
    assert [f.code for f in item_file.read(tmp_path).findings] == ["not-a-file"]
    assert [f.code for f in item_file.read(tmp_path / "none.md").findings] == ["unreadable"]


@pytest.mark.parametrize("name", ["../../secret.md", "/etc/passwd.md", "file:///etc/x.md", "a\\..\\b.md", "link.md"])
def test_a_path_out_of_the_folder_is_a_finding(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.md").write_text("secret")
    bank = tmp_path / "bank" / "grade-7"
    bank.mkdir(parents=True)
    (tmp_path / "bank" / "concepts.yaml").write_text("[]")
    (bank / "link.md").symlink_to(tmp_path / "secret.md")
    item = bank / "x.md"
    item.write_text(CHOICE.replace("type: choice", f"type: choice\nstimulus: {name}"))
    reading = item_file.read(item)
    assert [f.code for f in reading.findings] == ["path-outside"]
    assert reading.item is not None
    assert "secret" not in reading.item.stimulus_text


# ---- properties ----

WORD = st.text("abcdefgh ÄñÉ$\\{}[]:;#-'\"|*=é&%", min_size=1, max_size=24).map(lambda t: " ".join(t.split()) or "x")
TEXT = st.lists(WORD, min_size=1, max_size=3).map(lambda ls: "\n".join("x" + t for t in ls))
SLUG = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True)
EXPRESSION = st.builds(
    Expression, st.sampled_from(["1/2", "a + b", "[3, 5]", "if(a > b, 'P', 'N')", "15%", "(1, 2)", "2 1/2"])
)


@st.composite
def items(draw: st.DrawFn) -> Item:
    kind = draw(st.sampled_from(["choice", "multi-select", "numeric", "short-text", "match", "rubric"]))
    letters = "ABCDE"[: draw(st.integers(1, 5))]
    parts: dict[str, object] = {}
    spanish: dict[str, object] = {}
    if kind in ("choice", "multi-select"):
        keys = draw(st.lists(st.booleans(), min_size=len(letters), max_size=len(letters)))
        parts["options"] = tuple(
            Option(c, k, "" if k else draw(SLUG), draw(TEXT), draw(st.sampled_from(["", "3/4", "(1, 2)"])))
            for c, k in zip(letters, keys, strict=True)
        )
        spanish["options"] = {c: draw(TEXT) for c in letters}
    elif kind in ("numeric", "short-text"):
        parts["answers"] = (
            Answer(True, "", draw(WORD).replace("±", ""), draw(st.sampled_from(["", "0.1"]))),
            Answer(False, draw(SLUG), "x" + draw(WORD)),
        )
    elif kind == "match":
        parts["columns"] = tuple(Column(c, "c" + draw(WORD).replace("|", "")) for c in "PN")
        parts["rows"] = tuple(MatchRow(str(i + 1), ("P",), (("N", draw(SLUG)),), draw(TEXT)) for i in range(3))
        spanish["rows"] = {"1": draw(TEXT)}
    else:
        parts["levels"] = tuple(RubricLevel(i, draw(TEXT)) for i in (2, 1, 0))
        parts["errors"] = (RubricError(draw(SLUG), draw(TEXT)),)
        spanish["levels"] = {2: draw(TEXT)}
    verify = Verify(
        draw(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), EXPRESSION, max_size=3)),
        {},
        draw(st.sampled_from([(), ("x",), ("x", "y")])),
        draw(st.dictionaries(st.sampled_from(["key", "A", "B", "some-id"]), EXPRESSION, max_size=3)),
    )
    return Item(
        id=draw(st.from_regex(r"[A-Z][A-Z0-9.-]{0,12}", fullmatch=True)),
        title="t" + draw(WORD),
        grade=draw(st.sampled_from(["6", "7", "8", "A1"])),
        concepts=tuple(dict.fromkeys(draw(st.lists(SLUG, min_size=1, max_size=3)))),
        type=kind,  # type: ignore[arg-type]
        stem=draw(TEXT),
        standards=draw(st.sampled_from([(), ("7.RP.A.1",), ("6.NS.C.6c", "7.EE.B.4")])),
        claim=draw(st.sampled_from(["", "1", "4"])),
        practices=draw(st.sampled_from([(), ("MP1", "MP6")])),
        points=draw(st.integers(1, 9)),
        authors=tuple(
            Author("n" + draw(WORD), draw(st.sampled_from(["", "A"]))) for _ in range(draw(st.integers(0, 2)))
        ),
        difficulty=draw(st.sampled_from([None, 0.5, 0.25])),
        why=draw(st.sampled_from(["", "no", "1:30", "null", "- a", "yes: it", "a\U0001195ab", "\u200b"])),
        solution=draw(TEXT),
        variants=(Variant("es", "é" + draw(WORD), draw(TEXT), solution=draw(TEXT), **spanish),)
        * draw(st.integers(0, 1)),  # type: ignore[arg-type]
        figures=(
            Figure(
                "1",
                "dot",
                "a" + draw(WORD),
                {"values": ("1", "2 1/2"), "label": draw(WORD)},
                alt_es=draw(st.sampled_from(["", "é"])),
            ),
        )
        * draw(st.integers(0, 1)),
        verify=verify,
        **parts,  # type: ignore[arg-type]
    )


@given(items())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_item_is_read_as_it_was_written(item: Item) -> None:
    text = item_file.write(item)
    reading = item_file.read_text(text)
    assert reading.findings == (), (text, reading.findings)
    assert bare(reading.item) == bare(item)


TOKENS = ["---\n", "\n", "## Options\n", "## Answer\n", "## Match\n", "- A [key]: ", "- B [x]: ", "- columns: P = a | N = b\n",
          "verify:\n  given: {a: 1}\n  key: a\n", "  key: ", "id: X\n", "type: choice\n", "type: match\n", "type: numeric\n", "$", "\\frac{", "}", "\\", "[",
          "]", "{", ":", "figures:\n  - kind: grid\n    x: [0, 1]\n", "concepts: [a]\n", "<script>alert(1)</script>", "1/0", "9^9^9^9",
          "\x00", "\ufeff", "&a ", "*a", "!!x ", "| a |\n|--|\n", "-", "±", "é", "\u2028", "## Español\n", "- 1 [P; N x]: r\n"]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(TOKENS), st.text(max_size=6)), max_size=40))
@settings(max_examples=70, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_breaks_the_reader_or_the_checks(parts: list[str]) -> None:
    from itembank import lint, preview

    text = "".join(parts)
    for attempt in (
        text,
        CHOICE + text,
        CHOICE.replace("$12$", text),
        CHOICE.replace("type: choice", "type: choice\n" + text),
    ):
        reading = item_file.read_text(attempt, "fuzz.md")
        assert reading.item is not None or reading.findings
        if reading.item is not None:
            found = lint.check(reading.item)
            assert all(f.message and f.code for f in found)
            page = preview.page([reading.item], findings=found)
            assert "<script" not in page


@given(st.binary(max_size=300))
@settings(max_examples=80, deadline=None)
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    assert item_file.read_bytes(raw, "fuzz.md").findings
    item_file.read_bytes(CHOICE.encode()[:-40] + raw, "fuzz.md")


def test_a_folder_is_read_in_a_fixed_order_without_what_is_not_an_item(tmp_path: Path) -> None:
    for name in ("b.md", "a.md", "README.md", "stimuli/s.md", ".git/x.md", "sub/c.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(CHOICE.replace("T-1", name[0].upper()))
    names = [p.relative_to(tmp_path).as_posix() for p in item_folder.item_files([tmp_path])]
    assert names == ["a.md", "b.md", "sub/c.md"]
