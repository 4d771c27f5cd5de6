# ruff: noqa: E501
"""The preview of items in a real browser: silent, readable on a phone, accessible."""

import shutil
from pathlib import Path

import pytest

from itembank import item_folder, preview

pytestmark = pytest.mark.browser
ITEMS = Path(__file__).parents[1] / "itembank" / "items"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    path = tmp_path_factory.mktemp("preview") / "items.html"
    checked = item_folder.check([ITEMS])
    path.write_text(preview.page(checked.items, "Items", checked.findings), "utf-8")
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        shown = running.new_page()
        shown.trouble = []  # type: ignore[attr-defined]
        shown.on("console", lambda m: shown.trouble.append(m.text) if m.type in ("error", "warning") else None)
        shown.on("request", lambda r: shown.trouble.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
        shown.goto(path.as_uri())
        yield shown
        running.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_silent_and_no_wider_than_the_screen(page, width: int) -> None:  # type: ignore[no-untyped-def]
    page.set_viewport_size({"width": width, "height": 844})
    assert page.trouble == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].filter(i => !i.naturalWidth).length") == 0


def test_math_is_drawn_as_math(page) -> None:  # type: ignore[no-untyped-def]
    height = "[...document.querySelectorAll('mfrac')].map(f => f.getBoundingClientRect().height / parseFloat(getComputedStyle(f).fontSize))"
    ratios = page.evaluate(height)
    assert ratios
    assert min(ratios) > 1.2  # a fraction is taller than its line of text


def test_nothing_serious_for_people_with_assistive_technology(page) -> None:  # type: ignore[no-untyped-def]
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
