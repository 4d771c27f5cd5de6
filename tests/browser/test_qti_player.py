"""Exported tests play in a real QTI 3.0 player, which scores as we do and shows nothing that gives answers away."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from itembank import item_file
from itembank.item_model import Item
from tests.browser import qti_player

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
KINDS = ("choice", "multi-select", "numeric", "short-text", "match", "rubric")


def sample() -> list[Item]:
    """The examples (partial credit, figures, a stimulus, a tolerance) and of the joint bank the first of each type."""
    examples = [item_file.read(p).item for p in sorted((ROOT / "tests/itembank/items").glob("X-*.md"))]
    joint = [item_file.read(p).item for p in sorted((ROOT / "items").glob("*/*-*.md"))]
    first = [next(i for i in joint if i is not None and i.type == kind) for kind in KINDS]
    return [i for i in examples + first if i is not None]


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[qti_player.Player]:
    if why := qti_player.missing():
        pytest.skip(why)
    with qti_player.playing(sample(), tmp_path_factory.mktemp("qti"), width=390) as shown:
        shown.page.set_default_timeout(10_000)
        yield shown


@pytest.mark.parametrize("item", sample(), ids=lambda item: item.id)
def test_the_player_scores_as_we_do(player: qti_player.Player, item: Item) -> None:
    file = dict(player.test())[item.id]
    seen = set()
    for given in qti_player.answers(item):
        points, response = player.play(item, given, file)
        if item.type != "numeric":  # numeric fields take digits only
            assert (sorted(response) if isinstance(response, list) else response) == qti_player.asked(item, given)
        expected = qti_player.ours(item, response)
        assert points == (expected or 0), (given, response)
        seen.add(points)
    assert seen == {0.0} if item.type == "rubric" else {0.0, float(item.points)} <= seen
    assert player.trouble == []


@pytest.mark.parametrize("item", sample(), ids=lambda item: item.id)
def test_students_see_the_item_and_nothing_of_its_key(player: qti_player.Player, item: Item) -> None:
    player.show(dict(player.test())[item.id])
    shown = player.page.inner_text("main")
    assert item.stem.split()[0].strip("$") in shown
    assert not player.page.query_selector_all(".qti-rubric-block:not(.hidden)")
    assert all(m not in shown for m in item.misconceptions)
    pictures = player.page.evaluate("[...document.images].map(i => [i.alt, i.naturalWidth > 0])")
    assert [alt for alt, _ in pictures] == [f.alt for f in item.figures]
    assert all(drawn for _, drawn in pictures)
    fractions = "\\frac" in item.stem + "".join(o.text for o in item.options)
    assert bool(player.page.query_selector_all("mfrac")) >= fractions
    wide = "[...document.querySelectorAll('main img, main math, main table')].map(e => e.getBoundingClientRect().right)"
    assert max(player.page.evaluate(wide), default=0) <= 390
