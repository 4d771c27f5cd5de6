"""`scoring.disclose`: the layer that everything published passes, and the audit that attacks what it let through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from scoring.comparison.held_sums import sums_that_hold
from scoring.comparison.shared_sums import find_shared_sums
from scoring.comparison.tables import (
    Key,
    Universe,
    add_sum,
    as_key,
    counts_of,
    find_sums,
    key_text,
    keys_of,
    read_sizes,
)
from scoring.groups.attack import Counts, Interval, Joint, Shares
from scoring.groups.coding import (
    BOTTOM,
    HIDDEN,
    SHOWN,
    TOP,
    Coded,
    Lost,
    code_percentages,
    guarded,
    hidden_sizes,
    known_range,
    lost_before,
    narrowed_now,
    protect_percentages,
    protect_together,
    settled_shares,
    share_bounds,
    share_protected,
    sizes_hold,
)
from scoring.groups.separate import quiet_measures
from scoring.groups.suppression import MINIMUM, CannotProtect, Hidden, protected, suppress
from scoring.irt.errors import DesignError

Array = NDArray[np.float64]
MARK = "*"
TOTAL = "all"
#: (column, levels of the measure dimensions)
Measure = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Disclosure:
    """A release: what may be published, and what the office keeps to check later releases against.

    Attributes:
        tables: the public tables; text in n and percentage columns, "*" for what is hidden, empty attached numbers.
        counts, hidden, universe, coded, percent: internal; never leave the office.
        minimum: smallest group shown.
        already_public: small groups that an earlier release shows.
        carried: (J,) cells of a measure whose percentage stands in an earlier release and in none of these tables.
    """

    tables: dict[str, pd.DataFrame]
    universe: Universe
    counts: Counts
    hidden: Hidden
    coded: dict[Measure, Coded]
    percent: dict[Measure, Array]
    minimum: int
    already_public: int
    known_shares: dict[Measure, Shares] = field(default_factory=dict)
    lost: dict[Measure, Lost] = field(default_factory=dict)
    carried: dict[Measure, NDArray[np.bool_]] = field(default_factory=dict)

    @property
    def share_published(self) -> float:
        """Share of non-empty groups of the tables whose size is shown."""
        real = ~self.counts.derived & (self.counts.size > 0)
        return float(1 - self.hidden.hidden[real].mean()) if real.any() else 1.0

    def log(self) -> dict[str, object]:
        """Facts of the release for a release log: counts only, no groups, no names."""
        states = [c.state[np.isfinite(self.percent[m]) & ~self.carried.get(m, False)] for m, c in self.coded.items()]
        state = np.concatenate(states) if states else np.zeros(0, dtype=np.int8)
        primary, hidden = int(self.hidden.primary.sum()), int(self.hidden.hidden.sum())
        return {
            "tables": len(self.tables),
            "groups": int((~self.counts.derived).sum()),
            "minimum": self.minimum,
            "hidden_small": primary,
            "hidden_complementary": hidden - int((self.hidden.primary & self.hidden.hidden).sum()),
            "smallest_possible": self.hidden.optimal and all(c.optimal for c in self.coded.values()),
            "percentages_shown": int((state == SHOWN).sum()),
            "percentages_coded": int(np.isin(state, (TOP, BOTTOM)).sum()),
            "percentages_hidden": int((state == HIDDEN).sum()),
            "share_of_groups_published": round(self.share_published, 4),
            "already_public": self.already_public,
            "given_away_before": self._given_away(),
        }

    def _given_away(self) -> int:
        """Numbers this release would have protected and earlier ones have narrowed; a size counts once."""
        sizes = np.zeros(self.counts.size.size, dtype=bool)
        for gone in self.lost.values():
            sizes |= gone.sizes
        return int(sizes.sum() + sum(gone.shares.sum() for gone in self.lost.values()))


def disclose(
    tables: Mapping[str, pd.DataFrame],
    earlier: Sequence[Disclosure] = (),
    *,
    first: Disclosure | None = None,
    percents: Sequence[str] | None = None,
    measures: Sequence[str] = ("concept",),
    sums: Sequence[tuple[Mapping[str, object], Sequence[Mapping[str, object]]]] = (),
    total: str = TOTAL,
    minimum: int = MINIMUM,
    complementary: bool = True,
) -> Disclosure:
    """Make tables safe to publish.

    Args:
        tables: name -> table. The index names the dimensions of the group (`total` for a total) and, as in `measures`,
            what was measured; column `n` is the group's size; columns of percentages (0-100, unrounded) and any other
            numbers that belong to the group. A table with columns `first` and `second` holds contrasts: these two are
            mappings dimension -> level, the other numbers belong to both groups; a column `gap` becomes the difference
            of the published percentages of the column `of` (default the first percentage column). A column `withheld`
            names rows that are not published whatever their size, and are guarded as what is hidden.
        earlier: releases about the same students; what they show is taken as known.
        first: a part of this release that was made safe beforehand and stays as it is. What it would give away is
            refused, where what earlier releases gave away is only counted.
        percents: names of the percentage columns; default those that begin with "percent".
        measures: index levels that say what was measured and do not divide students.
        sums: further sums that tables do not show: (whole, parts), for example ever-EL of EL and reclassified.
        total: the level that stands for a total.
        minimum: smallest group shown; never below 11 in a public release.
        complementary: False hides only what is small, for showing in an audit what that gives away.

    Returns:
        Disclosure with the public tables.

    Raises:
        DesignError: sizes that contradict each other, unreadable tables, or nothing that could be done any more
            because of earlier releases.
    """
    named = isinstance(tables, Mapping) and all(isinstance(t, pd.DataFrame) for t in tables.values())
    if not named or not tables:
        raise DesignError("no-tables", "There are no tables to make safe.", "disclose({'name': table})")
    known_to_all = [*earlier, *([] if first is None else [first])]
    universe, rows = _read(tables, measures, total, minimum, known_to_all, sums)
    counts = counts_of(universe)
    j = counts.size.size
    in_tables = {key for entries in rows.values() for key, _ in entries}
    before, withheld = _shown_before(earlier, universe, in_tables, j)
    public, also_withheld = _shown_before(known_to_all, universe, in_tables, j)
    shut_sizes, shut = _withheld_rows(tables, rows, universe, j)
    withheld |= also_withheld | shut_sizes
    small_public = int((public & (counts.size >= 1) & (counts.size < minimum)).sum())
    percent = _percentages(tables, rows, universe, percents, j)
    for m in dict.fromkeys(m for release in known_to_all for m in release.coded):
        percent.setdefault(m, np.full(j, np.nan))
    carried = {m: _carry(known_to_all, m, universe, values) for m, values in percent.items()}
    held_back = {
        m: (c & ~_printed(known_to_all, m, universe, j)) | shut.get(m[1], np.zeros(j, dtype=bool))
        for m, c in carried.items()
    }
    known = _known_shares(known_to_all, percent, universe, counts)
    gone = _known_shares(earlier, percent, universe, counts) if first is not None else known
    while True:
        hidden = suppress(counts, public, withheld, minimum, complementary)
        try:
            coded, lost = _code(
                counts, hidden.hidden | counts.derived, before, percent, known, gone, held_back, complementary
            )
            break
        except CannotProtect as refusal:
            # earlier percentages give a hidden size away: hide what is new around it, and look again
            more = _around(counts, refusal.cells) & ~public & ~counts.derived & ~hidden.hidden & (counts.size > 0)
            if not more.any():
                raise
            withheld |= more
    out = {
        name: _contrasts(table, universe, hidden, coded, measures, total)
        if _is_contrast(table)
        else _publish(table, rows[name], universe, hidden, coded, percents)
        for name, table in tables.items()
    }
    return Disclosure(out, universe, counts, hidden, coded, percent, minimum, small_public, known, lost, carried)


def _code(
    counts: Counts,
    unknown: NDArray[np.bool_],
    public: NDArray[np.bool_],
    percent: Mapping[Measure, Array],
    known: Mapping[Measure, Shares],
    known_before: Mapping[Measure, Shares],
    held_back: Mapping[Measure, NDArray[np.bool_]],
    complementary: bool,
) -> tuple[dict[Measure, Coded], dict[Measure, Lost]]:
    order = list(percent)
    plain = [code_percentages(counts, unknown, percent[m], held_back[m]) for m in order]
    helds = [sums_that_hold(counts, percent[m]) for m in order]
    before = [known.get(m) for m in order]
    values = [percent[m] for m in order]
    if not complementary:
        lost = [
            lost_before(counts, held, unknown, public, p, now, known_before.get(m))
            for m, held, p, now in zip(order, helds, values, plain, strict=True)
        ]
        return dict(zip(order, plain, strict=True)), dict(zip(order, lost, strict=True))
    shares = [share_bounds(counts, now.state, now.whole, b) for now, b in zip(plain, before, strict=True)]
    quiet = np.zeros(len(order), dtype=bool)
    if order and sizes_hold(counts, unknown):
        quiet = quiet_measures(helds, unknown, shares)
    settled = settled_shares(counts, helds, unknown, values, plain, before)
    lost, alone = [], []
    for m, held, p, now, b, holds, q in zip(order, helds, values, plain, before, settled, quiet, strict=True):
        narrowed = narrowed_now(counts, held, unknown, p, now, b, holds, bool(q))
        lost.append(lost_before(counts, held, unknown, public, p, now, known_before.get(m), narrowed))
        if narrowed.any():
            now = protect_percentages(counts, held, unknown, p, b, lost[-1], held_back[m], quiet=bool(q))
        alone.append(now)
    settled = [holds & (a.state == now.state) for holds, a, now in zip(settled, alone, plain, strict=True)]
    together = protect_together(counts, unknown, helds, alone, values, before, lost, settled, quiet)
    return dict(zip(order, together, strict=True)), dict(zip(order, lost, strict=True))


def _shown_before(
    releases: Sequence[Disclosure], universe: Universe, in_tables: set[Key], j: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Sizes that these releases show, and those that they hide and no table of today speaks of."""
    public, withheld = np.zeros(j, dtype=bool), np.zeros(j, dtype=bool)
    for release in releases:
        for key, position in release.universe.place.items():
            shown = not release.hidden.hidden[position]
            public[universe.place[key]] |= shown
            withheld[universe.place[key]] |= not shown and key not in in_tables
    return public, withheld


