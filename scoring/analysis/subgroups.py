"""Comparisons by anything else that is recorded: subgroups within the districts, programs of schools, adjusted rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

import scoring
from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.result import TOTAL
from scoring.comparison.describing import group_estimates
from scoring.comparison.gates import EL_CODES, EL_NOTE, english_learner_groups, participation, stamp_comparison
from scoring.irt.errors import DesignError

ASSOCIATION = "association, not effect"
#: Columns of persons that say where a student is, not what they are.
PLACES = ("district", "school", "form")


@dataclass(frozen=True)
class Asked:
    """What else is compared.

    Attributes:
        by: columns of persons.
        within: whether gaps are given inside each district (and the districts' gaps inside each level).
        adjust: columns to whose common mix the districts and subgroups are also adjusted.
    """

    by: tuple[str, ...] = ()
    within: bool = True
    adjust: tuple[str, ...] = ()


@dataclass(frozen=True)
class Described:
    """Students as the comparison takes them.

    Attributes:
        persons: district, school, and a text column for each attribute; language status becomes el_status (English
            learner, reclassified, never) and ever_el, which are always shown together.
        by, adjust: the columns asked for, by these names.
        notes: column -> what must be said beside its numbers.
    """

    persons: pd.DataFrame
    by: tuple[str, ...]
    adjust: tuple[str, ...]
    notes: Mapping[str, str]

    @property
    def condition_on(self) -> list[str | tuple[str, ...]]:
        """Main effects (each within each district) and the interactions that adjusted rows rest on."""
        main = list(dict.fromkeys([*(c for c in self.by if c != "ever_el"), *self.adjust]))
        pairs = [(b, a) for b in self.by if b != "ever_el" for a in self.adjust if a != b]
        return [*main, *pairs]


def describe(data: AnalysisInput, places: pd.DataFrame, asked: Asked) -> Described:
    """Add the columns asked for to district and school.

    Raises:
        DesignError: a column is not recorded, or says the same of everybody; every one at once.
    """
    known = data.persons if data.persons is not None else pd.DataFrame(index=places.index)
    out = places.copy()
    notes: dict[str, str] = {}
    problems: list[str] = []
    names: dict[str, tuple[str, ...]] = {}
    for column in dict.fromkeys([*asked.by, *asked.adjust]):
        if column not in known.columns or column in PLACES:
            problems.append(f"{column}: not recorded")
            continue
        text = known[column].astype("string").str.strip()
        if text.fillna("").replace("", pd.NA).nunique() < 2:
            problems.append(f"{column}: the same for everybody")
            continue
        if set(text.dropna()) - {""} <= set(EL_CODES):
            groups = english_learner_groups(text)
            out[["el_status", "ever_el"]] = groups[["el_status", "ever_el"]]
            names[column] = ("el_status", "ever_el")
            notes |= dict.fromkeys(names[column], EL_NOTE)
        else:
            out[column] = text.fillna("").replace("", "(not recorded)").astype(str)
            names[column] = (column,)
            if _of_places(out[column], places, known):
                notes[column] = ASSOCIATION
    if problems:
        recorded = ", ".join(str(c) for c in known.columns if c not in PLACES) or "none"
        raise DesignError("unknown-attribute", "There is nothing to compare by.", f"Recorded: {recorded}.", problems)
    by = tuple(n for column in asked.by for n in names[column])
    adjust = tuple(names[column][0] for column in asked.adjust)
    return Described(out, by, adjust, notes)


def _of_places(column: "pd.Series[str]", places: pd.DataFrame, known: pd.DataFrame) -> bool:
    """Whether an attribute belongs to schools or classes rather than to students."""
    keys = [places["district"], places["school"]]
    if column.groupby(keys).nunique().max() == 1:
        return True
    if "class" not in known.columns:
        return False
    return bool(column.groupby([*keys, known["class"].astype("string").fillna("")]).nunique().max() == 1)


def compare_subgroups(
    drawn: Sequence[Any],
    described: Described,
    asked: Asked,
    cuts: Mapping[str, float],
    mode: str,
    stamps: pd.DataFrame,
    names: Mapping[str, str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Differences and levels by every column asked for.

    Args:
        drawn: plausible values conditioned on `described.condition_on`: of the concepts, and of the score over all.
        described, asked: what is compared.
        cuts: concept -> cut. mode: of `scoring.compare`. stamps: opportunity to learn. names: concept -> name shown.

    Returns:
        The rows of `scoring.compare` with columns by, note and stamp in front, each column's rows adjusted together;
        and levels: by, group, concept, measure, estimate, se, low, high, students, schools, status.
    """
    several = described.persons["district"].nunique() > 1
    rows, levels = [], []
    for column in described.by:
        inner: str | list[str] = ["district", column] if several and asked.within else column
        adjust = [a for a in described.adjust if a != column]
        rows.append(_rows(drawn, inner, adjust, cuts, mode).assign(by=column, note=described.notes.get(column, "")))
        for group in dict.fromkeys([("district", column) if several else (column,), (column,)]):
            for values in drawn:
                here = {c: cut for c, cut in cuts.items() if c in values.concepts}
                table = group_estimates(values, by=list(group), cuts=here or None, mode=mode)
                levels.append(table[table["measure"] != "sd"])
    if several and described.adjust:  # the districts themselves, as they are and with a common mix
        rows.append(_rows(drawn, "district", list(described.adjust), cuts, mode).assign(by="district", note=""))
    found = pd.concat(rows, ignore_index=True)
    found = stamp_comparison(found, stamps) if len(stamps) else found.assign(stamp="")
    level = pd.DataFrame()
    if levels:
        level = pd.concat(levels, ignore_index=True).drop_duplicates(["by", "group", "concept", "measure"])
    for table in (found, level) if len(level) else (found,):
        table["concept"] = table["concept"].replace({"total": TOTAL})
        table["name"] = [names.get(str(c), str(c)) for c in table["concept"]]
    first = ["by", "concept", "name", "contrast", "kind", "within", "group", "versus", "adjusted", "measure"]
    return found[[*first, *(c for c in found.columns if c not in first)]], level


def _rows(
    drawn: Sequence[Any], by: str | list[str], adjust: list[str], cuts: Mapping[str, float], mode: str
) -> pd.DataFrame:
    parts = []
    for values in drawn:
        here = {c: cut for c, cut in cuts.items() if c in values.concepts}
        parts.append(scoring.compare(values, by=by, cuts=here or None, mode=mode, adjust=adjust))
    return pd.concat(parts, ignore_index=True)


def coverage(described: Described, scored: "pd.Series[bool]") -> pd.DataFrame:
    """Who took part, by district, school and every column asked for, alone and within the district."""
    by: list[Any] = ["district", ("district", "school")]
    by += [c if i else ("district", c) for c in described.by for i in (0, 1)]
    return participation(described.persons, scored.astype("boolean"), by)
