"""An item as a file: the only writer. `read(write(item))` is the same item."""

import json
import re
from collections.abc import Mapping

from itembank.item_model import Data, Expression, Item, Variant, Verify

_PLAIN = re.compile(r"^[A-Za-z0-9(][A-Za-z0-9 _./+*^()<>=-]*$")


def scalar(text: str) -> str:
    """Text as YAML: plain where that is safe in every context, else in double quotes."""
    if _PLAIN.match(text) and not text.endswith(" ") and text not in ("null", "---"):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)


def flow(value: Data) -> str:
    """Nested data on one line."""
    if isinstance(value, str):
        return scalar(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
    return "[" + ", ".join(flow(v) for v in value) + "]"


def write(item: Item) -> str:
    """The file of an item, in the order and spelling that items/README.md shows."""
    spanish = next((v for v in item.variants if v.language == "es"), None)
    head = [f"id: {scalar(item.id)}", f"title: {scalar(item.title)}"]
    if spanish and spanish.title:
        head.append(f"title-es: {scalar(spanish.title)}")
    head.append(f"grade: {scalar(item.grade)}")
    for name in ("concepts", "standards"):
        if getattr(item, name):
            head.append(f"{name}: {flow(getattr(item, name))}")
    head += [f"{n}: {scalar(getattr(item, n))}" for n in ("claim", "dok") if getattr(item, n)]
    if item.practices:
        head.append(f"practices: {flow(item.practices)}")
    head += [f"type: {item.type}", f"calculator: {item.calculator}", f"points: {item.points}"]
    head.append(f"language: {item.language}")
    if item.authors:
        people = [{"name": a.name} | ({"district": a.district} if a.district else {}) for a in item.authors]
        head.append(f"authors: {flow(tuple(people))}")
    if item.difficulty is not None:
        head.append(f"difficulty: {item.difficulty:g}")
    head += [f"why: {scalar(item.why)}"] * bool(item.why)
    head += [f"enemies: {flow(item.enemies)}"] * bool(item.enemies)
    head += [f"stimulus: {scalar(item.stimulus)}"] * bool(item.stimulus)
    if item.figures:
        head.append("figures:")
        for f in item.figures:
            spanish_alt = {"alt-es": f.alt_es} if f.alt_es else {}
            pairs = {"name": f.name, "kind": f.kind, "alt": f.alt, **spanish_alt, **f.data}
            head += [
                ("  - " if i == 0 else "    ") + f"{scalar(k)}: {flow(v)}" for i, (k, v) in enumerate(pairs.items())
            ]
    head += _verify(item.verify)
    return "\n".join(["---", *head, "---", "", *_body(item, spanish)]).rstrip("\n") + "\n"


def _verify(verify: Verify) -> list[str]:
    lines: list[str] = []
    for name in ("given", "let"):
        lines += _pairs(name, getattr(verify, name))
    if verify.variables:
        lines.append(f"  variables: {flow(verify.variables)}")
    if verify.compare != "value":
        lines.append(f"  compare: {scalar(verify.compare)}")
    if verify.reason:
        lines.append(f"  none: {scalar(verify.reason)}")
    lines += [f"  {scalar(k)}: {scalar(e.text)}" for k, e in verify.expressions.items()]
    for name in ("statements", "rows"):
        lines += _pairs(name, getattr(verify, name))
    return ["verify:", *lines] if lines else []


def _pairs(name: str, pairs: Mapping[str, Expression]) -> list[str]:
    if not pairs:
        return []
    return [f"  {name}:", *(f"    {scalar(k)}: {scalar(e.text)}" for k, e in pairs.items())]


def _bullet(head: str, text: str) -> str:
    return f"- {head}: {text}".rstrip().replace("\n", "\n  ")


def _body(item: Item, spanish: Variant | None) -> list[str]:
    lines = [item.stem, ""]
    if item.options:
        lines += ["## Options", ""]
        for o in item.options:
            tag = " [key]" if o.key else f" [{o.misconception}]" if o.misconception else ""
            lines.append(_bullet(o.letter + tag + (f" = {o.value}" if o.value else ""), o.text))
        lines.append("")
    if item.answers:
        lines += ["## Answer", ""]
        for a in item.answers:
            lines.append(
                _bullet(
                    "[key]" if a.key else f"[{a.misconception}]", a.text + (f" ± {a.tolerance}" * bool(a.tolerance))
                )
            )
        lines.append("")
    if item.columns or item.rows:
        lines += ["## Match", ""]
        if item.columns:
            lines.append("- columns: " + " | ".join(f"{c.letter} = {c.text}" for c in item.columns))
        for r in item.rows:
            tag = "; ".join([", ".join(r.keys), *(f"{c} {m}" for c, m in r.misconceptions)])
            lines.append(_bullet(f"{r.id} [{tag}]", r.text))
        lines.append("")
    if item.levels or item.errors:
        lines += ["## Rubric", ""]
        lines += [_bullet(str(x.points), x.text) for x in item.levels]
        lines += [_bullet(f"[{e.misconception}]", e.text) for e in item.errors] + [""]
    if item.solution:
        lines += ["## Solution", "", item.solution, ""]
    return lines + (_spanish(spanish) if spanish else [])


def _spanish(variant: Variant) -> list[str]:
    lines: list[str] = []
    if variant.stem:
        lines += ["## Español", "", variant.stem, ""]
    if variant.options:
        lines += ["## Opciones", "", *(_bullet(k, t) for k, t in variant.options.items()), ""]
    if variant.columns or variant.rows:
        lines += ["## Tabla", ""]
        if variant.columns:
            lines.append("- columnas: " + " | ".join(f"{k} = {t}" for k, t in variant.columns.items()))
        lines += [*(_bullet(k, t) for k, t in variant.rows.items()), ""]
    if variant.levels:
        lines += ["## Rúbrica", "", *(_bullet(str(k), t) for k, t in variant.levels.items()), ""]
    if variant.solution:
        lines += ["## Solución", "", variant.solution, ""]
    return lines
