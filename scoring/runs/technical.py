"""The numbers of a technical report that no comparison needs: fit of items, model and persons, reliability."""

import warnings
from collections.abc import Callable
from typing import Any

import pandas as pd

import scoring
from scoring.irt.errors import ScoringError, ScoringWarning
from scoring.misfit import UNUSUAL


def technical_tables(session: Any, found: Any) -> dict[str, pd.DataFrame]:
    """Tables by name: model fit, item fit, reliability, options, unusual patterns (counts only), school variance.

    Args:
        session: of `bank.reading()`.
        found: `scoring.runs.reporting.Reported`.
    """
    out: dict[str, pd.DataFrame] = {}
    if found.fit is None:
        return out
    scored, fit = found.sitting.scored, found.fit
    scored = scored[[c for c in fit.item_names if c in scored.columns]]
    if len(scored.columns) < len(fit.item_names):
        return out
    from scoring.runs import calibrating

    groups = calibrating.populations(session, found.data)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoringWarning)
        steps: dict[str, Callable[[], pd.DataFrame]] = {
            "model fit": lambda: scoring.model_fit(fit, scored, groups=groups).rename("value").to_frame(),
            "item fit": lambda: scoring.item_fit(fit, scored, groups=groups),
            "reliability": lambda: _reliability(scoring.reliability(fit, scored)),
            "unusual patterns": lambda: _unusual(scoring.person_fit(fit, scored, groups=groups)),
        }
        for name, made in steps.items():
            try:
                out[name] = made()
            except ScoringError as error:
                out[name] = pd.DataFrame({"value": [f"not available: {error}"]}, index=pd.Index(["note"], name="what"))
    for table in out.values():
        table.index.name = table.index.name or "what"
    return out


def _reliability(value: Any) -> pd.DataFrame:
    if isinstance(value, pd.DataFrame):
        return value
    if isinstance(value, pd.Series):
        return value.rename("value").to_frame()
    facts = vars(value) if hasattr(value, "__dict__") else {"reliability": float(value)}
    return pd.DataFrame({"value": {k: v for k, v in facts.items() if isinstance(v, (int, float))}})


def _unusual(persons: pd.DataFrame) -> pd.DataFrame:
    """How many students' patterns are unusual by lz*; never which.

    lz itself takes θ as known, is therefore too narrow and finds too few.

    Args:
        persons: of `scoring.person_fit`.
    """
    found = persons["status"].value_counts()
    judged = persons["lz_star"].dropna()
    counts = {
        "students judged by lz*": len(judged),
        f"unusual: lz* below {UNUSUAL:.2f} (1 in 100 expected)": int(found.get("unusual", 0)),
        f"too regular: lz* above {-UNUSUAL:.2f} (1 in 100 expected)": int(found.get("too regular", 0)),
        "not judged (too few answers that tell)": int(found.get("not judged", 0)),
    }
    return pd.DataFrame({"value": counts})
