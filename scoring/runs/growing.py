"""The change of the same students between two administrations of the bank, from one model of both."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from itembank.errors import Rejected
from scoring.analysis.run import persons_of
from scoring.irt.distributions import normal_above
from scoring.irt.errors import DesignError, NotConverged
from scoring.runs.inputs import from_bank
from scoring.runs.profiles_kept import kept_profile
from scoring.trends import cohorts
from scoring.trends.growth import Bridge, Sat, growth

_IN_PLACE = Bridge(1.0, 0.0, 0.0, True)


@dataclass(frozen=True)
class Read:
    """An administration, read for growth.

    Attributes:
        sat: responses by student (the bank's ids) and the comparison's parameters.
        persons: index student; district, school and what the comparison was divided by.
        by: these divisions.
    """

    sat: Sat
    persons: pd.DataFrame
    by: tuple[str, ...]


class Reader:
    """Reads each administration once."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._known: dict[str, Read | None] = {}

    def read(self, occasion: Any) -> Read | None:
        """An administration; None where its comparison is stale or keeps no profile: then nothing can be modelled."""
        if occasion.code not in self._known:
            self._known[occasion.code] = None if occasion.stale else self._read(occasion)
        return self._known[occasion.code]

    def _read(self, occasion: Any) -> Read | None:
        given, data = from_bank(self._session, occasion.code)
        try:
            _, profile = kept_profile(self._session, occasion.run.id)
        except Rejected:
            return None
        student = data.persons["student"].to_numpy()
        once = ~pd.Series(student).duplicated().to_numpy()
        asked = tuple(str(b) for b in occasion.run.options.get("by", ()))
        by = tuple(b for b in asked if given.persons is not None and b in given.persons)
        persons = persons_of(given)
        if given.persons is not None:
            persons = persons.join(given.persons[list(by)])
        responses = given.scored.set_axis(student)[once]
        return Read(Sat(responses, profile), persons.set_axis(student)[once], by)


def model_rows(
    reader: Reader, first: Any, second: Any, concepts: list[str], constants: pd.DataFrame | None,
    linking: dict[str, float],
) -> pd.DataFrame:  # fmt: skip
    """Changes of shares and means of those who sat the first administration, from one model of both.

    Args:
        reader: of the session. first, second: `trending.Occasion`.
        concepts: those to model. constants: of a stored link, index concept, or None.
        linking: concept -> SE at the bar where there is no stored link; NaN where it is not known.

    Returns:
        As `GrowthModel.changes`; empty where the model cannot be made, and then each time stands alone.
    """
    one, two = reader.read(first), reader.read(second)
    if one is None or two is None:
        return pd.DataFrame()
    concepts = [c for c in concepts if c in one.sat.profile.concepts and c in two.sat.profile.concepts]
    bridges = {c: bridge_of(constants, c, linking.get(c, np.nan)) for c in concepts}
    last = dict.fromkeys(concepts, _IN_PLACE)
    later = two
    carried = [c for c in concepts if bridges[c].known]
    if carried:  # the bar of the first time, where the link puts it
        cuts = dict(zip(one.sat.profile.concepts, one.sat.profile.cuts, strict=True))
        moved = {c: bridges[c].A * float(cuts[c]) + bridges[c].B for c in carried if np.isfinite(cuts[c])}
        later = Read(Sat(two.sat.responses, two.sat.profile.with_cuts(moved)), two.persons, two.by)
    by = tuple(b for b in one.by if b in two.by)
    try:
        model = growth([one.sat, later.sat], one.persons, concepts, [bridges, last], by)
        return model.changes(0, 1)
    except (NotConverged, DesignError, np.linalg.LinAlgError):
        return pd.DataFrame()


def bridge_of(constants: pd.DataFrame | None, concept: str, otherwise: float) -> Bridge:
    """How a concept's earlier scale lies on the later one, by a stored link or not at all."""
    if constants is None or concept not in constants.index:
        return Bridge(se=otherwise)
    row = constants.loc[concept]
    return Bridge(float(row["A"]), float(row["B"]), float(row["se_place"]), True)


def with_model(row: dict[str, Any], found: pd.DataFrame, bar: str) -> dict[str, Any]:
    """A row of changes with the model's numbers in the place of those of each time alone.

    Args:
        row: of `cohorts.CHANGES`. found: rows of `model_rows` of its group and concept. bar: what is the same.
    """
    share = found[found["measure"] == "share"].set_index("who")
    if "both" not in share.index:
        return row
    both, every = share.loc["both"], share.loc["everybody"]
    mean = found[(found["measure"] == "mean") & (found["who"] == "both")]
    out = {
        **row,
        "rate_1": both["value_1"], "rate_2": both["value_2"], "change": both["change"], "se": both["se"],
        "se_linking": both["se_linking"], "df": both["df"], "low": both["low"], "high": both["high"],
        "students": both["students"], "apart": both["apart"], "apart_se": both["apart_se"], "bar": bar,
        "method": cohorts.ONE_MODEL, "verdict": cohorts.verdict(both["change"], both["low"], both["high"]),
        "everybody_1": every["value_1"], "everybody_2": every["value_2"], "everybody_change": every["change"],
        "everybody_low": every["low"], "everybody_high": every["high"], "everybody": every["students"],
    }  # fmt: skip
    if len(mean):
        m = mean.iloc[0]
        out |= {"growth": m["change"], "growth_low": m["low"], "growth_high": m["high"]}
    return out


def carried_rate(rate: float, mean: float, sd: float, own: float, carried: float) -> float:
    """A group's share above another bar: moved by what a normal population of its mean and SD has between the two."""
    return float(np.clip(rate + normal_above((carried - mean) / sd) - normal_above((own - mean) / sd), 0.0, 1.0))
