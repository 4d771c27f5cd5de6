"""Items as typeset: one HTML file that needs no network, with what each option means and what the check found."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from itembank import presentation, typeset, verify
from itembank.findings import Finding
from itembank.item_model import Item

if TYPE_CHECKING:
    from jinja2 import Environment

TYPE_NAMES = {
    "choice": "One answer",
    "multi-select": "Several answers",
    "numeric": "Number",
    "short-text": "Short text",
    "match": "Match",
    "rubric": "Scored with a rubric",
}


@lru_cache(maxsize=1)
def environment() -> "Environment":
    """The templates of pages, which escape every value."""
    from jinja2 import Environment, PackageLoader, select_autoescape

    return Environment(
        loader=PackageLoader("itembank"),
        autoescape=select_autoescape(default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(
    items: Sequence[Item],
    title: str = "Items",
    findings: Sequence[Finding] = (),
    misconceptions: Mapping[str, str] | None = None,
    concepts: Mapping[str, str] | None = None,
    reload: bool = False,
) -> str:
    """The HTML page.

    Args:
        items: in the order to show.
        title: heading of the page.
        findings: of the check; each is shown on its item.
        misconceptions: id -> name; concepts: id -> name.
        reload: whether the open page looks again for a newer one every two seconds (`--watch`).
    """
    names = {"misconceptions": misconceptions or {}, "concepts": concepts or {}}
    cards = [card(item, findings, names, n) for n, item in enumerate(items, 1)]
    others = [f for f in findings if f.source not in {i.source for i in items}]
    return (
        environment()
        .get_template("preview.html")
        .render(title=title, cards=cards, others=[str(f) for f in others], reload=reload)
    )


def card(
    item: Item, findings: Sequence[Finding] = (), names: Mapping[str, Mapping[str, str]] | None = None, number: int = 1
) -> dict[str, Any]:
    """What the template shows of one item. Values named `html` are safe markup, all others plain text."""

    names = names or {"misconceptions": {}, "concepts": {}}
    computed = verify.check(item).values
    languages = [face(item, item.language, number, names["misconceptions"], computed)]
    languages += [face(item, v.language, number, names["misconceptions"], computed) for v in item.variants if v.stem]
    facts = [TYPE_NAMES[item.type], f"grade {item.grade}", f"{item.points} point" + ("s" if item.points != 1 else "")]
    facts += [f"DOK {item.dok}"] * bool(item.dok) + [f"claim {item.claim}"] * bool(item.claim)
    facts += [*item.practices, f"calculator: {item.calculator}"]
    if item.difficulty is not None:
        facts.append(f"expected {item.difficulty:.0%} right")
    return {
        "id": item.id,
        "title": item.title,
        "concepts": [names["concepts"].get(c, c) for c in item.concepts],
        "standards": item.standards,
        "facts": facts,
        "why": item.why,
        "authors": ", ".join(a.name + (f" ({a.district})" if a.district else "") for a in item.authors),
        "languages": languages,
        "findings": [f for f in findings if f.source == item.source],
        "stimulus": "" if _translated(item) else _shared(item.stimulus_text),
        "figures": [(f.name, f.alt) for f in item.figures],
    }


def face(
    item: Item, language: str, number: int, misconceptions: Mapping[str, str], computed: Mapping[str, str]
) -> dict[str, Any]:
    """One language of an item."""
    from markupsafe import Markup

    texts = presentation.words(item, language)
    prefix = f"i{number}-{language}"
    drawn = {f.name: presentation.html_figure(f, prefix, language) for f in item.figures}
    called = presentation.called(item, [texts.stem, *texts.options.values(), *texts.rows.values(), texts.solution])

    def shown(text: str, inline: bool = True) -> Any:
        return Markup(typeset.html(text, drawn, inline))

    def named(misconception: str) -> str:
        return misconceptions.get(misconception, misconception)

    return {
        "language": language,
        "label": {"en": "English", "es": "Español"}.get(language, language),
        "title": texts.title,
        "stem": shown(texts.stem, False),
        "after": [Markup(drawn[f.name]) for f in item.figures if f.name not in called],
        "options": [
            {
                "letter": o.letter,
                "key": o.key,
                "html": shown(texts.options[o.letter]),
                "misconception": named(o.misconception),
                "computed": computed.get(o.letter, ""),
            }
            for o in item.options
        ],
        "answers": [
            {
                "key": a.key,
                "html": shown(a.text + (f" ± {a.tolerance}" if a.tolerance else "")),
                "misconception": named(a.misconception),
                "computed": computed.get("key" if a.key else a.misconception, ""),
            }
            for a in item.answers
        ],
        "columns": [{"letter": c.letter, "html": shown(texts.columns[c.letter])} for c in item.columns],
        "rows": [
            {
                "id": r.id,
                "html": shown(texts.rows[r.id]),
                "cells": [
                    {"key": c.letter in r.keys, "misconception": named(dict(r.misconceptions).get(c.letter, ""))}
                    for c in item.columns
                ],
            }
            for r in item.rows
        ],
        "levels": [{"points": x.points, "html": shown(texts.levels[x.points])} for x in item.levels],
        "errors": [{"misconception": named(e.misconception), "html": shown(e.text)} for e in item.errors],
        "solution": shown(texts.solution, False) if texts.solution else "",
        "stimulus": _shared(texts.stimulus) if _translated(item) else "",
    }


def _translated(item: Item) -> bool:
    """Whether the shared text stands in each language apart, rather than once above them."""
    return any(v.stimulus_text for v in item.variants)


def _shared(text: str) -> Any:
    from markupsafe import Markup

    return Markup(typeset.html(text)) if text else ""
