"""From a bare file of responses, and perhaps a table of items, to what an analysis is given."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from itembank import keys, suggest, tabular
from itembank.errors import Rejected
from itembank.findings import Finding, errors
from scoring.analysis import columns as column_roles
from scoring.analysis import doubts
from scoring.analysis.columns import ITEM_COLUMNS, MISSING_TEXT
from scoring.analysis.columns import error as _error
from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.result import Notice

BLANKS = ("O", "R", "M")


def read_files(
    path: str | Path,
    items: str | Path | None = None,
    columns: str = "",
    group: str = "",
    labels: Mapping[str, str] | None = None,
    cluster: str = "",
    identifier: str = "",
    ignore: Sequence[str] = (),
    omit: Sequence[str] = (),
    title: str = "",
    weight: str = "",
    attributes: Sequence[str] = (),
) -> AnalysisInput:
    """Read a wide file (one row per student) and, where given, a table of items.

    Args:
        path: CSV of responses; `-` is standard input.
        items: CSV with the column item and any of concept, key, type, points, title.
        columns: pattern of the item columns ("Q*"), several separated by commas; not together with `items`.
        group, cluster, identifier: columns of the group, the school, the student.
        labels: value of the group -> label to show.
        ignore: columns that are neither items nor anything else.
        omit: values that mean "left blank".
        title: for the report; the file's name without one.
        weight: column of case weights; they are brought to a mean of 1.
        attributes: columns that describe the students, to compare by.

    Raises:
        Rejected: with every finding; nothing is analysed.
    """
    table = tabular.read_table(path)
    data = table.frame()
    found: list[Finding] = list(table.findings)
    known = None if items is None else column_roles.item_table(items, found)
    flags = {"--group": group, "--cluster": cluster, "--id": identifier, "--weight": weight}
    named = [*flags.items(), *(("--by", c) for c in attributes), *(("--ignore", c) for c in ignore)]
    used = [c for _, c in named if c]
    column_roles.check_named([(f, c) for f, c in named if c], list(data.columns), table.source, found)
    names = column_roles.item_columns(data, known, columns, used, table.source, found)
    if errors(found) or not names:
        raise Rejected("bad-table", f"{table.source} cannot be analysed as it is.", "", found)
    if known is None:
        wrong = {n: _share_unscored(table, n, omit) for n in names}
        column_roles.refuse_unscored(data, names, wrong, flags, str(path), table.source, ignore)
    _check_identifier(data, identifier, table, found)
    meta = _meta(known, names)
    raw = data[names].mask(data[names].isin(list(omit)), "O") if omit else data[names].copy()
    scored = _score(names, meta, omit, table, found)
    groups, order = _groups(data, group, labels or {}, table, found)
    weights = _weights(data, weight, table, found)
    doubts.answers(data, names, meta, omit, MISSING_TEXT, table, found)
    if errors(found):
        raise Rejected("bad-table", f"{table.source} cannot be analysed as it is. Nothing was written.", "", found)
    index = pd.RangeIndex(1, len(data) + 1, name="row")
    if identifier:
        index = pd.Index(data[identifier].to_numpy(), name="student")
    scored.index = raw.index = index
    schools = _schools(data, cluster, groups, table, found)
    has_keys = bool((meta["key"] != "").any())
    options = {"options": _options(raw, meta)} if has_keys else {}
    return AnalysisInput(
        title=title or ("Responses" if str(path) == "-" else Path(str(path)).stem),
        scored=scored,
        items=meta,
        raw=raw if has_keys else None,
        concept_names={c: c for c in meta["concept"].unique() if c},
        groups=None if groups is None else groups.set_axis(index),
        group_order=order,
        group_word=group.replace("_", " ").lower() if group and group.islower() else "group",
        clusters=None if schools is None else schools.set_axis(index),
        weights=None if weights is None else weights.set_axis(index),
        persons=data[list(dict.fromkeys(attributes))].set_axis(index) if attributes else None,
        gate=_gate(bool(group), bool(cluster), len(order)),
        notices=tuple(Notice(f.code, f.severity, _with_column(f)) for f in found),
        findings=tuple(found),
        provenance={
            "responses": f"{table.source} sha256 {table.sha256[:16]}",
            **({"weights": f"column {weight}, mean 1"} if weight else {}),
        },
        **options,
    )


def _with_column(finding: Finding) -> str:
    return f"{finding.column}: {finding.message}" if finding.column else finding.message


def _check_identifier(data: pd.DataFrame, identifier: str, table: tabular.Table, found: list[Finding]) -> None:
    if not identifier:
        return
    column = data[identifier]
    first = {v: int(row) for v, row in zip(column[::-1], table.rows[::-1], strict=True)}
    empty = (column == "").to_numpy()
    hint = "Keep one of the rows; if each is a sitting of its own, leave out --id."
    for places, code in (
        (np.flatnonzero(column.duplicated(keep="first").to_numpy() & ~empty), "duplicate-student"),
        (np.flatnonzero(empty), "no-student"),
    ):
        for place in places[:50]:
            message = "The row names no student."
            if code == "duplicate-student":
                message = f"The student of this row stands in row {first[column.iloc[place]]} already."
            about = hint if code == "duplicate-student" else "Fill it, or remove the row."
            found.append(_error(table.source, int(table.rows[place]), code, message, about, identifier))
        if len(places) > 50:
            found.append(_error(table.source, 0, code, f"{len(places) - 50} more rows like these.", "", identifier))


def _meta(known: pd.DataFrame | None, names: Sequence[str]) -> pd.DataFrame:
    """What is known of the items: index item; title, concept, type, points, key."""
    meta = pd.DataFrame("", index=pd.Index(names, name="item"), columns=list(ITEM_COLUMNS))
    if known is not None:
        meta = known.loc[names].copy()
    meta["type"] = np.where(meta["type"] != "", meta["type"], np.where(meta["key"] != "", "choice", "score"))
    meta["points"] = [int(p) if p else 0 for p in meta["points"]]  # 0: as many as the data show
    return meta


def _score(
    names: Sequence[str], meta: pd.DataFrame, omit: Sequence[str], table: tabular.Table, found: list[Finding]
) -> pd.DataFrame:
    """Points of every answer; each distinct answer of an item is judged once."""
    out: dict[str, Any] = {}
    for name in names:
        codes, values = table.codes(name)
        item = meta.loc[name]
        rule = _rule(name, item, table.source, found)
        if rule is None:
            continue
        points: list[Any] = []
        impossible: list[int] = []
        for value in values:
            if value in omit:
                points.append("O")
            elif value in MISSING_TEXT:
                points.append(np.nan)
            elif value in BLANKS and not (rule["type"] == "choice" and value in rule["credit"]):
                points.append(value)
            else:
                got = keys.points_of(rule, value) if item["type"] != "score" else _plain_score(value)
                points.append(got)
                if got is None:
                    impossible.append(len(points) - 1)
        if impossible:
            blanks = doubts.blanks_among([values[i] for i in impossible])
            _impossible(codes, impossible, name, str(item["type"]), blanks, table, found)
        out[name] = np.array([np.nan if p is None else p for p in points], dtype=object)[codes]
        most = max((p for p in points if isinstance(p, int)), default=0)
        if item["points"] and most > item["points"]:
            message = f"A score of {most} is above the item's {item['points']} points."
            found.append(
                _error(table.source, 0, "too-many-points", message, "Check points in the table of items.", name)
            )
        meta.loc[name, "points"] = item["points"] or most
    return _from_zero(pd.DataFrame(out), meta, table.source, found)


def _from_zero(scored: pd.DataFrame, meta: pd.DataFrame, source: str, found: list[Finding]) -> pd.DataFrame:
    """Scores that begin at 1 in every item (a rating scale 1 to 4) made to begin at 0, and said."""
    numbers = scored.apply(pd.to_numeric, errors="coerce")
    lowest = numbers.loc[:, numbers.nunique() > 1].min()
    if not len(lowest) or not (lowest >= 1).any() or not (meta["type"] == "score").all():
        return scored
    if not (lowest == 1).all():
        for name in lowest.index[lowest >= 1]:
            message = f"No score of {name} is 0; the lowest is {lowest[name]:g}. Is it an item?"
            found.append(_error(source, 1, "no-zero", message, f"If not: --ignore {name}", str(name)))
        return scored
    message = "The scores of every item begin at 1; 1 was taken off, so that they begin at 0."
    found.append(Finding(source, 1, "begins-at-one", "warning", message))
    meta["points"] = [max(int(p) - 1, 1) for p in meta["points"]]
    return scored.where(numbers.isna(), numbers - 1)


def _rule(name: str, item: pd.Series, source: str, found: list[Finding]) -> Mapping[str, Any] | None:
    if item["type"] == "score":
        return {"type": "rubric", "max": int(item["points"] or 100)}
    try:
        return keys.rule_from_text(str(item["type"]), str(item["key"]), int(item["points"]) or 1)
    except Rejected as error:
        found.append(_error(source, 0, error.code, f"{name}: {error.sentence}", error.hint, name))
        return None


def _plain_score(value: str) -> int | None:
    if value.lower() in ("true", "false"):
        return int(value.lower() == "true")
    try:
        number = float(value.replace(",", "."))
    except ValueError:
        return None
    return int(number) if number == int(number) and 0 <= number <= 100 else None


def _share_unscored(table: tabular.Table, name: str, omit: Sequence[str]) -> float:
    """Share of a column's filled cells that are neither a score nor a blank."""
    codes, values = table.codes(name)
    filled = np.array([v not in MISSING_TEXT for v in values], dtype=bool)
    fits = [v in omit or v in BLANKS or _plain_score(v) is not None for v in values]
    wrong = filled & ~np.array(fits, dtype=bool)
    return float(wrong[codes].sum() / max(int(filled[codes].sum()), 1))


