"""Tables of the concept profile: tidy frames from the arrays of the estimation."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.irt.curves import Array, ItemParameters
from scoring.irt.profile_model import ProfileModel
from scoring.irt.profile_students import Accuracy, StudentResults, accuracy_with, items_needed
from scoring.profile_input import ProfileInput

Index = NDArray[np.int64]

MASTERED, NOT_YET = 0.80, 0.20
STATUSES = ["no items", "too few items", "scored"]
VERDICTS = ["mastered", "not yet", "undecided", "not enough evidence"]
#: Thresholds of "enough evidence", and the accuracy that the advice aims at.
SMALLEST_ACCURACY, FEWEST_ITEMS, GOOD_ACCURACY = 0.50, 4, 0.80
FEWEST_STUDENTS, FEWEST_CLUSTERS = 30, 5


def score_table(
    results: StudentResults,
    scores: NDArray[np.int8],
    concept: Index,
    names: tuple[str, ...],
    persons: pd.Index,
    enough: NDArray[np.bool_],
) -> pd.DataFrame:
    """θ, SE, P(mastery), status and verdict of every student and concept."""
    columns: dict[tuple[str, str], object] = {}
    statuses, verdicts = pd.Series(STATUSES).array, pd.Series(VERDICTS).array
    for c, name in enumerate(names):
        given = (scores[:, concept == c] >= 0).sum(axis=1)
        p = results.above[:, c]
        columns[name, "theta"] = results.mean[:, c]
        columns[name, "se"] = np.sqrt(results.covariance[:, c, c])
        columns[name, "p_mastery"] = p
        # texts are looked up by number: writing each of a million out costs a second
        columns[name, "status"] = statuses.take((given > 0).astype(np.intp) + (given >= FEWEST_ITEMS))
        verdict = np.where(p >= MASTERED, 0, np.where(p <= NOT_YET, 1, 2))
        judged = (given >= FEWEST_ITEMS) & enough[c] & np.isfinite(p)
        columns[name, "verdict"] = verdicts.take(np.where(judged, verdict, 3))
    out = pd.DataFrame(columns, index=persons)
    out.columns = pd.MultiIndex.from_tuples(list(columns), names=["concept", ""])
    return out


def item_table(
    items: ItemParameters,
    structure: ProfileModel,
    names: tuple[str, ...],
    covariance: Array,
    scores: NDArray[np.int8],
    fixed: NDArray[np.bool_],
    in_order: tuple[str, ...],
) -> pd.DataFrame:
    """One row per item with standard errors; b by the delta method."""
    layout = structure.layout
    widest = int(items.categories.max()) - 1
    rows = []
    for j, name in enumerate(items.names):
        k = int(items.categories[j])
        at = int(layout.start[j])
        block = covariance[at : at + k, at : at + k]
        a, d, b = items.a[j], items.d[j], items.b[j]
        row: dict[str, object] = {
            "item": name,
            "concept": names[structure.concept[j]],
            "model": items.model[j],
            "n": int(np.count_nonzero(scores[:, j] >= 0)),
            "fixed": bool(fixed[j]),
            "a": a,
            "se_a": np.sqrt(block[0, 0]),
        }
        partial = items.model[j] in ("gpcm", "pcm")
        for m in range(1, k):
            label = "" if k == 2 else str(m)
            slope = np.zeros(k)  # of b_m = -(d_m - d_{m-1})/a or -d_m/a
            with np.errstate(divide="ignore", invalid="ignore"):
                slope[0] = -b[m - 1] / a
                slope[m] = -1 / a
                if partial and m > 1:
                    slope[m - 1] = 1 / a
                row |= {
                    f"d{label}": d[m - 1],
                    f"se_d{label}": np.sqrt(block[m, m]),
                    f"b{label}": b[m - 1],
                    f"se_b{label}": np.sqrt(slope @ block @ slope),
                }
        g = items.g[j]
        row["g"] = g
        g_at = layout.guessing[j]
        row["se_g"] = g * (1 - g) * np.sqrt(covariance[g_at, g_at]) if g_at >= 0 else np.nan
        rows.append(row)
    labels = ([""] if (items.categories == 2).any() else []) + [str(m) for m in range(1, widest + 1) if widest > 1]
    columns = ["concept", "model", "n", "fixed", "a"]
    columns += [f"{letter}{m}" for letter in ("b", "d") for m in labels] + ["g", "se_a"]
    columns += [f"se_{letter}{m}" for letter in ("b", "d") for m in labels] + ["se_g"]
    return pd.DataFrame(rows).set_index("item").reindex(columns=columns).loc[list(in_order)]


def group_table(
    structure: ProfileModel, mu: Array, sigma: Array, covariance: Array, request: ProfileInput, by_name: Index
) -> pd.DataFrame:
    """Mean and SD of each concept in each group."""
    rows_of, columns_of = structure.triangle
    rows = []
    for g in by_name:
        first = structure.group_slice(int(g)).start
        for c, name in enumerate(request.concepts):
            at = first + structure.n_concepts + int(np.flatnonzero((rows_of == c) & (columns_of == c))[0])
            sd = np.sqrt(sigma[g, c, c])
            rows.append(
                {
                    "group": request.groups[g],
                    "concept": name,
                    "n": int(np.count_nonzero((request.group == g) & (request.weights > 0))),
                    "mean": mu[g, c],
                    "sd": sd,
                    "se_mean": np.sqrt(max(covariance[first + c, first + c], 0.0)),
                    "se_sd": np.sqrt(max(covariance[at, at], 0.0)) / (2 * sd),
                }
            )
    return pd.DataFrame(rows).set_index(["group", "concept"])


def mastery_table(request: ProfileInput, rates: Array, covariance: Array, cuts: Array, by_name: Index) -> pd.DataFrame:
    """Rates of mastery under the groups' own populations, with what keeps a rate from being reported."""
    n_concepts = len(request.concepts)
    se = np.sqrt(np.maximum(np.diagonal(covariance), 0.0)).reshape(rates.shape)
    n_items = np.bincount(request.model.concept, minlength=n_concepts)
    rows = []
    for g in by_name:
        own = (request.group == g) & (request.weights > 0)
        n = int(np.count_nonzero(own))
        n_clusters = None if request.cluster is None else int(np.unique(request.cluster[own]).size)
        for c, name in enumerate(request.concepts):
            reasons = []
            if n_items[c] < FEWEST_ITEMS:
                reasons.append(f"fewer than {FEWEST_ITEMS} items")
            if n < FEWEST_STUDENTS:
                reasons.append(f"fewer than {FEWEST_STUDENTS} students")
            if n_clusters is not None and n_clusters < FEWEST_CLUSTERS:
                reasons.append(f"fewer than {FEWEST_CLUSTERS} schools")
            if not np.isfinite(cuts[c]):
                reasons.append("no cut")
            status = "reported" if not reasons else "not enough evidence: " + ", ".join(reasons)
            rows.append(
                {
                    "group": request.groups[g],
                    "concept": name,
                    "n": n,
                    "cut": cuts[c],
                    "rate": rates[g, c] if np.isfinite(cuts[c]) else np.nan,
                    "se": se[g, c] if np.isfinite(cuts[c]) else np.nan,
                    "status": status,
                }
            )
    return pd.DataFrame(rows).set_index(["group", "concept"])


