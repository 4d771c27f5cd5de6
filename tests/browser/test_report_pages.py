"""Every report in a real browser: silent, no wider than the screen, accessible."""

import pandas as pd
import pytest

from scoring.report.access import access
from scoring.report.blocks import render
from scoring.report.comparison import comparison_page
from scoring.report.editions import public_edition
from scoring.trends.access import course_access, safe
from tests.browser.test_report import browser, opened  # noqa: F401
from tests.scoring.report.conftest import example
from tests.scoring.report.test_pages import pages
from tests.scoring.trends.test_access import people as students_by_hand

pytestmark = pytest.mark.browser
KINDS = ("concept", "item", "school", "student", "student es", "roster", "technical", "public comparison", "access")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for name, page in pages().items():
        (folder / f"{name}.html").write_text(render(page), encoding="utf-8")
    (folder / "public comparison.html").write_text(comparison_page(public_edition(example()).analysis), "utf-8")
    taken = pd.DataFrame({"student": [f"s{k}" for k in range(20)], "course": "ALG1"})
    needs = pd.DataFrame({"course": ["ALG1"], "requirement": "Algebra 1"})
    enrolled = access(safe(course_access(students_by_hand(), taken, needs)), None, None)
    (folder / "access.html").write_text(render(enrolled), "utf-8")
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
        assert [(v["id"], v["nodes"][0]["html"][:120]) for v in found] == [], (kind, width)
        page.context.close()


@pytest.mark.parametrize("kind", KINDS)
def test_whole_without_script(browser, files, kind):  # noqa: F811
    """Without JavaScript every row, picture and heading is there; what only a script can do is not offered."""
    shown = []
    for script in (True, False):
        page, trouble = opened(browser, files / f"{kind}.html", 1280, script)
        assert trouble == []
        parts = ("tbody tr", "img", "h2", "summary")
        shown.append([page.locator(p).count() for p in parts] + [page.locator("tbody tr[hidden]").count()])
        if not script:
            assert page.locator("label.filter select:visible, th button:visible").count() == 0
        page.context.close()
    assert shown[0] == shown[1]
