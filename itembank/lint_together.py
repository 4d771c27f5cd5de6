"""What only shows among several items: the same id twice, nearly the same text."""

import re
from collections import defaultdict
from collections.abc import Sequence

from itembank import mathtext
from itembank.findings import Finding
from itembank.item_model import Item
from itembank.lint_rules import found


def check_together(items: Sequence[Item]) -> list[Finding]:
    """What only shows among several items: the same id twice, nearly the same text."""
    result: list[Finding] = []
    first: dict[str, Item] = {}
    for item in items:
        if item.id.lower() in first:
            other = first[item.id.lower()]
            result.append(found(item, "id", "duplicate-id", f"{other.source} has the same id", "give it its own"))
        first.setdefault(item.id.lower(), item)
    return result + _near_duplicates(items)


def _shape(item: Item) -> str:
    """The words of the item with every number taken out."""
    text = " ".join([mathtext.plain(item.stem), *(mathtext.plain(r.text) for r in item.rows)]).lower()
    if item.verify.statements or len(text) < 60:
        text += " " + " ".join(mathtext.plain(o.text) for o in item.options).lower()
    return " ".join(re.findall(r"[a-zà-ÿ]+|#", re.sub(r"\d+(?:[.,/]\d+)*", "#", text)))


def _near_duplicates(items: Sequence[Item], share: float = 0.75) -> list[Finding]:
    """Pairs that share most runs of four words when numbers count as the same word."""
    runs: list[frozenset[tuple[str, ...]]] = []
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    result: list[Finding] = []
    for n, item in enumerate(items):
        words = _shape(item).split()
        own = frozenset(tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3)))
        counts: dict[int, int] = defaultdict(int)
        for run in own:
            if len(holders[run]) < 50:
                for other in holders[run]:
                    counts[other] += 1
            holders[run].append(n)
        runs.append(own)
        for other, both in counts.items():
            if both / len(own | runs[other]) >= share and items[other].id != item.id and len(own) > 3:
                a = items[other]
                if a.id in item.enemies or item.id in a.enemies:
                    continue
                message = f"nearly the same text as {a.id}"
                hint = f"a variant of the same item: name it in `enemies: [{a.id}]`; otherwise write a different one"
                result.append(found(item, "stem", "near-duplicate", message, hint, "warning"))
    return result
