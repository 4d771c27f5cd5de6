"""From an estimate, its draws and its replicates to a standard error by source, degrees of freedom and an interval.

Two questions, two modes (docs/methods/comparison.md). "schools": how would the result vary over schools like these?
Delete one school within its district; measurement error is inside already. "students": how sure are we about these very
students? Between-imputation variance only (Rubin 1987; Barnard & Rubin 1999).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.irt.distributions import student_above, student_quantile

Array = NDArray[np.float64]

#: Below either of these in a group there is no interval; below either, or 4 items, no mastery.
FEWEST_SCHOOLS, FEWEST_STUDENTS, FEWEST_ITEMS = 5, 30, 4
#: Satterthwaite's degrees of freedom when one district's variance is more than this many times the other's.
UNEQUAL_VARIANCES = 2.0


@dataclass(frozen=True)
class Uncertainty:
    """Standard error by source of one estimate.

    Attributes:
        total: standard error, NaN when it cannot be given.
        sampling: of the sampling of schools, from the jackknife; measurement is inside. 0 in "students" mode.
        measurement: between-imputation, √(1 + 1/M)B: a share of `sampling` in "schools" mode, the whole in "students".
        imputation: √(B/M), the part of `measurement` that more draws would remove.
        linking: of the scale's link to an earlier one; 0 within one calibration.
        measurement_share: measurement² / total².
        df: degrees of freedom of t.
    """

    total: float
    sampling: float
    measurement: float
    imputation: float
    linking: float
    measurement_share: float
    df: float

    def interval(self, estimate: float, level: float = 0.95) -> tuple[float, float]:
        """Two-sided interval; NaN without a standard error."""
        if not np.isfinite(self.total) or self.df <= 0:
            return float("nan"), float("nan")
        half = float(student_quantile(0.5 + level / 2, self.df)) * self.total
        return estimate - half, estimate + half

    def p_value(self, estimate: float) -> float:
        """Two-sided p of "no difference"."""
        if not np.isfinite(self.total) or self.total <= 0 or self.df <= 0:
            return float("nan")
        return float(2 * student_above(abs(estimate) / self.total, self.df))


def jackknife_variance(without: Array, stratum: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
    """Variance by stratum, (D,), factor (S_d - 1)/S_d, and the schools that matter in each, (D,).

    Args:
        without: (S,) the statistic without each school.
        stratum: (S,) district of each school.
    """
    n = int(stratum.max()) + 1
    variance, schools = np.zeros(n), np.zeros(n, dtype=np.int64)
    for d in range(n):
        mine = without[stratum == d]
        if mine.size < 2:
            variance[d] = np.nan if mine.size and not np.isfinite(mine).all() else 0.0
            schools[d] = mine.size
            continue
        variance[d] = (mine.size - 1) / mine.size * float(((mine - mine.mean()) ** 2).sum())
        schools[d] = mine.size
    return variance, schools


def schools_mode(
    without: Array,
    stratum: NDArray[np.int64],
    concerned: NDArray[np.bool_],
    draws: Array,
    linking_variance: float = 0.0,
) -> Uncertainty:
    """Uncertainty about "schools like these".

    Args:
        without: (S,) the statistic without each school.
        stratum: (S,) district.
        concerned: (S,) schools with students of one of the groups; the others only move it through shared parameters
            and bring no degrees of freedom.
        draws: (M,) the statistic from each draw.
        linking_variance: variance of the link, in squared units of the statistic.
    """
    variance, _ = jackknife_variance(without, stratum)
    counted = np.array([int((concerned & (stratum == d)).sum()) for d in range(variance.size)])
    own = counted >= 2
    sampling = float(variance.sum())
    free = counted[own] - 1
    df = float(free.sum())
    parts = variance[own]
    if own.sum() >= 2 and parts.min() >= 0 and parts.max() > UNEQUAL_VARIANCES * max(parts.min(), 1e-300):
        df = float(parts.sum() ** 2 / (parts**2 / free).sum())
    between = float(np.var(draws, ddof=1)) if draws.size > 1 else 0.0
    measurement = (1 + 1 / max(draws.size, 1)) * between
    total = sampling + linking_variance
    return Uncertainty(
        total=float(np.sqrt(total)),
        sampling=float(np.sqrt(sampling)),
        measurement=float(np.sqrt(measurement)),
        imputation=float(np.sqrt(between / max(draws.size, 1))),
        linking=float(np.sqrt(linking_variance)),
        measurement_share=min(measurement / total, 1.0) if total > 0 else float("nan"),
        df=df if total > 0 else 0.0,
    )


def students_mode(draws: Array, linking_variance: float = 0.0) -> Uncertainty:
    """Uncertainty about "these students": (1 + 1/M)B plus linking.

    Nobody was sampled, so the complete data leave no doubt and have no finite degrees of freedom: with that Barnard &
    Rubin's formula is (M - 1)/λ², λ the share of the imputation in the total.
    """
    m = draws.size
    between = float(np.var(draws, ddof=1))
    imputation = (1 + 1 / m) * between
    total = imputation + linking_variance
    share = imputation / total if total > 0 else float("nan")
    return Uncertainty(
        total=float(np.sqrt(total)),
        sampling=0.0,
        measurement=float(np.sqrt(imputation)),
        imputation=float(np.sqrt(between / m)),
        linking=float(np.sqrt(linking_variance)),
        measurement_share=share,
        df=(m - 1) / share**2 if total > 0 and share > 0 else 0.0,
    )
