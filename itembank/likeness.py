"""Items that are like others: the same words, the same numbers in other words, the same computation with other numbers.

The check of items warns only of nearly the same text. Here every kind of likeness is listed, so that each pair is a
decision: named as `enemies` (not together on one form), named in `intended-pairs.yaml` with a reason, or a surprise.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Literal

from itembank import mathtext
from itembank.errors import Rejected
from itembank.findings import Finding
from itembank.item_model import Item
from itembank.verify_reading import numbers
from itembank.verify_syntax import Expr, ExpressionError, parse

Kind = Literal["same-words", "same-numbers", "same-structure"]
FILE = "intended-pairs.yaml"
WORDS = 0.55  # share of runs of four words; the check of items warns from .75 on
WORDS_WITH_NUMBERS = 0.20  # share of words, where the numbers are the same
OPERATIONS = 2  # a structure of one operation, such as a product, is shared by half of a grade


@dataclass(frozen=True, slots=True)
class Pair:
    """Two items that are like each other.

    Attributes:
        one, other: their ids, in order.
        kind: what they share.
        share: of the words (0 to 1), 1.0 for a structure.
        shared: the numbers or the computation that both have; "" for words.
        intended: why the pair may be: "enemies", the reason in the file, or "" where nobody has said so.
    """

    one: str
    other: str
    kind: Kind
    share: float
    shared: str
    intended: str = ""


def pairs(items: Sequence[Item], intended: Mapping[frozenset[str], str] | None = None) -> list[Pair]:
    """Every pair of items that are like each other, by ids.

    Args:
        items: the items to compare, each with each.
        intended: two ids -> why they may be alike, as `intended_pairs` reads it.
    """
    found: dict[tuple[str, str, Kind], Pair] = {}
    why = dict(intended or {})
    for item in items:
        for enemy in item.enemies:
            why.setdefault(frozenset((item.id, enemy)), "enemies")
    kinds: tuple[tuple[Kind, Iterable[tuple[Item, Item, float, str]]], ...] = (
        ("same-words", _same_words(items)),
        ("same-numbers", _same_numbers(items)),
        ("same-structure", _same_structure(items)),
    )
    for kind, alike in kinds:
        for a, b, share, shared in alike:
            one, other = sorted((a.id, b.id))
            reason = why.get(frozenset((one, other)), "")
            found[one, other, kind] = Pair(one, other, kind, round(share, 2), shared, reason)
    return [found[key] for key in sorted(found)]


def intended_pairs(path: Path) -> dict[frozenset[str], str]:
    """Two ids -> why they may be alike.

    The file is a list of `- pair: [G7-RP-001, G7-RP-004]` with `why: ...`; no file is an empty list.

    Raises:
        Rejected: the file is not such a list; each fault is a finding.
    """
    import yaml

    if not path.exists():
        return {}
    try:
        loaded = yaml.load(path.read_text("utf-8-sig"), Loader=yaml.BaseLoader)  # noqa: S506 - text only, no objects
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        finding = Finding(path.name, mark.line + 1 if mark else 0, "bad-yaml", "error", "This is not readable YAML.")
        raise Rejected("bad-yaml", f"{path.name} cannot be read.", "", [finding]) from None
    result: dict[frozenset[str], str] = {}
    faults: list[Finding] = []
    for n, entry in enumerate(loaded if isinstance(loaded, list) else [loaded], 1):
        pair = entry.get("pair") if isinstance(entry, dict) else None
        reason = entry.get("why") if isinstance(entry, dict) else None
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(i, str) for i in pair)):
            faults.append(Finding(path.name, 0, "bad-pair", "error", f"Entry {n} names no two items.",
                                  "- pair: [G7-RP-001, G7-RP-004]"))  # fmt: skip
        elif not (isinstance(reason, str) and reason.strip()):
            message = f"Entry {n} does not say why {pair[0]} and {pair[1]} may be alike."
            faults.append(Finding(path.name, 0, "bad-pair", "error", message, "why: ..."))
        else:
            result[frozenset(pair)] = reason.strip()
    if faults:
        raise Rejected("bad-pairs", f"{path.name} has entries that cannot be used.", "", faults)
    return result


# ---- words


def _words(item: Item) -> list[str]:
    """The words a student reads, with a sign in the place of each number."""
    parts = [item.stem, *(r.text for r in item.rows), *(o.text for o in item.options if item.verify.statements)]
    text = re.sub(r"\d+(?:[.,/]\d+)*", "#", " ".join(mathtext.plain(p) for p in parts).lower())
    return re.findall(r"[a-zà-ÿ]+|#", text)


def _same_words(items: Sequence[Item]) -> Iterable[tuple[Item, Item, float, str]]:
    runs = []
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for n, item in enumerate(items):
        words = _words(item)
        own = {tuple(words[i : i + 4]) for i in range(len(words) - 3)}
        runs.append(own)
        for run in own:
            holders[run].append(n)
    both: dict[tuple[int, int], int] = defaultdict(int)
    for held in holders.values():
        for a, b in combinations(held, 2) if len(held) <= 50 else ():
            both[a, b] += 1
    for (a, b), count in both.items():
        share = count / len(runs[a] | runs[b])
        if share >= WORDS and len(runs[a]) > 2:
            yield items[a], items[b], share, ""


# ---- numbers


_COMMON = frozenset(map(Fraction, (0, 1)))
_FILLERS = frozenset(
    re.findall(
        r"\w+",
        "a an the of to in is are at for and or on by with each all what which how many much does do it its that this "
        "from be has have one find value number box makes equation true select give gives",
    )
)
_SMALL = 10  # 2, 3 and 5 are in every other item; three numbers of which one is larger or no whole number are not


def _same_numbers(items: Sequence[Item]) -> Iterable[tuple[Item, Item, float, str]]:
    """Items of one grade and concept whose stems have the same numbers: three or more, or two and words as well."""
    groups: dict[tuple[str, str, frozenset[Fraction]], list[Item]] = defaultdict(list)
    for item in items:
        texts = [item.stem, *(r.text for r in item.rows)]
        figures = (item.verify.given[name].text for name in item.verify.given) if item.figures else ()
        own = frozenset(abs(n) for t in (*texts, *figures) for n in numbers(t)) - _COMMON
        if len(own) >= 2:
            groups[item.grade, item.concepts[0] if item.concepts else "", own].append(item)
    for (_, _, shared), alike in groups.items():
        telling = len(shared) > 2 and any(n > _SMALL or n.denominator > 1 for n in shared)
        for a, b in combinations(alike, 2):
            one, other = (set(_words(i)) - _FILLERS - {"#"} for i in (a, b))
            share = len(one & other) / max(1, len(one | other))
            if telling or share >= WORDS_WITH_NUMBERS:
                yield a, b, share, ", ".join(str(n) for n in sorted(shared))


# ---- structure


def _same_structure(items: Sequence[Item]) -> Iterable[tuple[Item, Item, float, str]]:
    """Items of one grade and concept whose keys are the same computation, whatever the numbers are called."""
    groups: dict[tuple[str, str, str], list[Item]] = defaultdict(list)
    for item in items:
        shape = structure(item)
        if shape is not None:
            groups[item.grade, item.concepts[0] if item.concepts else "", shape].append(item)
    for key, alike in groups.items():
        for a, b in combinations(alike, 2):
            yield a, b, 1.0, key[-1]


def structure(item: Item) -> str | None:
    """The computation of the key with its givens renamed in their order; None where it is none, or too plain."""
    verify = item.verify
    expression = verify.expressions.get("key")
    if expression is None and item.keys:
        expression = verify.expressions.get(item.keys[0])
    if expression is None:
        return None
    try:
        tree = _unfolded(parse(expression.text), {k: parse(e.text) for k, e in verify.let.items()})
    except ExpressionError:
        return None
    names: dict[str, str] = {}
    text, operations = _renamed(tree, names, frozenset(verify.variables))
    return text if operations >= OPERATIONS else None


def _unfolded(tree: Expr, steps: Mapping[str, Expr], depth: int = 0) -> Expr:
    """The tree with the steps of `let` in their places."""
    if tree.kind == "name" and tree.text in steps and depth < 20:
        return _unfolded(steps[tree.text], steps, depth + 1)
    return Expr(tree.kind, tree.text, tree.value, tuple(_unfolded(p, steps, depth) for p in tree.parts))


def _renamed(tree: Expr, names: dict[str, str], variables: frozenset[str]) -> tuple[str, int]:
    """(the tree as text, how many operations it has)."""
    if tree.kind == "number":
        return str(tree.value), 0
    if tree.kind == "name":
        kind = "x" if tree.text in variables else "g"
        return names.setdefault(tree.text, f"{kind}{len(names) + 1}"), 0
    done = [_renamed(p, names, variables) for p in tree.parts]
    text = f"({' '.join([tree.text or tree.kind, *(t for t, _ in done)])})"
    return text, sum(n for _, n in done) + (tree.kind in ("binary", "call", "neg"))
