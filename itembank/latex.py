"""The LaTeX subset of the items: a small parser that knows every macro it accepts and refuses all others.

One tree serves three writers: MathML and Typst (mathtext.py) and the evaluator's expressions (verify_reading.py).
"""

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache

# macro -> (Unicode character, Typst name)
SYMBOLS: dict[str, tuple[str, str]] = {
    "times": ("×", "times"),
    "cdot": ("⋅", "dot.op"),
    "div": ("÷", "div"),
    "pm": ("±", "plus.minus"),
    "mp": ("∓", "minus.plus"),
    "le": ("≤", "<="),
    "leq": ("≤", "<="),
    "ge": ("≥", ">="),
    "geq": ("≥", ">="),
    "lt": ("<", "<"),
    "gt": (">", ">"),
    "ne": ("≠", "eq.not"),
    "neq": ("≠", "eq.not"),
    "approx": ("≈", "approx"),
    "sim": ("∼", "tilde.op"),
    "cong": ("≅", "tilde.equiv"),
    "equiv": ("≡", "equiv"),
    "propto": ("∝", "prop"),
    "pi": ("π", "pi"),
    "theta": ("θ", "theta"),
    "alpha": ("α", "alpha"),
    "beta": ("β", "beta"),
    "gamma": ("γ", "gamma"),
    "Delta": ("Δ", "Delta"),
    "mu": ("μ", "mu"),
    "sigma": ("σ", "sigma"),
    "infty": ("∞", "infinity"),
    "angle": ("∠", "angle"),
    "triangle": ("△", "triangle.stroked.t"),
    "perp": ("⊥", "perp"),
    "parallel": ("∥", "parallel"),
    "circ": ("∘", "compose"),
    "degree": ("°", "degree"),
    "to": ("→", "arrow.r"),
    "rightarrow": ("→", "arrow.r"),
    "Rightarrow": ("⇒", "arrow.r.double"),
    "leftrightarrow": ("↔", "arrow.l.r"),
    "ldots": ("…", "dots.h"),
    "dots": ("…", "dots.h"),
    "cdots": ("⋯", "dots.h.c"),
    "in": ("∈", "in"),
    "cup": ("∪", "union"),
    "cap": ("∩", "inter"),
    "prime": ("′", "prime"),
    "square": ("□", "square.stroked"),
    "Box": ("□", "square.stroked"),
    "blacksquare": ("■", "square.filled"),
    "star": ("⋆", "star.op"),
    "mid": ("∣", "divides"),
    "lvert": ("|", "bar.v"),
    "rvert": ("|", "bar.v"),
    "lbrace": ("{", "{"),
    "rbrace": ("}", "}"),
    "colon": (":", ":"),
}
SPACES: dict[str, str] = {",": "thin", ":": "med", ";": "thick", " ": "space", "!": "", "quad": "quad", "qquad": "wide"}
ACCENTS: dict[str, str] = {
    "overline": "overline",
    "underline": "underline",
    "bar": "macron",
    "hat": "hat",
    "vec": "arrow",
    "overrightarrow": "arrow",
    "overleftrightarrow": "arrow.l.r",
}
TEXTS = ("text", "mathrm", "textbf", "mathbf", "textit", "mathit", "operatorname")
FRACTIONS = ("frac", "dfrac", "tfrac")
FUNCTIONS = ("max", "min", "gcd", "lcm", "log")
ESCAPED = "$%#&_{}"
MACROS = sorted({*SYMBOLS, *ACCENTS, *TEXTS, *FRACTIONS, "sqrt", "left", "right", "quad", "qquad", *FUNCTIONS})
MAX_LENGTH = 4000
MAX_DEPTH = 40

_TOKEN = re.compile(
    r"\\[A-Za-z]+|\\.|\d+(?:\{,\}\d{3})+(?:\.\d+)?|\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])|\d+(?:\.\d+)?|\.\d+|\s+|.",
    re.DOTALL,
)


