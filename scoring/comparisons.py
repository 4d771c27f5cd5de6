"""Plausible values, comparisons of groups and disclosure control: the DataFrame face of scoring.groups."""

from scoring.comparison.comparing import compare
from scoring.comparison.disclosing import Disclosure, audit, disclose
from scoring.comparison.imputing import PlausibleValues, plausible_values

__all__ = ["Disclosure", "PlausibleValues", "audit", "compare", "disclose", "plausible_values"]
