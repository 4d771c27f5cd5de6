"""The scoring engine: calibrate, score, compare. Works on plain DataFrames, without a bank.

Rows are students, columns are items, empty means not administered. Names are imported on first use, so that
`import scoring` costs nothing.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "calibrate": "fitting",
    "Fit": "fitting",
    "read_fit": "fitting",
    "simulate": "fitting",
    "score": "scores",
    "sum_score_table": "scores",
    "reliability": "scores",
    "concept_profile": "profiles",
    "ConceptProfile": "profiles",
    "FrozenProfile": "frozen_profile",
    "read_profile": "frozen_profile",
    "classical": "diagnosis",
    "item_fit": "diagnosis",
    "model_fit": "diagnosis",
    "person_fit": "diagnosis",
    "dif": "diagnosis",
    "dimensionality": "diagnosis",
    "link": "linking",
    "plausible_values": "comparisons",
    "compare": "comparisons",
    "disclose": "comparisons",
    "anchor_jackknife": "linking_design",
    "plan_link": "linking_design",
    "chain": "linking",
    "average": "linking",
    "angoff": "mastery",
    "bookmark": "mastery",
    "booklet": "mastery",
    "domain_cuts": "mastery",
    "classification": "mastery",
    "concept_classification": "mastery",
    "verdicts": "mastery",
    "agreement": "mastery",
    "dina": "mastery",
    "ReportingScale": "reporting_scale",
    "check_keys": "diagnosis",
    "misconceptions": "diagnosis",
    "local_dependence": "diagnosis",
    "item_curves": "diagnosis",
    "gap_effect": "diagnosis",
    "ScoringError": "irt.errors",
    "DesignError": "irt.errors",
    "NotConverged": "irt.errors",
    "ScoringWarning": "irt.errors",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"scoring.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'scoring' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