def _withheld_rows(
    tables: Mapping[str, pd.DataFrame],
    rows: Mapping[str, list[tuple[Key, tuple[str, ...]]]],
    universe: Universe,
    j: int,
) -> tuple[NDArray[np.bool_], dict[tuple[str, ...], NDArray[np.bool_]]]:
    """Groups of which no row may be published, and by what was measured those whose percentage may not."""
    open_, shut = np.zeros(j, dtype=bool), dict[tuple[str, ...], NDArray[np.bool_]]()
    for name, entries in rows.items():
        flags = tables[name].get("withheld", pd.Series(False, index=tables[name].index)).to_numpy(dtype=bool)
        for (key, levels), flag in zip(entries, flags, strict=True):
            if flag:
                shut.setdefault(levels, np.zeros(j, dtype=bool))[universe.place[key]] = True
            else:
                open_[universe.place[key]] = True
    some = np.zeros(j, dtype=bool)
    for closed in shut.values():
        some |= closed
    return some & ~open_, shut


def _known_shares(
    releases: Sequence[Disclosure], percent: Mapping[Measure, Array], universe: Universe, counts: Counts
) -> dict[Measure, Shares]:
    found = {m: _earlier_shares(releases, m, universe, counts, values) for m, values in percent.items()}
    return {m: shares for m, shares in found.items() if shares is not None}


