"""Options in another order: the versions of a form, and what a mark on a version's sheet means.

`letters` of an item on a version says which of its own options stands at each printed letter: "CADB" prints the item's
C as A, its A as B, and so on; "" leaves the order alone. What is stored of a student is the option they chose, so
that keys, statistics and misconceptions are the same for all versions.
"""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from itembank import answers, mathtext
from itembank.item_model import Expression, Item, Variant, Verify

MOST = 8
VERSIONS = "ABCDEFGH"
TYPES = ("choice", "multi-select")
# A letter that stands alone outside mathematics may name an option; in a solution "A" also where it is no article.
_LETTER = re.compile(r"(?<![\w'-])[B-H](?![\w'-])|(?<=[a-z,;:(] )A(?![\w'-])")
_SUBJECT = re.compile(
    r"(?<![\w'-])A (?:is|are|and|or|gives?|has|uses?|shows?|says?|adds?|takes?|es|da|tiene|dice|usa|y|o)\b"
)
# an option may also speak of the others by their place
_BY_PLACE = re.compile(
    r"(?i:\b(?:above|below|of these|anteriores|de (?:arriba|abajo)|"
    r"ningun[oa] de (?:las|los|ellas|ellos|est[ao]s)|tod[oa]s l[ao]s opciones)\b)"
)
_DRAWS = 200


def shuffles(item: Item) -> bool:
    """Whether the options can stand in another order: there are two or more, and no text names one by its place."""
    if item.type not in TYPES or len(item.options) < 2:
        return False
    options = [o.text for o in item.options] + [t for v in item.variants for t in v.options.values()]
    texts = [item.stem, item.solution, *(t for v in item.variants for t in (v.stem, v.solution)), *options]
    if any(_BY_PLACE.search(t) for t in options):
        return False
    labels = "".join(o.letter for o in item.options)
    for text in texts:
        said = " ".join(s.text for s in mathtext.split(text).segments if not s.math)
        if any(m.group()[0] in labels for p in (_LETTER, _SUBJECT) for m in p.finditer(said)):
            return False
    return True


def orders(items: Sequence[Item], versions: int, seed: str) -> list[list[str]]:
    """The letters of each item on each version.

    The key of a choice stands in another place on every version as long as there are places, and within a version
    the keys use the places about equally often; everything else is drawn. The first version keeps the items' order.

    Args:
        items: of the form, in order.
        versions: 2 to 8.
        seed: the same seed and items give the same orders.

    Returns:
        versions × items of `letters`.
    """
    draw = random.Random(seed)
    found: list[list[str]] = [[] for _ in range(versions)]
    used = [Counter[int]() for _ in range(versions)]
    for item in items:
        own = "".join(o.letter for o in item.options)
        if not shuffles(item):
            for listed in found:
                listed.append("")
            continue
        taken: list[frozenset[int]] = []
        for v in range(versions):
            letters = own if v == 0 else _order(own, item.keys, taken, used[v], draw)
            places = frozenset(letters.index(k) for k in item.keys)
            taken.append(places)
            used[v].update(places)
            found[v].append("" if letters == own else letters)
    return found


def _order(
    own: str, keys: Sequence[str], taken: Sequence[frozenset[int]], used: Counter[int], draw: random.Random
) -> str:
    """An order whose keys stand where they stood least often, on this version and on the item's other ones."""
    best, cost = own, (len(taken) + 1, 0)
    for _ in range(_DRAWS):
        letters = list(own)
        draw.shuffle(letters)
        places = frozenset(letters.index(k) for k in keys)
        now = (sum(places == t for t in taken), sum(used[p] for p in places))
        if now < cost:
            best, cost = "".join(letters), now
    return best


def shuffled(item: Item, letters: str) -> Item:
    """The item as the version prints it: options in that order under the letters A, B, ..., in every language."""
    if not letters:
        return item
    printed = dict(zip(letters, (o.letter for o in item.options), strict=True))  # own letter -> printed letter
    by_letter = {o.letter: o for o in item.options}
    return replace(
        item,
        options=tuple(replace(by_letter[own], letter=new) for own, new in printed.items()),
        variants=tuple(_variant(v, printed) for v in item.variants),
        verify=_verify(item.verify, printed),
    )


def _variant(variant: Variant, printed: Mapping[str, str]) -> Variant:
    return replace(
        variant, options={new: variant.options[own] for own, new in printed.items() if own in variant.options}
    )


def _verify(verify: Verify, printed: Mapping[str, str]) -> Verify:
    def moved(of: Mapping[str, Expression]) -> dict[str, Expression]:
        return {printed.get(name, name): expression for name, expression in of.items()}

    return replace(verify, expressions=moved(verify.expressions), statements=moved(verify.statements))


def own_answer(text: str, letters: str) -> str:
    """The item's own letters for the letters marked on a version; what names no option comes back as it is."""
    return _moved(text, dict(zip(sorted(letters), letters, strict=True)))


def printed_answer(text: str, letters: str) -> str:
    """The letters that a version prints for the item's own ones; the inverse of `own_answer`."""
    return _moved(text, dict(zip(letters, sorted(letters), strict=True)))


def _moved(text: str, to: Mapping[str, str]) -> str:
    if not to:
        return text
    chosen = answers.letters_of(text, frozenset(to)) if text.strip() else None
    return text if chosen is None else "".join(sorted(to[c] for c in chosen))


def printed_rule(rule: Mapping[str, Any], letters: str) -> dict[str, Any]:
    """A key in the letters that a version prints."""
    new = dict(rule)
    if letters and rule["type"] == "choice":
        credit = {printed_answer(str(k), letters): points for k, points in rule["credit"].items()}
        new["credit"] = dict(sorted(credit.items()))
    elif letters and rule["type"] == "multi-select":
        new["key"] = sorted(printed_answer(str(k), letters) for k in rule["key"])
    return new
