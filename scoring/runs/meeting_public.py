"""What of a meeting may leave the room: whole districts, whole percents, nothing beside a hidden or coded number."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from scoring.groups.coding import SHOWN, code
from scoring.groups.suppression import MINIMUM
from scoring.runs.trending import Occasion, readings
from scoring.trends import targets

_PERIOD = ["indicator", "district", "period"]
_GROUP = ["district", "subgroup", "period"]


def public_action(action: dict[str, Any], hidden: set[str] | frozenset[str] = frozenset()) -> dict[str, Any]:
    """An action without what was said for the room only, nor numbers of an indicator that is in `hidden`."""
    said = [u for u in action["updates"] if not u["internal"]]
    gone = str(action.get("subject", "")).removeprefix("indicator:") in hidden
    return {**action, "note": "", "updates": said, "since": [] if gone else action["since"]}


def public_changes(changes: pd.DataFrame, districts: set[str], held: Sequence[Occasion] = ()) -> pd.DataFrame:
    """Changes for a public edition, in whole percents; nothing of a change whose share is coded or hidden at an end.

    A share at an end is published as a bound (`groups.coding.code`) or not at all; the other share, the change or its
    range would narrow it, so that the whole row goes. Charts are drawn from this table, so that the place of a mark
    is no sharper than what is printed.

    Args:
        changes: as `trending.changes`.
        districts: names of the whole districts; other groups are left out.
        held: administrations in their public editions; what they hide is not shown by its change either.
    """
    if not len(changes):
        return changes
    part = changes[changes["group"].isin(districts)]
    hidden = {
        (o.code, str(r.concept), str(r.group)) for o in held for r in o.analysis.mastery.itertuples() if not r.shown
    }
    ends = pd.Series(
        [not hidden.isdisjoint({(str(t), str(r.concept), str(r.group)) for t in (r.first, r.second)})
         for r in part.itertuples()], index=part.index, dtype=bool,
    )  # fmt: skip
    for first, second, size in (("rate_1", "rate_2", "students"), ("everybody_1", "everybody_2", "everybody")):
        for name in (first, second):
            known = part[name].notna() & part[size].notna()
            ends |= known & pd.Series(
                [bool(k) and code(int(n), 100 * float(r))[0] != SHOWN
                 for k, n, r in zip(known, part[size], part[name], strict=True)], index=part.index,
            )  # fmt: skip
    return _rounded(part[~ends].reset_index(drop=True))


def _rounded(part: pd.DataFrame) -> pd.DataFrame:
    """Every number to hundredths; a change is that of the shares as they are printed."""
    out = part.copy()
    for name in out.columns:
        if pd.api.types.is_float_dtype(out[name]) and name not in ("students", "everybody"):
            out[name] = out[name].round(2)
    for change, first, second in (("change", "rate_1", "rate_2"), ("everybody_change", "everybody_1", "everybody_2")):
        out[change] = (out[second] - out[first]).round(2)
    return out


def public_indicators(tables: Mapping[str, pd.DataFrame], names: dict[str, str]) -> dict[str, pd.DataFrame]:
    """The tables of indicators for a public edition, targets and alerts made again from the values that stay.

    Values of whole districts and of groups of at least 11 whose percentage is no code. Where a group's value goes,
    all groups' values of that indicator, district and period go with it (the district's own stays), and so does a
    group that is all but a few of its district: the rest could be found by subtraction. A derived value goes with
    any other hidden value of the same group. Values without a known size stand as their source published them.

    Args:
        tables: of `trending.indicator_tables`. names: district's code -> name.
    """
    values, definitions = tables["values"], tables["definitions"]
    goals = tables["targets"]
    values, goals = values[values["school"] == ""], goals[goals["school"] == ""]
    percent = values["indicator"].map(definitions["unit"]).eq("percent")
    sizes = values["n"].to_numpy(dtype=float)
    small = sizes < MINIMUM
    ends = np.array(
        [bool(p) and n >= MINIMUM and code(int(n), float(v))[0] != SHOWN
         for p, n, v in zip(percent, sizes, values["value"], strict=True)], dtype=bool,
    )  # fmt: skip
    whole = values[values["subgroup"] == "all"].set_index(_PERIOD)["n"]
    rest = np.array([float(whole.get(tuple(k), np.nan)) for k in values[_PERIOD].to_numpy()], dtype=float) - sizes
    group = (values["subgroup"] != "all").to_numpy()
    gone = small | ends | (group & (rest > 0) & (rest < MINIMUM))
    keys = pd.MultiIndex.from_frame(values[_PERIOD])
    gone |= group & keys.isin(keys[gone])  # no group beside a hidden one, and none beside a hidden whole
    places = pd.MultiIndex.from_frame(values[_GROUP])
    gone |= values["derived"].to_numpy(dtype=bool) & places.isin(places[gone])
    kept = values[~gone].reset_index(drop=True)
    better = {str(k): str(v) for k, v in definitions["better"].items()}
    return {
        **tables,
        "values": kept,
        "targets": targets.progress(kept, goals.assign(value=goals["target"]), better),
        "alerts": targets.alerts(kept, better),
        "reading": readings(definitions, kept, names),
    }
