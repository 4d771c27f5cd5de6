"""What of a meeting may leave the room: whole districts, whole percents, nothing beside a hidden or coded number."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from scoring.comparison.disclosing import Disclosure
from scoring.groups.coding import SHOWN, code
from scoring.groups.suppression import MINIMUM
from scoring.report.editions import about
from scoring.runs.releasing_indicators import populations, protect
from scoring.runs.trending import Occasion, readings
from scoring.trends import targets
from scoring.trends.cohorts import EVERYBODY

_PERIOD = ["indicator", "district", "period"]
_GROUP = ["district", "subgroup", "period"]


def public_action(action: dict[str, Any], hidden: set[str] | frozenset[str] = frozenset()) -> dict[str, Any]:
    """An action without what was said for the room only, nor numbers of an indicator that is in `hidden`."""
    said = [u for u in action["updates"] if not u["internal"]]
    gone = str(action.get("subject", "")).removeprefix("indicator:") in hidden
    return {**action, "note": "", "updates": said, "since": [] if gone else action["since"]}


def stayers(changes: pd.DataFrame, districts: set[str]) -> dict[str, dict[str, pd.DataFrame]]:
    """Those who sat two administrations, as a group of the students of each: what a packet tells of them.

    Beside the district they leave those who came or left, often few, so that both are protected together.

    Args:
        changes: as `trending.changes`. districts: names of the whole districts.

    Returns:
        Administration -> name -> table, index district, scored, "also OTHER", concept; n, percent (unrounded).
    """
    out: dict[str, dict[str, pd.DataFrame]] = {}
    if not len(changes):
        return out
    part = changes[(changes["kind"] == "cohort") & changes["group"].isin(districts) & changes["students"].notna()]
    for (first, second), rows in part.groupby(["first", "second"], sort=False):
        carried = rows["bar"].astype(str).str.contains("carried")  # the share above another bar than the district's
        for here, other, rate in ((first, second, "rate_1"), (second, first, "rate_2")):
            moved = carried & (rate == "rate_2")
            concept = rows["concept"].astype(str) + moved.map({True: f", at the bar of {first}", False: ""})
            index = pd.MultiIndex.from_arrays(
                [rows["group"].astype(str), ["yes"] * len(rows), ["yes"] * len(rows), concept],
                names=["district", "scored", f"also {other}", "concept"],
            )
            table = pd.DataFrame({"n": rows["students"].astype(int).to_numpy(),
                                  "percent": 100 * rows[rate].to_numpy(dtype=float)}, index=index)  # fmt: skip
            out.setdefault(str(here), {})[f"also {other}"] = table
    return out


def told_stayers(tables: Mapping[str, pd.DataFrame]) -> dict[tuple[str, str, str], bool]:
    """(other administration, district, concept) -> whether size and percentage of `stayers` are shown as they are."""
    out = {}
    for name, table in tables.items():
        if name.startswith("also "):
            for (district, _, _, concept), n, percent in zip(table.index, table["n"], table["percent"], strict=True):
                key = (name.removeprefix("also "), str(district), str(concept).partition(", at the bar of ")[0])
                out[key] = str(n).isdigit() and str(percent).isdigit()
    return out


def public_changes(
    changes: pd.DataFrame,
    districts: set[str],
    held: Sequence[Occasion] = (),
    told: Mapping[str, Mapping[tuple[str, str, str], bool]] | None = None,
) -> pd.DataFrame:
    """Changes for a public edition, in whole percents; nothing of a change whose share is coded or hidden at an end.

    A share at an end is published as a bound (`groups.coding.code`) or not at all; the other share, the change or its
    range would narrow it, so that the whole row goes. Charts are drawn from this table, so that the place of a mark
    is no sharper than what is printed.

    Args:
        changes: as `trending.changes`.
        districts: names of the whole districts; other groups are left out.
        held: administrations in their public editions; what they hide is not shown by its change either.
        told: administration -> `told_stayers` of its public edition; a cohort that is hidden at either time is left
            out. None where the cohorts were not protected with the administrations.
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
    if told is not None:
        ends |= pd.Series(
            [r.kind == "cohort" and not (
                told.get(str(r.first), {}).get((str(r.second), str(r.group), str(r.concept)), False)
                and told.get(str(r.second), {}).get((str(r.first), str(r.group), str(r.concept)), False))
             for r in part.itertuples()], index=part.index, dtype=bool,
        )  # fmt: skip
    return _rounded(_counted(part[~ends].reset_index(drop=True), held))


def _counted(part: pd.DataFrame, held: Sequence[Occasion]) -> pd.DataFrame:
    """Without what is said of everybody where that is another number than the page gives: a few would be between."""
    known = {
        (o.code, str(r.group), float(n))
        for o in held for r in o.analysis.participation.itertuples() for n in (r.students, r.scored) if n == n
    }  # fmt: skip
    other = [(str(r.first), str(r.group), float(r.everybody)) not in known for r in part.itertuples()]
    return part.assign(**{c: part[c].mask(np.array(other, dtype=bool)) for c in EVERYBODY if c in part})


