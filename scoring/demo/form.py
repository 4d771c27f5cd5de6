"""Which items of the joint bank the demo gives, and what its students may answer to each."""

from collections.abc import Iterable

from itembank.item_model import Item
from scoring.demo.world import DemoItem

PER_CONCEPT = 8
#: Share of each type on the form, so that a demo shows them all: choice first, then typed numbers, one rubric.
_ORDER = {"choice": 0, "numeric": 0, "short-text": 1, "rubric": 0}


def choose(items: Iterable[Item], per_concept: int = PER_CONCEPT, concepts: int = 5) -> list[Item]:
    """A form: `per_concept` items for each of the concepts with the most items, no enemies together, by id.

    At most one rubric item per concept; items whose answers cannot be simulated as one text are passed over.
    """
    by_concept: dict[str, list[Item]] = {}
    for item in sorted(items, key=lambda i: i.id):
        if item.type in _ORDER and simulated(item) is not None:
            by_concept.setdefault(item.concepts[0], []).append(item)
    largest = sorted(by_concept, key=lambda c: (-len(by_concept[c]), c))[:concepts]
    form: list[Item] = []
    for concept in sorted(largest):
        chosen: list[Item] = []
        rubrics = 0
        for item in sorted(by_concept[concept], key=lambda i: (_ORDER[i.type], i.id)):
            names = {other.id for other in (*form, *chosen)}
            enemies = names & set(item.enemies) or any(item.id in other.enemies for other in (*form, *chosen))
            if enemies or (item.type == "rubric" and rubrics):
                continue
            rubrics += item.type == "rubric"
            chosen.append(item)
            if len(chosen) == per_concept:
                break
        form += sorted(chosen, key=lambda i: i.id)
    return form


def simulated(item: Item) -> DemoItem | None:
    """The item as the simulation sees it; None where an answer is more than one text."""
    share = item.difficulty if item.difficulty is not None else 0.5
    if item.type == "choice":
        wrong = {o.letter: o.misconception for o in item.options if not o.key}
        return DemoItem(item.id, item.concepts[0], share, item.keys[0], wrong)
    if item.type in ("numeric", "short-text"):
        key = next((a.text for a in item.answers if a.key), "")
        wrong = {plain(a.text): a.misconception for a in item.answers if not a.key}
        return DemoItem(item.id, item.concepts[0], share, plain(key), wrong, 1, item.type) if key and wrong else None
    if item.type == "rubric":
        return DemoItem(item.id, item.concepts[0], share, str(item.points), {}, item.points, "rubric")
    return None


def plain(text: str) -> str:
    """An answer as a student types it: the math without its marks, a fraction with a slash."""
    import re

    text = text.strip().replace("$", "").replace("\\$", "")
    text = re.sub(
        r"(-?\d+)?\s*\\d?frac\{(-?\d+)\}\{(\d+)\}", lambda m: f"{m[1] + ' ' if m[1] else ''}{m[2]}/{m[3]}", text
    )
    return text.replace("\\%", "%").replace("{,}", ",").replace("\\", "").strip()
