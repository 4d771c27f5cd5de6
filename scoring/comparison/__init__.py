"""Comparing groups with DataFrames: plausible values, contrasts, comparability, disclosure."""
