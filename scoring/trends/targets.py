"""What a series of an indicator says: change, progress toward targets, a dip or a flattening, a rate that misleads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from scoring.irt.distributions import normal_quantile

#: Without a standard error, changes of this many points and less are not spoken of as changes.
LEAST = 2.0
#: A rise that falls below this share of its earlier pace counts as flattened.
FLAT = 0.25
PLACE = ("indicator", "district", "school", "subgroup")


@dataclass(frozen=True)
class Change:
    """A change between two periods.

    Attributes:
        size: second minus first, in the indicator's unit.
        se: of the change; NaN when not known.
        low, high: 95 % interval; NaN without a standard error.
        clear: whether it can be told from none: the interval excludes 0, or without an error more than `LEAST`.
    """

    size: float
    se: float
    low: float
    high: float
    clear: bool


def change(first: float, second: float, se_first: float, se_second: float, linking: float = 0.0) -> Change:
    """The change between two periods, with the link's own error.

    Args:
        first, second: values. se_first, se_second: standard errors, NaN where not known.
        linking: standard error of the link between the two periods, in the same unit.
    """
    size = second - first
    variance = se_first**2 + se_second**2 + linking**2
    if not np.isfinite(variance):
        return Change(size, np.nan, np.nan, np.nan, abs(size) > LEAST)
    se = float(np.sqrt(variance))
    half = float(normal_quantile(0.975)) * se
    return Change(size, se, size - half, size + half, bool(abs(size) > half))


def alerts(values: pd.DataFrame, better: Mapping[str, str]) -> pd.DataFrame:
    """Where a series dipped in its last period, or flattened after rising.

    Args:
        values: columns indicator, district, school, subgroup, period, value, se (NaN where not known).
        better: indicator -> "higher" or "lower".

    Returns:
        One row per alert: indicator, district, school, subgroup, kind ("dip", "flattening"), before (period), period,
        first, last, change, low, high, known_error. A dip is a clear change for the worse between the last two
        periods. A flattening needs three periods: a clear gain up to the one before the last, and a last step of less
        than a quarter of the mean step before that is no dip.
    """
    rows: list[dict[str, Any]] = []
    for place, part in values.groupby(list(PLACE), sort=False):
        part = part.sort_values("period", kind="stable")
        x, se = part["value"].to_numpy(dtype=float), part["se"].to_numpy(dtype=float)
        periods = part["period"].astype(str).tolist()
        if x.size < 2:
            continue
        sign = -1.0 if better.get(str(place[0]), "higher") == "lower" else 1.0
        last = change(x[-2], x[-1], se[-2], se[-1])
        kind = "dip" if last.clear and sign * last.size < 0 else ""
        if not kind and x.size >= 3:
            before = change(x[0], x[-2], se[0], se[-2])
            pace = sign * before.size / (x.size - 2)
            if before.clear and pace > 0 and sign * last.size < FLAT * pace:
                kind = "flattening"
        if kind:
            rows.append(
                dict(zip(PLACE, place, strict=True))
                | {"kind": kind, "before": periods[-2], "period": periods[-1], "first": x[-2], "last": x[-1],
                   "change": last.size, "low": last.low, "high": last.high, "known_error": np.isfinite(last.se)}
            )  # fmt: skip
    names = [*PLACE, "kind", "before", "period", "first", "last", "change", "low", "high", "known_error"]
    return pd.DataFrame(rows, columns=names)


def progress(values: pd.DataFrame, targets: pd.DataFrame, better: Mapping[str, str]) -> pd.DataFrame:
    """Each target beside where its indicator stands.

    Args:
        values: as in `alerts`. targets: columns indicator, district, school, subgroup, period, value, reason.
        better: indicator -> "higher" or "lower".

    Returns:
        One row per target: its columns (value as target), latest (period), value, se, low, high, gap (value minus
        target, positive: better), state: "reached", "not reached", "too close to tell" once the period is there (with
        an error: by the 95 % interval), "on the way" or "behind" before it: whether the pace from the first value
        on, kept up, would arrive in time; "no value yet".
    """
    rows: list[dict[str, Any]] = []
    for t in targets.to_dict("records"):
        here = np.logical_and.reduce([values[c] == t[c] for c in PLACE]) if len(values) else np.zeros(0, dtype=bool)
        part = values[here].sort_values("period", kind="stable")
        part = part[part["period"].astype(str) <= str(t["period"])]
        sign = -1.0 if better.get(str(t["indicator"]), "higher") == "lower" else 1.0
        row = {**t, "target": float(t["value"])}
        if not len(part):
            rows.append({**row, "latest": "", "value": np.nan, "se": np.nan, "low": np.nan, "high": np.nan,
                         "gap": np.nan, "state": "no value yet"})  # fmt: skip
            continue
        value, se = float(part["value"].iloc[-1]), float(part["se"].iloc[-1])
        latest = str(part["period"].iloc[-1])
        half = float(normal_quantile(0.975)) * se
        gap = sign * (value - row["target"])
        if latest == str(t["period"]):
            state = "reached" if gap >= 0 else "not reached"
            if np.isfinite(half) and abs(gap) < half:
                state = "too close to tell"
        else:
            state = _pace(part, str(t["period"]), row["target"], sign)
        rows.append(
            {**row, "latest": latest, "value": value, "se": se, "low": value - half, "high": value + half,
             "gap": gap, "state": state}
        )  # fmt: skip
    names = [*PLACE, "period", "target", "reason", "latest", "value", "se", "low", "high", "gap", "state"]
    return pd.DataFrame(rows, columns=names)


def moment(period: str) -> float:
    """A period as years, for pace: "2008-09" is a school year (its second half is next year), "2026-10" a month."""
    parts = [int(p) for p in period.split("-")]
    if len(parts) == 1 or (len(parts) == 2 and parts[1] == (parts[0] + 1) % 100):
        return float(parts[0])
    return parts[0] + (parts[1] - 1) / 12 + ((parts[2] - 1) / 365 if len(parts) > 2 else 0.0)


def _pace(part: pd.DataFrame, period: str, target: float, sign: float) -> str:
    """Whether the pace so far would arrive; reached already counts as on the way."""
    x = part["value"].to_numpy(dtype=float)
    when = [moment(str(p)) for p in part["period"]]
    if sign * (x[-1] - target) >= 0:
        return "on the way"
    if x.size < 2 or when[-1] <= when[0]:
        return "behind"
    slope = (x[-1] - x[0]) / (when[-1] - when[0])
    return "on the way" if sign * (x[-1] + slope * (moment(period) - when[-1]) - target) >= 0 else "behind"


@dataclass(frozen=True)
class OfAll:
    """A rate among those who take part beside the rate of all, between the first and the last period.

    Attributes:
        district, first, last: where, and the periods.
        rate, share, of_all: (first, last) of those who take part; of how many take part; of all.
        sentence: what follows.
    """

    district: str
    first: str
    last: str
    rate: tuple[float, float]
    share: tuple[float, float]
    of_all: tuple[float, float]
    sentence: str


def of_all(district: str, periods: Sequence[str], rate: Sequence[float], of_everybody: Sequence[float]) -> OfAll:
    """Read a rate of those enrolled together with the rate of all.

    Args:
        district: its name. periods: in order.
        rate: of those enrolled, in percent. of_everybody: of all students, in percent.

    A rise among those enrolled counts as growth when the rate of all rose by more than `LEAST` points too.
    """
    r0, r1, a0, a1 = float(rate[0]), float(rate[-1]), float(of_everybody[0]), float(of_everybody[-1])
    s0, s1 = (100 * a0 / r0 if r0 else 0.0), (100 * a1 / r1 if r1 else 0.0)
    told = (
        f"{district}, {periods[0]} to {periods[-1]}: {r0:.0f} → {r1:.0f} of 100 of those enrolled, "
        f"{a0:.1f} → {a1:.1f} of 100 of all. "
    )
    fewer, more = s1 < s0 - LEAST, s1 > s0 + LEAST
    if r1 > r0 and fewer and a1 - a0 <= LEAST:
        told += "A rising rate among fewer enrolled students is not growth."
    elif r1 > r0 and fewer:
        told += "The rate of those enrolled rose partly because fewer were enrolled; of all, it rose less."
    elif a1 - a0 > LEAST and more and r1 - r0 <= LEAST:
        told += "The rate of those enrolled hardly moved, yet more of all students succeed, because more are enrolled."
    elif r1 < r0 and more and a1 >= a0:
        told += "The rate of those enrolled fell while more were enrolled; of all students, no fewer succeed."
    elif a1 - a0 > LEAST:
        told += "More of all students succeed."
    elif a1 - a0 < -LEAST:
        told += "Fewer of all students succeed."
    else:
        told += "Of all students, about as many succeed as before."
    return OfAll(district, str(periods[0]), str(periods[-1]), (r0, r1), (s0, s1), (a0, a1), told)
