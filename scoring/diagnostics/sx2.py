"""S-X²: do students of each sum score answer an item as the model says? (Orlando & Thissen 2000; Kang & Chen 2008)

Observed and expected numbers in cells sum score × category. Students are taken by booklet, since a sum score means the
same only among those who took the same items; statistics and cells of the booklets are added.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from scoring.irt.curves import Array, ItemParameters, category_probabilities
from scoring.irt.distinct import distinct_rows_of
from scoring.irt.sumscore import sum_score_likelihood

Scores = NDArray[np.int8]


@dataclass(frozen=True)
class ItemFitStatistic:
    """A chi-square of J items.

    Attributes:
        chi_square: (J,) NaN where too few cells are left.
        df: (J,) cells - rows - estimated parameters; 0 where there is no test.
        p_value: (J,).
        rmsea: (J,) sqrt(max(χ² - df, 0)/(df (n - 1))).
        n: (J,) students in the tables.
        smallest: (J,) smallest expected number in a cell.
    """

    chi_square: Array
    df: NDArray[np.int64]
    p_value: Array
    rmsea: Array
    n: NDArray[np.int64]
    smallest: Array


def parameter_counts(items: ItemParameters) -> NDArray[np.int64]:
    """(J,) parameters estimated for each item: intercepts, asymptote, and one for the slope.

    A Rasch or 1PL item counts one too: for the population's SD or the common slope, which were estimated with it.
    """
    return items.categories + np.array([m == "3pl" for m in items.model], dtype=np.int64)


def s_x2(
    items: ItemParameters,
    scores: Scores,
    nodes: Array,
    weights: Array,
    group: NDArray[np.int64] | None = None,
    min_expected: float = 1.0,
    min_booklet: int = 100,
    estimated: NDArray[np.int64] | None = None,
) -> ItemFitStatistic:
    """S-X² of every item.

    Args:
        items: J items.
        scores: (N, J), -1 missing.
        nodes: (Q,) θ.
        weights: (G, Q) or (Q,) population weights of the groups, each summing to one.
        group: (N,) row of `weights` of each student.
        min_expected: neighbouring cells are joined until each expects at least this many students.
        min_booklet: patterns of missingness with fewer students are left out.
        estimated: (J,) parameters estimated for each item; default `parameter_counts`.
    """
    weights = np.atleast_2d(weights)
    group = np.zeros(len(scores), dtype=np.int64) if group is None else group
    n_items = len(items)
    chi, cells, n = np.zeros(n_items), np.zeros(n_items, dtype=np.int64), np.zeros(n_items, dtype=np.int64)
    smallest = np.full(n_items, np.inf)
    pattern = distinct_rows_of(scores >= 0)[1]
    sizes = np.bincount(pattern)
    least = min(min_booklet, int(sizes.max(initial=0)))
    for code in np.flatnonzero(sizes >= max(least, 1)):
        rows = np.flatnonzero(pattern == code)
        taken = np.flatnonzero(scores[rows[0]] >= 0)
        if len(taken) < 3:
            continue
        share = np.bincount(group[rows], minlength=len(weights)) / len(rows)
        part = _tables(items.select(taken), scores[np.ix_(rows, taken)], nodes, share @ weights)
        for j, (observed, expected) in zip(taken, part, strict=True):
            value, free, low = _chi_square(*collapse(observed, expected, min_expected))
            chi[j] += value
            cells[j] += free
            n[j] += len(rows)
            smallest[j] = min(smallest[j], low)
    df = np.maximum(cells - (parameter_counts(items) if estimated is None else estimated), 0)
    tested = df > 0
    chi = np.where(tested, chi, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.where(tested, chdtrc(df, chi), np.nan)
        rmsea = np.sqrt(np.maximum(chi - df, 0) / (df * np.maximum(n - 1, 1)))
    return ItemFitStatistic(chi, df, p, np.where(tested, rmsea, np.nan), n, np.where(n > 0, smallest, np.nan))


def _tables(items: ItemParameters, scores: Scores, nodes: Array, weights: Array) -> list[tuple[Array, Array]]:
    """Observed and expected (S - 1, K_j) of each item; without the lowest and highest sum score, which are certain."""
    p = category_probabilities(items, nodes)
    total = scores.sum(axis=1, dtype=np.int64)
    likelihood = sum_score_likelihood(p)
    marginal = likelihood @ weights
    n_scores = len(marginal)
    by_score = np.bincount(total, minlength=n_scores)
    out = []
    for j in range(len(items)):
        k_j = int(items.categories[j])
        rest = sum_score_likelihood(np.delete(p, j, axis=0))
        expected = np.zeros((n_scores, k_j))
        for k in range(k_j):
            expected[k : k + len(rest), k] = (rest * p[j, k]) @ weights
        with np.errstate(invalid="ignore", divide="ignore"):
            expected *= np.where(marginal > 0, by_score / marginal, 0.0)[:, None]
        observed = np.bincount(total * k_j + scores[:, j], minlength=n_scores * k_j).reshape(n_scores, k_j)
        out.append((observed[1:-1].astype(float), expected[1:-1]))
    return out


def collapse(observed: Array, expected: Array, least: float) -> tuple[Array, Array]:
    """Join cells until every one expects `least`: first categories within a sum score, then neighbouring sum scores.

    A category that is impossible at a sum score, or was joined to its neighbour, is NaN.
    """
    o, e = observed.copy(), np.where(expected > 0, expected, 0.0)
    if e.shape[1] > 2:
        o, e = _join_edges(o, e, expected)
        o, e = _join_categories(o, e, least)
    while len(e) > 1:
        small = np.flatnonzero(np.nan_to_num(e, nan=np.inf).min(axis=1) < least)
        if not small.size:
            break
        row = int(small[0])
        if row == 0:
            into = 1
        elif row == len(e) - 1:
            into = row - 1
        else:
            before, after = np.nansum(o[row - 1]), np.nansum(o[row + 1])
            into = row - 1 if before <= after else row + 1
        for table in (o, e):
            both = np.stack([table[row], table[into]])
            table[into] = np.where(np.isnan(both).all(axis=0), np.nan, np.nansum(both, axis=0))
        o, e = np.delete(o, row, axis=0), np.delete(e, row, axis=0)
    return o, e


def _join_edges(o: Array, e: Array, expected: Array) -> tuple[Array, Array]:
    """Sum scores at which some category is impossible are joined to the nearest at which all are possible."""
    whole = np.flatnonzero((expected > 0).all(axis=1))
    if not whole.size:
        return o, e
    first, last = whole[0], whole[-1]
    for table in (o, e):
        table[first] = table[: first + 1].sum(axis=0)
        table[last] = table[last:].sum(axis=0) if last > first else table[first] + table[last + 1 :].sum(axis=0)
    return o[first : last + 1], e[first : last + 1]


def _join_categories(o: Array, e: Array, least: float) -> tuple[Array, Array]:
    """Within a sum score a category that expects too few goes to the next higher, the last to the one below."""
    for row in range(len(e)):
        n_categories = e.shape[1]
        for k in range(n_categories - 1):
            if e[row, k] < least:
                for table in (o, e):
                    table[row, k + 1] += table[row, k]
                    table[row, k] = np.nan
        if e[row, -1] < least:
            left = np.flatnonzero(~np.isnan(e[row, :-1]))
            if left.size:
                for table in (o, e):
                    table[row, left[-1]] += table[row, -1]
                    table[row, -1] = np.nan
    return o, e


def _chi_square(o: Array, e: Array) -> tuple[float, int, float]:
    """Pearson's statistic, cells minus rows, and the smallest expected number."""
    used = ~np.isnan(e) & (e > 0)
    value = float(((o[used] - e[used]) ** 2 / e[used]).sum())
    return value, int(used.sum() - len(e)), float(e[used].min()) if used.any() else np.inf
