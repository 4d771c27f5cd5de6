"""Observed-score DIF of one item, by any of the methods, for two or more groups, with or without schools."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, fdtrc

from scoring.diagnostics import effects, mantel
from scoring.diagnostics.ordinal import fit_ordinal, logistic_dif
from scoring.diagnostics.strata import MatchingScore, Strata, cell_counts, cells

Array = NDArray[np.float64]
Index = NDArray[np.int64]
NAN = float("nan")

METHODS = ("mh", "std", "logistic")
_THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Grouping:
    """Who belongs where.

    Attributes:
        group: (N,) 0..G-1, -1 for students outside the comparison. With two groups 0 is the reference, 1 the focal.
        n_groups: G.
        over: whose standing the effect is averaged over: "both" (partners) or "focal" (subgroups).
        school: (N,) 0..S-1, or None where schools are not taken into account.
        district: (S,) stratum within which schools' sums are centred: the group, where it is constant in schools.
    """

    group: Index
    n_groups: int
    over: str = "both"
    school: Index | None = None
    district: Index | None = None


@dataclass(frozen=True)
class ItemDif:
    """DIF of one item.

    Attributes:
        n: (G,) students of each group who count (in strata with more than one group).
        statistic, p_value, df: of the method; the cluster-robust form where there are schools.
        df_error: its second degrees of freedom, 0 for a chi-square.
        naive_p_value: with students taken as independent.
        effect: expected-score difference in points, focal minus reference; with more than two groups that of the
            group which differs most from all others.
        se: of the effect.
        ets_class: "A", "B", "C", or "" where it cannot be told.
        d_dif, se_d_dif: Mantel-Haenszel D-DIF with its standard error (dichotomous items, else NaN).
        group_effect: (G,) effect of each group against all others; (1,) against the reference for two groups.
        extra: what only some methods have, by name.
    """

    n: Index
    statistic: float
    p_value: float
    df: int
    df_error: int
    naive_p_value: float
    effect: float
    se: float
    ets_class: str
    d_dif: float
    se_d_dif: float
    group_effect: Array
    extra: dict[str, float] = field(default_factory=dict)


def item_dif(matching: MatchingScore, item: int, grouping: Grouping, method: str = "mh") -> ItemDif | None:
    """DIF of one item; None where no stratum holds two groups or the item does not vary.

    Args:
        matching: matching score of all students.
        item: column of the studied item.
        grouping: groups, and schools if the test is to be cluster-robust.
        method: "mh" (Mantel for graded items), "std" or "logistic".
    """
    strata = matching.strata(item, grouping.group >= 0)
    x = matching.matching.scores[strata.rows, item].astype(np.int64)
    g = grouping.group[strata.rows]
    if not len(x) or x.min() == x.max():
        return None
    if grouping.n_groups == 2:
        return _two_groups(strata, x, g, grouping, method)
    return _many_groups(strata, x, g, grouping, method)


def _two_groups(strata: Strata, x: Index, g: Index, grouping: Grouping, method: str) -> ItemDif | None:
    n_categories = int(x.max()) + 1
    cell = cells(strata.level, g, x, 2, n_categories)
    counts = cell_counts(cell, (len(strata.value), 2, n_categories))
    mixed = (counts.sum(axis=2) > 0).all(axis=1)
    if not mixed.any():
        return None
    n = counts[mixed].sum(axis=(0, 2)).astype(np.int64)
    dichotomous = n_categories == 2
    difference = effects.score_difference(counts, grouping.over)
    mh = mantel.mantel_haenszel(counts) if dichotomous else None
    plain = mantel.mantel(counts)
    d_dif, se_d = (mh.d_dif, abs(mantel.DELTA) * mh.variance**0.5) if mh else (NAN, NAN)
    p_class = mh.p_value if mh else plain.p_value
    schools = _schools(grouping, strata)
    robust_test = robust_se = None
    if schools is not None:
        robust_test = mantel.cluster_test(mantel.score_contributions(counts).ravel()[cell], *schools)
        influence = effects.difference_contributions(counts, difference.weight).ravel()[cell]
        robust_se = mantel.cluster_test(influence, *schools, total=difference.estimate)
        p_class = robust_test.p_value
        if mh:
            odds = mantel.log_odds_contributions(counts).ravel()[cell]
            se_d = abs(mantel.DELTA) * mantel.cluster_test(odds, *schools).se
    effect, se = difference.estimate, robust_se.se if robust_se else difference.se
    sd = float(np.std(x))
    if mh:
        ets = effects.ets_class(d_dif, se_d, p_class)
    else:
        ets = effects.graded_class(effect, sd, p_class)
    extra: dict[str, float] = (
        {"smd": effect / sd} if not dichotomous else {"odds_ratio": float(np.exp(mh.log_odds)) if mh else NAN}
    )
    df, df_error = 1, 0
    if method == "mh":
        statistic, naive = (mh.chi_square, mh.p_value) if mh else (plain.chi_square, plain.p_value)
        p = naive
        if robust_test is not None:
            statistic, p, df_error = robust_test.statistic, robust_test.p_value, robust_test.df
    elif method == "std":
        statistic = (effect / difference.se) ** 2 if difference.se > 0 else NAN
        p = naive = float(chdtrc(1, statistic))
        if robust_se is not None:
            statistic, p, df_error = robust_se.statistic, robust_se.p_value, robust_se.df
        ets = effects.standardised_class(effect / (n_categories - 1), p)
    else:
        students = (strata.level, g, x) if schools is not None else None
        fit = logistic_dif(counts, strata.value, difference.weight, students, schools)
        if fit is None:
            return None
        statistic, p, naive, df = fit.chi_square, fit.p_value, fit.p_value, 2
        effect, se = fit.effect, fit.se_effect
        if schools is not None:
            statistic, p, df_error = fit.cluster_statistic, fit.cluster_p_value, max(fit.cluster_df - 1, 0)
            se = fit.cluster_se_effect
        ets = effects.nagelkerke_class(fit.delta_r2, p)
        extra |= {
            "uniform_statistic": fit.uniform[0],
            "uniform_p_value": fit.uniform[1],
            "non_uniform_statistic": fit.non_uniform[0],
            "non_uniform_p_value": fit.non_uniform[1],
            "delta_r2": fit.delta_r2,
            "log_odds": fit.log_odds[0],
            "se_log_odds": fit.log_odds[1],
        }
    return ItemDif(n, statistic, p, df, df_error, naive, effect, se, ets, d_dif, se_d, np.array([effect]), extra)


def _schools(grouping: Grouping, strata: Strata) -> tuple[Index, Index] | None:
    if grouping.school is None or grouping.district is None:
        return None
    return grouping.school[strata.rows], grouping.district


def _many_groups(strata: Strata, x: Index, g: Index, grouping: Grouping, method: str) -> ItemDif | None:
    """An omnibus test of all groups, and each group against all others."""
    n_groups, n_categories = grouping.n_groups, int(x.max()) + 1
    counts = cell_counts(cells(strata.level, g, x, n_groups, n_categories), (len(strata.value), n_groups, n_categories))
    n = counts[(counts.sum(axis=2) > 0).sum(axis=1) > 1].sum(axis=(0, 2)).astype(np.int64)
    each: list[ItemDif | None] = []
    for k in range(n_groups):
        alone = Grouping(grouping.group, 2, grouping.over, grouping.school, grouping.district)
        each.append(_two_groups(strata, x, (g == k).astype(np.int64), alone, method) if n[k] else None)
    found = [e for e in each if e is not None]
    if not found:
        return None
    if method == "logistic":
        statistic, p, df = _logistic_omnibus(counts, strata.value)
    else:
        statistic, p, df = mantel.generalised_mantel(counts)
    naive, df_error = p, 0
    schools = _schools(grouping, strata)
    if schools is not None:
        statistic, p, df, df_error = _cluster_omnibus(counts, strata.level, g, x, *schools)
    group_effect = np.array([e.effect if e else NAN for e in each])
    worst = found[int(np.nanargmax([abs(e.effect) for e in found]))]
    classes = [e.ets_class for e in found if e.ets_class]
    ets = max(classes) if classes and np.isfinite(p) else ""
    if ets and p >= 0.05:
        ets = "A"
    return ItemDif(
        n,
        statistic,
        p,
        df,
        df_error,
        naive,
        worst.effect,
        worst.se,
        ets,
        worst.d_dif,
        worst.se_d_dif,
        group_effect,
        worst.extra,
    )


def _logistic_omnibus(counts: Array, value: Array) -> tuple[float, float, int]:
    """Likelihood ratio of all group main effects and interactions together."""
    n_groups = counts.shape[1]
    used = np.flatnonzero(counts.sum(axis=(0, 2)) > 0)
    cells = counts.reshape(-1, counts.shape[2])[:, counts.sum(axis=(0, 1)) > 0]
    by_stratum = counts.sum(axis=(1, 2))
    centre = by_stratum @ value / by_stratum.sum()
    spread = np.sqrt(by_stratum @ (value - centre) ** 2 / by_stratum.sum()) or 1.0
    z = np.repeat((value - centre) / spread, n_groups)
    member = np.tile(np.eye(n_groups), (len(value), 1))[:, used[1:]]
    filled = cells.sum(axis=1) > 0
    matched = fit_ordinal(z[filled, None], cells[filled])
    full = fit_ordinal(np.column_stack([z, member, member * z[:, None]])[filled], cells[filled])
    statistic = max(2 * (full.log_likelihood - matched.log_likelihood), 0.0)
    df = 2 * (len(used) - 1)
    return statistic, float(chdtrc(df, statistic)), df


def _cluster_omnibus(
    counts: Array, level: Index, g: Index, x: Index, school: Index, district: Index
) -> tuple[float, float, int, int]:
    """Hotelling's T² of the groups' deviations summed by school; refused with more restrictions than freedom."""
    n = np.maximum(counts.sum(axis=(1, 2)), 1)
    mean = counts.sum(axis=1) @ np.arange(counts.shape[2], dtype=float) / n
    share = counts.sum(axis=2) / n[:, None]
    used = np.flatnonzero(counts.sum(axis=(0, 2)) > 0)[1:]
    residual = x - mean[level]
    columns = [residual * ((g == k) - share[level, k]) for k in used]
    sums = np.stack([np.bincount(school, weights=c, minlength=len(district)) for c in columns], axis=1)
    seen = np.bincount(school, minlength=len(district)) > 0
    total, covariance, df = sums.sum(axis=0), np.zeros((len(used), len(used))), 0
    for d in np.unique(district[seen]):
        part = sums[seen & (district == d)]
        if len(part) < 2:
            return NAN, NAN, len(used), 0
        centred = part - part.mean(axis=0)
        covariance += centred.T @ centred * len(part) / (len(part) - 1)
        df += len(part) - 1
    q = len(used)
    if df <= q:
        return NAN, NAN, q, 0
    f = float(total @ np.linalg.pinv(covariance, rcond=1e-10) @ total) * (df - q + 1) / (df * q)
    return f, float(fdtrc(q, df - q + 1, f)), q, df - q + 1


@dataclass(frozen=True)
class Purified:
    """DIF of all items after purification.

    Attributes:
        results: (J,) ItemDif or None.
        excluded: items left out of the matching score of the others, at the end.
        rounds: passes over the items; 1 without purification.
        settled: the excluded items equal those flagged with them left out.
    """

    results: tuple[ItemDif | None, ...]
    excluded: tuple[int, ...]
    rounds: int
    settled: bool


def purified_dif(
    score: MatchingScore,
    items: Index,
    grouping: Grouping,
    method: str = "mh",
    purify: str = "class",
    max_rounds: int = 10,
    min_items: int = 4,
) -> Purified:
    """DIF of some items, with flagged items taken out of the matching score of the others until nothing changes.

    Flagged: class B or C ("class"), or p < .05 ("p_value"); "no" matches on all. If the rounds run into a cycle or
    their bound, or fewer than `min_items` (or half of the items) would be left, it stops with the last set it used
    and says so in `settled`: the same data always give the same answer.

    Source: Lord (1980); Holland & Thayer (1988); Candell & Drasgow (1988).
    """
    all_items = score.matching.items
    excluded: tuple[int, ...] = ()
    tried: set[tuple[int, ...]] = set()
    for round_number in range(1, max_rounds + 1):
        keep = np.setdiff1d(all_items, np.array(excluded, dtype=np.int64))
        current = MatchingScore(replace(score.matching, items=keep)) if excluded else score
        # each item by itself: numpy lets go of the interpreter, so two threads halve the time
        one = partial(item_dif, current, grouping=grouping, method=method)
        with ThreadPoolExecutor(_THREADS) as pool:
            results = tuple(pool.map(one, [int(j) for j in items]))
        flagged = tuple(int(j) for j, r in zip(items, results, strict=True) if r is not None and _flagged(r, purify))
        flagged = tuple(j for j in flagged if j in set(all_items.tolist()))
        tried.add(excluded)
        if purify == "no" or flagged == excluded:
            return Purified(results, excluded, round_number, True)
        left = len(all_items) - len(flagged)
        if flagged in tried or left < max(min_items, len(all_items) / 2) or round_number == max_rounds:
            break
        excluded = flagged
    return Purified(results, excluded, round_number, False)


def _flagged(result: ItemDif, purify: str) -> bool:
    return result.p_value < 0.05 if purify == "p_value" else result.ets_class in ("B", "C")
