"""Raw answers as codes: what was chosen, what was left blank, what counts as right."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.data import DEFAULT_CODES
from scoring.irt.errors import DesignError

Codes = NDArray[np.int64]
Key = Mapping[str, object]

OMITTED, INVALID, OTHER = "(omitted)", "(invalid)", "(other answers)"
NOT_REACHED = "(not reached)"


@dataclass(frozen=True)
class Choices:
    """Answers to one item.

    Attributes:
        choice: (N,) position in `labels`; -1 where the item was not put to the student, -2 where it was not reached.
        labels: answers given, the real ones first, then (omitted) and (invalid).
        n_options: how many of the labels are real answers.
    """

    choice: Codes
    labels: tuple[str, ...]
    n_options: int


def as_text(value: object) -> str:
    """An answer as text: 3, 3.0 and " 3 " are the same answer."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def accepted_answers(key: Key | pd.Series) -> dict[str, tuple[str, ...]]:
    """Item -> its right answers, from a mapping or Series of single answers or collections of them."""
    out: dict[str, tuple[str, ...]] = {}
    for item, value in dict(key).items():
        several = isinstance(value, Collection) and not isinstance(value, (str, bytes))
        out[str(item)] = tuple(as_text(v) for v in value) if several else (as_text(value),)
    return out


def read_choices(
    column: "pd.Series[object]",
    right: tuple[str, ...] = (),
    codes: Mapping[str, str] | None = None,
    most: int = 12,
) -> Choices:
    """Read one column of raw answers.

    Args:
        column: raw answers; empty = not administered.
        right: its right answers, which keep a label of their own however rare they are.
        codes: code -> "omitted" | "not reached" | "invalid" | "not administered", beside O, R, M.
        most: with more different answers than this (numeric, short text) the rarest become "(other answers)".
    """
    meaning = {as_text(k): v for k, v in {**DEFAULT_CODES, **(codes or {})}.items()}
    factor, values = pd.factorize(column, use_na_sentinel=True)
    texts = [as_text(v) for v in values]
    counts = np.bincount(factor[factor >= 0], minlength=len(texts))
    total: dict[str, int] = {}
    for text, n in zip(texts, counts, strict=True):
        if text and text not in meaning:
            total[text] = total.get(text, 0) + int(n)
    answers = sorted(total, key=lambda t: (-total[t], t))
    keep = answers[:most] + [a for a in answers[most:] if a in right]
    labels = sorted(keep, key=_natural)
    if len(answers) > len(keep):
        labels.append(OTHER)
    n_options = len(labels)
    labels += [OMITTED, INVALID]
    place = {label: i for i, label in enumerate(labels)}
    special = {
        "omitted": place[OMITTED],
        "invalid": place[INVALID],
        "not reached": -2,
        "not administered": -1,
    }
    codebook = np.empty(len(texts) + 1, dtype=np.int64)
    codebook[-1] = -1
    for i, text in enumerate(texts):
        if text in meaning:
            codebook[i] = special[meaning[text]]
        else:
            codebook[i] = place.get(text, place.get(OTHER, -1)) if text else -1
    return Choices(codebook[factor], tuple(labels), n_options)


def _natural(text: str) -> tuple[int, float, str]:
    try:
        return 0, float(text), text
    except ValueError:
        return 1, 0.0, text


def aligned_raw(responses: pd.DataFrame, raw: pd.DataFrame) -> pd.DataFrame:
    """The raw answers in the rows and columns of the scores; refuses where they do not fit together."""
    problems = []
    missing = [str(c) for c in responses.columns if c not in set(raw.columns)]
    if missing:
        problems.append("no raw answers for " + ", ".join(missing[:10]))
    if len(raw) != len(responses):
        problems.append(f"{len(responses)} rows of scores, {len(raw)} rows of raw answers")
    elif not raw.index.equals(responses.index):
        problems.append("the rows have different labels, or another order")
    if problems:
        raise DesignError(
            "raw-mismatch",
            "Scores and raw answers do not belong together.",
            "Give one row per student in both.",
            problems,
        )
    return raw[list(responses.columns)]
