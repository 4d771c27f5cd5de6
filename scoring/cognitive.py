"""Cognitive diagnosis on DataFrames: DINA and G-DINA with the concept tags as Q-matrix."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from scoring import checks
from scoring.data import Responses, read_responses
from scoring.irt import cdm
from scoring.irt.curves import Array
from scoring.irt.errors import DesignError, ScoringWarning
from scoring.irt.threads import on_one_blas_thread
from scoring.setup import aligned


@dataclass(frozen=True)
class Dina:
    """A second opinion on mastery.

    Attributes:
        items: indexed by item. DINA: guess, slip, se_guess, se_slip (NaN where the estimate is on the boundary, or the
            data do not determine it: then a warning names the items).
            G-DINA: one row per item and pattern of the concepts it needs: item, mastered, probability, se.
        mastery: persons × concepts, probability of mastery; NaN for a sitting without a response.
        concepts: indexed by concept: prevalence, items, identified (whether the Q-matrix ever tells a student with it
            from one without it).
        classes: indexed by pattern ("101..." in the order of the concepts): class, probability (of the merged class).
        indistinguishable: groups of patterns that this Q-matrix cannot tell apart, whatever the data.
        log_likelihood, n_parameters, aic, bic, n, iterations, converged.
    """

    rule: str
    items: pd.DataFrame
    mastery: pd.DataFrame
    concepts: pd.DataFrame
    classes: pd.DataFrame
    indistinguishable: tuple[tuple[str, ...], ...]
    log_likelihood: float
    n_parameters: int
    n: float
    iterations: int
    converged: bool

    @property
    def aic(self) -> float:
        return 2 * self.n_parameters - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        return float(np.log(self.n)) * self.n_parameters - 2 * self.log_likelihood


@on_one_blas_thread
def dina(
    responses: pd.DataFrame,
    q_matrix: "pd.DataFrame | Mapping[str, str | Sequence[str]]",
    *,
    rule: Literal["dina", "gdina"] = "dina",
    weights: "pd.Series[Any] | None" = None,
    codes: Mapping[str, str] | None = None,
) -> Dina:
    """Mastery of each concept as a yes-or-no attribute (DINA; Junker & Sijtsma 2001; G-DINA: de la Torre 2011).

    Args:
        responses: rows students, columns items; 0, 1, empty, codes.
        q_matrix: index items, columns concepts, 0/1; or item -> concept or concepts.
        rule: "dina" (all the item's concepts are needed) or "gdina" (saturated: any pattern of them has its own
            probability).
        weights: aligned to the rows.
        codes: see `scoring.data.read_responses`.

    Returns:
        Dina. Patterns that cannot be told apart count as equally likely (the start is uniform, and no data can change
        that): a concept that is not identified in a pattern comes out at .5 there.

    Raises:
        DesignError: scores above 1, items missing from the Q-matrix or without an answer, impossible weights, or an
            impossible Q-matrix.
    """
    q = _q_matrix(q_matrix)
    data = (
        read_responses(responses.loc[:, [c for c in responses.columns if str(c) in set(q.index)]], codes=codes)
        if any(str(c) in set(q.index) for c in responses.columns)
        else None
    )
    missing = [name for name in q.index if data is None or name not in data.items]
    if missing or data is None:
        raise DesignError(
            "unknown-item", "Items of the Q-matrix are not in the responses.", "Columns are item ids.", missing
        )
    q = q.loc[list(data.items)]
    shape = cdm.structure(q.to_numpy(dtype=np.int8), rule)
    unanswered = [name for j, name in enumerate(data.items) if not (data.scores[:, j] >= 0).any()]
    if unanswered:
        raise DesignError("no-answers", "Some items have no answers.", "Leave them out of the Q-matrix.", unanswered)
    case = None if weights is None else _case_weights(weights, data)
    model = cdm.fit(data.scores, shape, case)
    _warn_undetermined(model, data.items)
    probability = cdm.attribute_probabilities(model, data.scores)
    probability[(data.scores < 0).all(axis=1)] = np.nan
    concepts = [str(c) for c in q.columns]
    patterns = ["".join(map(str, p)) for p in shape.patterns]
    groups = [tuple(patterns[i] for i in np.flatnonzero(shape.member == c)) for c in range(shape.n_classes)]
    return Dina(
        rule,
        _dina_items(model, q, rule),
        pd.DataFrame(probability, index=data.persons, columns=concepts),
        pd.DataFrame(
            {
                "prevalence": model.class_probability @ shape.share,
                "items": q.sum(axis=0).to_numpy(),
                "identified": ((shape.share == 0) | (shape.share == 1)).all(axis=0),
            },
            index=pd.Index(concepts, name="concept"),
        ),
        pd.DataFrame(
            {"class": shape.member, "probability": model.class_probability[shape.member]},
            index=pd.Index(patterns, name="pattern"),
        ),
        tuple(g for g in groups if len(g) > 1),
        model.log_likelihood,
        model.n_parameters,
        float(len(data.scores) if case is None else case.sum()),
        model.iterations,
        model.converged,
    )


def _case_weights(weights: "pd.Series[Any]", data: Responses) -> Array:
    values = pd.to_numeric(pd.Series(aligned(weights, data, "weights")), errors="coerce").to_numpy(dtype=float)
    if not (np.isfinite(values).all() and (values >= 0).all() and values.sum() > 0):
        raise DesignError("impossible-weights", "Weights must be numbers from 0 up, not all 0.", "Check the weights.")
    return values


def _warn_undetermined(model: cdm.Diagnosis, items: Sequence[str]) -> None:
    """Items with an estimate inside (0, 1) that has no standard error: another value would do as well."""
    inside = (model.success > 1e-4) & (model.success < 1 - 1e-4)
    names = [str(items[int(j)]) for j in np.unique(np.nonzero(inside & np.isnan(model.se))[0])]
    if names:
        warnings.warn(
            f"The data do not determine the probabilities of {', '.join(names[:10])}"
            f"{f' and {len(names) - 10} more' if len(names) > 10 else ''}: other values fit as well. "
            "A concept needs three items or more.",
            ScoringWarning,
            stacklevel=4,
        )


def _q_matrix(q_matrix: "pd.DataFrame | Mapping[str, str | Sequence[str]]") -> pd.DataFrame:
    if isinstance(q_matrix, pd.DataFrame):
        q = q_matrix.set_index("item") if "item" in q_matrix.columns else q_matrix
        return q.set_axis([str(i) for i in q.index], axis=0)
    if not isinstance(q_matrix, Mapping):
        hint = "A DataFrame (index items, columns concepts, cells 0 and 1), or {item: concept or [concepts]}."
        raise DesignError("not-a-q-matrix", f"q_matrix is {checks.kind(q_matrix)}.", hint)
    needs = {str(i): [c] if isinstance(c, str) else list(c) for i, c in q_matrix.items()}
    concepts = list(dict.fromkeys(c for needed in needs.values() for c in needed))
    return pd.DataFrame([[int(c in needed) for c in concepts] for needed in needs.values()], list(needs), concepts)


def _dina_items(model: cdm.Diagnosis, q: pd.DataFrame, rule: str) -> pd.DataFrame:
    if rule == "dina":
        return pd.DataFrame(
            {
                "guess": model.success[:, 0],
                "slip": 1 - model.success[:, 1],
                "se_guess": model.se[:, 0],
                "se_slip": model.se[:, 1],
            },
            index=pd.Index(q.index, name="item"),
        )
    rows = []
    for j, name in enumerate(q.index):
        needed = [str(c) for c in q.columns[q.to_numpy()[j] == 1]]
        for r in range(int(model.structure.count[j])):
            has = " and ".join(c for k, c in enumerate(needed) if r >> k & 1) or "none"
            rows.append({"item": name, "mastered": has, "probability": model.success[j, r], "se": model.se[j, r]})
    return pd.DataFrame(rows)
