"""The report in a real browser: silent, complete without script, readable on a phone, accessible."""

import shutil
from pathlib import Path

import pytest

from scoring.report.comparison import comparison_page
from tests.scoring.report.conftest import example

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(comparison_page(example()), encoding="utf-8")
    return path


def opened(browser, report: Path, width: int, script: bool = True):
    """The page, with what went wrong and what it asked for."""
    context = browser.new_context(viewport={"width": width, "height": 844}, java_script_enabled=script)
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda m: trouble.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: trouble.append(str(e)))
    page.on("request", lambda r: trouble.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
    page.goto(report.as_uri())
    return page, trouble


@pytest.mark.parametrize("width", [1280, 390])
def test_silent_and_no_wider_than_the_screen(browser, report, width):
    page, trouble = opened(browser, report, width)
    assert trouble == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    broken = page.evaluate("[...document.images].filter(i => !i.naturalWidth).length")
    assert broken == 0


def test_the_first_phone_screen_answers_the_four_questions(browser, report):
    page, _ = opened(browser, report, 390)
    bottoms = page.evaluate("[...document.querySelectorAll('.card')].map(c => c.getBoundingClientRect().bottom)")
    assert len(bottoms) == 4
    assert max(bottoms) <= 844


@pytest.mark.parametrize("script", [True, False])
def test_no_column_is_hidden_beside_a_phone_screen(browser, report, script):
    page, _ = opened(browser, report, 390, script)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    first = page.locator("#concepts table").first
    assert first.locator("tbody tr").first.locator("[data-label=Students]").is_visible()
    beside = page.evaluate(
        "[...document.querySelectorAll('tbody td')].filter(c => c.getBoundingClientRect().right > 390.5)"
        ".map(c => c.closest('table').caption.textContent)"
    )
    assert beside == []


def test_filtered_rows_are_gone_on_a_phone(browser, report):
    page, _ = opened(browser, report, 390)
    page.locator("label.filter select").first.select_option("Rational numbers")
    assert page.locator("#concepts table").first.locator("tbody tr:visible").count() == 2


def test_a_printed_page_shows_what_is_folded(browser, report):
    page, _ = opened(browser, report, 1280, script=False)
    folded = page.locator("details table").first
    assert not folded.is_visible()
    page.emulate_media(media="print")
    assert folded.bounding_box()["height"] > 50


def test_complete_without_script(browser, report):
    with_script, _ = opened(browser, report, 1280)
    without, _ = opened(browser, report, 1280, script=False)
    rows = "document.querySelectorAll('tbody tr').length"
    html = report.read_text(encoding="utf-8")
    assert with_script.evaluate(rows) == html.count("<tr>") - html.count("<thead>")
    assert without.locator("tbody tr").count() == with_script.locator("tbody tr").count()
    assert without.locator("img").count() == 3


def test_sorting_and_filtering(browser, report):
    page, _ = opened(browser, report, 1280)
    table = page.locator("table.sortable").first
    table.locator("th button", has_text="Mastered").click()
    shown = [c.inner_text() for c in table.locator("tbody tr td:nth-child(3)").all()]
    numbers = [int(t.rstrip("%")) for t in shown if t.endswith("%")]
    assert numbers == sorted(numbers)
    page.locator("label.filter select").first.select_option("Rational numbers")
    assert table.locator("tbody tr:not([hidden])").count() == 2


@pytest.mark.parametrize("width", [1280, 390])
def test_accessible(browser, report, width):
    from axe_playwright_python.sync_playwright import Axe

    page, _ = opened(browser, report, width)
    found = Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:120]) for v in found] == []
