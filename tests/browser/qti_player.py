"""An exported QTI package in a real player: loaded from its manifest, answered with the mouse and the keyboard."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from itembank import authoring, keys, mathtext
from itembank.answers import value_of
from itembank.exchange import qti, safe
from itembank.item_model import Item

HERE = Path(__file__).parent / "player"
CP = "{http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1}"
QTI = "{http://www.imsglobal.org/xsd/imsqtiasi_v3p0}"


def missing() -> str:
    """Why nothing can be played here; "" where it can."""
    if not (HERE / "node_modules" / "qti3-item-player").is_dir():
        return f"no QTI player: npm ci in {HERE.parent.name}/{HERE.name}"
    return "" if chromium() else "no Chromium on this machine"


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def answers(item: Item) -> list[tuple[Any, ...]]:
    """What students do: option letters, (row, column) pairs, or one typed text; right and wrong ones of every sort."""
    if item.type == "choice":
        return [(o.letter,) for o in item.options]
    if item.type == "multi-select":
        right, letters = list(item.keys), [o.letter for o in item.options]
        wrong = [x for x in letters if x not in right]
        return [tuple(s) for s in (right, right[:1], wrong[:1], right + wrong[:1], letters)]
    if item.type == "match":
        pairs = [(r.id, k) for r in item.rows for k in r.keys]
        first = item.rows[0]
        other = next(c.letter for c in item.columns if c.letter not in first.keys)
        one_wrong = [(first.id, other), *[p for p in pairs if p[0] != first.id]]
        first_column = [(r.id, item.columns[0].letter) for r in item.rows]
        return [tuple(p) for p in (pairs, one_wrong, pairs[:1], first_column)]
    if item.type == "rubric":
        return [("5 + 7 = 12",)]
    texts = [mathtext.typed(a.text) for a in item.answers] + ["7 elephants", "-"]
    for answer in (a for a in item.answers if a.key and a.tolerance):
        value, within = value_of(mathtext.typed(answer.text)), value_of(answer.tolerance)
        if value is not None and within is not None:  # inside and outside of the tolerance, on both sides
            texts += [f"{float(value + within * Fraction(share)):.10g}" for share in ("-1.5", "-1", "-.5", "1", "1.5")]
    return [(t,) for t in dict.fromkeys(texts)]


def ours(item: Item, response: Any) -> int | None:
    """Points of a response, as the player reports it, by our key; None where a person scores."""
    if item.type == "rubric":
        return None
    if response is None:
        return 0
    text = response if isinstance(response, str) else " ".join(response)
    if item.type == "match":
        text = " ".join(pair.removeprefix("R").replace(" ", "") for pair in response)
    return keys.points_of(authoring.rule_of(item), text)


def asked(item: Item, given: Sequence[Any]) -> Any:
    """The response that these clicks and keys are meant to make."""
    if item.type == "match":
        return sorted(f"R{row} {column}" for row, column in given)
    return sorted(given) if item.type == "multi-select" else given[0]


class Player:
    """The player in a page, with one package."""

    def __init__(self, page: Any, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.trouble: list[str] = []
        page.on("pageerror", self._failed)
        page.on("request", self._asked)
        page.on("requestfailed", lambda request: self.trouble.append(request.url))
        self.page.goto((folder / "items" / "player.html").as_uri())

    def _failed(self, error: Any) -> None:
        # the player hides the hint of a digits-only field after three seconds, even when its item is gone by then
        if "reading 'hide'" not in str(error):
            self.trouble.append(str(error))

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.trouble.append(request.url)

    def test(self) -> list[tuple[str, Path]]:
        """(item id, file) of the package's test, found as a delivery system finds them: manifest, test, references."""
        manifest = safe.xml((self.folder / "imsmanifest.xml").read_bytes())
        resources = {r.get("type"): r.get("href") for r in manifest.iter(f"{CP}resource")}
        path = self.folder / resources["imsqti_test_xmlv3p0"]
        found = []
        for reference in safe.xml(path.read_bytes()).iter(f"{QTI}qti-assessment-item-ref"):
            file = path.parent / reference.get("href")
            found.append((str(safe.xml(file.read_bytes()).get("identifier")), file))
        return found

    def show(self, file: Path) -> None:
        self.page.evaluate("([xml, id]) => show(xml, id)", [file.read_text("utf-8"), file.stem])

    def answer(self, kind: str, given: Sequence[Any]) -> None:
        """As a student: clicks on what is visible, keys into what has the focus."""
        if kind in ("choice", "multi-select"):
            for letter in given:
                self.page.click(f'.qti-simple-choice[data-identifier="{letter}"]')
        elif kind == "match":
            for row, column in given:
                self.page.click(f'table.qti-match-tabular [data-pair="R{row} {column}"]')
        else:
            place = "textarea" if kind == "rubric" else ".qti-text-entry-interaction input"
            self.page.click(place)
            self.page.keyboard.type(given[0])
            self.page.keyboard.press("Tab")

    def submit(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate("() => submit()")
        return found

    def play(self, item: Item, given: Sequence[Any], file: Path) -> tuple[float, Any]:
        """(points, response) that the player gives."""
        self.show(file)
        self.answer(item.type, given)
        state = self.submit()
        return float(state["outcomes"]["SCORE"]), state["responses"]["RESPONSE"]


@contextmanager
def playing(items: Sequence[Item], folder: Path, language: str = "en", width: int = 1000) -> Iterator[Player]:
    """The items as a test in the player; `folder` receives the package."""
    from playwright.sync_api import sync_playwright

    made = qti.package(items, "Test", "test", "3.0", [("Part 1", [i.id for i in items])], language)
    for name, content in safe.unzipped(made.content).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    page = (HERE / "player.html").read_text("utf-8").replace("PLAYER", (HERE / "node_modules").as_uri())
    (folder / "items" / "player.html").write_text(page, "utf-8")
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        yield Player(running.new_page(viewport={"width": width, "height": 800}), folder)
        running.close()
