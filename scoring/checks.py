"""Arguments of the wrong kind, refused in a sentence with what would be right, before anything is computed."""

import numbers
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from scoring.irt.errors import DesignError


def table(value: Any, what: str, hint: str) -> pd.DataFrame:
    """A DataFrame.

    Raises:
        DesignError: it is something else.
    """
    if not isinstance(value, pd.DataFrame):
        raise DesignError("not-a-table", f"{what} is {kind(value)}, not a DataFrame.", hint)
    return value


def whole(value: Any, what: str, least: int, hint: str) -> int:
    """A whole number.

    Raises:
        DesignError: it is none, or below `least`.
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        given = str(value) if isinstance(value, numbers.Number) else kind(value)
        raise DesignError("not-a-number", f"{what} is {given}, not a whole number.", hint)
    if value < least:
        raise DesignError("too-small", f"{what} is {value}; it must be {least} or more.", hint)
    return int(value)


def number(value: Any, what: str, hint: str) -> float:
    """A real number.

    Raises:
        DesignError: it is none.
    """
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise DesignError("not-a-number", f"{what} is {kind(value)}, not a number.", hint)
    return float(value)


def text_of(path: str | Path) -> str:
    """The text of a saved file.

    Raises:
        DesignError: it is not there or cannot be read. UnicodeDecodeError: it is no text.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DesignError("no-file", f"There is no file {path}.", "Check the path.") from None
    except OSError as error:
        raise DesignError("unreadable", f"{path} cannot be read: {error.strerror}.", "Name a file.") from None


def save_text(path: str | Path, text: str) -> None:
    """Write a file.

    Raises:
        DesignError: it cannot be written there.
    """
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        hint = "Make the folder first, or name a place that can be written."
        raise DesignError("not-written", f"{path} cannot be written: {error.strerror}.", hint) from None


def some(names: Sequence[str], most: int = 5) -> str:
    """The first names, and how many more."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def kind(value: Any) -> str:
    """A value's kind in words; never the value, which may be a student's."""
    if value is None:
        return "None"
    names = {str: "a text", list: "a list", tuple: "a tuple", dict: "a dict", bool: "true or false"}
    return names.get(type(value), f"of the type {type(value).__name__}")
