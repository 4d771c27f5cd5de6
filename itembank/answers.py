"""What a typed answer means: numbers and fractions by value, text without case and spacing, sets of letters.

The answer itself is kept as given; this only reads it.
"""

import re
import unicodedata
from fractions import Fraction

_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2012": "-", "\u2010": "-", "\u2011": "-", "\u2044": "/"})
_VULGAR = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5"}
_VULGAR |= {"⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8"}
_DECIMAL = r"(?:\d+(?:[.,]\d*)?|[.,]\d+)"
_NUMBER = re.compile(rf"([+-]?)\s*({_DECIMAL})(?:[eE]([+-]?\d{{1,3}}))?")
_FRACTION = re.compile(rf"([+-]?)\s*({_DECIMAL})\s*/\s*([+-]?)\s*({_DECIMAL})")
_MIXED = re.compile(r"([+-]?)\s*(\d+)(?:\s+|\s*-\s*)(\d+)\s*/\s*(\d+)")
_THOUSANDS = re.compile(r"[+-]?\s*[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?")


def value_of(answer: str) -> Fraction | None:
    """The exact number that an answer states, or None.

    Reads `2`, `-0.5`, `.5`, `0,5` (decimal comma), `1,000` (thousands: groups of three after a digit other than
    0), `1/2`, `2 1/2`, `½`, `50%`, `1.5e3`, and a leading `$` or `=`. A unit after the number makes it text.
    """
    text = unicodedata.normalize("NFC", answer).translate(_MINUS).replace("\u00a0", " ").strip()
    for sign, spelled in _VULGAR.items():
        if sign in text:
            text = re.sub(rf"(?<=\d)\s*{sign}", f" {spelled}", text).replace(sign, spelled)
    text = text.removeprefix("=").strip()
    text = re.sub(r"^([+-]?)\s*\$\s*", r"\1", text)
    percent = text.endswith("%")
    if percent:
        text = text[:-1].rstrip()
    number = _read(text)
    if number is None:
        return None
    return number / 100 if percent else number


def _read(text: str) -> Fraction | None:
    if len(text) > 60:
        return None
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    if match := _MIXED.fullmatch(text):
        sign, whole, top, bottom = match.groups()
        if int(bottom) == 0:
            return None
        size = Fraction(int(whole)) + Fraction(int(top), int(bottom))
        return -size if sign == "-" else size
    if match := _FRACTION.fullmatch(text):
        sign, top, below_sign, bottom = match.groups()
        below = _decimal(bottom)
        if below == 0:
            return None
        size = _decimal(top) / below
        return -size if (sign == "-") != (below_sign == "-") else size
    if match := _NUMBER.fullmatch(text):
        sign, digits, exponent = match.groups()
        size = _decimal(digits)
        if exponent:
            size *= Fraction(10) ** int(exponent)
        return -size if sign == "-" else size
    return None


def _decimal(digits: str) -> Fraction:
    return Fraction("0" + digits.replace(",", ".").rstrip("."))


def same_text(answer: str) -> str:
    """The form in which text answers are compared: no case, no accents' composition, single spaces, plain minus."""
    text = unicodedata.normalize("NFKC", answer.translate(_MINUS)).casefold()
    return " ".join(text.split()).strip(" .")


def letters_of(answer: str, labels: frozenset[str]) -> frozenset[str] | None:
    """The options that a multi-select answer names: `AC`, `A,C`, `A;C`, `A|C`, `A C`; None if one is not there."""
    text = answer.strip().upper()
    parts = [p for p in re.split(r"[\s,;|+/&]+", text) if p]
    if len(parts) == 1 and parts[0] not in labels:
        parts = list(parts[0])
    if labels and any(p not in labels for p in parts):
        return None
    return frozenset(parts)