def correlation_table(values: Array, names: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(values, index=pd.Index(names, name="concept"), columns=pd.Index(names, name="concept"))


def covariance_table(
    structure: ProfileModel, covariance: Array, groups: tuple[str, ...], names: tuple[str, ...]
) -> pd.DataFrame:
    """Covariance of everything that was estimated, named item:a, item:d1, item:logit_g, group:concept:mean, ..."""
    labels = []
    for j, item in enumerate(structure.items.names):
        k = int(structure.items.categories[j])
        labels += [f"{item}:a"] + [f"{item}:d" if k == 2 else f"{item}:d{m}" for m in range(1, k)]
        labels += [f"{item}:logit_g"] if structure.layout.guessing[j] >= 0 else []
    rows, columns = structure.triangle
    for group in groups:
        labels += [f"{group}:{name}:mean" for name in names]
        labels += [
            f"{group}:{names[r]}:variance" if r == c else f"{group}:{names[c]}~{names[r]}:covariance"
            for r, c in zip(rows, columns, strict=True)
        ]
    free = np.flatnonzero(np.diagonal(covariance) > 0)
    kept = [labels[i] for i in free]
    return pd.DataFrame(covariance[np.ix_(free, free)], index=kept, columns=kept)


def evidence_table(prmse: Accuracy, scores: NDArray[np.int8], concept: Index, names: tuple[str, ...]) -> pd.DataFrame:
    """What each concept's own items say, whether that is enough, and what would be.

    Items count as a student meets them: with booklets, accuracy rests on the items per student, not on the pool.
    """
    rows = []
    for c, name in enumerate(names):
        given = (scores[:, concept == c] >= 0).sum(axis=1)
        own, per_student = float(prmse.own[c]), float(given[given > 0].mean()) if given.any() else 0.0
        enough = int(given.max(initial=0)) >= FEWEST_ITEMS and own >= SMALLEST_ACCURACY
        rows.append(
            {
                "concept": name,
                "n_items": int(np.count_nonzero(concept == c)),
                "items_per_student": per_student,
                "prmse_own": own,
                "prmse_total": prmse.total[c],
                "prmse_profile": prmse.profile[c],
                "status": "enough" if enough else "not enough evidence",
                "added_value": bool(prmse.profile[c] > prmse.total[c]),
                "advice": _advice(own, per_student, enough),
            }
        )
    return pd.DataFrame(rows).set_index("concept")


def _advice(own: float, n: float, enough: bool) -> str:
    if not np.isfinite(own) or own <= 0:
        return "These items say nothing about the concept; write others."
    if enough and own >= GOOD_ACCURACY:
        return f"Enough: accuracy {own:.2f} from {n:.0f} items."
    goal = GOOD_ACCURACY if enough else SMALLEST_ACCURACY
    more = max(items_needed(own, n, goal), 1, 0 if enough else int(np.ceil(FEWEST_ITEMS - n)))
    noun = "item" if more == 1 else "items"
    return f"{more} more {noun} would bring accuracy from {own:.2f} to {accuracy_with(own, n, more):.2f}."
