"""Paper: the same bytes each time, no item on two pages, alt text required, a key that says what each answer means."""

import re
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import typst

from itembank import booklet, item_folder
from itembank.errors import Rejected, UsageFault
from itembank.item_model import Figure, Item

HERE = Path(__file__).parent / "items"
BANK = Path(__file__).parents[2] / "items"


@cache
def bank_items(grade: str) -> tuple[Item, ...]:
    return item_folder.check([BANK / f"grade-{grade}"]).items


def examples() -> tuple[Item, ...]:
    return item_folder.check([HERE]).items


def pages_of(
    items: tuple[Item, ...], edition: booklet.Edition = "booklet", language: str = "en", large: bool = False
) -> list[int]:
    """The pages on which each unbroken block begins and ends, as the document itself tells."""
    import json

    text, files = booklet.source(items, "T", edition, language, "", "", {}, {}, "", large=large)
    template = (Path(booklet.__file__).parent / "booklet.typ").read_bytes()
    sources = {"main": text.encode(), "booklet.typ": template, **files}
    found = typst.query(sources, "<page-mark>", field="value", ignore_system_fonts=True)  # type: ignore[call-overload]
    return [int(n) for n in json.loads(found)]


@pytest.mark.parametrize("edition", booklet.EDITIONS)
@pytest.mark.parametrize("language", ["en", "es"])
def test_every_edition_is_typeset_the_same_each_time(edition: booklet.Edition, language: str) -> None:
    first = booklet.compiled(
        examples(), "Common assessment", edition, language, subtitle="Form 1", footer="Form 1, version 1"
    )
    again = booklet.compiled(
        examples(), "Common assessment", edition, language, subtitle="Form 1", footer="Form 1, version 1"
    )
    assert first == again
    assert first.startswith(b"%PDF-1.7")
    assert b"/StructTreeRoot" in first
    assert b"pdfuaid" in first


def test_no_item_stands_on_two_pages() -> None:
    items = item_folder.check([BANK / "grade-7"]).items[:30] or examples() * 5
    marks = pages_of(tuple(items))
    assert len(marks) == 2 * len(items)
    assert max(marks) > 2
    assert marks[::2] == marks[1::2]


MARKS = re.compile(r"Qx([SE])(\d+)x")


