"""What changed between two texts of an item, word by word; a formula is one word."""

import difflib
import re
from dataclasses import dataclass

from itembank import mathtext
from itembank.item_model import Item


@dataclass(frozen=True, slots=True)
class Change:
    """One part of the item that differs: `shown` marks what went [-like this-] and what came {+like this+}."""

    part: str
    before: str
    after: str
    shown: str


def parts(item: Item) -> dict[str, str]:
    """Every part of an item as text, by a name for people."""
    found: dict[str, str] = {}
    for name in ("title", "grade", "type", "calculator", "claim", "dok", "language", "why"):
        found[name] = str(getattr(item, name))
    found["points"] = str(item.points)
    found["difficulty"] = "" if item.difficulty is None else f"{item.difficulty:g}"
    for name in ("concepts", "standards", "practices", "enemies"):
        found[name] = ", ".join(getattr(item, name))
    found["authors"] = ", ".join(f"{a.name} ({a.district})" for a in item.authors)
    found["stem"] = item.stem
    for o in item.options:
        found[f"option {o.letter}"] = f"[{'key' if o.key else o.misconception}] {o.value} {o.text}".replace("  ", " ")
    for i, a in enumerate(item.answers, 1):
        found[f"answer {i}"] = f"[{'key' if a.key else a.misconception}] {a.text} {a.tolerance}".strip()
    found["columns"] = " | ".join(f"{c.letter} = {c.text}" for c in item.columns)
    for r in item.rows:
        found[f"row {r.id}"] = f"[{', '.join(r.keys)}; {', '.join(' '.join(m) for m in r.misconceptions)}] {r.text}"
    for x in item.levels:
        found[f"{x.points} points"] = x.text
    for e in item.errors:
        found[f"error {e.misconception}"] = e.text
    found["solution"] = item.solution
    for f in item.figures:
        found[f"figure {f.name}"] = f"{f.kind}: {f.alt} {dict(f.data)}"
    v = item.verify
    for name, group in (
        ("given", v.given),
        ("let", v.let),
        ("verify", v.expressions),
        ("statement", v.statements),
        ("row", v.rows),
    ):
        for key, expression in group.items():
            found[f"{name} {key} (verify)"] = expression.text
    for variant in item.variants:
        found[f"title ({variant.language})"] = variant.title
        found[f"stem ({variant.language})"] = variant.stem
        for key, text in variant.options.items():
            found[f"option {key} ({variant.language})"] = text
        found[f"solution ({variant.language})"] = variant.solution
    return found


def words(text: str) -> list[str]:
    """Words and spaces; a formula is one word."""
    found: list[str] = []
    for segment in mathtext.split(text).segments:
        found += [f"${segment.text}$"] if segment.math else re.findall(r"\s+|[^\s]+", segment.text)
    return found


def marked(before: str, after: str) -> str:
    """Both texts in one, changes marked."""
    a, b = words(before), words(after)
    out: list[str] = []
    for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind == "equal":
            out.append("".join(a[i1:i2]))
            continue
        gone, come = "".join(a[i1:i2]), "".join(b[j1:j2])
        out.append((f"[-{gone}-]" if gone else "") + ("{+" + come + "+}" if come else ""))
    return "".join(out)


def changes(before: Item, after: Item) -> list[Change]:
    """The parts that differ, in the order of the item."""
    a, b = parts(before), parts(after)
    names = [*a, *(n for n in b if n not in a)]
    return [
        Change(n, a.get(n, ""), b.get(n, ""), marked(a.get(n, ""), b.get(n, "")))
        for n in names
        if a.get(n, "") != b.get(n, "")
    ]
