"""Every report in a real browser: silent, no wider than the screen, accessible."""

import pytest

from scoring.report.blocks import render
from tests.browser.test_report import browser, opened  # noqa: F401
from tests.scoring.report.test_pages import pages

pytestmark = pytest.mark.browser
KINDS = ("concept", "item", "school", "student", "student es", "roster", "technical")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for name, page in pages().items():
        (folder / f"{name}.html").write_text(render(page), encoding="utf-8")
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_silent_narrow_enough_and_accessible(browser, files, kind):  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    for width in (1280, 390):
        page, trouble = opened(browser, files / f"{kind}.html", width)
        assert trouble == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.images].filter(i => !i.naturalWidth).length") == 0
        found = Axe().run(page).response["violations"]
        serious = [(v["id"], v["nodes"][0]["html"][:120]) for v in found if v["impact"] in ("serious", "critical")]
        assert serious == [], (kind, width)
        page.context.close()