def marked(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The items with QxS1x, QxE1x at the beginning and the end of what a student reads, in both languages."""

    def ends(text: str, n: int) -> str:
        return f"{text} QxE{n}x"

    found = []
    for n, item in enumerate(items, 1):
        last = item.options[-1].letter if item.options else ""
        rows = item.rows[-1].id if item.rows else ""
        stem = item.stem if last or rows else ends(item.stem, n)
        variants = tuple(
            replace(
                v,
                stem=f"QxS{n}x {v.stem if last or rows else ends(v.stem, n)}" if v.stem else "",
                options={k: ends(t, n) if k == last else t for k, t in v.options.items()},
                rows={k: ends(t, n) if k == rows else t for k, t in v.rows.items()},
            )
            for v in item.variants
        )
        options = tuple(replace(o, text=ends(o.text, n)) if o.letter == last else o for o in item.options)
        table = tuple(replace(r, text=ends(r.text, n)) if r.id == rows else r for r in item.rows)
        found.append(replace(item, stem=f"QxS{n}x {stem}", options=options, rows=table, variants=variants))
    return tuple(found)


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="no pdftotext to read the pages with")
@pytest.mark.parametrize(
    ("grade", "first", "language", "large"), [("6", 0, "en", True), ("7", 30, "both", False), ("8", 5, "es", False)]
)
def test_the_printed_pages_split_no_item(grade: str, first: int, language: str, large: bool, tmp_path: Path) -> None:
    """What a reader of the PDF finds on each page, for booklets of 30 items in each layout."""
    items = marked(bank_items(grade)[first : first + 30])
    (tmp_path / "b.pdf").write_bytes(booklet.compiled(items, "T", language=language, large=large, version="B"))
    text = subprocess.run(["pdftotext", "b.pdf", "-"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    pages = text.split("\f")[:-1]
    where: dict[tuple[str, str], set[int]] = {}
    for number, page in enumerate(pages):
        assert "Versi" in page  # the letter is on every page
        for mark in MARKS.findall(page):
            where.setdefault(mark, set()).add(number)
    assert len(where) == 2 * len(items)
    assert len(pages) > 4
    for n in range(1, len(items) + 1):
        assert where["S", str(n)] == where["E", str(n)], n
        assert len(where["S", str(n)]) == 1, n


@pytest.mark.parametrize(("language", "large"), [("en", True), ("both", False)])
def test_every_layout_is_accessible_and_the_same_each_time(language: str, large: bool) -> None:
    made = [booklet.compiled(examples(), "T", language=language, large=large, version="C") for _ in range(2)]
    assert made[0] == made[1]
    assert b"pdfuaid" in made[0]
    assert b"pdfuaid" in booklet.compiled(examples(), "T", "answer-sheet", language, large=large, version="C")


def test_two_languages_in_large_print_are_two_booklets() -> None:
    with pytest.raises(UsageFault) as refused:
        booklet.compiled(examples(), "T", language="both", large=True)
    assert "--language es" in refused.value.hint


def test_parts_say_what_holds_and_students_wait_between_them() -> None:
    by_rule = {
        r: [replace(i, stimulus_text="", stimulus="") for i in bank_items("7") if i.calculator == r][:3]
        for r in ("no", "yes")
    }
    items = (*by_rule["no"], *by_rule["yes"])
    parts = [(("Mental math",), 3), (("Tools",), 3)]
    text, _ = booklet.source(items, "T", "booklet", "en", "", "", {}, {}, "", sections=parts)
    assert "Mental math" in text
    assert (
        text.index("Do not use a calculator.")
        < text.index("Stop here")
        < text.index("Tools")
        < text.index("You may use a calculator.")
    )
    assert "Questions 4 to 6" in text
    assert text.count("You may use a calculator.") == 1  # said once, for the part
    whole, _ = booklet.source(items, "T", "booklet", "en", "", "", {}, {}, "")
    assert "Stop here" not in whole
    assert whole.count("You may use a calculator.") == 3
    blocks, _ = booklet.source(
        items, "T", "booklet", "en", "", "", {}, {}, "", sections=[(("Block 5",), 3), (("Block 2",), 3)]
    )
    assert "Part 1" in blocks
    assert "Block" not in blocks


def test_two_languages_stand_side_by_side_and_one_is_not_repeated() -> None:
    both = next(
        i for i in bank_items("7") if i.type == "numeric" and any(v.language == "es" and v.stem for v in i.variants)
    )
    text, _ = booklet.source((both, replace(both, variants=())), "T", "booklet", "both", "", "", {}, {}, "")
    assert text.count("#two(") == 2  # the instructions, and the question that speaks both
    assert "Answer \\/ Respuesta:" in text
    assert "Answer:" in text
    alone, _ = booklet.source((replace(both, variants=()),), "T", "booklet", "es", "", "", {}, {}, "")
    assert '#text(lang: "en")' in alone  # a screen reader has to know


def test_an_item_longer_than_a_page_is_broken_rather_than_lost() -> None:
    long = replace(examples()[0], stem="\n\n".join(["A line of a very long stem."] * 120))
    marks = pages_of((long,))
    assert marks[1] > marks[0]


def test_the_key_says_key_and_misconceptions() -> None:
    names = {"swapped": "Coordinates swapped", "sign-lost": "Sign lost"}
    text, _ = booklet.source(examples(), "T", "key", "en", "", "", names, {"graphs": "Graphs"}, "")
    assert "Key: A" in text
    assert "Coordinates swapped" in text
    assert "Graphs" in text
    student, _ = booklet.source(examples(), "T", "booklet", "en", "", "", names, {}, "")
    for secret in ("Coordinates swapped", "Solution", "reflection across the y\\-axis changes", "Key"):
        assert secret not in student


def test_spanish_uses_the_spanish_words() -> None:
    text, _ = booklet.source(examples(), "T", "booklet", "es", "", "", {}, {}, "")
    assert "El punto" in text
    assert "Marca todas las respuestas correctas" in text
    assert "Point" not in text


def test_a_shared_text_is_printed_once_before_its_items() -> None:
    by_id = {i.id: i for i in examples()}
    together = (by_id["X-NUMERIC"], by_id["X-SHORT"], by_id["X-CHOICE"])
    text, _ = booklet.source(together, "T", "booklet", "en", "", "", {}, {}, "")
    assert text.count("round flower bed") == 1
    assert "Use this for questions 1 to 2" in text


def test_a_figure_without_alt_text_or_with_wrong_data_is_refused() -> None:
    item = examples()[0]
    for figure in (
        replace(item.figures[0], alt=""),
        Figure("x", "dot", "a dot plot", {}),
        Figure("x", "file", "a file", {"file": "../x.svg"}),
    ):
        with pytest.raises(Rejected) as error:
            booklet.compiled([replace(item, figures=(figure,))], "T")
        assert error.value.exit_code == 3
        assert error.value.findings


def test_words_of_an_author_are_never_typst_code() -> None:
    item = replace(
        examples()[0], stem='#panic("x") #let a = 1 ] [ $x$ */ // `raw` @ref <label> ~ \\', title="#panic()", figures=()
    )
    for edition in booklet.EDITIONS:
        assert booklet.compiled([item], "#panic()", edition, footer="#panic() ]").startswith(b"%PDF")


def test_it_is_written_to_a_file(tmp_path: Path) -> None:
    booklet.render(examples(), "T", tmp_path / "b.pdf")
    assert (tmp_path / "b.pdf").read_bytes() == booklet.compiled(examples(), "T")
