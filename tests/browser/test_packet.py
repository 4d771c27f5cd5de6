"""The review packet in a real browser: filled in, saved as one file, imported into a bank."""

import json
import shutil

import pytest

from tests.itembank.bank.conftest import _use, furnish, migrated, run  # noqa: F401  fixtures
from tests.itembank.bank.test_workflow import status, store

pytestmark = pytest.mark.browser


@pytest.fixture
def packet(tmp_path, monkeypatch, migrated, run):  # type: ignore[no-untyped-def]  # noqa: F811
    _use(monkeypatch, tmp_path, str(shutil.copy(migrated, tmp_path / "bank.db")))
    furnish(tmp_path)
    for n in (1, 2):
        store(n)
        assert run("reviews", "submit", f"T-{n}", "--as", "authorA")[0] == 0
    assert run("reviews", "packet", "--for", "leadB", "-o", tmp_path / "packet.html")[0] == 0
    return tmp_path / "packet.html"


@pytest.fixture
def browser():  # type: ignore[no-untyped-def]
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


def test_a_packet_is_filled_in_saved_and_imported(browser, packet, tmp_path, run):  # type: ignore[no-untyped-def]  # noqa: F811
    page = browser.new_page(viewport={"width": 390, "height": 844})
    trouble = []
    page.on("console", lambda m: trouble.append(m.text) if m.type in ("error", "warning") else None)
    page.on("request", lambda r: trouble.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None)
    page.goto(packet.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical", "moderate")] == []

    first, second = page.locator("article[data-item='T-1']"), page.locator("article[data-item='T-2']")
    for entry in first.locator("fieldset.entry").all():
        entry.get_by_label("yes").check()
    first.get_by_label("Think of 100 students").fill("65")
    first.get_by_label("It may be used as it is").check()
    second.get_by_label("It should be changed").check()
    with page.expect_download() as loaded:
        page.get_by_role("button", name="Save my reviews").click()
    assert "T-2: say in the comment what should change." in page.locator("#wrong").inner_text()
    loaded.value.save_as(tmp_path / "half.json")
    assert run("reviews", "import", tmp_path / "half.json")[0] == 3
    page.reload()
    page.locator("#continue").set_input_files(tmp_path / "half.json")
    page.get_by_text("2 of 2 items have a verdict").wait_for()
    second.get_by_label("Comments, or what should change").fill("Which unit? “miles” – é")
    with page.expect_download() as loaded:
        page.get_by_role("button", name="Save my reviews").click()
    assert not page.locator("#wrong").is_visible()
    assert loaded.value.suggested_filename == "reviews-leadB.json"
    loaded.value.save_as(tmp_path / "whole.json")
    assert trouble == []

    code, _, err = run("reviews", "import", tmp_path / "whole.json")
    assert code == 0, err
    row = json.loads(run("reviews", "show", "T-1", "--json")[1])[0]
    assert (row["verdict"], row["angoff"], row["no"]) == ("approve", 0.65, "")
    row = json.loads(run("reviews", "show", "T-2", "--json")[1])[0]
    assert (row["verdict"], row["comment"], row["angoff"]) == ("change", "Which unit? “miles” – é", None)
    assert (status("T-1"), status("T-2")) == ("in review", "draft")


def test_without_scripts_everything_can_be_read_and_the_page_says_what_to_do(browser, packet):  # type: ignore[no-untyped-def]
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(packet.as_uri())
    shown = page.inner_text("body")
    assert "the page cannot save, because scripts are switched off" in shown
    assert "itembank reviews review ITEM" in shown
    assert shown.count("How many of them would get it right?") == 2
    assert page.get_by_role("button", name="Save my reviews").is_disabled()
    assert page.locator("math").count() > 0
