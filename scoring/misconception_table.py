"""How often the answers that stand for a misconception are given: where, and by whom."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.choices import as_text, read_choices
from scoring.diagnostics.shares import shares
from scoring.irt.errors import DesignError

BANDS = ("lower third", "middle third", "upper third")
ALL = "all"


def misconceptions(
    raw: pd.DataFrame,
    options: Mapping[str, Mapping[object, str]],
    groups: "pd.Series[object] | None" = None,
    concepts: Mapping[str, str] | None = None,
    ability: "pd.Series[float] | None" = None,
    clusters: "pd.Series[object] | None" = None,
    codes: Mapping[str, str] | None = None,
    weights: "pd.Series[float] | None" = None,
) -> pd.DataFrame:
    """Share of answers that show each misconception, by group, concept and ability band, with 95 % intervals.

    An answer counts where the item offers the misconception and the student reached it; an omitted answer shows
    none. The items on which it was offered can differ between groups, so compare groups on the same form.

    Args:
        raw: what was answered; rows students, columns items, empty = not administered.
        options: item -> {answer: misconception}; other answers, the key among them, show none.
        groups: label of each student (district, language status, ...); default one group.
        concepts: item -> concept; default one.
        ability: θ or a score of each student, cut into thirds of all students; default no bands.
        clusters: school of each student, for intervals.
        codes: codes of blanks, beside O, R, M.
        weights: case weights of shares and intervals; answers and students are counted all the same.

    Returns:
        One row per misconception, concept, group and band ("all" first): misconception, concept, group, band, items
        (how many offer it), students, answers, chosen, share, low, high.

    Raises:
        DesignError: a Series is not aligned to the rows, or `options` names an item that is not there.

    Sources: Wilson (1927); Dean & Pagano (2015) for several answers per student and schools.
    """
    columns = {str(c): j for j, c in enumerate(raw.columns)}
    problems = [f"options names {item}, which has no answers" for item in options if item not in columns]
    for what, series in (("groups", groups), ("ability", ability), ("clusters", clusters), ("weights", weights)):
        if series is not None and not series.index.equals(raw.index):
            problems.append(f"{what} is not aligned to the rows of the answers")
    if problems:
        raise DesignError("misconceptions", "The misconceptions cannot be counted.", "", problems)
    group, group_labels = _labels(groups, len(raw))
    band, band_labels = _bands(ability, len(raw))
    unit = None if clusters is None else _units(clusters)
    w = np.ones(len(raw)) if weights is None else weights.to_numpy(dtype=float)
    counts: dict[tuple[str, str], tuple[NDArray[np.float64], NDArray[np.float64], list[str]]] = {}
    for item, meaning in options.items():
        found = read_choices(raw.iloc[:, columns[item]], tuple(as_text(a) for a in meaning), codes)
        shown = {as_text(answer): name for answer, name in meaning.items()}
        given = found.choice >= 0
        concept = ALL if concepts is None else str(concepts[item])
        for name in dict.fromkeys(meaning.values()):
            codes_of = [k for k in range(found.n_options) if shown.get(found.labels[k]) == name]
            chosen = np.isin(found.choice, codes_of)
            total = counts.setdefault((str(name), concept), (np.zeros(len(raw)), np.zeros(len(raw)), []))
            total[0][chosen] += 1
            total[1][given] += 1
            total[2].append(item)
    rows = []
    n_groups = len(group_labels)
    inside = group >= 0
    for (name, concept), (chosen_n, offered_n, items) in sorted(counts.items()):
        for b, band_label in enumerate((ALL, *band_labels)):
            here = inside & ((band == b - 1) if b else True)
            cell = np.where(here, group, -1)
            s = shares(chosen_n * w, offered_n * w, cell, n_groups, unit)
            offered = np.bincount(cell[cell >= 0], weights=offered_n[cell >= 0], minlength=n_groups).astype(np.int64)
            times = np.bincount(cell[cell >= 0], weights=chosen_n[cell >= 0], minlength=n_groups).astype(np.int64)
            for g, group_label in enumerate(group_labels):
                if offered[g]:
                    rows.append(
                        (name, concept, group_label, band_label, len(items), s.students[g], offered[g], times[g],
                         s.share[g], s.low[g], s.high[g])
                    )  # fmt: skip
    names = [
        "misconception",
        "concept",
        "group",
        "band",
        "items",
        "students",
        "answers",
        "chosen",
        "share",
        "low",
        "high",
    ]
    return pd.DataFrame(rows, columns=names)


def _labels(groups: "pd.Series[object] | None", n: int) -> tuple[NDArray[np.int64], list[str]]:
    if groups is None:
        return np.zeros(n, dtype=np.int64), [ALL]
    code, labels = pd.factorize(groups, sort=True)
    return code.astype(np.int64), [str(x) for x in labels]


def _bands(ability: "pd.Series[float] | None", n: int) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Thirds of all students together, so that bands mean the same in every group."""
    if ability is None:
        return np.full(n, -1, dtype=np.int64), ()
    values = ability.to_numpy(dtype=float, na_value=np.nan)
    cuts = np.nanquantile(values, [1 / 3, 2 / 3])
    return np.where(np.isnan(values), -1, np.searchsorted(cuts, values, side="right")).astype(np.int64), BANDS


def _units(clusters: "pd.Series[object]") -> NDArray[np.int64]:
    """Schools as codes; a student without one stands alone."""
    code = pd.factorize(clusters)[0].astype(np.int64)
    alone = np.flatnonzero(code < 0)
    code[alone] = code.max(initial=-1) + 1 + np.arange(len(alone))
    return code
