"""The concept profile: what each student and each group knows, concept by concept (docs/methods/profile.md)."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq

from scoring.frozen_profile import FrozenProfile
from scoring.irt.curves import Array, ItemParameters, expected_scores
from scoring.irt.errors import DesignError, ScoringWarning
from scoring.irt.profile_fit import ProfileEstimate, estimate
from scoring.irt.profile_inference import infer
from scoring.irt.profile_items import unpack
from scoring.irt.profile_model import ProfileModel
from scoring.irt.profile_students import StudentResults, accuracy, student_results
from scoring.irt.threads import on_one_blas_thread
from scoring.profile_input import ProfileInput, read_profile_input
from scoring.profile_tables import (
    correlation_table,
    covariance_table,
    evidence_table,
    group_table,
    item_table,
    mastery_table,
    score_table,
)

Index = NDArray[np.int64]
#: A cut: θ, or a function from the concept's items to θ.
Cut = float | Callable[[ItemParameters], float]

#: Share of the points on a concept's items that a student at the provisional cut is expected to get.
DOMAIN_SHARE = 0.70


@dataclass(frozen=True, repr=False)
class ConceptProfile:
    """Result of `concept_profile`. θ is in SDs of the pooled population unless items fix another scale.

    Attributes:
        scores: rows as the responses, columns (concept, what): theta, se, p_mastery, status ("scored", "too few
            items", "no items"), verdict ("mastered", "not yet", "undecided", "not enough evidence"). Everybody under
            the one common prior.
        items: indexed by item: concept, model, n, a, b, d, g (polytomous d1.., b1..) with se_a, se_b, se_d, se_g.
        groups: indexed by (group, concept): n, mean, sd, se_mean, se_sd.
        group_mastery: indexed by (group, concept): n, cut, rate, se under the group's own population, and status.
        correlations: concepts × concepts, pooled population; correlation_se beside it.
        covariance: of all estimated parameters on the reported scale, named "item:a", "group:concept:mean", ...
        reliability: by concept, 1 - mean posterior variance / variance.
        evidence: by concept: n_items, items_per_student, prmse_own, prmse_total, prmse_profile, status ("enough",
            "not enough evidence"), added_value, advice in words.
        cuts: by concept: theta, source ("given", "provisional").
        mastery_covariance: of the group rates, (group, concept) both ways.
        converged, decrement, max_gradient, iterations, log_likelihood, log_prior, unsettled: how the estimation ended;
            the log-likelihood is the EP log-evidence, unsettled the students whose sites did not settle.
        df: degrees of freedom of cluster-robust standard errors, clusters minus partners; None without clusters.
        common_correlations: the groups share one correlation matrix (a group has fewer than 500 students).
        priors: what was assumed about item parameters, in words.
        parameters: the items as arrays, sorted by concept; concept_index (J,) their concepts.
        concepts: (C,) names. group_names: (G,) names.
        group_means, group_covariances: (G, C), (G, C, C). pooled_weights: (G,).
        common_mean, common_covariance: (C,), (C, C) of the common prior.
        posterior_covariance: (N, C, C) under the common prior, rows as the responses.
        nodes: (Q,) the nodes.
    """

    scores: pd.DataFrame
    items: pd.DataFrame
    groups: pd.DataFrame
    group_mastery: pd.DataFrame
    correlations: pd.DataFrame
    correlation_se: pd.DataFrame
    covariance: pd.DataFrame
    reliability: "pd.Series[float]"
    evidence: pd.DataFrame
    cuts: pd.DataFrame
    mastery_covariance: pd.DataFrame
    converged: bool
    decrement: float
    max_gradient: float
    iterations: int
    log_likelihood: float
    log_prior: float
    unsettled: int
    df: int | None
    common_correlations: bool
    priors: str
    parameters: ItemParameters
    concept_index: Index
    concepts: tuple[str, ...]
    group_names: tuple[str, ...]
    group_means: Array
    group_covariances: Array
    pooled_weights: Array
    common_mean: Array
    common_covariance: Array
    posterior_covariance: Array = field(repr=False)
    nodes: Array = field(repr=False)

    def __repr__(self) -> str:
        of = "" if len(self.group_names) == 1 else f" in {len(self.group_names)} groups"
        many = "1 concept" if len(self.concepts) == 1 else f"{len(self.concepts)} concepts"
        state = "converged" if self.converged else "NOT converged"
        return (
            f"<ConceptProfile: {many} ({', '.join(self.concepts)}), {len(self.items)} items, "
            f"{len(self.scores):,} students{of}, {state}; .scores .groups .group_mastery .correlations .evidence>"
        )

    def score(self, responses: pd.DataFrame, codes: Mapping[str, str] | None = None) -> pd.DataFrame:
        """Scores of these students with the parameters as they are, one student or a million.

        Args:
            responses: rows students, columns items of the profile; an item without a column is not administered.
            codes: see `scoring.data.read_responses`.

        Returns:
            As `scores`.
        """
        return self.frozen().score(responses, codes)

    def frozen(self) -> FrozenProfile:
        """The parameters that scoring needs, to be kept: `frozen().save(path)`, `scoring.read_profile(path)`."""
        return FrozenProfile(
            self.parameters,
            self.concept_index,
            self.concepts,
            self.common_mean,
            self.common_covariance,
            self.cuts["theta"].to_numpy(dtype=float),
            (self.evidence["status"] == "enough").to_numpy(),
            self.nodes,
        )


@on_one_blas_thread
def concept_profile(
    responses: pd.DataFrame,
    concepts: Mapping[str, str],
    groups: "pd.Series[Any] | None" = None,
    partner: "pd.Series[Any] | None" = None,
    model: str | Mapping[str, str] = "2pl",
    cuts: Mapping[str, Cut] | None = None,
    weights: "pd.Series[Any] | None" = None,
    clusters: "pd.Series[Any] | None" = None,
    fixed: Any = None,
    codes: Mapping[str, str] | None = None,
) -> ConceptProfile:
    """Estimate correlated concepts with simple structure, and say what each student and group has mastered.

    Every item measures one concept, θ | group ~ N(μ_g, Σ_g); item parameters, means and covariances are estimated
    together by maximum marginal likelihood, the integrals by expectation propagation (Minka 2001).

    Args:
        responses: rows students, columns items; scores 0, 1, ..., empty = not administered, codes as elsewhere.
        concepts: item -> its primary concept; every column needs one.
        groups: population of each student, by default one.
        partner: district of each student; the pooled population weighs partners equally, groups within a partner by
            their students. Without it every group is its own partner.
        model: a name for all items or {item: name}; an item with more than two scores under "2pl" or "3pl" is a
            "gpcm", under "rasch" or "1pl" a "pcm". "3pl" has a normal prior on logit g (mean logit .25, SD .5).
        cuts: concept -> θ from which it counts as mastered, or a function that finds it from the concept's calibrated
            items (NaN: it does not). Where there is none, a provisional cut: the θ at which a student is expected to
            get .70 of the points on the concept's items.
        weights: case weights. clusters: schools, for cluster-robust standard errors.
        fixed: items with given parameters (a fit or a table of items); their concepts keep that scale.
        codes: see `scoring.data.read_responses`.

    Returns:
        ConceptProfile; a ScoringWarning says if it has not converged.

    Raises:
        DesignError: with one line for each thing that is wrong with the request.
    """
    request = read_profile_input(responses, concepts, groups, partner, model, weights, clusters, fixed, codes)
    unknown = sorted(set(cuts or {}) - set(request.concepts))
    if unknown:
        raise DesignError("unknown-concept", "Cuts for concepts that no item measures.", "Check names.", unknown)
    order, structure = request.order, request.model
    scores = np.ascontiguousarray(request.responses.scores[order][:, request.columns])
    cluster = None if request.cluster is None else request.cluster[order]
    found = estimate(
        structure,
        scores,
        request.weights[order],
        request.group[order],
        lambda full: _working_cuts(structure, full, request.concepts, cuts),
        cluster,
    )
    _warn(found)
    reported = infer(
        found, _cuts(structure, structure.standardised(found.full), request.concepts, cuts), request.stratum
    )
    return _assemble(request, found, reported.full, reported, scores, cuts)


def _assemble(
    request: ProfileInput,
    found: ProfileEstimate,
    full: Array,
    reported: Any,
    scores: NDArray[np.int8],
    given_cuts: Mapping[str, Cut] | None,
) -> ConceptProfile:
    structure, names = request.model, request.concepts
    items = unpack(full[: structure.layout.total], structure.items, structure.layout)
    mu, sigma = structure.populations(full)
    mean, covariance = structure.pooled(mu, sigma)
    theta_cuts = _cuts(structure, full, names, given_cuts)
    results = student_results(found.data, items, found.nodes, mean, covariance, theta_cuts)
    weights = (
        found.data.weights * (structure.pooled_weights / _group_totals(found, len(mu)))[request.group[request.order]]
    )
    maxima = structure.items.categories - 1
    variance = np.diagonal(covariance)
    prmse = accuracy(results, scores, maxima, structure.concept, weights, variance)
    evidence = evidence_table(prmse, scores, structure.concept, names)
    enough = (evidence["status"] == "enough").to_numpy()
    back = np.empty_like(request.order)
    back[request.order] = np.arange(back.size)
    results = StudentResults(*(getattr(results, f)[back] for f in StudentResults.__dataclass_fields__))
    persons = request.responses.persons
    label = pd.Index(names, name="concept")
    by_name = np.argsort(np.array(request.groups, dtype=object), kind="stable")
    rates = mastery_table(request, reported.mastery, reported.mastery_covariance, theta_cuts, by_name)
    return ConceptProfile(
        scores=score_table(results, scores[back], structure.concept, names, persons, enough),
        items=item_table(items, structure, names, reported.covariance, scores, request.fixed, request.responses.items),
        groups=group_table(structure, mu, sigma, reported.covariance, request, by_name),
        group_mastery=rates,
        correlations=correlation_table(reported.correlation, names),
        correlation_se=correlation_table(reported.correlation_se, names),
        covariance=covariance_table(structure, reported.covariance, request.groups, names),
        reliability=pd.Series(prmse.profile, index=label, name="reliability"),
        evidence=evidence,
        cuts=pd.DataFrame(
            {
                "theta": theta_cuts,
                "source": np.where(
                    np.isfinite(_given(items, structure.concept, names, given_cuts)), "given", "provisional"
                ),
            },
            index=label,
        ),
        mastery_covariance=pd.DataFrame(
            reported.mastery_covariance, *(2 * [pd.MultiIndex.from_product([request.groups, names])])
        ).loc[rates.index.tolist(), rates.index.tolist()],
        converged=found.converged,
        decrement=found.decrement,
        max_gradient=found.max_gradient,
        iterations=found.iterations,
        log_likelihood=found.log_evidence,
        log_prior=found.log_prior,
        unsettled=found.unsettled,
        df=None if request.stratum is None else request.stratum.size - len(set(request.partner)),
        common_correlations=structure.common_correlations,
        priors=_priors(found),
        parameters=items,
        concept_index=structure.concept,
        concepts=names,
        group_names=tuple(request.groups[g] for g in by_name),
        group_means=mu[by_name],
        group_covariances=sigma[by_name],
        pooled_weights=structure.pooled_weights[by_name],
        common_mean=mean,
        common_covariance=covariance,
        posterior_covariance=results.covariance,
        nodes=found.nodes,
    )


def _group_totals(found: ProfileEstimate, n_groups: int) -> Array:
    out = np.zeros(n_groups)
    for rows, g in found.data.blocks:
        out[g] += found.data.weights[rows].sum()
    return out


def _cuts(structure: ProfileModel, full: Array, names: tuple[str, ...], given: Mapping[str, Cut] | None) -> Array:
    """(C,) cuts on the standardised scale: given, or the provisional domain-score cut; NaN where no θ reaches it."""
    items = unpack(full[: structure.layout.total], structure.items, structure.layout)
    out = _given(items, structure.concept, names, given)
    for c in np.flatnonzero(np.isnan(out)):
        out[c] = domain_cut(items.select(np.flatnonzero(structure.concept == c)))
    return out


def _given(items: ItemParameters, concept: Index, names: tuple[str, ...], given: Mapping[str, Cut] | None) -> Array:
    """(C,) the cuts that were given, NaN elsewhere."""
    out = np.full(len(names), np.nan)
    for c, name in enumerate(names):
        rule = (given or {}).get(name)
        if rule is not None:
            try:
                out[c] = float(rule(items.select(np.flatnonzero(concept == c))) if callable(rule) else rule)
            except (TypeError, ValueError):
                raise DesignError("bad-cut", f"The cut of {name} is no number.", "A θ, or a function.") from None
    return out


def domain_cut(items: ItemParameters, share: float = DOMAIN_SHARE) -> float:
    """θ at which the mean expected share of points over the items is `share`; NaN outside the curve's range."""
    maxima = items.categories - 1

    def gap(theta: float) -> float:
        expected = expected_scores(items, np.array([theta]))[:, 0]
        return float(np.mean(expected / maxima)) - share

    low, high = -10.0, 10.0
    if gap(low) * gap(high) >= 0:
        return float("nan")
    return float(brentq(gap, low, high, xtol=1e-12))


def _working_cuts(
    structure: ProfileModel, full: Array, names: tuple[str, ...], given: Mapping[str, Cut] | None
) -> Array:
    m, s = structure.origin_and_unit(*structure.populations(full))
    cuts: Array = m + s * _cuts(structure, structure.standardised(full), names, given)
    return cuts


def _priors(found: ProfileEstimate) -> str:
    parts = ["normal(logit .25, .5) on logit g"] if (found.model.layout.guessing >= 0).any() else []
    if found.correlation_prior:
        parts.append(f"|R|^{found.correlation_prior:g} on the groups' correlations")
    return "; ".join(parts) or "none"


def _warn(found: ProfileEstimate) -> None:
    if not found.converged:
        warnings.warn(
            f"The concept profile has not converged: decrement {found.decrement:.1e} after {found.iterations} passes, "
            f"{found.unsettled} students' sites unsettled.",
            ScoringWarning,
            stacklevel=4,
        )
    if found.correlation_prior:
        warnings.warn(
            "Some concepts cannot be told apart in a group: their correlation would be 1. A weak prior, named in "
            "priors, keeps it below; more items per concept or fewer concepts would do without.",
            ScoringWarning,
            stacklevel=4,
        )
    slopes = found.items.a
    negative = [found.model.items.names[j] for j in range(slopes.size) if slopes[j] < 0]
    if negative:
        warnings.warn(f"Negative slope, as a wrong key gives: {', '.join(negative)}", ScoringWarning, stacklevel=4)
