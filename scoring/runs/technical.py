"""The numbers of a technical report that no comparison needs: fit, reliability, errors along the scale, verdicts."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

import scoring
from scoring import bank
from scoring.irt.errors import ScoringError, ScoringWarning
from scoring.mastery import MASTERED, NOT_YET
from scoring.misfit import UNUSUAL

#: Where on the scale the error of measurement is tabulated.
THETA = np.linspace(-3.0, 3.0, 13)


def technical_tables(session: Any, found: Any, only: str = "") -> dict[str, pd.DataFrame]:
    """Tables by name: content, verdicts, fit of model and items, reliability, conditional error, unusual patterns.

    Args:
        session: of `bank.reading()`.
        found: `scoring.runs.reporting.Reported`, or anything with its fit, sitting and data.
        only: name of the one table to make, or empty for all.
    """
    out: dict[str, pd.DataFrame] = {} if only else {"content": content(found)}
    judged = pd.DataFrame() if only else verdicts(session, found)
    if len(judged):
        out["verdicts"] = judged
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
            "conditional error": lambda: scoring.reliability(fit, scored, at=THETA).curve,
            "unusual patterns": lambda: _unusual(scoring.person_fit(fit, scored, groups=groups)),
        }
        for name, made in steps.items():
            if only and name != only:
                continue
            try:
                out[name] = made()
            except ScoringError as error:
                out[name] = pd.DataFrame({"value": [f"not available: {error}"]}, index=pd.Index(["note"], name="what"))
    for table in out.values():
        table.index.name = table.index.name or "what"
    return out


def content(found: Any) -> pd.DataFrame:
    """What each concept's items are: standards, depth of knowledge, kinds, who wrote them."""
    items = found.data.items
    rows = []
    for concept, part in items.groupby(items["concept"].astype(str), sort=True):
        texts = [t for i in part.index if (t := found.texts.get(str(i), ("", None))[1]) is not None]
        rows.append(
            {
                "concept": concept,
                "items": len(part),
                "points": int(part["points"].sum()),
                "kinds": _listed(part["type"].astype(str)),
                "standards": _listed(s for t in texts for s in t.standards),
                "depth": _listed(t.dok for t in texts if t.dok),
                "authors_of": _listed(a.district for t in texts for a in t.authors if a.district),
                "released": sum(found.texts.get(str(i), ("", None))[0] == "released" for i in part.index),
            }
        )
    return pd.DataFrame(rows).set_index("concept")


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(set(words)))


def verdicts(session: Any, found: Any) -> pd.DataFrame:
    """How often a verdict at each concept's cut is right, and the same again on another form (Rudner 2001, 2005)."""
    scores = bank.read_scores(session, bank.run_of(session, found.run))
    rows = {}
    for concept, row in found.analysis.concepts.iterrows():
        mine = scores[(scores["scale"] == concept) & scores["se"].notna() & scores["theta"].notna()]
        if not len(mine) or row["cut"] != row["cut"]:
            continue
        told = scoring.classification(None, float(row["cut"]), scores=mine)
        rows[concept] = {
            "n": len(mine), "accuracy": told.accuracy, "consistency": told.consistency, "kappa": told.kappa,
            "false_high": told.false_high, "false_low": told.false_low,
            "undecided": float(((mine["p_mastery"] > NOT_YET) & (mine["p_mastery"] < MASTERED)).mean()),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("concept")


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
