"""Scores of students, sum-score tables and reliability, on DataFrames."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.data import ANSWERED, Responses, read_responses
from scoring.frozen import Frozen, freeze
from scoring.irt import ability, ability_modes, sumscore
from scoring.irt import reliability as coefficients
from scoring.irt.ability import Abilities
from scoring.irt.curves import Array
from scoring.irt.errors import DesignError, ScoringWarning
from scoring.irt.threads import on_one_blas_thread
from scoring.reporting_scale import ReportingScale
from scoring.setup import aligned

#: A sitting with fewer answered items than this is kept, but not scored.
MINIMUM_ANSWERS = 4
SCORED, TOO_FEW, NOTHING_VALID, EXTREME = "scored", "too few responses", "nothing valid", "extreme"
_METHODS = ("eap", "map", "mle", "wle", "warm")


@on_one_blas_thread
def score(
    fit: Any,
    responses: pd.DataFrame,
    method: Literal["eap", "map", "mle", "wle", "warm"] = "eap",
    prior: str | tuple[float, float] = "pooled",
    *,
    groups: "pd.Series[Any] | None" = None,
    nodes: int | Array | None = None,
    codes: Mapping[str, str] | None = None,
    not_reached: str = "ignored",
    minimum: int = MINIMUM_ANSWERS,
) -> pd.DataFrame:
    """θ of each student from frozen item parameters.

    Args:
        fit: result of `calibrate`, or a table of items (index item; a, d or d1.., g, model).
        responses: rows students, columns items; items of the fit without a column count as not administered.
        method: "eap" (posterior mean; Bock & Mislevy 1982), "map" (posterior mode), "mle", "wle" (weighted likelihood,
            Warm 1989), "warm" (differs from "wle" in the 3PL only, see scoring.irt.ability_modes).
        prior: "pooled", one prior for everybody, so that equal answers give equal results; "group", each student's own
            group (for group statistics, never for a student's result); or (mean, sd). Used by "eap" and "map".
        groups: aligned to the rows; needed for prior="group".
        nodes: number of nodes on [-6, 6] or the nodes themselves; default the fit's. Widened and refined as needed.
        codes, not_reached: see `scoring.data.read_responses`; "zero" is for individual scores only.
        minimum: fewest answered items that are scored (never more than the fit has items).

    Returns:
        DataFrame on the rows of `responses`: theta; se (posterior SD for "eap", else from the curvature of what was
        maximised); status "scored", "too few responses", "nothing valid" (both with theta NaN: no sitting is dropped)
        or "extreme" (the estimate is not finite, theta ±inf; a reporting scale maps it to its limits).

    Raises:
        DesignError: unknown method or prior, no item in common, impossible responses.
    """
    frozen = freeze(fit, warn=prior != "group")
    if method not in _METHODS:
        raise DesignError("unknown-method", f"There is no method {method!r}.", f"Use one of {', '.join(_METHODS)}.")
    if prior == "group" and frozen.separate and groups is not None:
        return _by_group(frozen, responses, method, groups, nodes, codes, not_reached, minimum)
    answers = _answers(frozen, responses, codes, not_reached)
    means, sds, group = _priors(frozen, prior, groups, answers.persons)
    answered = (answers.status == ANSWERED).sum(axis=1)
    enough = answered >= max(1, min(minimum, len(frozen.items)))
    scores = np.where(enough[:, None], answers.scores, np.int8(-1))
    if method == "eap":
        shapes = {"pooled": ["pooled"], "group": list(frozen.groups)}.get(prior, []) if isinstance(prior, str) else []
        result = _eap(
            frozen, scores, means, sds, group, nodes, [frozen.histograms[n] for n in shapes if frozen.histograms]
        )
    else:
        result = ability_modes.solve(frozen.items, scores, method, means[group], sds[group])
    status = np.where(enough, SCORED, np.where(answered > 0, TOO_FEW, NOTHING_VALID))
    status = np.where(np.isinf(result.theta), EXTREME, status)
    return pd.DataFrame({"theta": result.theta, "se": result.se, "status": status}, index=answers.persons)


def _by_group(
    frozen: Frozen,
    responses: pd.DataFrame,
    method: Any,
    groups: "pd.Series[Any]",
    nodes: int | Array | None,
    codes: Mapping[str, str] | None,
    not_reached: str,
    minimum: int,
) -> pd.DataFrame:
    """Scores with each group's own population and item parameters."""
    means, sds, of = _group_priors(frozen, groups, responses.index)
    parts, places = [], []
    for g, name in enumerate(frozen.groups):
        rows = np.flatnonzero(of == g)
        if rows.size:
            shape = {"pooled": frozen.histograms[name]} if frozen.histograms else {}
            own = Frozen(frozen.separate[name], float(means[g]), float(sds[g]), nodes=frozen.nodes, histograms=shape)
            some = responses.iloc[rows]
            parts.append(score(own, some, method, nodes=nodes, codes=codes, not_reached=not_reached, minimum=minimum))
            places.append(rows)
    return pd.concat(parts).iloc[np.argsort(np.concatenate(places))]


def _answers(frozen: Frozen, responses: pd.DataFrame, codes: Mapping[str, str] | None, not_reached: str) -> Responses:
    """Responses in the order of the fit's items; an item without a column is not administered."""
    if not isinstance(responses, pd.DataFrame):
        raise DesignError("not-a-table", "The responses are not a DataFrame.", "One student: responses.loc[[name]].")
    names = [str(c) for c in responses.columns]
    known = [i for i, name in enumerate(names) if name in set(frozen.items.names)]
    if not known:
        raise DesignError(
            "no-common-item",
            "No column of the responses is an item of the fit.",
            "Columns are named by item id.",
            [f"columns: {', '.join(names[:5])}", f"items: {', '.join(frozen.items.names[:5])}"],
        )
    unknown = [name for name in names if name not in set(frozen.items.names)]
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        warnings.warn(
            f"Not scored, because the fit has no such item: {', '.join(unknown[:5])}{more}",
            ScoringWarning,
            stacklevel=4,
        )
    read = read_responses(responses.iloc[:, known], codes=codes, not_reached=not_reached)
    if read.items == frozen.items.names:
        return read
    place = {name: j for j, name in enumerate(frozen.items.names)}
    to = [place[name] for name in read.items]
    scores = np.full((len(responses), len(frozen.items)), -1, dtype=np.int8)
    status = np.full_like(scores, 1)
    scores[:, to], status[:, to] = read.scores, read.status
    return Responses(frozen.items.names, read.persons, scores, status)


def _priors(
    frozen: Frozen, prior: str | tuple[float, float], groups: "pd.Series[Any] | None", persons: pd.Index
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Means and SDs of the priors in use, and which of them each student has."""
    everybody = np.zeros(len(persons), dtype=np.int64)
    if prior == "pooled":
        return np.array([frozen.mean]), np.array([frozen.sd]), everybody
    if prior == "group":
        return _group_priors(frozen, groups, persons)
    try:
        mean, sd = (float(v) for v in prior if not isinstance(prior, str))
    except (TypeError, ValueError):
        raise DesignError("unknown-prior", f"The prior is {prior!r}.", 'Use "pooled", "group" or (mean, sd).') from None
    if not (np.isfinite(mean) and np.isfinite(sd) and sd > 0):
        raise DesignError("bad-prior", f"A prior with mean {mean:g} and SD {sd:g}.", "The SD must be positive.")
    return np.array([mean]), np.array([sd]), everybody


def _group_priors(
    frozen: Frozen, groups: "pd.Series[Any] | None", persons: pd.Index
) -> tuple[Array, Array, NDArray[np.int64]]:
    if groups is None or not frozen.groups:
        raise DesignError(
            "no-groups",
            'prior="group" needs a fit with groups and each student\'s group.',
            "Give groups=, or prior='pooled'.",
        )
    labels = aligned(groups, persons, "groups").astype(str)
    unknown = sorted(set(labels) - set(frozen.groups))
    if unknown:
        counts = [f"{name}: {int((labels == name).sum())} students" for name in unknown]
        raise DesignError("unknown-group", "Some students' groups are not in the fit.", "", counts)
    names = list(frozen.groups)
    index = pd.Index(names).get_indexer(pd.Index(labels))
    moments = np.array([frozen.groups[n] for n in names])
    return moments[:, 0], moments[:, 1], index.astype(np.int64)


def _grid(frozen: Frozen, means: Array, sds: Array, nodes: int | Array | None) -> Array:
    """One grid that is wide and fine enough for every prior in use."""
    grid = np.linspace(-6.0, 6.0, nodes) if isinstance(nodes, int) else frozen.nodes if nodes is None else nodes
    for mean, sd in zip(means, sds, strict=True):
        grid = ability.scoring_nodes(frozen.items, float(mean), float(sd), grid)
    assert grid is not None
    return np.asarray(grid, dtype=float)


def _pooled(frozen: Frozen, nodes: int | Array | None) -> tuple[Array, Array]:
    """Nodes and log weights of the pooled population."""
    if frozen.histograms and frozen.nodes is not None:
        with np.errstate(divide="ignore"):
            return frozen.nodes, np.log(frozen.histograms["pooled"])
    grid = _grid(frozen, np.array([frozen.mean]), np.array([frozen.sd]), nodes)
    return grid, ability.normal_log_weights(grid, frozen.mean, frozen.sd)


def _eap(
    frozen: Frozen,
    scores: NDArray[np.int8],
    means: Array,
    sds: Array,
    group: NDArray[np.int64],
    nodes: int | Array | None,
    histograms: Sequence[Array] = (),
) -> Abilities:
    if histograms and frozen.nodes is not None:  # known on the calibration's nodes only
        grid = frozen.nodes
        with np.errstate(divide="ignore"):
            weights = np.log(np.stack(histograms))
    else:
        grid = _grid(frozen, means, sds, nodes)
        weights = np.stack([ability.normal_log_weights(grid, m, s) for m, s in zip(means, sds, strict=True)])
    if len(weights) == 1:
        return ability.eap(frozen.items, scores, grid, weights[0])
    return ability.eap(frozen.items, scores, grid, weights, group)


@on_one_blas_thread
def sum_score_table(
    fit: Any,
    items: Sequence[str] | None = None,
    *,
    n: int | None = None,
    scale: ReportingScale | None = None,
    nodes: int | Array | None = None,
) -> pd.DataFrame:
    """What each sum score of a form says about θ, for scoring by hand (Thissen, Pommerich, Billeaud & Williams 1995).

    Valid for students who were given all the items. One common prior, the pooled population.

    Args:
        fit: result of `calibrate`, or a table of items.
        items: the form's items; default all.
        n: number of students, for the column `expected`.
        scale: adds `scaled` and `scaled_se`.
        nodes: as in `score`.

    Returns:
        DataFrame indexed by sum_score: theta, se (posterior SD), probability, expected, scaled, scaled_se. A
        ScoringWarning says where more points do not mean a higher θ (items with negative slopes).

    Raises:
        DesignError: items that are not in the fit, an item named twice, or none.
    """
    frozen = _some(freeze(fit), items)
    grid, weights = _pooled(frozen, nodes)
    table = sumscore.sum_scores(frozen.items, grid, weights)
    falling = np.flatnonzero(np.diff(table.theta) < -1e-9)
    if falling.size:
        names = [n for n, a in zip(frozen.items.names, frozen.items.a, strict=True) if a < 0]
        warnings.warn(
            f"θ falls from {int(table.score[falling[0]])} to {int(table.score[falling[0] + 1])} points. "
            f"Items with negative slopes: {', '.join(names) or 'none'}; check their keys or leave them out.",
            ScoringWarning,
            stacklevel=3,
        )
    out = pd.DataFrame(
        {"theta": table.theta, "se": table.sd, "probability": table.probability},
        index=pd.Index(table.score.astype(int), name="sum_score"),
    )
    if n is not None:
        out["expected"] = n * table.probability
    if scale is not None:
        out["scaled"], out["scaled_se"] = scale.scores(table.theta), scale.errors(table.sd)
    return out


def _some(frozen: Frozen, items: Sequence[str] | None) -> Frozen:
    if items is None:
        return frozen
    items = [items] if isinstance(items, str) else list(items)
    place = {name: j for j, name in enumerate(frozen.items.names)}
    unknown = [str(i) for i in items if str(i) not in place]
    if unknown:
        raise DesignError("unknown-item", "The fit has no such items.", "Leave them out.", unknown)
    twice = sorted({str(i) for i in items if list(map(str, items)).count(str(i)) > 1})
    if twice:
        raise DesignError("duplicate-item", "A form has each item once.", "Name it once.", twice)
    index = np.array([place[str(i)] for i in items], dtype=np.int64)
    return replace(frozen, items=frozen.items.select(index))


@dataclass(frozen=True)
class Reliability:
    """Reliability of a test in one population, and its precision over θ.

    Attributes:
        n: students with an EAP score.
        n_complete: of them, with every item answered or scored (those alpha rests on).
        marginal: mean of I/(I + 1/σ²) over the pooled population.
        eap: empirical, var(EAP)/(var(EAP) + mean posterior variance).
        wle: empirical, 1 - mean(SE²)/var(WLE) (Adams 2005), SE from the expected information.
        alpha: Cronbach's, of complete rows; NaN where no two students took every item.
        omega: share of the sum score's variance due to θ under the model.
        curve: indexed by theta: information, sem (θ units), true_score, score_sem (points).
    """

    n: int
    n_complete: int
    marginal: float
    eap: float
    wle: float
    alpha: float
    omega: float
    curve: pd.DataFrame


@on_one_blas_thread
def reliability(
    fit: Any,
    responses: pd.DataFrame,
    *,
    codes: Mapping[str, str] | None = None,
    not_reached: str = "ignored",
    minimum: int = MINIMUM_ANSWERS,
    at: Array | None = None,
) -> Reliability:
    """Marginal and empirical reliability, alpha, omega, and the conditional SEM curve.

    Args:
        fit, responses, codes, not_reached, minimum: as in `score`.
        at: θ of the curve; default -4 to 4 in steps of .25.

    Returns:
        Reliability.
    """
    frozen = freeze(fit)
    answers = _answers(frozen, responses, codes, not_reached)
    enough = (answers.status == ANSWERED).sum(axis=1) >= max(1, min(minimum, len(frozen.items)))
    scores = answers.scores[enough]
    grid, weights = _pooled(frozen, None)
    wle = ability_modes.solve(frozen.items, scores, "wle")
    at_wle = np.where(np.isfinite(wle.theta), wle.theta, 0.0)
    with np.errstate(divide="ignore"):
        wle_se = 1 / np.sqrt(ability_modes.expected_information(frozen.items, scores, at_wle))
    error = coefficients.conditional_error(frozen.items, np.linspace(-4, 4, 33) if at is None else at)
    columns = {name: getattr(error, name) for name in ("information", "sem", "true_score", "score_sem")}
    return Reliability(
        n=int(enough.sum()),
        n_complete=int((scores >= 0).all(axis=1).sum()),
        marginal=coefficients.marginal_reliability(frozen.items, grid, weights),
        eap=coefficients.eap_reliability(ability.eap(frozen.items, scores, grid, weights)),
        wle=coefficients.wle_reliability(Abilities(wle.theta, wle_se)),
        alpha=coefficients.alpha(scores),
        omega=coefficients.omega(frozen.items, grid, weights),
        curve=pd.DataFrame(columns, index=pd.Index(error.theta, name="theta")),
    )
