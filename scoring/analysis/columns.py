"""What the columns of a bare file are: items, or what describes the students; and what to type where it is unclear."""

import fnmatch
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from itembank import keys, suggest, tabular
from itembank.errors import Rejected
from itembank.findings import Finding, errors

ITEM_COLUMNS = ("concept", "key", "type", "points", "title")
MISSING_TEXT = ("", "NA", "N/A", "NaN", "nan", ".")
_SYNONYMS = {
    "item": ("itemid", "itemcode", "question", "questionid", "itemname", "column"),
    "concept": ("topic", "domain", "skill", "strand", "construct", "content", "standard"),
    "key": ("answer", "answerkey", "correct", "correctanswer", "correctresponse", "solution"),
    "type": ("itemtype", "format", "kind"),
    "points": ("point", "maxpoints", "maximum", "max", "maxscore"),
    "title": ("name", "description", "label", "text"),
}
_ROLES = {  # words of a header, as `suggest.plain` leaves them, and the flag they speak for
    "--id": r"(student|pupil|learner|person|ss)?(id|identifier|number|no|code|key)|ssid|student|pupil|idstud",
    "--group": r"(district|dist|lea|country|group|region|arm)(name|code|id)?",
    "--cluster": r"(school|site|campus|class|classroom|teacher|idschool)(name|code|id|number)?",
}
_LABELS = r"(first|last|full|student)?name|grade|gradelevel|sex|gender|ethnicity|race|age|birth.*|dob|date|form|" \
    r"language|el|ell|frl|year|section|period|email"  # fmt: skip
_ITEM_NAME = re.compile(r"(q|i|item|question|m)?\d+[a-z]?", re.IGNORECASE)


def error(source: str, row: int, code: str, message: str, hint: str = "", column: str = "") -> Finding:
    """A finding that stops the work."""
    return Finding(source, row, code, "error", message, hint, column)


def item_table(items: str | Path, found: list[Finding]) -> pd.DataFrame:
    """The table of items: index item; text columns concept, key, type, points, title.

    Capital letters and usual other names of the columns (Topic, Answer) are understood, and said.
    """
    table = tabular.read_table(items)
    frame = table.frame()
    meant = _meant(table.columns)
    if "item" not in meant:
        hint = "Name it item (Item, Item ID and Question are understood too). Columns: " + suggest.shown(table.columns)
        message = "No column names the items."
        fault = error(table.source, int(table.rows[0]) - 1, "missing-column", message, hint, "item")
        raise Rejected("bad-table", f"{table.source} cannot be used as it is.", "", [fault])
    other = [f"{c} -> {role}" for role, c in meant.items() if c.casefold() != role]
    if other:
        found.append(Finding(table.source, 1, "columns-understood", "notice", f"Columns read as: {', '.join(other)}."))
    frame = frame[list(meant.values())].set_axis(list(meant), axis=1)
    twice = frame["item"].duplicated(keep=False) & (frame["item"] != "")
    for place in np.flatnonzero(twice.to_numpy()):
        row = int(table.rows[place])
        found.append(
            error(table.source, row, "duplicate-item", f"{frame['item'].iloc[place]} stands twice.", "", "item")
        )
    for place in np.flatnonzero((frame["item"] == "").to_numpy()):
        found.append(error(table.source, int(table.rows[place]), "no-item", "The row names no item.", "", "item"))
    known = frame.reindex(columns=list(ITEM_COLUMNS), fill_value="")
    known.index = pd.Index(frame["item"], name="item")
    types = (*keys.TYPES[:-2], "score", "")
    for line, (name, row) in zip(table.rows.tolist(), known.iterrows(), strict=True):
        if row["type"] not in types:
            message = f"{name}: the type {row['type']!r} is not known."
            near = suggest.did_you_mean(row["type"], types[:-1])
            hint = f"{near} Types: {', '.join(types[:-1])}".strip()
            found.append(error(table.source, line, "bad-type", message, hint, "type"))
        if row["points"] and not (row["points"].isdigit() and 1 <= int(row["points"]) <= 100):
            message = f"{name}: points are {row['points']!r}."
            found.append(error(table.source, line, "bad-points", message, "A whole number from 1.", "points"))
    return known


def _meant(columns: Sequence[str]) -> dict[str, str]:
    """Our name of a column of the table of items -> the file's."""
    meant: dict[str, str] = {}
    for role in ("item", *ITEM_COLUMNS):
        exact = [c for c in columns if c.casefold() == role]
        like = [c for name in _SYNONYMS[role] for c in columns if suggest.plain(c) == name]
        free = [c for c in sorted(exact, key=lambda c: c != role) + like if c not in meant.values()]
        if free:
            meant[role] = free[0]
    return meant


def check_named(named: Sequence[tuple[str, str]], columns: Sequence[str], source: str, found: list[Finding]) -> None:
    """The columns that flags name, each looked for."""
    for flag, name in named:
        if name in columns:
            continue
        near = suggest.nearest(name, columns, 1)
        if not near and flag in _ROLES:
            near = [c for c in columns if re.fullmatch(_ROLES[flag], suggest.plain(c))][:1]
        hint = f"Did you mean {flag} {shlex.quote(near[0])}? " if near else ""
        hint += f"Columns: {suggest.shown(columns, 12)}"
        found.append(error(source, 1, "missing-column", f"There is no column {name!r} for {flag}.", hint, name))


