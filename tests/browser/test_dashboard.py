"""The dashboard and the packet in a real browser: silent, searchable, readable on a phone, accessible."""

import pytest

from scoring.report.blocks import render
from scoring.report.dashboard import dashboard_pages
from scoring.report.packet import packet
from tests.browser.test_report import browser, opened
from tests.scoring.trends.conftest import meeting

__all__ = ["browser"]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    for name, text in dashboard_pages(meeting()).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "packet.html").write_text(render(packet(meeting())), encoding="utf-8")
    return folder


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["index", "packet", "concepts", "cohorts", "targets", "schools", "actions", "method"])
def test_silent_accessible_and_no_wider_than_the_screen(browser, site, name, width):
    from axe_playwright_python.sync_playwright import Axe

    page, trouble = opened(browser, site / f"{name}.html", width)
    assert trouble == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].filter(i => !i.naturalWidth).length") == 0
    found = Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:120]) for v in found] == []


def test_search_and_filters(browser, site):
    page, _ = opened(browser, site / "index.html", 1280)
    rows = page.locator("#entries tbody tr")
    everything = rows.count()
    page.get_by_label("Search").fill("rational stands out")
    shown = page.locator("#entries tbody tr:not([hidden])")
    assert shown.count() == 2
    assert page.locator("#count").inner_text() == "2 entries"
    page.get_by_label("District").select_option("District B")
    assert shown.count() == 1
    page.get_by_label("Search").fill("")
    page.get_by_label("District").select_option("all")
    page.get_by_label("Kind").select_option("target")
    assert shown.count() == 1
    shown.first.locator("a").click()
    assert page.url.endswith("targets.html")
    without, _ = opened(browser, site / "index.html", 1280, script=False)
    assert without.locator("#entries tbody tr").count() == everything