def _impossible(
    codes: Any,
    which: Sequence[int],
    name: str,
    kind: str,
    blanks: Sequence[str],
    table: tabular.Table,
    found: list[Finding],
) -> None:
    """Name the places of answers that cannot be, not the answers (but words for a blank): one finding for a column."""
    places = np.flatnonzero(np.isin(codes, which))
    wanted = "a score 0, 1, 2, ..." if kind == "score" else f"an answer to a {kind} item"
    message = f"{len(places):,} of {len(codes):,} cells, this the first, are neither {wanted} nor a code of a blank."
    if len(places) == 1:
        message = f"1 of {len(codes):,} cells is neither {wanted} nor a code of a blank."
    hint = "Name blanks with --omit CODE, give a key in the table of items, or leave the column out with --ignore."
    if blanks:
        typed = " ".join(f"--omit {shlex.quote(b)}" for b in blanks)
        rest = "" if len(blanks) == len(which) else " The other cells need a correction."
        hint = f"{', '.join(blanks)} for a blank: {typed}{rest}"
    found.append(_error(table.source, int(table.rows[places[0]]), "impossible-response", message, hint, name))


def _groups(
    data: pd.DataFrame, group: str, labels: Mapping[str, str], table: tabular.Table, found: list[Finding]
) -> tuple[pd.Series | None, tuple[str, ...]]:
    if not group:
        return None, ()
    values = data[group]
    for place in np.flatnonzero((values == "").to_numpy())[:50]:
        row = int(table.rows[place])
        found.append(
            _error(table.source, row, "no-group", "The row names no group.", "Fill it or remove the row.", group)
        )
    unknown = [v for v in labels if v not in set(values)]
    for value in unknown:
        message = f"The label for {value!r} fits no row."
        found.append(_error(table.source, 0, "unknown-label", message, "Check --labels.", group))
    shown = values.map(lambda v: labels.get(v, v))
    order = [labels[v] for v in labels if v not in unknown]
    order += [v for v in dict.fromkeys(shown) if v not in order and v != ""]
    sizes = shown.value_counts()
    if len(order) > 12:
        found.append(_many_groups(len(order), int((values != "").sum()), group, table))
        return shown, tuple(order)
    for value in order:
        if sizes.get(value, 0) < 2:
            many = "1 student" if sizes.get(value, 0) == 1 else "no students"
            message = f"The group {value!r} has {many}; nothing can be said of it."
            found.append(_error(table.source, 0, "small-group", message, "Remove the rows or join groups.", group))
    return shown, tuple(order)


