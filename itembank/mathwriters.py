"""The math tree as MathML for the screen and as Typst for paper.

Both are written from the one tree of latex.py, so that what the check accepts is exactly what both can show.
"""

from functools import lru_cache
from html import escape

from itembank import latex
from itembank.latex import ACCENTS, SYMBOLS, Node

_IDENTIFIERS = ("pi", "theta", "alpha", "beta", "gamma", "Delta", "mu", "sigma", "infty", "degree", "square", "Box",
                "blacksquare", "angle", "triangle")  # fmt: skip
_WIDTHS = {
    ",": "0.167em",
    ":": "0.222em",
    ";": "0.278em",
    " ": "0.25em",
    "!": "-0.167em",
    "quad": "1em",
    "qquad": "2em",
}


@lru_cache(maxsize=8192)
def mathml(source: str, annotated: bool = False) -> str:
    """`<math>` for one stretch of LaTeX; with `annotated` the LaTeX stands inside as an annotation.

    Raises:
        LatexError: the math leaves the subset.
    """
    inner = _ml_row(latex.parse(source).parts)
    if annotated:
        inner = f'<semantics>{inner}<annotation encoding="application/x-tex">{escape(source)}</annotation></semantics>'
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML">{inner}</math>'


def _ml_row(parts: tuple[Node, ...]) -> str:
    out = []
    for i, part in enumerate(parts):
        before = parts[i - 1] if i else None
        # a minus that begins, or follows an operator, is a sign: no space after it
        sign = part.kind == "op" and part.text in "-−+" and (before is None or _is_operator(before))
        out.append(f'<mo form="prefix">{_operator(part.text)}</mo>' if sign else _ml(part))
    return "<mrow>" + "".join(out) + "</mrow>" if len(out) != 1 else out[0]


def _is_operator(node: Node) -> bool:
    return (node.kind == "op" and node.text not in ")]|!%'") or (
        node.kind == "symbol" and node.text not in _IDENTIFIERS and node.text != "prime"
    )


def _operator(text: str) -> str:
    return escape("−" if text == "-" else text)


def _ml(node: Node) -> str:
    kind, parts = node.kind, node.parts
    if kind == "number":
        return f"<mn>{escape(node.text)}</mn>"
    if kind == "letter":
        return f"<mi>{escape(node.text)}</mi>"
    if kind == "op":
        if node.text in ",.;:":
            return f'<mo separator="true">{node.text}</mo>' if node.text in ",;" else f"<mo>{node.text}</mo>"
        if node.text in "()[]|":
            return f'<mo stretchy="false">{node.text}</mo>'
        return f"<mo>{_operator(node.text)}</mo>"
    if kind == "symbol":
        char = escape(SYMBOLS[node.text][0])
        return f'<mi mathvariant="normal">{char}</mi>' if node.text in _IDENTIFIERS else f"<mo>{char}</mo>"
    if kind == "escaped":
        tag = "mi" if node.text in "%$#" else "mo"
        more = ' mathvariant="normal"' if tag == "mi" else ' stretchy="false"'
        return f"<{tag}{more}>{escape(node.text)}</{tag}>"
    if kind == "space":
        return f'<mspace width="{_WIDTHS[node.text]}"/>'
    if kind == "text":
        words = escape(parts[0].text).replace(" ", "\u00a0")
        bold = ' style="font-weight:bold"' if node.text in ("textbf", "mathbf") else ""
        return f"<mtext{bold}>{words}</mtext>"
    if kind == "function":
        return f"<mi>{node.text}</mi><mo>&#8289;</mo>"
    if kind == "group":
        return _ml_row(parts)
    if kind == "fraction":
        inner = f"<mfrac>{_ml(parts[0])}{_ml(parts[1])}</mfrac>"
        return f'<mstyle displaystyle="true">{inner}</mstyle>' if node.text == "dfrac" else inner
    if kind == "root":
        if parts[1].parts:
            return f"<mroot>{_ml(parts[0])}{_ml(parts[1])}</mroot>"
        return f"<msqrt>{_ml(parts[0])}</msqrt>"
    if kind == "script":
        return _ml_script(parts)
    if kind == "accent":
        line = {"overline": "‾", "bar": "‾", "underline": "_", "hat": "^"}.get(node.text, "→")
        line = "↔" if node.text == "overleftrightarrow" else line
        tag, mark = ("munder", "_") if node.text == "underline" else ("mover", line)
        return f'<{tag}>{_ml(parts[0])}<mo stretchy="true">{mark}</mo></{tag}>'
    left, right = node.text[0], node.text[-1]
    edge = [
        f'<mo stretchy="true" form="{f}">{escape(c)}</mo>' if c != "." else ""
        for c, f in ((left, "prefix"), (right, "postfix"))
    ]
    return f"<mrow>{edge[0]}{_ml_row(parts)}{edge[1]}</mrow>"