def _around(counts: Counts, cells: Sequence[int]) -> NDArray[np.bool_]:
    """Cells that stand in a sum with one of these."""
    start = np.zeros(counts.size.size)
    start[list(cells)] = 1.0
    member = csr_array(abs(counts.sums))
    return np.asarray(member.T @ (member @ start) > 0)


def audit(release: Disclosure, intervals: bool = True) -> pd.DataFrame:
    """Attack a release by linear programming.

    Args:
        release: from `disclose`.
        intervals: False only decides whether each number is protected, several times faster; low and high are then
            empty where it is.

    Returns:
        One row per hidden size and per coded or hidden percentage that earlier releases have not given away: what,
        group, size, low, high (students) and whether it is protected. Internal: the rows name small groups.
    """
    counts, hidden = release.counts, release.hidden
    unknown = hidden.hidden | counts.derived
    names = {position: key_text(key) for key, position in release.universe.place.items()}
    rows: list[dict[str, object]] = []
    order = list(release.coded)
    measures = []
    for m in order:
        held = sums_that_hold(counts, release.percent[m])
        bounds = share_bounds(counts, release.coded[m].state, release.coded[m].whole, release.known_shares.get(m))
        measures.append((held, bounds))
    joint = Joint(counts, unknown, measures)
    for k in hidden_sizes(counts, unknown):
        if any(gone.sizes[k] for gone in release.lost.values()):
            continue
        found = joint.size(int(k), None if intervals else protected)
        rows.append(_audit_row("size", names, counts, int(k), found, found is None or protected(found)))
    for i, m in enumerate(order):
        coded = release.coded[m]
        for k in guarded(counts, unknown, release.percent[m], coded.state):
            if release.lost[m].shares[k]:
                continue
            safe = partial(share_protected, counts, coded.state, coded.whole, int(k))
            found = joint.share(int(k), i, None if intervals else safe)
            what = " ".join([m[0], *m[1]])
            rows.append(_audit_row(what, names, counts, int(k), found, found is None or safe(found)))
    return pd.DataFrame(rows, columns=["what", "group", "size", "low", "high", "protected"])