def _many_groups(groups: int, rows: int, column: str, table: tabular.Table) -> Finding:
    others = f"Other columns: {suggest.shown((c for c in table.columns if c != column), 12)}"
    if groups > 0.5 * rows:
        each = "one student" if groups == rows else "one or two students"
        message = f"{groups:,} groups of {each}: this looks like an identifier."
        hint = f"--id {shlex.quote(column)}, and another column for --group. {others}"
    else:
        message = f"{groups:,} groups are too many to compare side by side."
        hint = f"Is this the right column for --group? For schools: --cluster {shlex.quote(column)}. {others}"
    return _error(table.source, 0, "many-groups", message, hint, column)


def _schools(
    data: pd.DataFrame, cluster: str, groups: pd.Series | None, table: tabular.Table, found: list[Finding]
) -> pd.Series | None:
    """The school of each row; rows without one count as one school per group, and are named."""
    if not cluster:
        return None
    schools = data[cluster]
    empty = schools == ""
    if empty.any():
        row = int(table.rows[int(np.flatnonzero(empty.to_numpy())[0])])
        message = f"{int(empty.sum()):,} rows, this the first, name no school; in each group they count as one school."
        if empty.sum() == 1:
            message = "1 row names no school; it counts as a school of its own."
        found.append(Finding(table.source, row, "no-school", "warning", message, "Fill the column.", cluster))
        schools = schools.mask(empty, "(none)" if groups is None else "(none) " + groups.astype(str))
    return schools


