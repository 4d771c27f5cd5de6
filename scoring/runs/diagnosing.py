"""Diagnostics of an administration in the bank, and what the districts decided about items that work differently."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

import scoring
from itembank.errors import UsageFault
from scoring import bank
from scoring.runs import calibrating
from scoring.runs.inputs import answers_with_blanks, decided, options_of

__all__ = ["ACTIONS", "Sitting", "classical_of", "decided", "dif_of", "newest_fit", "sitting"]

#: What the districts can decide about an item that works differently.
ACTIONS = {
    "keep": "kept as it is, for the reason given",
    "separate": "its own parameters in each district",
    "leave-out": "left out of the comparison",
    "retire": "retired after this administration",
    "revise": "revised before it is used again",
}


@dataclass(frozen=True)
class Sitting:
    """An administration as diagnostics take it.

    Attributes:
        data: `BankResponses`. scored: (N, J) scores of the items that tell students apart.
        groups: district of each sitting, or None with one district. clusters: schools, or None.
        concepts: item -> primary concept.
    """

    data: Any
    scored: pd.DataFrame
    groups: pd.Series | None
    clusters: pd.Series | None
    concepts: dict[str, str]


def sitting(session: Any, administration: str = "") -> Sitting:
    """Read an administration for diagnostics."""
    data = bank.scored_responses(session, administration)
    scored, _ = calibrating.informative(data.frame())
    _, district = calibrating.populations(session, data)
    schools = data.persons["school"].astype("str") if data.persons["school"].notna().all() else None
    return Sitting(data, scored, district, schools, {i: data.concepts[i] for i in scored.columns})


def newest_fit(session: Any, data: Any, calibration: int | None = None) -> tuple[int, Any]:
    """Number and fit of a calibration: the named one, or the administration's newest."""
    run = bank.run_of(session, calibration, "calibrate", data.administration.code)
    return int(run.id or 0), calibrating.stored_fit(session, run)


def classical_of(session: Any, given: Sitting) -> Any:
    """Item analysis with options and a check of the keys."""
    options = options_of(session, given.data)
    choice = [i for i in given.scored.columns if given.data.items.at[i, "type"] == "choice"]
    keyed = options[options["is_key"] & options["item"].isin(choice)]
    key = keyed.groupby("item")["option"].agg(list).to_dict()
    raw = answers_with_blanks(given.data)[list(given.scored.columns)]
    return scoring.classical(given.scored, raw=raw, key=key)


def dif_of(
    given: Sitting, by: str = "district", method: str = "mh", matching: str = "concept", focal: str = ""
) -> pd.DataFrame:
    """DIF by district or any recorded attribute, matched on the item's own concept (or the total).

    Raises:
        UsageFault: there is no such attribute.
    """
    if by == "district":
        if given.groups is None:
            raise UsageFault("one-district", "Only one district took part.", "--by sex, or another attribute")
        groups = given.groups
    elif by in given.data.persons.columns:
        groups = given.data.persons[by].astype("str").where(given.data.persons[by].notna())
    else:
        known = ", ".join(["district", *map(str, given.data.persons.columns[3:])])
        raise UsageFault("unknown-attribute", f"There is no attribute {by!r}.", f"Attributes: {known}")
    if matching not in ("concept", "total"):
        raise UsageFault("unknown-matching", f"There is no matching {matching!r}.", "--matching concept or total")
    many = len(set(given.concepts.values())) > 1 and all(given.concepts.values())
    matched: str | Mapping[str, str] = given.concepts if matching == "concept" and many else "total"
    constant = given.clusters is not None and groups.groupby(given.clusters.to_numpy()).nunique().max() == 1
    clusters = given.clusters if constant else None
    return scoring.dif(given.scored, groups, method=method, matching=matched, clusters=clusters, focal=focal or None)
