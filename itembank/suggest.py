"""Did you mean: the known names nearest to one that is not there."""

import re
from collections.abc import Iterable

_SHORTEST_PREFIX = 3  # "Dist" for "district": fewer letters begin too many names


def plain(name: str) -> str:
    """A name without what people write differently: case, blanks, dashes, zeros before a number (Q03 is q3)."""
    return re.sub(r"0+(?=\d)", "", re.sub(r"[\W_]+", "", name.casefold()))


def distance(one: str, other: str) -> int:
    """Edits from one text to the other: a letter put in, left out, changed, or two neighbours swapped."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def nearest(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The known names that are nearest, best first; none where nothing is near.

    Names that differ only in case, dashes or leading zeros come first, then by edits, at most a third of the letters;
    a name that begins with the other (three letters at least) counts as one edit.
    """
    wanted = plain(name)
    allowed = max(1, len(wanted) // 3)
    ranked = []
    for other in dict.fromkeys(known):
        text = plain(other)
        if not text or not wanted or other == name:
            continue
        short, long = sorted((wanted, text), key=len)
        if wanted != text and len(short) >= _SHORTEST_PREFIX and long.startswith(short):
            ranked.append((1, len(long) - len(short), other))
        elif len(long) - len(short) <= allowed and (edits := distance(wanted, text)) <= allowed:
            ranked.append((edits, distance(name, other), other))
    return [other for *_, other in sorted(ranked)[:most]]


def did_you_mean(name: str, known: Iterable[str], most: int = 1) -> str:
    """`Did you mean 'Q3'?`, or nothing where no name is near."""
    near = nearest(name, known, most)
    return f"Did you mean {' or '.join(map(repr, near))}?" if near else ""


def shown(names: Iterable[str], most: int = 8) -> str:
    """The first names, and that there are more."""
    every = [str(n) for n in names]
    return ", ".join(every[:most]) + (f", ... ({len(every)})" if len(every) > most else "")