class LatexError(ValueError):
    """The math leaves the subset. `message` says where, `hint` what to write instead."""

    def __init__(self, message: str, hint: str = "", code: str = "math-syntax") -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of math.

    Attributes:
        kind: number, letter, symbol, op, escaped, space, text, group, fraction, root, script, accent, fence, function.
        text: the characters, or the macro's name.
        parts: group: its pieces; fraction: top, bottom; root: body, index (an empty group: none);
            script: base, subscript, superscript (empty groups: none); accent: body; fence: the pieces between.
    """

    kind: str
    text: str = ""
    parts: tuple["Node", ...] = ()


NOTHING = Node("group")


@lru_cache(maxsize=8192)
def parse(source: str) -> Node:
    """The tree of one stretch of math (without its dollar signs).

    Raises:
        LatexError: an unknown macro, an unbalanced brace, a missing argument.
    """
    if len(source) > MAX_LENGTH:
        raise LatexError(f"math of {len(source)} characters", f"keep one formula under {MAX_LENGTH} characters")
    reader = _Reader(_TOKEN.findall(source))
    pieces = reader.pieces("")
    return Node("group", "", tuple(pieces))


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at, self.depth = tokens, 0, 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def skip_space(self) -> None:
        while self.peek().isspace():
            self.at += 1

    def pieces(self, until: str) -> list[Node]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise LatexError("math nested too deeply", f"at most {MAX_DEPTH} levels")
        found: list[Node] = []
        while True:
            self.skip_space()
            token = self.peek()
            if token == until:
                self.at += 1
                self.depth -= 1
                return found
            if token in ("", "}", "\\right"):
                expected = {"": "an opening `{`", "}": "`}`", "\\right": "`\\right`"}[until]
                raise LatexError("a brace or \\left without its partner", f"look for {expected} that has no partner")
            if token in "^_":
                self.at += 1
                self.script(found, token)
            elif token == "'":
                self.at += 1
                found.append(Node("symbol", "prime"))
            else:
                found.append(self.atom())

    def script(self, found: list[Node], mark: str) -> None:
        base = found.pop() if found else NOTHING
        value = self.argument(f"`{mark}`")
        if base.kind == "script" and base.parts[1 if mark == "_" else 2] is NOTHING:
            inner, sub, sup = base.parts
        elif base.kind == "script":
            raise LatexError(f"two `{mark}` on one base", "use braces to say which belongs to which")
        else:
            inner, sub, sup = base, NOTHING, NOTHING
        sub, sup = (value, sup) if mark == "_" else (sub, value)
        found.append(Node("script", "", (inner, sub, sup)))

    def argument(self, of: str) -> Node:
        self.skip_space()
        token = self.peek()
        if token in ("", "}", "^", "_", "\\right"):
            raise LatexError(f"{of} lacks its argument", f"write {of.strip('`')}{{...}}")
        if token == "{":
            self.at += 1
            return Node("group", "", tuple(self.pieces("}")))
        if token[0].isdigit() and len(token) > 1:  # \frac12 takes one digit at a time
            self.tokens[self.at : self.at + 1] = list(token)
        return self.atom()

    def words(self, macro: str) -> str:
        self.skip_space()
        if self.take() != "{":
            raise LatexError(f"\\{macro} lacks its braces", f"write \\{macro}{{...}}")
        depth, text = 1, ""
        while True:
            token = self.take()
            if token == "":
                raise LatexError(f"\\{macro}{{ is never closed", "add the closing brace")
            depth += (token == "{") - (token == "}")
            if depth == 0:
                return text
            if token[0] == "\\" and token[1:] not in ESCAPED and token != "\\ ":
                raise LatexError(f"{token} inside \\{macro}", "only words go there")
            text += token[1:] if token[0] == "\\" else token

    def atom(self) -> Node:
        token = self.take()
        if token == "{":
            return Node("group", "", tuple(self.pieces("}")))
        if token[0].isdigit() or (token[0] == "." and len(token) > 1):
            return Node("number", token.replace("{,}", ","))
        if token[0] == "\\":
            return self.macro(token[1:])
        if token.isalpha():
            return Node("letter", token)
        if token in "$#&~`@\\":
            raise LatexError(f"`{token}` inside math", "write \\$ for money; keep other signs outside of the math")
        return Node("op", token)

    def macro(self, name: str) -> Node:
        if name in SYMBOLS:
            return Node("symbol", name)
        if name in SPACES:
            return Node("space", name)
        if name and name in ESCAPED:
            return Node("escaped", name)
        if name == "|":
            return Node("op", "‖")
        if name in FRACTIONS:
            top = self.argument(f"\\{name}")
            return Node("fraction", name, (top, self.argument(f"\\{name}")))
        if name == "sqrt":
            return self.root()
        if name in TEXTS:
            return Node("text", name, (Node("text", self.words(name)),))
        if name in ACCENTS:
            return Node("accent", name, (self.argument(f"\\{name}"),))
        if name in FUNCTIONS:
            return Node("function", name)
        if name == "left":
            return self.fence()
        if name == "":
            raise LatexError("a backslash at the end of the math", "remove it")
        close = difflib.get_close_matches(name, MACROS, 1, 0.6)
        hint = f"did you mean \\{close[0]}?" if close else "items/README.md lists the macros"
        raise LatexError(f"unknown macro \\{name}", hint, "unknown-macro")

    def root(self) -> Node:
        index = NOTHING
        self.skip_space()
        if self.peek() == "[":
            self.at += 1
            inner: list[Node] = []
            while self.peek() not in ("]", ""):
                inner.append(self.atom())
            if self.take() != "]":
                raise LatexError("\\sqrt[ is never closed", "write \\sqrt[3]{x}")
            index = Node("group", "", tuple(inner))
        return Node("root", "", (self.argument("\\sqrt"), index))

    def fence(self) -> Node:
        left = self.fence_sign()
        inside = self.pieces("\\right")
        return Node("fence", left + self.fence_sign(), tuple(inside))

    def fence_sign(self) -> str:
        self.skip_space()
        sign = self.take()
        if sign in ("\\{", "\\}"):
            return sign[1]
        if sign in ("\\lvert", "\\rvert"):
            return "|"
        if sign not in ("(", ")", "[", "]", "|", "."):
            raise LatexError(f"\\left or \\right before `{sign}`", "use ( ) [ ] | or \\{ \\}")
        return sign
