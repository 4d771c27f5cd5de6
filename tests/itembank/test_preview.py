"""The preview page: whole in itself, safe, and saying what the check found."""

import re
import shutil
from pathlib import Path

from lxml import html as reader

from itembank import item_file, item_folder, preview

HERE = Path(__file__).parent / "items"


def page() -> str:
    checked = item_folder.check([HERE])
    return preview.page(
        checked.items, "Items", checked.findings, {"swapped": "Coordinates swapped"}, {"graphs": "Graphs"}
    )


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    text = page()
    tree = reader.fromstring(text)
    assert not list(tree.iter("script", "link", "iframe", "object", "embed"))
    for element in tree.iter():
        for name in ("src", "href"):
            assert (element.get(name) or "data:").startswith("data:")
    assert "default-src 'none'" in text
    assert not re.findall(r"\son\w+=", text)


def test_it_shows_each_type_in_both_languages_with_what_each_answer_means() -> None:
    tree = reader.fromstring(page())
    articles = {a.get("id"): a for a in tree.iter("article")}
    assert set(articles) == {"X-CHOICE", "X-MULTI", "X-NUMERIC", "X-SHORT", "X-MATCH", "X-RUBRIC"}
    for article in articles.values():
        assert {s.get("lang") for s in article.iter("section")} == {"en", "es"}
    choice = articles["X-CHOICE"]
    assert len(choice.xpath(".//li[@class='key']")) == 2  # once in each language
    assert "Coordinates swapped" in choice.text_content()
    assert "(-3, -2)" in choice.text_content()
    ids = [e.get("id") for e in tree.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    assert len(tree.xpath("//*[@role='img']")) == 2 * (1 + 1 + 1 + 1 + 1 + 4)
    assert all(e.get("alt") for e in tree.iter("img"))


def test_findings_stand_on_their_item() -> None:
    text = (HERE / "X-SHORT.md").read_text("utf-8").replace("x + 4\n- [unlike", "x + 9\n- [unlike")
    reading = item_file.read_text(text, "x.md", HERE)
    assert reading.item is not None
    from itembank import lint

    found = lint.check(reading.item)
    shown = (
        reader.fromstring(preview.page([reading.item], findings=found))
        .xpath("//ul[@class='findings']")[0]
        .text_content()
    )
    assert "verify-mismatch" in shown
    assert "line" in shown


def test_what_an_author_writes_is_never_markup() -> None:
    text = (HERE / "X-SHORT.md").read_text("utf-8").replace("title: Simplify", 'title: "<script>x</script>"')
    reading = item_file.read_text(
        text.replace("Write $3", "<img src=x onerror=alert(1)> $\\foo$ Write $3"), "x.md", HERE
    )
    assert reading.item is not None
    tree = reader.fromstring(preview.page([reading.item]))
    assert not list(tree.iter("script"))
    assert not [e for e in tree.iter("img") if e.get("src") == "x"]
    assert tree.xpath("//mark[@class='bad']")[0].text == "$\\foo$"


def test_a_shared_text_and_the_words_of_figures_are_in_the_reader_s_language() -> None:
    page = preview.page([item_file.read(HERE / f"{n}.md").item for n in ("X-NUMERIC", "X-RUBRIC")])  # type: ignore[misc]
    english, spanish = page.split('<section lang="es">')[:2]
    assert "round flower bed" in english
    assert "macizo de flores redondo" not in english
    assert "macizo de flores redondo" in spanish
    assert "round flower bed" not in spanish.split('<section lang="en">')[0]
    rubric = page.split('<section lang="es">')[2]
    assert "septiembre" in rubric
    assert "September" not in rubric.split("<details>")[0]
    assert "1 punto<" in rubric
    assert "1 points" not in page


def test_an_item_without_its_spanish_shared_text_is_told(tmp_path: Path) -> None:
    shutil.copytree(HERE, tmp_path / "items")
    (tmp_path / "items" / "stimuli" / "garden.es.md").unlink()
    found = item_folder.check([tmp_path / "items"]).findings
    assert {f.code for f in found} == {"no-spanish-stimulus"}
    assert {f.severity for f in found} == {"notice"}