def item_columns(
    data: pd.DataFrame, known: pd.DataFrame | None, pattern: str, used: Sequence[str], source: str, found: list[Finding]
) -> list[str]:
    """The columns that are items, in the file's order."""
    if known is not None:
        spare = [c for c in data.columns if c not in known.index and c not in used]
        unknown = [n for n in known.index if n and n not in data.columns]
        _unknown_items(unknown, spare, list(data.columns), source, found)
        if spare and not errors(found):
            message = f"Left out, since the table of items does not list them: {suggest.shown(spare, 10)}."
            found.append(Finding(source, 1, "columns-left-out", "notice", message))
        return [c for c in data.columns if c in known.index]
    if pattern:
        patterns = [p.strip() for p in pattern.split(",")]
        names = [c for c in data.columns if c not in used and any(fnmatch.fnmatchcase(c, p) for p in patterns)]
        if not names:
            hint = f"For example --columns 'Q*'. Columns: {suggest.shown(data.columns)}"
            found.append(error(source, 1, "no-items", f"No column matches {pattern!r}.", hint))
        return names
    return [c for c in data.columns if c not in used]


def _unknown_items(
    unknown: Sequence[str], spare: Sequence[str], columns: Sequence[str], source: str, found: list[Finding]
) -> None:
    """Items without a column: one by one, or in one sentence where the two files only write them differently."""
    alike = {n: [c for c in spare if suggest.plain(c) == suggest.plain(n)] for n in unknown}
    if len(unknown) > 2 and all(len(c) == 1 for c in alike.values()):
        pairs = ", ".join(f"{n} for {c[0]}" for n, c in list(alike.items())[:3])
        message = f"The table of items writes {len(unknown)} names in another way than this file: {pairs}, ..."
        found.append(error(source, 1, "unknown-item", message, "Write the names alike in both files."))
        return
    for name in unknown:
        near = suggest.did_you_mean(name, spare)
        hint = near or f"Remove it from the table of items, or add its column. Columns: {suggest.shown(columns)}"
        found.append(error(source, 1, "unknown-item", f"There is no column for the item {name!r}.", hint, name))


def refuse_unscored(
    data: pd.DataFrame,
    names: Sequence[str],
    wrong: Mapping[str, float],
    flags: Mapping[str, str],
    path: str,
    source: str,
    ignored: Sequence[str] = (),
) -> None:
    """One finding where columns that nothing was said about hold no scores, with a command that says it.

    Args:
        data: the table, as text.
        names: the columns that would be items.
        wrong: column -> share of its filled cells that are no score.
        flags: flag -> column, of those that were given.
        path: of the file, to be typed.
        source: of the file, for the finding.
        ignored: columns that --ignore names already.

    Raises:
        Rejected: more than half of the cells of a column are no score.
    """
    if not any(share > 0.5 for share in wrong.values()):
        return
    roles, labels, letters, scores = _sorted_out(data, names, wrong, flags)
    given = {**{f: c for f, c in flags.items() if c}, **roles}
    command = ["itembank", "analyze", path]
    for flag in ("--id", "--group", "--cluster"):
        if flag in given:
            command += [flag, given[flag]]
    for flag, name in given.items():
        if flag not in ("--id", "--group", "--cluster"):
            command += [flag, name]
    typed = " ".join(shlex.quote(word) for word in command)
    parts = [f"{c} (looks like {_WORDS[f]}: {f})" for f, c in roles.items()]
    if labels:
        parts.append(f"{suggest.shown(labels)} (no answers)")
    if letters:
        parts.append(f"{suggest.shown(letters)} (answers that need a key: --items)")
        typed += " --items items.csv"
    elif labels or ignored:
        typed += f" --ignore {shlex.quote(','.join([*ignored, *labels]))}"
    message = f"{sum(s > 0.5 for s in wrong.values())} columns hold no scores 0, 1, 2, ...: {'; '.join(parts)}."
    hint = f"Type: {typed}"
    if letters:
        which = _range(letters, scores)
        hint += f"\n    where items.csv has the columns item, concept, key and a row for each of {which}."
    found = [error(source, 1, "not-scores", message, hint)]
    raise Rejected("bad-table", f"{source} cannot be analysed as it is. Nothing was written.", "", found)


_WORDS = {"--id": "the student", "--group": "the group", "--cluster": "the school"}


def _sorted_out(
    data: pd.DataFrame, names: Sequence[str], wrong: Mapping[str, float], flags: Mapping[str, str]
) -> tuple[dict[str, str], list[str], list[str], list[str]]:
    """Columns by what they look like: flag -> column; labels; answers without a key; scores (and empty columns)."""
    roles: dict[str, str] = {}
    labels: list[str] = []
    letters: list[str] = []
    scores: list[str] = []
    for name in names:
        values = data[name][~data[name].isin(MISSING_TEXT)]
        text = suggest.plain(name)
        flag = next((f for f, p in _ROLES.items() if re.fullmatch(p, text) and f not in roles and not flags.get(f)), "")
        single = len(values) and (values.str.fullmatch(r"[A-Za-z]").mean() > 0.8)
        if _ITEM_NAME.fullmatch(text) and (single or wrong[name] <= 0.5):
            (letters if single else scores).append(name)
        elif flag and len(values) and (flag != "--id" or values.nunique() > 0.9 * len(values)):
            roles[flag] = name
        elif re.fullmatch(_LABELS, text) or not (single or wrong[name] <= 0.5):
            labels.append(name)
        else:
            (letters if single else scores).append(name)
    return roles, labels, letters, scores


def _range(letters: Sequence[str], scores: Sequence[str]) -> str:
    every = [*letters, *scores]
    return every[0] if len(every) == 1 else f"{every[0]} ... {every[-1]} ({len(every)})"
