"""Answers that can be read and are probably not meant: a letter hardly anybody gives, small letters, words for a blank.

They stop nothing; each column gets one sentence with how many rows, the first of them, and the flag to type.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from itembank import suggest, tabular
from itembank.findings import Finding

RARE = 0.01  # an option that fewer than 1 in 100 answers give, here and in all items together, is rather a slip
FEWEST = 50  # answers of an item from which on that can be said
BLANK_WORDS = frozenset(("n/a", "na", "nan", "none", "null", "blank", "omit", "omitted", "missing", "skip", "skipped",
                         "-", "--", "?", "*", ".", "x", "no answer", "no response", "nr", "absent"))  # fmt: skip


def blanks_among(values: Sequence[str]) -> list[str]:
    """The values that people write for a blank, to be named in a hint; they are nobody's answer."""
    return [v for v in dict.fromkeys(values) if v.casefold() in BLANK_WORDS]


def answers(
    data: pd.DataFrame,
    names: Sequence[str],
    meta: pd.DataFrame,
    omit: Sequence[str],
    skipped: Sequence[str],
    table: tabular.Table,
    found: list[Finding],
) -> None:
    """Warnings on the answers of an analysis that were accepted.

    Args:
        data: the table, as text.
        names: the items.
        meta: index item; type, key.
        omit: values that the caller names as blanks.
        skipped: values that count as "not given to this student".
        table: for the rows of the file.
        found: findings are appended.
    """
    choice = [n for n in names if meta.at[n, "type"] == "choice"]
    letters = {n: data[n].str.upper().where(data[n].str.fullmatch(r"[A-Za-z]|\d{1,2}")) for n in choice}
    letters = {n: v.mask(data[n].isin([*omit, "O", "R", "M"])) for n, v in letters.items()}
    every = pd.concat([v.value_counts() for v in letters.values()]) if letters else pd.Series(dtype=np.int64)
    together = every.groupby(level=0).sum()
    total = int(together.sum())
    for name, given in letters.items():
        keyed = {part.strip().upper() for part in str(meta.at[name, "key"]).split("|")}
        counts = given.value_counts()
        if counts.sum() < FEWEST:
            continue
        for letter in sorted(counts.index):
            rare = counts[letter] < RARE * counts.sum() and together[letter] < RARE * total
            if rare and letter not in keyed:
                _rare(given == letter, letter, counts, name, table, found)
    _folded(data, choice, omit, table, found)
    _words(data, names, omit, skipped, table, found)


def _rare(here: Any, letter: str, counts: Any, name: str, table: tabular.Table, found: list[Finding]) -> None:
    others = [v for v in sorted(counts.index) if v != letter and counts[v] >= RARE * counts.sum()]
    message = (
        f"{_rows(here, table)}: the answer {letter}, which hardly anybody gives (others: {', '.join(others)}). "
        "It counts as wrong; is it an option at all?"
    )
    found.append(Finding(table.source, _first(here, table), "rare-answer", "warning", message,
                         f"If it is none: --omit {letter} counts it as left blank.", name))  # fmt: skip


def _folded(
    data: pd.DataFrame, choice: Sequence[str], omit: Sequence[str], table: tabular.Table, found: list[Finding]
) -> None:
    """One sentence for small letters, which are read as capitals."""
    small = {n: data[n].str.fullmatch(r"[a-z]") & ~data[n].isin(list(omit)) for n in choice}
    columns = [n for n, here in small.items() if here.any()]
    if columns:
        cells = sum(int(small[n].sum()) for n in columns)
        message = f"{_count(cells, 'small letter')} read as {'a capital' if cells == 1 else 'capitals'}: " \
            f"{suggest.shown(columns)}."  # fmt: skip
        row = min(_first(small[n], table) for n in columns)
        found.append(Finding(table.source, row, "small-letters", "warning", message))


def _words(
    data: pd.DataFrame,
    names: Sequence[str],
    omit: Sequence[str],
    skipped: Sequence[str],
    table: tabular.Table,
    found: list[Finding],
) -> None:
    """N/A and the like count as not given to the student, an empty cell too; a word may as well mean a blank."""
    words = [w for w in skipped if w and w not in omit]
    hits: Mapping[str, Any] = {n: data[n].isin(words) for n in names}
    for name in [n for n, here in hits.items() if here.any()]:
        which = list(dict.fromkeys(data[name][hits[name]]))
        typed = " ".join(f"--omit {w}" for w in which)
        message = f"{_rows(hits[name], table)}: {', '.join(which)}, taken as not given to the student and left out."
        hint = f"If the item was left blank, which counts as wrong: {typed}"
        found.append(Finding(table.source, _first(hits[name], table), "word-for-blank", "warning", message, hint, name))


def _first(here: Any, table: tabular.Table) -> int:
    return int(table.rows[int(np.flatnonzero(here.to_numpy())[0])])


def _rows(here: Any, table: tabular.Table) -> str:
    """`3 rows (4, 9, 12)`."""
    rows = table.rows[np.flatnonzero(here.to_numpy())].tolist()
    return f"{_count(len(rows), 'row')} ({', '.join(map(str, rows[:5]))}{', ...' if len(rows) > 5 else ''})"


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"
