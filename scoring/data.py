"""From a DataFrame of responses to the arrays the engine works on.

Rows are students, columns are items. A cell is a score 0, 1, 2, ..., or empty (NaN) for "not administered", or one
of the codes of a blank: omitted `O`, not reached `R`, invalid or multiple marks `M`. What was answered is kept apart
from how it is scored: `scores` holds the scores after the rule, `status` what was there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.irt.errors import DesignError

MISSING = -1
ANSWERED, NOT_ADMINISTERED, OMITTED, NOT_REACHED, INVALID = range(5)
DEFAULT_CODES = {"O": "omitted", "R": "not reached", "M": "invalid"}
_BAND = 8192  # rows that are read at a time, so that what is in between stays small
_STATUS = {"omitted": OMITTED, "not reached": NOT_REACHED, "invalid": INVALID, "not administered": NOT_ADMINISTERED}


@dataclass(frozen=True)
class Responses:
    """Scored responses of N students to J items.

    Attributes:
        items: (J,) item names, in the order of the columns.
        persons: the index of the rows.
        scores: (N, J) int8; the score, or -1 where nothing enters the likelihood.
        status: (N, J) int8; one of ANSWERED, NOT_ADMINISTERED, OMITTED, NOT_REACHED, INVALID.
    """

    items: tuple[str, ...]
    persons: pd.Index
    scores: NDArray[np.int8]
    status: NDArray[np.int8]

    @property
    def shape(self) -> tuple[int, int]:
        return self.scores.shape[0], self.scores.shape[1]


def read_responses(
    responses: pd.DataFrame,
    codes: Mapping[str, str] | None = None,
    not_reached: str = "ignored",
) -> Responses:
    """Read a DataFrame of scores and codes.

    Args:
        responses: rows students, columns items; whole numbers, NaN, or the codes.
        codes: code in the data -> "omitted" | "not reached" | "invalid" | "not administered"; default O, R, M.
        not_reached: "ignored" (as if not administered; the rule for calibration) or "zero" (individual scores only).

    Returns:
        Responses. Omitted and invalid are scored 0.

    Raises:
        DesignError: a cell is none of these; the message names columns, rows (1-based) and counts, never an answer.
    """
    if not isinstance(responses, pd.DataFrame):
        raise DesignError(
            "not-a-table", "The responses are not a DataFrame.", "pandas.DataFrame(values, columns=item names)"
        )
    if not_reached not in ("ignored", "zero"):
        raise DesignError("unknown-rule", f"not_reached is {not_reached!r}", "Use 'ignored' or 'zero'.")
    names = tuple(str(c) for c in responses.columns)
    if len(set(names)) != len(names):
        twice = sorted({n for n in names if names.count(n) > 1})
        raise DesignError("duplicate-item", "An item stands in two columns.", "Rename one of them.", twice)
    if not len(names) or not len(responses):
        raise DesignError("no-responses", "There are no responses.", "Give a table with students and items.")
    meaning = {str(k): _STATUS[v] for k, v in (DEFAULT_CODES if codes is None else codes).items()}
    problems: list[str] = []
    if _whole_numbers(responses, meaning):
        values = responses.to_numpy()
        if values.min() >= 0 and values.max() <= 100:  # nothing coded, nothing missing
            nothing_else = np.broadcast_to(np.int8(ANSWERED), responses.shape)  # no memory for equal values
            return Responses(names, responses.index, np.ascontiguousarray(values, dtype=np.int8), nothing_else)
    if _plain_numbers(responses, meaning):
        found = _read_numbers(responses.to_numpy())
        if found is not None:
            return Responses(names, responses.index, *found)
    scores = np.full(responses.shape, MISSING, dtype=np.int8)
    status = np.full(responses.shape, ANSWERED, dtype=np.int8)
    for j, name in enumerate(names):
        _read_column(responses.iloc[:, j], meaning, scores[:, j], status[:, j], name, problems)
    if problems:
        raise DesignError(
            "impossible-response",
            "Some responses are neither a score 0, 1, 2, ... nor one of the codes.",
            "Give raw options with a key, or name the codes with codes=.",
            problems,
        )
    scores[(status == OMITTED) | (status == INVALID)] = 0
    if not_reached == "zero":
        scores[status == NOT_REACHED] = 0
    return Responses(names, responses.index, scores, status)


def _whole_numbers(responses: pd.DataFrame, meaning: Mapping[str, int]) -> bool:
    """Whether all columns are plain integers and no code is a number: then there is nothing to look for in cells."""
    plain = all(isinstance(t, np.dtype) and t.kind in "iu" for t in set(responses.dtypes))
    return plain and not any(_is_number(c) for c in meaning)


def _plain_numbers(responses: pd.DataFrame, meaning: Mapping[str, int]) -> bool:
    """Whether all columns are floats of one kind and no code is a number: cells are scores, or empty."""
    kinds = set(responses.dtypes)
    return kinds <= {np.dtype("float32"), np.dtype("float64")} and not any(_is_number(c) for c in meaning)


def _read_numbers(values: NDArray[np.floating]) -> tuple[NDArray[np.int8], NDArray[np.int8]] | None:
    """(scores, status) of a whole table of numbers, a band of rows at a time; None where a cell is no score."""
    scores = np.empty(values.shape, dtype=np.int8)
    status = np.empty(values.shape, dtype=np.int8)
    for first in range(0, len(values), _BAND):
        band = slice(first, first + _BAND)
        part = values[band]
        empty = np.isnan(part)
        whole = np.where(empty, part.dtype.type(MISSING), part)
        with np.errstate(invalid="ignore"):  # what no int8 can hold does not equal what comes of it
            here = whole.astype(np.int8)
        # nothing but whole numbers up to 100, and below nought nothing but what is empty
        if here.max() > 100 or not np.array_equal(here, whole) or np.count_nonzero(here < 0) > np.count_nonzero(empty):
            return None
        scores[band] = here
        np.multiply(empty, np.int8(NOT_ADMINISTERED - ANSWERED), out=status[band])
        status[band] += np.int8(ANSWERED)
    return scores, status


def _read_column(
    column: "pd.Series[object]",
    meaning: Mapping[str, int],
    scores: NDArray[np.int8],
    status: NDArray[np.int8],
    name: str,
    problems: list[str],
) -> None:
    """Fill one column of scores and status; append a line to problems where a cell cannot be read."""
    if pd.api.types.is_bool_dtype(column):
        column = column.astype("float64")
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        coded = {float(c): s for c, s in meaning.items() if _is_number(c)}
        for number, what in coded.items():
            here = values == number
            status[here] = what
            values = np.where(here, np.nan, values)
        empty = np.isnan(values) & (status == ANSWERED)
    else:
        text = column.astype("string").str.strip()
        for code, what in meaning.items():
            here = (text == code).fillna(False).to_numpy(dtype=bool)
            status[here] = what
        empty = (text.isna() | (text == "")).to_numpy(dtype=bool) & (status == ANSWERED)
        values = pd.to_numeric(text.where(status == ANSWERED), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    status[empty] = NOT_ADMINISTERED
    answered = status == ANSWERED
    good = answered & (values >= 0) & (values <= 100) & (values == np.floor(values))
    bad = answered & ~good
    if bad.any():
        rows = np.flatnonzero(bad)[:3] + 1
        problems.append(f"{name}: {int(bad.sum())} cells, first in rows {', '.join(map(str, rows))}")
    scores[good] = values[good].astype(np.int8)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
