"""The Markdown of the items as HTML and as Typst: paragraphs, emphasis, lists, tables, math and figures.

Nothing of a text reaches a page unescaped: raw HTML is off, math is written from its tree, figures are ours.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from itembank import latex, mathtext, mathwriters

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_OPEN, _CLOSE = "\ue000", "\ue001"
_HELD = re.compile(f"{_OPEN}([mf])(\\d+){_CLOSE}")
_FIGURE = re.compile(r"\[figure:\s*([^\]]+?)\s*\]")
Figures = Mapping[str, str]


@lru_cache(maxsize=1)
def _markdown() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return (
        MarkdownIt("commonmark", {"html": False})
        .enable("table")
        .disable(["link", "image", "autolink", "heading", "lheading", "html_block", "code"])
    )


def _held(text: str) -> tuple[str, list[str], list[str]]:
    """The text with math and figures taken out and numbered."""
    maths: list[str] = []
    names: list[str] = []
    parts: list[str] = []
    text = text.replace(_OPEN, "").replace(_CLOSE, "")

    def figure(match: re.Match[str]) -> str:
        names.append(match.group(1))
        return f"{_OPEN}f{len(names) - 1}{_CLOSE}"

    for segment in mathtext.split(text).segments:
        if segment.math:
            maths.append(segment.text)
            parts.append(f"{_OPEN}m{len(maths) - 1}{_CLOSE}")
        else:
            parts.append(_FIGURE.sub(figure, segment.text))
    return "".join(parts), maths, names


def html(text: str, figures: Figures | None = None, inline: bool = False, annotated: bool = False) -> str:
    """Markdown as HTML.

    Args:
        text: the Markdown of an item.
        figures: name -> HTML of the figure.
        inline: without paragraphs, for options and cells.
        annotated: keep the LaTeX source beside each formula.
    """
    source, maths, names = _held(text)
    markdown = _markdown()
    page = (
        markdown.renderInline(" ".join(source.split("\n"))) if inline and "|" not in source else markdown.render(source)
    )

    def shown(match: re.Match[str]) -> str:
        index = int(match.group(2))
        if match.group(1) == "m":
            try:
                return mathwriters.mathml(maths[index], annotated)
            except latex.LatexError as error:
                return f'<mark class="bad" title="{escape(error.message)}">{escape("$" + maths[index] + "$")}</mark>'
        name = names[index]
        return (figures or {}).get(name) or f'<mark class="bad">{escape(f"[figure: {name}]")}</mark>'

    page = re.sub(f"<p>({_OPEN}f\\d+{_CLOSE})</p>", r"\1", page)
    return str(_HELD.sub(shown, page)).strip()


def equation(source: str) -> str:
    """Math as a Typst equation with a text for screen readers.

    Raises:
        LatexError: the math leaves the subset.
    """
    alt = mathtext.plain(f"${source}$") or source
    return f"#math.equation(alt: {mathwriters.quoted(alt)}, {mathwriters.typst(source)});"


_SPECIAL = re.compile(r"([\\#$*_`<>@~\[\]=+/\-'\"])")


def typst_text(text: str) -> str:
    """Words as Typst markup: nothing in them is an instruction."""
    return _SPECIAL.sub(r"\\\1", text)


def typst(text: str, figures: Figures | None = None) -> str:
    """Markdown as Typst markup. Arguments as for `html`, with figures as Typst code."""
    source, maths, names = _held(text)

    def words(content: str) -> str:
        out, at = [], 0
        for match in _HELD.finditer(content):
            out.append(typst_text(content[at : match.start()]))
            index = int(match.group(2))
            if match.group(1) == "f":
                out.append((figures or {}).get(names[index], typst_text(f"[figure: {names[index]}]")))
            else:
                try:
                    out.append(equation(maths[index]))
                except latex.LatexError:
                    out.append(typst_text(f"${maths[index]}$"))
            at = match.end()
        out.append(typst_text(content[at:]))
        return "".join(out)

    tokens = _markdown().parse(source)
    return _Typst(words).blocks(tokens).strip()


class _Typst:
    def __init__(self, words: Callable[[str], str]) -> None:
        self.words = words

    def inline(self, token: "Token") -> str:
        out: list[str] = []
        for part in token.children or []:
            if part.type == "text" or part.type == "code_inline":
                out.append(self.words(part.content))
            elif part.type == "softbreak":
                out.append(" ")
            elif part.type == "hardbreak":
                out.append(" #linebreak(); ")
            elif part.type in ("strong_open", "em_open"):
                out.append("#strong[" if part.type == "strong_open" else "#emph[")
            elif part.type in ("strong_close", "em_close"):
                out.append("];")
            else:
                out.append(self.words(part.content))
        return "".join(out)

    def blocks(self, tokens: list["Token"]) -> str:
        out: list[str] = []
        cells: list[str] = []
        columns = 0
        in_table = False
        for token in tokens:
            kind = token.type
            if kind == "inline":
                text = self.inline(token)
                if in_table:
                    cells.append(text)
                else:
                    out.append(text)
            elif kind == "paragraph_close":
                out.append("\n\n" if not token.hidden else "")
            elif kind in ("bullet_list_open", "ordered_list_open"):
                out.append("#list(" if kind.startswith("bullet") else "#enum(")
            elif kind in ("bullet_list_close", "ordered_list_close"):
                out.append(");\n\n")
            elif kind == "list_item_open":
                out.append("[")
            elif kind == "list_item_close":
                out.append("],")
            elif kind == "table_open":
                in_table, cells, columns = True, [], 0
            elif kind == "thead_close":
                columns = len(cells)
            elif kind == "table_close":
                in_table = False
                head = "".join(f"[#strong[{c}]]," for c in cells[:columns])
                body = "".join(f"[{c}]," for c in cells[columns:])
                out.append(f"#item-table({columns}, ({head}), ({body}));\n\n")
            elif kind in ("fence", "code_block"):
                out.append(self.words(token.content) + "\n\n")
            elif kind == "hr":
                out.append("#line(length: 100%);\n\n")
        return "".join(out)
