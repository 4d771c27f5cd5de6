"""Plausible values and comparisons of groups: the DataFrame face of scoring.groups."""

from scoring.comparison.comparing import compare
from scoring.comparison.imputing import PlausibleValues, plausible_values

__all__ = ["PlausibleValues", "compare", "plausible_values"]
