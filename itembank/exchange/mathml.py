"""MathML without its LaTeX, as LaTeX of our subset: what school mathematics uses, else None."""

from typing import Any

from itembank import latex

_SIGNS = {
    "×": "\\times", "⋅": "\\cdot", "·": "\\cdot", "÷": "\\div", "±": "\\pm", "≤": "\\le", "≥": "\\ge", "≠": "\\ne",
    "≈": "\\approx", "π": "\\pi", "θ": "\\theta", "∞": "\\infty", "°": "^\\circ", "∠": "\\angle", "△": "\\triangle",
    "−": "-", "≅": "\\cong", "∼": "\\sim", "⊥": "\\perp", "∥": "\\parallel", "%": "\\%", "$": "\\$", "{": "\\{",
    "}": "\\}", "…": "\\ldots", "→": "\\to", "<": "\\lt", ">": "\\gt", "\u2061": "", "\u2062": "", "\u00a0": "",
}  # fmt: skip


def to_tex(math: Any) -> str | None:
    """The LaTeX of a `math` element; None where it cannot be said in the subset."""
    try:
        source = " ".join(_row(math).split())
        latex.parse(source)
    except (KeyError, ValueError, IndexError):
        return None
    return source


def _row(node: Any) -> str:
    return " ".join(_one(child) for child in node if isinstance(child.tag, str))


def _one(node: Any) -> str:
    tag = node.tag.rpartition("}")[2]
    text = "".join(node.itertext()).strip()
    parts = [c for c in node if isinstance(c.tag, str)]
    if tag in ("mn", "mi", "mo"):
        plain = "".join(_SIGNS.get(c, c) for c in text) if tag != "mi" or len(text) < 2 else text
        return f"\\text{{{plain}}}" if tag == "mi" and len(text) > 1 and text.isalpha() else plain
    if tag == "mtext":
        return f"\\text{{{text}}}"
    if tag in ("mrow", "mstyle", "math", "mpadded"):
        return _row(node)
    if tag == "semantics":
        return _one(parts[0])
    if tag == "mspace":
        return ""
    if tag == "mfrac":
        return f"\\frac{{{_one(parts[0])}}}{{{_one(parts[1])}}}"
    if tag == "msqrt":
        return f"\\sqrt{{{_row(node)}}}"
    if tag == "mroot":
        return f"\\sqrt[{_one(parts[1])}]{{{_one(parts[0])}}}"
    if tag == "msup":
        return f"{_one(parts[0])}^{{{_one(parts[1])}}}"
    if tag == "msub":
        return f"{_one(parts[0])}_{{{_one(parts[1])}}}"
    if tag == "msubsup":
        return f"{_one(parts[0])}_{{{_one(parts[1])}}}^{{{_one(parts[2])}}}"
    if tag == "mfenced":
        inside = ",".join(_one(p) for p in parts)
        return f"{node.get('open', '(')}{inside}{node.get('close', ')')}"
    raise KeyError(tag)