def _audit_row(
    what: str, names: Mapping[int, str], counts: Counts, k: int, found: Interval | None, safe: bool
) -> dict[str, object]:
    return {
        "what": what, "group": names.get(k, "(remainder)"), "size": int(counts.size[k]),
        "low": np.nan if found is None else found.low, "high": np.nan if found is None else found.high,
        "protected": safe,
    }  # fmt: skip


def _is_contrast(table: pd.DataFrame) -> bool:
    return {"first", "second"} <= set(table.columns)


def _read(
    tables: Mapping[str, pd.DataFrame],
    measures: Sequence[str],
    total: str,
    minimum: int,
    earlier: Sequence[Disclosure],
    sums: Sequence[tuple[Mapping[str, object], Sequence[Mapping[str, object]]]],
) -> tuple[Universe, dict[str, list[tuple[Key, tuple[str, ...]]]]]:
    if minimum < MINIMUM:
        raise DesignError("minimum", f"Groups under {MINIMUM} students are never published.", f"minimum={MINIMUM}.")
    universe = Universe()
    for i, release in enumerate(earlier):
        for key, position in release.universe.place.items():
            universe.add(key, release.universe.size[position], f"earlier release {i + 1}")
    rows: dict[str, list[tuple[Key, tuple[str, ...]]]] = {}
    for name, table in tables.items():
        if _is_contrast(table):
            continue
        if "n" not in table.columns:
            universe.problems.append(f"{name}: no column n")
            continue
        rows[name] = keys_of(table, name, measures, total)
        if len(set(rows[name])) < len(rows[name]):
            universe.problems.append(f"{name}: a group stands twice")
        for i, ((key, _), n) in enumerate(zip(rows[name], table["n"], strict=True)):
            universe.add(key, read_sizes(n, f"{name}, row {i + 1}", universe.problems), f"{name}, row {i + 1}")
    if universe.problems:
        raise DesignError(
            "tables",
            "The tables cannot be checked for disclosure.",
            "Give every table the same students and whole sizes in column n.",
            universe.problems,
        )
    for name in rows:
        find_sums(universe, tables[name], name, measures, total)
    # a dimension may be divided by one release and its whole be shown by another
    for release in earlier:
        back = {position: key for key, position in release.universe.place.items()}
        for whole, parts, _ in release.universe.sums:
            if all(p in back for p in [whole, *parts]):
                add_sum(universe, universe.place[back[whole]], sorted(universe.place[back[p]] for p in parts))
    for whole_group, part_groups in sums:
        members = [as_key(g, total) for g in [whole_group, *part_groups]]
        if all(m in universe.place for m in members):
            add_sum(universe, universe.place[members[0]], sorted(universe.place[m] for m in members[1:]))
    find_shared_sums(universe)
    return universe, rows


