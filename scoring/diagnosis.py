"""Diagnostics on plain DataFrames: one face for what is spread over several files."""

from scoring.differential import dif
from scoring.item_statistics import Classical, check_keys, classical

__all__ = ["Classical", "check_keys", "classical", "dif"]