def _rounded(part: pd.DataFrame) -> pd.DataFrame:
    """Every number to hundredths; a change is that of the shares as they are printed."""
    out = part.copy()
    for name in out.columns:
        if pd.api.types.is_float_dtype(out[name]) and name not in ("students", "everybody"):
            out[name] = out[name].round(2)
    for change, first, second, low, high in (
        ("change", "rate_1", "rate_2", "low", "high"),
        ("everybody_change", "everybody_1", "everybody_2", "everybody_low", "everybody_high"),
    ):
        out[change] = (out[second] - out[first]).round(2)
        out[low], out[high] = about(out[change], part[change], part[low], part[high])
    clear = {"rose": ("low", 1.0), "fell": ("high", -1.0)}
    for verdict, (end, sign) in clear.items():  # what is clear stays clear: that much the verdict says
        here = out["verdict"] == verdict
        out.loc[here, end] = sign * (sign * out.loc[here, end]).clip(lower=0.0)
    return out


def public_indicators(
    tables: Mapping[str, pd.DataFrame], names: dict[str, str], told: Mapping[str, Disclosure] | None = None
) -> dict[str, pd.DataFrame]:
    """The tables of indicators for a public edition, targets and alerts made again from the values that stay.

    Percentages of groups of known size are whole percents that disclosure control lets through; `withheld_values`
    says what is not even asked for. A derived value goes with any other hidden value of the same group. Values without
    a known size stand as their source published them.

    Args:
        tables: of `trending.indicator_tables`. names: district's code -> name.
        told: of `releasing_indicators.edition`; without it, protected as if nothing had been public before.
    """
    definitions, goals = tables["definitions"], tables["targets"]
    values, percent, gone = withheld_values(tables)
    goals = goals[goals["school"] == ""]
    if told is None:
        told = protect(populations(values, percent, gone))
    shown: dict[tuple[str, ...], float] = {}
    for name, disclosed in told.items():
        table = disclosed.tables["values"]
        for (district, subgroup, indicator), n, text in zip(table.index, table["n"], table["percent"], strict=True):
            if str(n).isdigit() and str(text).isdigit():
                shown[str(indicator), str(district), str(subgroup), name.rpartition(" ")[0]] = float(text)
    protected = (percent & values["n"].gt(0)).to_numpy()
    keys = [tuple(map(str, k)) for k in values[["indicator", *_GROUP]].to_numpy()]
    hidden = gone.to_numpy() | (protected & np.array([k not in shown for k in keys], dtype=bool))
    places = pd.MultiIndex.from_frame(values[_GROUP])
    hidden |= values["derived"].to_numpy(dtype=bool) & places.isin(places[hidden])
    values = values.assign(value=[shown.get(k, v) if p else v
                                  for k, v, p in zip(keys, values["value"], protected, strict=True)])  # fmt: skip
    kept = values[~hidden].reset_index(drop=True)
    better = {str(k): str(v) for k, v in definitions["better"].items()}
    return {
        **tables,
        "values": kept,
        "targets": targets.progress(kept, goals.assign(value=goals["target"]), better),
        "alerts": targets.alerts(kept, better),
        "reading": readings(definitions, kept, names),
    }


def withheld_values(tables: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, "pd.Series[bool]", "pd.Series[bool]"]:
    """Values of whole districts and their groups; which are percentages; and which are published in no case.

    A group's value goes when it has fewer than 11 students or a percentage that would be a code. All groups' values
    of that indicator, district and period go with it (the district's own stays), since nothing says which groups
    divide a district; so does a group that is all but a few of its district.
    """
    values, definitions = tables["values"], tables["definitions"]
    values = values[values["school"] == ""].reset_index(drop=True)
    percent = values["indicator"].map(definitions["unit"]).eq("percent")
    sizes = values["n"].to_numpy(dtype=float)
    ends = np.array(
        [bool(p) and n >= MINIMUM and code(int(n), float(v))[0] != SHOWN
         for p, n, v in zip(percent, sizes, values["value"], strict=True)], dtype=bool,
    )  # fmt: skip
    whole = values[values["subgroup"] == "all"].set_index(_PERIOD)["n"]
    rest = np.array([float(whole.get(tuple(k), np.nan)) for k in values[_PERIOD].to_numpy()], dtype=float) - sizes
    group = (values["subgroup"] != "all").to_numpy()
    gone = (sizes < MINIMUM) | ends | (group & (rest > 0) & (rest < MINIMUM))
    keys = pd.MultiIndex.from_frame(values[_PERIOD])
    gone |= group & keys.isin(keys[gone])  # no group beside a hidden one, and none beside a hidden whole
    return values, percent, pd.Series(gone, index=values.index)