def _weights(data: pd.DataFrame, weight: str, table: tabular.Table, found: list[Finding]) -> "pd.Series[float] | None":
    """Case weights with a mean of 1, so that standard errors that count students count those who were tested."""
    if not weight:
        return None
    values = pd.to_numeric(data[weight].str.replace(",", ".", regex=False), errors="coerce").astype(float)
    wrong = np.flatnonzero(~(np.isfinite(values) & (values > 0)).to_numpy())
    for place in wrong[:50]:
        hint = "Fill it, or remove the row if the student stands for nobody."
        found.append(
            _error(
                table.source, int(table.rows[place]), "bad-weight", "The weight is no positive number.", hint, weight
            )
        )
    if len(wrong) > 50:
        found.append(_error(table.source, 0, "bad-weight", f"{len(wrong) - 50} more rows like these.", "", weight))
    return None if len(wrong) else values / values.mean()


def _options(raw: pd.DataFrame, meta: pd.DataFrame) -> pd.DataFrame:
    """The options that the data show for choice items with a key."""
    rows = []
    for name in raw.columns:
        if meta.at[name, "type"] != "choice":
            continue
        key = {part.strip().upper() for part in str(meta.at[name, "key"]).split("|")}
        seen = sorted({str(v).upper() for v in raw[name].unique()} - {"", *BLANKS} | key)
        rows += [(name, option, "", option in key, (option, option.lower())) for option in seen]
    return pd.DataFrame(rows, columns=["item", "option", "misconception", "is_key", "answers"])


def _gate(grouped: bool, clustered: bool, groups: int) -> tuple[tuple[str, str, str], ...]:
    """What a bare file cannot tell about comparability."""
    if not grouped or groups < 2:
        return ()
    unknown = "a bare file of responses does not say"
    rows = [
        ("taught before the test, by concept", "not recorded", unknown),
        ("language edition and accommodations", "not recorded", unknown),
    ]
    if not clustered:
        rows.append(
            ("schools", "not recorded", "name their column with --cluster; without it the ranges are too narrow")
        )
    return tuple(rows)
