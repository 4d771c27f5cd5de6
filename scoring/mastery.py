"""Verdicts on mastery: from probabilities, how accurate they are, and how far two opinions agree.

Cuts are in `standard_setting`, the second opinion in `cognitive`; both are offered here.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from scoring.cognitive import Dina, dina
from scoring.frozen import Frozen, freeze
from scoring.irt import cuts_classification
from scoring.irt.cuts_classification import Classification
from scoring.irt.errors import DesignError
from scoring.irt.threads import on_one_blas_thread
from scoring.standard_setting import Cuts, angoff, booklet, bookmark, domain_cuts

__all__ = [
    "Classification",
    "Cuts",
    "Dina",
    "agreement",
    "angoff",
    "booklet",
    "bookmark",
    "classification",
    "concept_classification",
    "dina",
    "domain_cuts",
    "verdicts",
]

#: A student has mastered a concept from the first probability, not yet up to the second, else is undecided.
MASTERED, NOT_YET = 0.80, 0.20

# true levels are decided node by node: the grid must be fine, whatever the likelihood needs
_FINE = np.linspace(-6, 6, 1201)
_FINE_WEIGHTS = np.exp(-0.5 * _FINE**2) / np.exp(-0.5 * _FINE**2).sum()


def verdicts(probability: pd.DataFrame, mastered: float = MASTERED, not_yet: float = NOT_YET) -> pd.DataFrame:
    """ "mastered", "not yet" or "undecided" from probabilities of mastery; missing where there is none."""
    p = probability.to_numpy(dtype=float, na_value=np.nan)
    out = np.where(p >= mastered, "mastered", np.where(p <= not_yet, "not yet", "undecided")).astype(object)
    out[np.isnan(p)] = None
    return pd.DataFrame(out, index=probability.index, columns=probability.columns)


@on_one_blas_thread
def classification(
    fit: Any,
    cut: float | Sequence[float],
    *,
    method: Literal["rudner", "lee"] = "rudner",
    scores: pd.DataFrame | None = None,
    mean: float | None = None,
    sd: float | None = None,
) -> Classification:
    """Accuracy and consistency of verdicts at one or several cuts.

    Args:
        fit: result of `calibrate`, or a table of items ("lee").
        cut: θ, or several that rise.
        method: "rudner" from scores and standard errors (Rudner 2001, 2005), "lee" from the exact distribution of the
            sum score in a normal population (Lee 2010).
        scores: result of `score`, for "rudner".
        mean, sd: of the population for "lee"; default the fit's pooled population.
    """
    if method == "rudner":
        if scores is None:
            raise DesignError("no-scores", "Rudner's method needs scores.", "Give scores=scoring.score(...).")
        return cuts_classification.rudner(
            scores["theta"].to_numpy(float), scores["se"].to_numpy(float), np.atleast_1d(cut)
        )
    if method != "lee":
        raise DesignError("unknown-method", f"There is no method {method!r}.", "Use 'rudner' or 'lee'.")
    frozen: Frozen = freeze(fit)
    centre, spread = frozen.mean if mean is None else mean, frozen.sd if sd is None else sd
    return cuts_classification.lee(frozen.items, np.atleast_1d(cut), centre + spread * _FINE, _FINE_WEIGHTS)


@on_one_blas_thread
def concept_classification(profile: Any) -> pd.DataFrame:
    """How often the verdicts of a concept profile are right, concept by concept.

    Returns:
        DataFrame indexed by concept: n; accuracy, consistency, kappa, false_high, false_low of a plain cut at the
        posterior means (Rudner 2001, 2005); lee_accuracy, lee_consistency of a cut at the sum score of the concept's
        items (Lee 2010; what could be had without the other concepts); decided, the share of students who are not
        "undecided", and decided_accuracy of their verdicts (Guo 2006).
    """
    rows: dict[str, dict[str, Any]] = {}
    for c, concept in enumerate(profile.concepts):
        scores = profile.scores[concept]
        cut = float(profile.cuts.loc[concept, "theta"])
        p = scores["p_mastery"].to_numpy(dtype=float)
        known = np.isfinite(p) & np.isfinite(scores["se"].to_numpy(dtype=float))
        if not np.isfinite(cut) or not known.any():
            rows[concept] = {"n": int(known.sum())}
            continue
        plain = cuts_classification.rudner(
            scores["theta"].to_numpy(dtype=float)[known], scores["se"].to_numpy(dtype=float)[known], cut
        )
        sd = float(np.sqrt(profile.common_covariance[c, c]))
        nodes = float(profile.common_mean[c]) + sd * _FINE
        items = profile.parameters.select(np.flatnonzero(profile.concept_index == c))
        lee = cuts_classification.lee(items, cut, nodes, _FINE_WEIGHTS)
        level = np.where(p >= MASTERED, 1, np.where(p <= NOT_YET, 0, -1))[known]
        decided = level >= 0
        both = np.stack([1 - p[known], p[known]], axis=1)
        rows[concept] = {
            "n": int(known.sum()),
            "accuracy": plain.accuracy,
            "consistency": plain.consistency,
            "kappa": plain.kappa,
            "false_high": plain.false_high,
            "false_low": plain.false_low,
            "lee_accuracy": lee.accuracy,
            "lee_consistency": lee.consistency,
            "decided": float(decided.mean()),
            "decided_accuracy": cuts_classification.posterior_classification(both, level).accuracy
            if decided.any()
            else float("nan"),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("concept")


def agreement(first: pd.DataFrame, second: pd.DataFrame, cut: float = 0.5) -> pd.DataFrame:
    """How far two opinions on mastery agree, for example a profile's probabilities and DINA's.

    Args:
        first, second: persons × concepts, probabilities of mastery; matched by index and column.
        cut: probability from which a student counts as master.

    Returns:
        DataFrame indexed by concept: n, first and second (shares of masters), agree (share of equal verdicts), kappa
        (Cohen 1960; NaN where one opinion has only one verdict), correlation of the probabilities.
    """
    rows = {}
    for concept in [c for c in first.columns if c in second.columns]:
        both = pd.concat([first[concept], second[concept]], axis=1, join="inner").dropna().to_numpy(dtype=float)
        x, y = both[:, 0] >= cut, both[:, 1] >= cut
        agree = float((x == y).mean()) if len(both) else float("nan")
        chance = float(x.mean() * y.mean() + (1 - x.mean()) * (1 - y.mean())) if len(both) else float("nan")
        varies = len(both) > 1 and bool((both.std(axis=0) > 0).all())
        rows[concept] = {
            "n": len(both),
            "first": float(x.mean()) if len(both) else float("nan"),
            "second": float(y.mean()) if len(both) else float("nan"),
            "agree": agree,
            "kappa": (agree - chance) / (1 - chance) if len(both) and chance < 1 else float("nan"),
            "correlation": float(np.corrcoef(both.T)[0, 1]) if varies else float("nan"),
        }
    if not rows:
        raise DesignError("no-common-concept", "The two opinions share no concept.", "Name the columns alike.")
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("concept")
