"""Cluster-robust covariance: scores summed by school, centred within district (sandwich estimator)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from scoring.irt.curves import Array
from scoring.irt.distinct import distinct_numbers
from scoring.irt.errors import DesignError
from scoring.irt.estimate import Estimate
from scoring.irt.likelihood import Problem
from scoring.irt.posteriors import summed_scores
from scoring.irt.priors import Prior

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Robust:
    """A sandwich covariance.

    Attributes:
        covariance: (P, P) of ψ.
        df: number of clusters less number of districts.
        clusters: number of clusters in each district.
    """

    covariance: Array
    df: float
    clusters: tuple[int, ...]


def cluster_covariance(
    found: Estimate, prior: Prior, groups: Index, partner_of: Index, weights: Array, clusters: Index
) -> Robust:
    """Sandwich I⁻¹ (Σ_d S_d/(S_d - 1) Σ_s (u_s - ū_d)(u_s - ū_d)') I⁻¹ with u_s the summed score of school s.

    Args:
        found: the estimate.
        prior: its priors.
        groups: (N,) group of each student.
        partner_of: (G,) district of each group.
        weights: (N,) case weights.
        clusters: (N,) number of each student's school; the same number in two districts is two schools.

    Raises:
        DesignError: a district has fewer than two clusters.
    """
    here = (found.blocks.row_of >= 0) & (weights > 0)
    district = partner_of[groups[here]]
    names = int(clusters.max(initial=0)) + 1
    pairs, cluster = distinct_numbers(district * names + clusters[here])
    of_cluster = pairs // names
    sizes = np.bincount(of_cluster, minlength=int(partner_of.max()) + 1)
    if (sizes[np.unique(of_cluster)] < 2).any():
        raise DesignError("too-few-clusters", "Cluster-robust standard errors need two clusters in every district.",
                          "Leave clusters out.")  # fmt: skip
    members = csr_matrix((weights[here], (cluster, found.blocks.row_of[here])), shape=(pairs.size, found.blocks.n_rows))
    histogram = None if found.histogram is None else np.log(np.maximum(found.histogram, 1e-300))
    problem = Problem(found.blocks, found.layout, prior, found.grid, histogram)
    jacobian = found.layout.jacobian(found.xi)
    scores = summed_scores(problem, found.xi, members) @ jacobian
    meat = np.zeros((scores.shape[1], scores.shape[1]))
    for d in np.unique(of_cluster):
        u = scores[of_cluster == d]
        u = u - u.mean(axis=0)
        meat += len(u) / (len(u) - 1) * (u.T @ u)
    bread = np.linalg.solve(found.information, jacobian.T)
    return Robust(bread.T @ meat @ bread, float(len(of_cluster) - len(np.unique(of_cluster))), tuple(map(int, sizes)))
