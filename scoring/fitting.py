"""Calibrate: from a table of responses to item parameters, populations and their standard errors."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring import checks
from scoring.data import read_responses
from scoring.fit_tables import tables
from scoring.fits import Fit, read_fit
from scoring.irt.design import Notice, check_design
from scoring.irt.errors import DesignError, ScoringWarning
from scoring.irt.estimate import estimate
from scoring.irt.grid import make_grid
from scoring.irt.robust import Robust, cluster_covariance
from scoring.irt.threads import on_one_blas_thread
from scoring.setup import Setup, aligned, prepare, read_groups
from scoring.simulation import simulate

__all__ = ["Fit", "calibrate", "design", "read_fit", "simulate"]

DEFAULT_BOUND = 6.0


@on_one_blas_thread
def calibrate(
    responses: pd.DataFrame,
    model: str | Mapping[str, str] = "2pl",
    groups: "pd.Series[Any] | None" = None,
    partner: "pd.Series[Any] | None" = None,
    origin: str = "pooled",
    weights: "pd.Series[Any] | None" = None,
    clusters: "pd.Series[Any] | None" = None,
    fixed: "pd.DataFrame | Fit | None" = None,
    separate: "Iterable[str] | Mapping[str, Any] | None" = None,
    priors: Mapping[str, Any] | None = None,
    codes: Mapping[str, str] | None = None,
    population: str = "normal",
    nodes: int = 61,
    bound: float | None = None,
    *,
    threads: int | None = None,
    max_iterations: int = 100,
    progress: Callable[[int, float, float], None] | None = None,
) -> Fit:
    """Estimate item parameters and populations by marginal maximum likelihood (Bock & Aitkin 1981).

    Args:
        responses: rows students, columns items; scores 0, 1, 2, ..., empty = not administered, or codes.
        model: "rasch", "1pl", "2pl", "3pl", "grm", "pcm", "gpcm", for all items or {item: name} (others "2pl").
            Items of more than two scores take the GPCM for 2pl, the PCM for rasch, the PCM with the common slope
            for 1pl.
        groups: population of each row (district × grade, for example); default one population.
        partner: district of each row, for the pooled population's weights: partners weigh equally, a partner's
            groups by their numbers of students. Default: each group is a partner.
        origin: "pooled": mean 0 and SD 1 in the pooled population; or a group, which becomes N(0, 1). With slopes
            fixed (rasch, pcm, anchors) it fixes only the mean; fixed anchors free every group.
        weights: case weights. They count as numbers of students; with sampling weights give clusters as well.
        clusters: schools, for cluster-robust standard errors.
        fixed: anchors: a fit, or a table indexed by item with columns a, d or b (d1, ... b1, ...), g; empty = free.
        separate: items whose parameters differ between partners, or {item: [[groups], [groups]]}.
        priors: "a", "d": ("normal", mean, SD), "a": ("lognormal", mean, SD of log a), "g": ("normal", mean, SD) on
            logit g or ("beta", p, q); "options": number of options, or {item: number}, for the default prior of g
            (normal on logit g, mean logit(1/options), SD 0.5; 4 options unless told); "items": {item: {...}}.
        codes: codes in the data -> "omitted", "not reached", "invalid", "not administered"; default O, R, M.
        population: "normal", or "histogram" for an empirical distribution in each group.
        nodes: quadrature nodes, equally spaced.
        bound: the grid's outermost node; given, the grid is left as it is. Default 6, widened and refined as the
            posteriors ask for it.
        threads: parts worked on at a time; results do not depend on it.
        max_iterations: Newton steps.
        progress: called with (passes, log-likelihood, largest gradient).

    Returns:
        Fit. Look at `converged` and `notices`.

    Raises:
        DesignError: the data cannot support the calibration; every reason at once.
    """
    data = read_responses(responses, codes)
    if population not in ("normal", "histogram"):
        raise DesignError("unknown-population", f"population is {population!r}.", "Use 'normal' or 'histogram'.")
    nodes = checks.whole(nodes, "nodes", 5, "nodes=61")
    if bound is not None and not checks.number(bound, "bound", "bound=6.0, or leave it out") > 0:
        raise DesignError("impossible-grid", "The grid needs a positive bound.", "bound=6.0, or leave it out")
    w = _weights(weights, data)
    people = read_groups(data, groups, partner, w)
    setup = prepare(data, people, model, fixed, separate, priors, origin)
    notices = [*setup.notices, *_design(setup, people, w)]
    _refuse(notices)
    if repeated := int(responses.index.duplicated().sum()):
        notices.append(_repeated(repeated))
        warnings.warn(str(notices[-1]), ScoringWarning, stacklevel=3)
    if weights is not None and clusters is None:
        notices.append(
            Notice("weights-count", "notice", "Weights count as numbers of students in the standard errors.",
                   "With sampling weights, give clusters= for robust standard errors.")
        )  # fmt: skip
    found = estimate(
        setup.codes, people.of, w, setup.layout, setup.prior,
        make_grid(nodes, DEFAULT_BOUND if bound is None else bound),
        adapt_grid=bound is None, empirical=population == "histogram", threads=threads,
        max_iterations=max_iterations, progress=progress,
    )  # fmt: skip
    robust: Robust | None = None
    if clusters is not None:
        schools = pd.factorize(aligned(clusters, data, "clusters").astype(str), sort=True)[0].astype(np.int64)
        robust = cluster_covariance(found, setup.prior, people.of, people.partner_of, w, schools)
    settings = {
        "model": dict(model) if isinstance(model, Mapping) else model,
        "origin": origin,
        "population": population,
        "nodes": len(found.grid.nodes),
        "bound": found.grid.bound,
        "priors": setup.priors,
        "separate": setup.sets,
        "weights": weights is not None,
        "standard_errors": "observed information" if robust is None else "cluster-robust",
        "passes": found.passes,
    }
    return tables(setup, people, found, robust, tuple(notices), settings, w)


def design(
    responses: pd.DataFrame,
    model: str | Mapping[str, str] = "2pl",
    groups: "pd.Series[Any] | None" = None,
    partner: "pd.Series[Any] | None" = None,
    fixed: "pd.DataFrame | Fit | None" = None,
    separate: "Iterable[str] | Mapping[str, Any] | None" = None,
    codes: Mapping[str, str] | None = None,
) -> tuple[Notice, ...]:
    """What calibrate would find about the design, refusals included, without estimating anything."""
    data = read_responses(responses, codes)
    w = np.ones(len(data.persons))
    people = read_groups(data, groups, partner, w)
    setup = prepare(data, people, model, fixed, separate, None, "pooled")
    return (*setup.notices, *_design(setup, people, w))


def _repeated(count: int) -> Notice:
    rows = "1 row repeats" if count == 1 else f"{count} rows repeat"
    message = f"{rows} a student of the index; each counts as a further student."
    return Notice("repeated-students", "warning", message, "Keep one row of each, or give each sitting its own label.")


def _weights(weights: Any, data: Any) -> NDArray[np.float64]:
    if weights is None:
        return np.ones(len(data.persons))
    out = np.asarray(aligned(weights, data, "weights"), dtype=float)
    if not (np.isfinite(out).all() and (out >= 0).all() and out.sum() > 0):
        raise DesignError("impossible-weights", "Weights must be numbers from 0 up, not all 0.", "Check the weights.")
    return out


def _design(setup: Setup, people: Any, w: NDArray[np.float64]) -> list[Notice]:
    layout = setup.layout
    free = (layout.coordinate >= 0) & layout.exists
    anchored = np.asarray(~free.any(axis=1))
    return check_design(
        setup.codes, people.of, w, layout.template.names, people.names, layout.template.categories,
        anchored, np.asarray(~anchored), people.partner_of, people.partner_names,
        bool((free[:, 0] & ~np.isin(setup.models, ["1pl"])).any()),
    )  # fmt: skip


def _refuse(notices: list[Notice]) -> None:
    refusals = [n for n in notices if n.severity == "refusal"]
    if not refusals:
        return
    details = [line for n in refusals for line in ((n.message, *("  " + p for p in n.places)) if len(refusals) > 1
                                                   else n.places)]  # fmt: skip
    first = refusals[0]
    sentence = first.message if len(refusals) == 1 else f"The design has {len(refusals)} faults."
    raise DesignError(first.code, sentence, " ".join(dict.fromkeys(n.hint for n in refusals if n.hint)), details)
