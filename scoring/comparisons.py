"""Plausible values, comparisons of groups and disclosure control: the DataFrame face of scoring.groups."""

from scoring.comparison.comparing import compare
from scoring.comparison.describing import group_estimates, school_effects
from scoring.comparison.disclosing import Disclosure, audit, disclose
from scoring.comparison.gates import (
    EL_NOTE,
    Gate,
    GateFacts,
    comparability,
    english_learner_groups,
    opportunity_to_learn,
    participation,
    stamp_comparison,
)
from scoring.comparison.imputing import PlausibleValues, plausible_values

__all__ = [
    "EL_NOTE",
    "Disclosure",
    "Gate",
    "GateFacts",
    "PlausibleValues",
    "audit",
    "comparability",
    "compare",
    "disclose",
    "english_learner_groups",
    "group_estimates",
    "opportunity_to_learn",
    "participation",
    "plausible_values",
    "school_effects",
    "stamp_comparison",
]