def _is_degree(sup: Node) -> bool:
    inner = sup.parts[0] if sup.kind == "group" and len(sup.parts) == 1 else sup
    return inner.kind == "symbol" and inner.text in ("circ", "degree")


def _ml_script(parts: tuple[Node, ...]) -> str:
    base, sub, sup = parts
    if _is_degree(sup) and sub is latex.NOTHING:
        return f'{_ml(base)}<mi mathvariant="normal">°</mi>'
    first = _ml(base)
    if sub is latex.NOTHING:
        return f"<msup>{first}{_ml(sup)}</msup>"
    if sup is latex.NOTHING:
        return f"<msub>{first}{_ml(sub)}</msub>"
    return f"<msubsup>{first}{_ml(sub)}{_ml(sup)}</msubsup>"


# ---- Typst ----

_TYPST_OPS = {
    ",": "comma", ";": "semi", "/": "slash", "|": "bar.v", "‖": "bar.v.double", "(": "\\(", ")": "\\)", "[": "\\[",
    "]": "\\]", "-": "-", "−": "-", "*": "*", "≤": "<=", "≥": ">=", "≠": "eq.not", '"': '\\"', "’": "prime", ":": ":",
}  # fmt: skip


@lru_cache(maxsize=8192)
def typst(source: str) -> str:
    """The Typst math (with its dollar signs) for one stretch of LaTeX.

    Raises:
        LatexError: the math leaves the subset.
    """
    return f"${_ty_row(latex.parse(source).parts)}$"


def quoted(text: str) -> str:
    """A Typst string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _ty_row(parts: tuple[Node, ...]) -> str:
    return " ".join(t for t in map(_ty, parts) if t)


def _argument(node: Node) -> str:
    return _ty(node) or '""'


def _ty(node: Node) -> str:
    kind, parts = node.kind, node.parts
    if kind == "number":
        return quoted(node.text) if "," in node.text else node.text
    if kind == "letter":
        return node.text
    if kind == "op":
        return _TYPST_OPS.get(node.text) or (node.text if node.text in "+=<>!?." else quoted(node.text))
    if kind == "symbol":
        return SYMBOLS[node.text][1].replace("{", "\\{").replace("}", "\\}")
    if kind == "escaped":
        return {"{": "\\{", "}": "\\}"}.get(node.text) or quoted(node.text)
    if kind == "space":
        return latex.SPACES[node.text]
    if kind == "text":
        return f"bold({quoted(parts[0].text)})" if node.text in ("textbf", "mathbf") else quoted(parts[0].text)
    if kind == "function":
        return node.text if node.text != "lcm" else 'op("lcm")'
    if kind == "group":
        return _ty_row(parts)
    if kind == "fraction":
        inner = f"frac({_argument(parts[0])}, {_argument(parts[1])})"
        return f"display({inner})" if node.text == "dfrac" else inner
    if kind == "root":
        if parts[1].parts:
            return f"root({_argument(parts[1])}, {_argument(parts[0])})"
        return f"sqrt({_argument(parts[0])})"
    if kind == "script":
        base, sub, sup = parts
        if _is_degree(sup) and sub is latex.NOTHING:
            return f"{_ty(base)} degree"
        up = f", t: {_argument(sup)}" if sup is not latex.NOTHING else ""
        down = f", b: {_argument(sub)}" if sub is not latex.NOTHING else ""
        return f"attach({_argument(base)}{up}{down})"
    if kind == "accent":
        name = ACCENTS[node.text]
        if name in ("overline", "underline"):
            return f"{name}({_argument(parts[0])})"
        return f"accent({_argument(parts[0])}, {name})"
    left, right = (("\\" + c if c in "()[]{}" else "bar.v" if c == "|" else "") for c in (node.text[0], node.text[-1]))
    return f"lr({left} {_ty_row(parts)} {right})"
