"""The same students at several occasions in one latent regression: change with the errors of both times together.

A student has a vector of abilities, one for every concept at every occasion:

    θ_i = Γ'x_i + u_school(i) + e_i,    u ~ N(0, T),    e_i ~ N(0, Σ_district(i)),    θ_i = (θ_i11, ..., θ_iTC)

so that means differ by district and occasion, a student's residuals and a school's effects are correlated over
occasions as the answers say (Andersen 1985; von Davier, Xu & Carstensen 2011), and change is a contrast within one
model. A student who was absent at an occasion has no answers there: a flat likelihood, from which the model learns
nothing. What is then said of everybody rests on absence having to do with answers that were seen and variables that
were conditioned on, and nothing else ("missing at random", Rubin 1976).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.groups.design import Design
from scoring.groups.inference import Uncertainty, schools_mode
from scoring.groups.jackknife import Replicates
from scoring.groups.sites import Evidence
from scoring.irt.errors import DesignError

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Positions of the statistics of `Replicates`.
MEAN, SQUARE, SHARE = 0, 1, 2


def join(parts: Sequence[Evidence], rows: Sequence[Ints], n: int) -> Evidence:
    """One evidence of everybody from that of each occasion.

    Args:
        parts: evidence of each of T occasions on the same C concepts and nodes.
        rows: for each occasion the positions (N_t,) of its students among all n; nobody twice.
        n: students in all.

    Returns:
        Evidence on T·C abilities, occasion by occasion; flat where a student was absent.

    Raises:
        DesignError: occasions differ in concepts or nodes, or a student stands twice at one.
    """
    first = parts[0]
    shape = first.log_likelihood.shape[1:]
    problems = []
    for t, (part, row) in enumerate(zip(parts, rows, strict=True), start=1):
        if part.log_likelihood.shape[1:] != shape or not np.array_equal(part.nodes, first.nodes):
            problems.append(f"occasion {t} has other concepts or nodes than the first")
        if np.unique(row).size != row.size:
            problems.append(f"occasion {t}: {row.size - np.unique(row).size} students stand twice")
    if problems:
        raise DesignError("occasions", "The occasions cannot be joined.", "One row per student and occasion.", problems)
    c, q = shape
    # concept before student in memory, as `evidence` lays it out: the passes go through it concept by concept
    out = np.zeros((len(parts) * c, n, q))
    answered = np.zeros((n, len(parts) * c), dtype=np.int64)
    for t, (part, row) in enumerate(zip(parts, rows, strict=True)):
        out[t * c : (t + 1) * c, row] = part.log_likelihood.transpose(1, 0, 2)
        answered[row, t * c : (t + 1) * c] = part.answered
    return Evidence(out.transpose(1, 0, 2), first.nodes, answered)


def in_order(ev: Evidence, design: Design) -> Evidence:
    """The evidence with students in the design's order."""
    return Evidence(
        np.ascontiguousarray(ev.log_likelihood.transpose(1, 0, 2)[:, design.order]).transpose(1, 0, 2),
        ev.nodes,
        ev.answered[design.order],
    )


@dataclass(frozen=True)
class Changes:
    """Change between two occasions of G groups on C concepts in K statistics (mean, mean square, shares at cuts).

    Attributes:
        first, second: (G, C, K) at both occasions. draws: (M, G, C, K), without: (S, G, C, K) of the change.
        replicates: what they came from: students, schools and districts of the groups.
    """

    first: Array
    second: Array
    draws: Array
    without: Array
    replicates: Replicates

    @property
    def size(self) -> Array:
        """(G, C, K) second less first."""
        return self.second - self.first

    def uncertainty(self, group: int, weights: Array, statistic: int, linking_variance: float = 0.0) -> Uncertainty:
        """Uncertainty of a weighted sum of concepts' changes, for "schools like these".

        Args:
            group: which. weights: (C,) of the concepts. statistic: which of the K.
            linking_variance: of the link between the occasions, in squared units of the statistic.
        """
        r = self.replicates
        return schools_mode(
            self.without[:, group, :, statistic] @ weights,
            r.school_district,
            r.school_in_group[:, group] > 0,
            self.draws[:, group, :, statistic] @ weights,
            linking_variance,
        )


def changes(replicates: Replicates, n_concepts: int, first: int, second: int) -> Changes:
    """The change from one occasion to another, from replicates of a joint model.

    Args:
        replicates: of a regression on T·C abilities, occasion by occasion.
        n_concepts: C.
        first, second: occasions, 0..T-1.
    """
    a = slice(first * n_concepts, (first + 1) * n_concepts)
    b = slice(second * n_concepts, (second + 1) * n_concepts)
    r = replicates
    return Changes(
        first=r.estimate[:, a],
        second=r.estimate[:, b],
        draws=r.draws[:, :, b] - r.draws[:, :, a],
        without=r.without[:, :, b] - r.without[:, :, a],
        replicates=r,
    )


def density(estimate: Array, cut: float) -> float:
    """How much a share at a cut falls per unit by which the cut rises, in a normal group with the given moments.

    Args:
        estimate: (2 or more,) mean and mean square of the group.
        cut: where.
    """
    sd = float(np.sqrt(max(estimate[SQUARE] - estimate[MEAN] ** 2, 1e-6)))
    z = (cut - float(estimate[MEAN])) / sd
    return float(np.exp(-0.5 * z * z) / (np.sqrt(2 * np.pi) * sd))
