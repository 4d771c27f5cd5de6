"""An item in one language, with its figures ready: what every page, booklet and export shows."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from itembank import figures
from itembank.item_model import Figure, Item, Variant

_MEDIA = {".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of an item in one language; what is not translated stays as it is.

    Attributes:
        options: letter -> text; columns: letter -> text; rows: row id -> text; levels: points -> text.
        whole: whether the language has a stem of its own.
    """

    language: str
    title: str
    stem: str
    options: Mapping[str, str]
    columns: Mapping[str, str]
    rows: Mapping[str, str]
    levels: Mapping[int, str]
    solution: str
    whole: bool
    stimulus: str = ""


def words(item: Item, language: str = "en") -> Words:
    """The item's texts in a language, falling back on its own language."""
    variant = next((v for v in item.variants if v.language == language), None)
    other = variant or Variant(language)
    return Words(
        language if variant and variant.stem else item.language,
        other.title or item.title,
        other.stem or item.stem,
        {o.letter: other.options.get(o.letter, o.text) for o in item.options},
        {c.letter: other.columns.get(c.letter, c.text) for c in item.columns},
        {r.id: other.rows.get(r.id, r.text) for r in item.rows},
        {x.points: other.levels.get(x.points, x.text) for x in item.levels},
        other.solution or item.solution,
        language == item.language or bool(variant and variant.stem),
        other.stimulus_text or item.stimulus_text,
    )


def called(item: Item, texts: Sequence[str]) -> set[str]:
    """Names of the figures that the texts put in place themselves."""
    return {f.name for f in item.figures if any(f"[figure: {f.name}]" in t or f"[figure:{f.name}]" in t for t in texts)}


def file_bytes(figure: Figure) -> tuple[bytes, str] | None:
    """(content, suffix) of a figure that is a picture file; None where the reader could not take it in."""
    suffix = Path(str(figure.data.get("file", ""))).suffix.lower()
    if not figure.content or suffix not in _MEDIA:
        return None
    return base64.b64decode(figure.content), suffix


def svg(figure: Figure, prefix: str, language: str = "en") -> str | None:
    """The SVG of a figure drawn from data; None where it cannot be drawn."""
    try:
        return figures.draw(figure, prefix, figure.description(language), language) if figure.kind != "file" else None
    except figures.FigureError:
        return None


def html_figure(figure: Figure, prefix: str, language: str = "en") -> str:
    """A figure as HTML; a file becomes an image that cannot run scripts."""
    drawn = svg(figure, prefix, language)
    if drawn is None and figure.kind == "file":
        content = file_bytes(figure)
        if content:
            data = base64.b64encode(content[0]).decode()
            drawn = f'<img alt="{escape(figure.description(language))}" src="data:{_MEDIA[content[1]]};base64,{data}">'
    if drawn is None:
        drawn = f'<mark class="bad">{escape(f"figure {figure.name} cannot be drawn")}</mark>'
    return f'<span class="figure">{drawn}</span>'
