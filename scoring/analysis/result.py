"""What an analysis finds: tidy tables, ready to be shown, exported or stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

TOTAL = "all concepts together"
#: Students of a group below which no number of it is shown; `scoring.groups.suppression.MINIMUM` in published tables.
SMALLEST_CELL = 11


@dataclass(frozen=True)
class Notice:
    """Something the reader should know.

    Attributes:
        code: short stable name.
        severity: "warning" or "notice".
        message: one plain sentence.
    """

    code: str
    severity: str
    message: str


@dataclass(frozen=True)
class Analysis:
    """Tables of one administration. Every table is tidy; shares are between 0 and 1; θ in pooled SDs.

    Attributes:
        title: what was given, for the page's head.
        groups: the groups in the order they are shown; empty when nothing is compared.
        group_word: what a group is called ("district", "country"), for sentences.
        concepts: index concept; name, items, points, cut, cut_kind, cut_se, cut_basis, evidence ("enough" or
            "not enough evidence"), accuracy (PRMSE of the concept's own items), advice.
        mastery: columns concept, group, n, schools, rate, se, low, high, shown (False: hidden, with reason),
            rate_lower_cut, rate_higher_cut (the rate if the cut stood 1 SE lower or higher).
        contrasts: columns concept, group, other, difference (group minus other), se, low, high, df, p_value,
            p_adjusted, verdict ("ahead", "behind", "cannot say", "not enough evidence"), reason, difference_lower_cut,
            difference_higher_cut.
        mean_contrasts: columns concept, group, other, difference (in pooled SDs), se, low, high, p_value, p_adjusted,
            effect, status; the total first.
        means: columns concept, group, mean, sd, se, low, high.
        items: index item; title, concept, model, n, points, share_correct, item_rest, a, b, se_a, se_b, flags and
            share_correct per group in columns ("share_correct", group) flattened as "share_correct: GROUP".
        dif: index item; concept, effect, low, high, p_adjusted, ets_class, ets_class_total, favours, words.
        misconceptions: columns misconception, name, concept, group, chosen, n, share, low, high.
        options: columns item, option, is_key, misconception, group, n, share.
        scores: index person; theta, se, status.
        profile_scores: index person, columns (concept, "theta" | "se" | "p_mastery" | "status").
        distribution: columns group, low, high, share: the score distributions as shown (no single students).
        participation: columns group, students, scored, schools.
        fit: facts of the calibration: log_likelihood, converged, iterations, n_parameters, ...
        gate: columns check, state ("passed", "failed", "not recorded", "noted"), detail.
        notices: warnings and notices.
        provenance: versions, options, seed, hashes of the inputs.
        simulated: True when the students are simulated; every page says so.
        truth: planted values beside estimates, for a simulation; empty otherwise.
        stamp: "comparable", "not comparable" or "" where nothing is compared.
        subgroups: differences by further attributes, as of `scoring.analysis.subgroups`; empty without any.
        levels: shares and averages of those groups; columns by, group, concept, measure, estimate, low, high, students,
            schools, status.
        schools: internal; columns district, school, concept, students, effect, se, shrinkage.
        coverage: columns by, group, students, sat, scored, share_scored, schools.
        seconds: step -> seconds it took.
    """

    title: str
    groups: tuple[str, ...]
    group_word: str
    concepts: pd.DataFrame
    mastery: pd.DataFrame
    contrasts: pd.DataFrame
    mean_contrasts: pd.DataFrame
    means: pd.DataFrame
    items: pd.DataFrame
    dif: pd.DataFrame
    misconceptions: pd.DataFrame
    options: pd.DataFrame
    scores: pd.DataFrame
    profile_scores: pd.DataFrame
    distribution: pd.DataFrame
    participation: pd.DataFrame
    fit: Mapping[str, Any]
    gate: pd.DataFrame
    notices: tuple[Notice, ...]
    provenance: Mapping[str, Any]
    simulated: bool = False
    truth: pd.DataFrame = field(default_factory=pd.DataFrame)
    seconds: Mapping[str, float] = field(default_factory=dict)
    stamp: str = ""
    subgroups: pd.DataFrame = field(default_factory=pd.DataFrame)
    levels: pd.DataFrame = field(default_factory=pd.DataFrame)
    schools: pd.DataFrame = field(default_factory=pd.DataFrame)
    coverage: pd.DataFrame = field(default_factory=pd.DataFrame)
