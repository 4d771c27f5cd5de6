# ruff: noqa: E501
"""Paper: the same bytes each time, no item on two pages, alt text required, a key that says what each answer means."""

from dataclasses import replace
from pathlib import Path

import pytest
import typst

from itembank import booklet, item_folder
from itembank.errors import Rejected
from itembank.item_model import Figure, Item

HERE = Path(__file__).parent / "items"
BANK = Path(__file__).parents[2] / "items"


def examples() -> tuple[Item, ...]:
    return item_folder.check([HERE]).items


def pages_of(items: tuple[Item, ...], edition: booklet.Edition = "booklet") -> list[int]:
    """The pages on which each unbroken block begins and ends, as the document itself tells."""
    import json

    text, files = booklet.source(items, "T", edition, "en", "", "", {}, {}, "")
    template = (Path(booklet.__file__).parent / "booklet.typ").read_bytes()
    sources = {"main": text.encode(), "booklet.typ": template, **files}
    found = typst.query(sources, "<page-mark>", field="value", ignore_system_fonts=True)  # type: ignore[call-overload]
    return [int(n) for n in json.loads(found)]


@pytest.mark.parametrize("edition", booklet.EDITIONS)
@pytest.mark.parametrize("language", ["en", "es"])
def test_every_edition_is_typeset_the_same_each_time(edition: booklet.Edition, language: str) -> None:
    first = booklet.compiled(examples(), "Common assessment", edition, language, subtitle="Form 1", footer="Form 1, version 1")
    again = booklet.compiled(examples(), "Common assessment", edition, language, subtitle="Form 1", footer="Form 1, version 1")
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
    for figure in (replace(item.figures[0], alt=""), Figure("x", "dot", "a dot plot", {}), Figure("x", "file", "a file", {"file": "../x.svg"})):
        with pytest.raises(Rejected) as error:
            booklet.compiled([replace(item, figures=(figure,))], "T")
        assert error.value.exit_code == 3
        assert error.value.findings


def test_words_of_an_author_are_never_typst_code() -> None:
    item = replace(examples()[0], stem='#panic("x") #let a = 1 ] [ $x$ */ // `raw` @ref <label> ~ \\', title="#panic()", figures=())
    for edition in booklet.EDITIONS:
        assert booklet.compiled([item], "#panic()", edition, footer="#panic() ]").startswith(b"%PDF")


def test_it_is_written_to_a_file(tmp_path: Path) -> None:
    booklet.render(examples(), "T", tmp_path / "b.pdf")
    assert (tmp_path / "b.pdf").read_bytes() == booklet.compiled(examples(), "T")
