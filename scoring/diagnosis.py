"""Diagnostics on plain DataFrames: one face for what is spread over several files."""

from scoring.differential import dif
from scoring.item_statistics import Classical, check_keys, classical
from scoring.misfit import dimensionality, item_curves, item_fit, local_dependence, model_fit, person_fit

__all__ = [
    "Classical", "check_keys", "classical", "dif", "dimensionality", "item_curves", "item_fit", "local_dependence",
    "model_fit", "person_fit",
]  # fmt: skip
