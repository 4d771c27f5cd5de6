"""Diagnostics on plain DataFrames: one face for what is spread over several files."""

from scoring.dif_consequences import gap_effect
from scoring.differential import dif
from scoring.item_statistics import Classical, check_keys, classical
from scoring.misconception_table import misconceptions
from scoring.misfit import dimensionality, item_curves, item_fit, local_dependence, model_fit, person_fit

__all__ = [
    "Classical", "check_keys", "classical", "dif", "dimensionality", "gap_effect", "item_curves", "item_fit",
    "local_dependence", "misconceptions", "model_fit", "person_fit",
]  # fmt: skip
