"""Who chooses which option: shares, option-rest correlations, choice curves, and the search for wrong keys."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class OptionStatistics:
    """Options of one item.

    Attributes:
        n: (O,) students who chose each option.
        share: (O,) of all who were given the item and did not leave it unreached.
        option_rest: (O,) point-biserial correlation of choosing the option with the rest score.
        rest_mean: (O,) mean rest score of those who chose it.
        curve: (O, G) share choosing each option in each group of rest scores, lowest first.
        group_n: (G,) students in each group.
    """

    n: NDArray[np.int64]
    share: Array
    option_rest: Array
    rest_mean: Array
    curve: Array
    group_n: NDArray[np.int64]


def score_groups(rest: Array, n_groups: int) -> Codes:
    """(N,) group 0..n_groups-1 by rank of the rest score, equal scores together; -1 where it is missing.

    Groups are cut at the quantiles; with few distinct scores some groups stay empty rather than split equals.
    """
    seen = np.isfinite(rest)
    groups = np.full(rest.shape, -1, dtype=np.int64)
    if not seen.any():
        return groups
    _, inverse, counts = np.unique(rest[seen], return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / counts.sum()
    groups[seen] = np.minimum((middle * n_groups).astype(np.int64), n_groups - 1)[inverse]
    return groups


def option_statistics(choice: Codes, rest: Array, n_options: int, n_groups: int = 5) -> OptionStatistics:
    """Statistics of the options of one item.

    Args:
        choice: (N,) option 0..n_options-1, or -1 where the item was not put to the student or not reached.
        rest: (N,) rest scores, NaN where there is none.
        n_options: O, an omission counting as an option of its own.
        n_groups: G, groups of the choice curves.
    """
    use = (choice >= 0) & np.isfinite(rest)
    c, r = choice[use], rest[use]
    total = len(c)
    n = np.bincount(choice[choice >= 0], minlength=n_options)
    counted = np.bincount(c, minlength=n_options)
    centred = r - r.mean() if total else r
    sums = np.bincount(c, weights=centred, minlength=n_options)
    spread = float(centred @ centred)
    p = counted / max(total, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        option_rest = np.where(
            (spread > 1e-12 * max(total, 1)) & (p > 0) & (p < 1),
            sums / np.sqrt(np.maximum(spread, 1e-300) * total * p * (1 - p)),
            np.nan,
        )
        rest_mean = sums / counted + (r.mean() if total else 0.0)
    groups = score_groups(r, n_groups)
    table = np.bincount(c * n_groups + groups, minlength=n_options * n_groups).reshape(n_options, n_groups)
    group_n = table.sum(axis=0)
    with np.errstate(invalid="ignore"):
        curve = np.where(group_n > 0, table / np.maximum(group_n, 1), np.nan)
    return OptionStatistics(n, n / max(int(n.sum()), 1), option_rest, rest_mean, curve, group_n)


@dataclass(frozen=True)
class BetterKey:
    """An option that behaves like a key where the key does not.

    Attributes:
        option: the option's code.
        difference: its correlation with the rest score minus the key's.
        p_value: one-sided, of no difference.
    """

    option: int
    difference: float
    p_value: float


def better_key(
    choice: Codes, rest: Array, key: int, n_options: int, min_share: float = 0.05, level: float = 0.05
) -> BetterKey | None:
    """The option that is probably the key, if another than the key is.

    It must be chosen by `min_share` of the students at least, and choosing it must correlate with the rest score
    positively and more than choosing the key does, by a difference that is clear at `level`. The difference of the
    two point-biserial correlations is the mean of (e_option/s_option - e_key/s_key) times the standardised rest score,
    with e the centred indicators, and its standard error is that mean's.

    Args:
        choice: (N,) options; -1 not given or not reached; an omission may have a code at or above `n_options`.
        rest: (N,) rest scores.
        key: code of the key, below `n_options`.
        n_options: number of real options.
    """
    use = (choice >= 0) & np.isfinite(rest)
    c, r = choice[use], rest[use]
    n = len(c)
    if n < 10 or np.ptp(r) == 0:
        return None
    z = (r - r.mean()) / r.std()
    keyed = _standardised(c == key) * z
    found: BetterKey | None = None
    best = max(float(keyed.mean()), 0.0)
    for option in range(n_options):
        chosen = c == option
        if option == key or chosen.mean() < min_share:
            continue
        products = _standardised(chosen) * z
        if products.mean() <= best:
            continue
        difference = products - keyed
        p = float(ndtr(-difference.mean() / (difference.std(ddof=1) / np.sqrt(n))))
        if p < level:
            best = float(products.mean())
            found = BetterKey(option, float(difference.mean()), p)
    return found


def _standardised(indicator: NDArray[np.bool_]) -> Array:
    e = indicator - indicator.mean()
    spread = e.std()
    return e / spread if spread > 0 else e
