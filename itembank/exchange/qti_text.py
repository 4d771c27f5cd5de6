"""The Markdown of the items as XHTML with MathML, and back."""

import re
from collections.abc import Callable
from typing import Any

from itembank import typeset

MATHML = "http://www.w3.org/1998/Math/MathML"
TEX = ("application/x-tex", "TeX", "LaTeX", "text/x-latex", "SnuggleTeX")
_INLINE = {"em": "*", "i": "*", "strong": "**", "b": "**"}


def elements(text: str, figures: dict[str, str] | None = None, inline: bool = False) -> list[Any]:
    """Markdown as lxml elements without namespace (MathML has its own); a first text is in a `span`, inline only.

    Args:
        text: Markdown with math.
        figures: name -> XHTML of the figure.
        inline: for options and cells: one `span` that holds everything, unless the text has blocks.
    """
    from lxml import etree

    page = typeset.html(text, figures, inline, annotated=True)
    root = etree.fromstring(f"<div>{page}</div>".encode())
    for cell in root.iter("td", "th"):
        align = re.search(r"text-align:\s*(left|right|center)", cell.attrib.pop("style", ""))
        if align:
            cell.set("class", f"align-{align.group(1)}")
    for table in root.iter("table"):
        table.set("class", "table table-bordered")  # lines and room, in players that bring the usual style sheet
    for formula in root.iter(f"{{{MATHML}}}semantics"):
        if next(formula.iter(f"{{{MATHML}}}mfrac"), None) is not None:
            large = etree.Element(f"{{{MATHML}}}mstyle", displaystyle="true")  # fractions as large as the text
            large.append(formula[0])
            formula.insert(0, large)
    blocks = {"p", "ul", "ol", "table", "blockquote", "pre", "hr"}
    if inline and not any(child.tag in blocks for child in root):
        root.tag = "span"
        return [root]
    found = []
    for child in list(root):
        child.tail = None
        if child.tag in blocks:
            found.append(child)
        else:
            paragraph = etree.Element("p")
            paragraph.append(child)
            found.append(paragraph)
    return found


def markdown(element: Any, figure: Callable[[Any], str]) -> str:
    """The Markdown of an element's content.

    Args:
        element: of a 3.0 document, names without namespace.
        figure: what an image becomes (`[figure: name]` or nothing).
    """
    return re.sub(r"\n{3,}", "\n\n", _content(element, figure)).strip()


def name(element: Any) -> str:
    """The local name; "" for comments."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _escaped(text: str) -> str:
    text = re.sub(r"\s*\n\s*", "\n", text).replace("\\", "\\\\").replace("$", "\\$")
    return re.sub(r"([*`])|(?<!\w)_(?=\w)|(?<=\w)_(?!\w)", lambda m: "\\" + m.group(0), text)


def _content(element: Any, figure: Callable[[Any], str]) -> str:
    parts = [_escaped(element.text or "")]
    for child in element:
        parts.append(_one(child, figure))
        parts.append(_escaped(child.tail or ""))
    return "".join(parts)


_SMALL = {
    "sup": str.maketrans("0123456789+-−n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁿ"),
    "sub": str.maketrans("0123456789+-−", "₀₁₂₃₄₅₆₇₈₉₊₋₋"),
}


def _raised(text: str, tag: str) -> str:
    """A raised or lowered text: small signs where there are some, else a mark that says what it was."""
    signs = _SMALL[tag]
    if all(ord(c) in signs for c in text):
        return text.translate(signs)
    return f"{'^' if tag == 'sup' else chr(92) + '_'}({_escaped(text)})"


def _one(child: Any, figure: Callable[[Any], str]) -> str:
    tag = name(child)
    if tag == "math":
        source = tex(child)
        return f"${source}$" if source else ""
    if tag in ("img", "object"):
        return figure(child)
    if tag in _INLINE:
        return _INLINE[tag] + _content(child, figure).strip() + _INLINE[tag]
    if tag == "code":
        return "`" + "".join(child.itertext()) + "`"
    if tag in ("sub", "sup"):
        return _raised("".join(child.itertext()).strip(), tag)
    if tag == "br":
        return "  \n"
    if tag in ("ul", "ol"):
        lines = []
        for n, item in enumerate((i for i in child if name(i) == "li"), 1):
            mark = "- " if tag == "ul" else f"{n}. "
            lines.append(mark + _content(item, figure).strip().replace("\n", "\n" + " " * len(mark)))
        return "\n\n" + "\n".join(lines) + "\n\n"
    if tag == "table":
        return "\n\n" + _table(child, figure) + "\n\n"
    if tag == "hr":
        return "\n\n---\n\n"
    if tag in ("p", "div", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "figure"):
        inside = _content(child, figure).strip()
        if tag == "blockquote":
            inside = "\n".join("> " + line for line in inside.split("\n"))
        return f"\n\n{inside}\n\n"
    return _content(child, figure) if tag else ""


def _table(table: Any, figure: Callable[[Any], str]) -> str:
    rows = []
    marks: list[str] = []
    for row in table.iter():
        if name(row) != "tr":
            continue
        cells = [c for c in row if name(c) in ("td", "th")]
        rows.append([_content(c, figure).strip().replace("\n", " ").replace("|", "\\|") for c in cells])
        if len(rows) == 1:
            signs = {"align-right": "---:", "align-center": ":---:", "align-left": ":---"}
            marks = [signs.get(c.get("class", ""), "---") for c in cells]
    if not rows:
        return ""
    lines = ["| " + " | ".join(r) + " |" for r in rows]
    return "\n".join([lines[0], "| " + " | ".join(marks) + " |", *lines[1:]])


def tex(math: Any) -> str:
    """The LaTeX beside a formula; "" when there is none."""
    for note in math.iter():
        if name(note) == "annotation" and note.get("encoding", "") in TEX:
            return (note.text or "").strip()
    return ""
