"""Characters that a console cannot show, spelled out: pi for π, <= for ≤, and "?" only where nothing is known."""

import codecs
import unicodedata

NAME = "spelled"
_PLAIN = {
    "√": "sqrt ", "∛": "cbrt ", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "≅": "~=", "≡": "==", "∼": "~",
    "→": "->", "←": "<-", "↔": "<->", "⇒": "=>", "⟶": "->", "−": "-", "∕": "/", "⁄": "/", "∞": "infinity",
    "∑": "sum ", "∫": "integral ", "∈": " in ", "∠": "angle ", "△": "triangle ", "∥": " parallel to ",
    "⊥": " perpendicular to ", "∪": " or ", "∩": " and ", "⋅": "*", "∙": "*", "∘": "o", "∝": " proportional to ",
    "⁻": "^-", "⁺": "^+", "₋": "_-", "₊": "_+", "✓": "yes", "✗": "no", "●": "*", "■": "*", "▶": ">",
    "─": "-", "│": "|", "├": "+", "└": "+", "┌": "+", "┐": "+", "┘": "+", "\u2009": " ", "\u202f": " ", "\u200b": "",
}  # fmt: skip


def spelled(character: str) -> str:
    """One character in letters and signs that every console has."""
    if character in _PLAIN:
        return _PLAIN[character]
    name = unicodedata.name(character, "")
    if name.startswith("GREEK ") and " LETTER " in name:
        word = name.split(" LETTER ")[1].split(" WITH ")[0].replace("FINAL ", "").lower()
        return word.capitalize() if "CAPITAL" in name else word
    plain = unicodedata.normalize("NFKD", character).replace("\u2044", "/").encode("ascii", "ignore").decode()
    if not plain:
        return "?"
    if "SUPERSCRIPT" in name:
        return "^" + plain
    return "_" + plain if "SUBSCRIPT" in name else plain


def _handler(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    out = "".join(map(spelled, error.object[error.start : error.end]))
    if out[-1:].isalpha() and error.object[error.end : error.end + 1].isalnum():
        out += " "  # pi r, not pir
    try:
        out.encode(error.encoding)
    except UnicodeError:
        out = "?" * (error.end - error.start)
    return out, error.end


def register() -> str:
    """Make the handler known; its name is what `errors=` takes."""
    codecs.register_error(NAME, _handler)
    return NAME
