"""Cuts in an analysis: which stand, how sure they are, and what another cut within its error would have shown."""

from typing import Any

import numpy as np
import pandas as pd

from scoring.agreed_cuts import ScaleFreeCut
from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.result import Notice
from scoring.irt.distributions import normal_above

_BASIS = {"angoff": "ratings of {n} raters", "bookmark": "bookmarks of {n} raters"}


def cuts_in_use(data: AnalysisInput, profile: Any) -> pd.DataFrame:
    """Index concept: kind ("set" or "provisional"), se (θ, raters and items together, NaN where unknown), basis."""
    rows = {}
    for c, concept in enumerate(profile.concepts):
        rule = data.cuts.get(concept)
        used = profile.cuts.at[concept, "source"] == "given"
        if not used or rule is None:
            rows[concept] = ("provisional", np.nan, "70 percent of the points of the form's items")
        elif isinstance(rule, ScaleFreeCut):
            items = profile.parameters.select(np.flatnonzero(profile.concept_index == c))
            at = rule.place(items)
            words = _BASIS.get(rule.basis, "{share:.0f} percent of the points of the bank's items")
            told = words.format(n=rule.raters, share=100 * rule.share)
            if rule.version:
                told += f", version {rule.version}, {at.items} of {len(rule.items)} items"
            rows[concept] = ("set" if rule.status == "final" else "provisional", at.se, told)
        else:
            rows[concept] = ("set", np.nan, "given")
    return pd.DataFrame.from_dict(rows, orient="index", columns=["kind", "se", "basis"]).rename_axis("concept")


def notices(data: AnalysisInput, profile: Any) -> list[Notice]:
    """Agreed cuts that could not be placed on this calibration, with the reason."""
    out = []
    for c, concept in enumerate(profile.concepts):
        rule = data.cuts.get(concept)
        if not isinstance(rule, ScaleFreeCut) or not rule.version or profile.cuts.at[concept, "source"] == "given":
            continue
        reason = rule.place(profile.parameters.select(np.flatnonzero(profile.concept_index == c))).reason
        name = data.concept_names.get(concept, concept)
        message = f"The agreed cut of {name} cannot be found on these items ({reason}); a provisional one stands in."
        out.append(Notice("cut-not-placed", "warning", message))
    return out


def with_other_cuts(mastery: pd.DataFrame, profile: Any, concepts: pd.DataFrame) -> pd.DataFrame:
    """The rates with what they would be at cut - 1 SE and cut + 1 SE.

    The shift is that of the group's own normal population, whose share above a cut is what the rate estimates.
    """
    place = {g: k for k, g in enumerate(profile.group_names)}
    shifts: dict[str, list[float]] = {"rate_lower_cut": [], "rate_higher_cut": []}
    for row in mastery.itertuples():
        cut, se = float(concepts.at[row.concept, "cut"]), float(concepts.at[row.concept, "cut_se"])
        g, c = place[str(row.group)], profile.concepts.index(row.concept)
        mean, sd = profile.group_means[g, c], np.sqrt(profile.group_covariances[g, c, c])
        for name, sign in (("rate_lower_cut", -1), ("rate_higher_cut", 1)):
            shift = normal_above((cut + sign * se - mean) / sd) - normal_above((cut - mean) / sd)
            shifts[name].append(float(np.clip(row.rate + shift, 0, 1)) if row.shown else np.nan)
    return mastery.assign(**shifts)


def with_other_differences(contrasts: pd.DataFrame, mastery: pd.DataFrame) -> pd.DataFrame:
    """Differences of the rates with what they would be at cut - 1 SE and cut + 1 SE."""
    if not len(contrasts) or not len(mastery):
        return contrasts
    rates = mastery.set_index(["concept", "group"])
    columns: dict[str, list[float]] = {"difference_lower_cut": [], "difference_higher_cut": []}
    for row in contrasts.itertuples():
        pair = [(row.concept, row.group), (row.concept, row.other)]
        for name, of in (("difference_lower_cut", "rate_lower_cut"), ("difference_higher_cut", "rate_higher_cut")):
            if not all(key in rates.index for key in pair):
                columns[name].append(np.nan)
                continue
            moved = [float(rates.at[key, of]) - float(rates.at[key, "rate"]) for key in pair]
            columns[name].append(float(row.difference) + moved[0] - moved[1])
    return contrasts.assign(**columns)