def _percent_columns(table: pd.DataFrame, percents: Sequence[str] | None) -> list[str]:
    if percents is None:
        return [str(c) for c in table.columns if str(c).startswith("percent")]
    return [c for c in percents if c in table.columns]


def _percentages(
    tables: Mapping[str, pd.DataFrame],
    rows: Mapping[str, list[tuple[Key, tuple[str, ...]]]],
    universe: Universe,
    percents: Sequence[str] | None,
    j: int,
) -> dict[Measure, Array]:
    out: dict[Measure, Array] = {}
    problems = []
    for name, entries in rows.items():
        for column in _percent_columns(tables[name], percents):
            values = pd.to_numeric(tables[name][column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
            if np.any((values < 0) | (values > 100)):
                problems.append(f"{name}: column {column} has values outside 0 to 100")
            for (key, levels), value in zip(entries, values, strict=True):
                of = out.setdefault((column, levels), np.full(j, np.nan))
                of[universe.place[key]] = value
    if problems:
        raise DesignError("tables", "Percentages lie between 0 and 100.", details=problems)
    return out


def _earlier_shares(
    earlier: Sequence[Disclosure], measure: Measure, universe: Universe, counts: Counts, percent: Array
) -> Shares | None:
    low, high = np.zeros(counts.size.size), counts.size.astype(float)
    found = False
    for release in earlier:
        coded = release.coded.get(measure)
        if coded is None:
            continue
        for key, position in release.universe.place.items():
            here = universe.place[key]
            if coded.state[position] == HIDDEN:
                continue
            bounds = known_range(int(counts.size[here]), int(coded.state[position]), int(coded.whole[position]))
            reached = percent[here] / 100 * counts.size[here]
            if np.isfinite(reached) and not bounds[0] - 1e-9 <= reached <= bounds[1] + 1e-9:
                continue  # the percentage has changed since: it says nothing exact about today's
            low[here], high[here] = max(low[here], bounds[0]), min(high[here], bounds[1])
            found = True
    return Shares(low, high) if found else None


def _carry(earlier: Sequence[Disclosure], measure: Measure, universe: Universe, percent: Array) -> NDArray[np.bool_]:
    """Add percentages that only an earlier release had, printed or hidden: tables of now must not narrow them."""
    carried = np.zeros(percent.size, dtype=bool)
    printed = _printed(earlier, measure, universe, percent.size)
    for release in earlier:
        coded = release.coded.get(measure)
        if coded is None:
            continue
        for key, position in release.universe.place.items():
            here, value = universe.place[key], release.percent[measure][position]
            newer = carried[here] and (coded.state[position] != HIDDEN or not printed[here])
            if np.isfinite(value) and (newer or not np.isfinite(percent[here])):
                percent[here], carried[here] = value, True
    return carried


def _printed(earlier: Sequence[Disclosure], measure: Measure, universe: Universe, j: int) -> NDArray[np.bool_]:
    """Cells whose percentage some release has shown or coded."""
    printed = np.zeros(j, dtype=bool)
    for release in earlier:
        coded = release.coded.get(measure)
        if coded is not None:
            for key, position in release.universe.place.items():
                printed[universe.place[key]] |= coded.state[position] != HIDDEN
    return printed


def _percent_text(state: int, whole: int) -> str:
    return {SHOWN: f"{whole}", TOP: f"≥{whole}", BOTTOM: f"≤{whole}"}.get(state, MARK)


def _publish(
    table: pd.DataFrame,
    entries: list[tuple[Key, tuple[str, ...]]],
    universe: Universe,
    hidden: Hidden,
    coded: Mapping[Measure, Coded],
    percents: Sequence[str] | None,
) -> pd.DataFrame:
    """The public table: a hidden group keeps nothing, a group with a coded percentage keeps its size only."""
    columns = _percent_columns(table, percents)
    table = table.drop(columns="withheld", errors="ignore")
    out = table.astype(object).copy()
    others = [c for c in table.columns if c != "n" and c not in columns]
    for i, (key, levels) in enumerate(entries):
        place = universe.place[key]
        is_hidden = bool(hidden.hidden[place])
        out.iat[i, table.columns.get_loc("n")] = MARK if is_hidden else str(universe.size[place])
        plain = not is_hidden
        for column in columns:
            c = coded[(column, levels)]
            had = pd.notna(table[column].iloc[i])
            text = _percent_text(int(c.state[place]), int(c.whole[place])) if had else ""
            out.iat[i, table.columns.get_loc(column)] = text
            plain &= not had or c.state[place] == SHOWN
        if not plain:
            for column in others:
                out.iat[i, table.columns.get_loc(column)] = None
    return out


def _contrasts(
    table: pd.DataFrame,
    universe: Universe,
    hidden: Hidden,
    coded: Mapping[Measure, Coded],
    measures: Sequence[str],
    total: str,
) -> pd.DataFrame:
    """Public contrasts: everything goes with a hidden side, everything but a one-sided gap with a coded one."""
    out = table.astype(object).copy()
    level_of = [i for i, n in enumerate(table.index.names) if n in measures]
    others = [c for c in table.columns if c not in ("first", "second", "gap", "of")]
    for i in range(len(table)):
        entry = table.index[i] if isinstance(table.index[i], tuple) else (table.index[i],)
        levels = tuple(str(entry[k]) for k in level_of)
        sides = [as_key(table[c].iloc[i], total) for c in ("first", "second")]
        column = str(table["of"].iloc[i]) if "of" in table.columns else next((m[0] for m in coded), "")
        measure = coded.get((column, levels))
        known = all(s in universe.place and not hidden.hidden[universe.place[s]] for s in sides)
        states, wholes = [HIDDEN, HIDDEN], [0, 0]
        if known and measure is not None:
            states = [int(measure.state[universe.place[s]]) for s in sides]
            wholes = [int(measure.whole[universe.place[s]]) for s in sides]
        if known and (measure is None or states == [SHOWN, SHOWN]):
            if "gap" in table.columns and measure is not None:
                out.iat[i, table.columns.get_loc("gap")] = f"{wholes[0] - wholes[1]}"
            continue
        for name in others:
            out.iat[i, table.columns.get_loc(name)] = None
        if "gap" in table.columns:
            out.iat[i, table.columns.get_loc("gap")] = _one_sided(states, wholes)
    return out


def _one_sided(states: list[int], wholes: list[int]) -> str:
    """A gap as far as two published percentages say it, "*" where they do not bound it on one side."""
    gap = wholes[0] - wholes[1]
    if HIDDEN in states or states == [TOP, TOP] or states == [BOTTOM, BOTTOM]:
        return MARK
    at_least = states[0] in (SHOWN, TOP) and states[1] in (SHOWN, BOTTOM)
    return f"≥{gap}" if at_least else f"≤{gap}"
