"""Link two calibrations through the items they share, on tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.frozen import freeze
from scoring.irt import linking as core
from scoring.irt.curves import Array, ItemParameters
from scoring.irt.distributions import student_quantile
from scoring.irt.errors import DesignError
from scoring.irt.linking_chain import Composed, End, Leg, compose, cross_covariance
from scoring.irt.linking_chain import average as compose_average
from scoring.irt.linking_drift import (
    LEAST_DISPLACEMENT,
    REMOVABLE,
    Z_LIMIT,
    Drift,
    bounded_removal,
    centred_sampling,
    drift,
    linking_variance,
    location_covariance,
)
from scoring.irt.threads import on_one_blas_thread

NODES, BOUND = 40, 4.0


@dataclass(frozen=True, repr=False)
class Link:
    """θ_to = A θ_from + B.

    Attributes:
        A, B: the constants.
        se_A, se_B, cov_AB: from the errors of both calibrations (delta method, Ogasawara 2000); NaN without
            covariances.
        method: of the constants.
        anchors: items the constants rest on.
        removed: anchors removed for drift, in order.
        protected: anchors still flagged that the bound on removals keeps.
        drift: indexed by item, removed ones included: displacement (θ units of `to`: positive = harder than the link
            says), se, robust_z, slope_ratio, rmsd (share of points), flagged, used.
        linking_variance: of B, from the choice of anchors, to be added to se_B² in comparisons over time.
        df: anchors - 1, the degrees of freedom of the linking variance.
        spread: (variance of the displacements over the number of anchors, df) of each link of a chain.
        noise: their sampling variance about their mean over the number of anchors, of each link of a chain; NaN without
            covariances.
        legs: what chains need.
    """

    A: float
    B: float
    se_A: float
    se_B: float
    cov_AB: float
    method: str
    anchors: tuple[str, ...]
    removed: tuple[str, ...]
    protected: tuple[str, ...]
    drift: pd.DataFrame
    linking_variance: float
    df: int
    spread: tuple[tuple[float, int], ...]
    noise: tuple[float, ...]
    legs: tuple[Leg, ...] = field(repr=False, compare=False)

    def __repr__(self) -> str:
        drifted = "" if not self.removed else f", {len(self.removed)} removed for drift"
        return (
            f"<Link: theta_to = {self.A:.4f} theta_from {'-' if self.B < 0 else '+'} {abs(self.B):.4f} "
            f"(se {self.se_A:.4f}, {self.se_B:.4f}), {self.method}, {len(self.anchors)} anchors{drifted}; .drift>"
        )

    def theta(self, theta: Any) -> Any:
        """θ of `from_` on the scale of `to`."""
        return self.A * theta + self.B

    def items(self, fit: Any) -> pd.DataFrame:
        """The items of a fit or table on the scale of `to`: model, a, b, d, g (d1, b1, ... for several categories)."""
        items = _whole(fit)
        return _item_frame(core.transform(items, self.A, self.B))

    def variance(self, mean: float = 0.0, anchors: bool = True) -> float:
        """Variance that the link adds to a mean at `mean` on the scale of `from_`.

        Args:
            mean: θ of `from_`.
            anchors: with the linking variance, from the choice of anchors.
        """
        own = self.se_B**2 + 2 * mean * self.cov_AB + mean**2 * self.se_A**2
        return float(own + (self.linking_variance if anchors else 0.0))

    def interval(self, mean: float, se: float = 0.0, level: float = 0.95) -> tuple[float, float]:
        """Interval of a mean of `from_` on the scale of `to`: its own error, the constants', the anchors' choice.

        Only the last part is estimated from few anchors: Satterthwaite's degrees of freedom, which are the number of
        anchors less one where the linking variance is everything, and grow with the other parts.

        Args:
            mean, se: of `from_`, on its own scale. The population that a calibration calls N(0, 1) has mean 0 and no
                error of its own: the sampling of its students is in the items' covariances, hence in se_B.
            level: of confidence.
        """
        total = self.A**2 * se**2 + self.variance(mean)
        doubt = sum(part**2 / df for part, df in self.spread if df > 0)
        df = max(float(self.df), total**2 / doubt) if doubt > 0 else np.inf
        half = float(student_quantile(0.5 + level / 2, df)) * float(np.sqrt(total))
        return self.theta(mean) - half, self.theta(mean) + half


@on_one_blas_thread
def link(
    from_: Any,
    to: Any,
    anchors: Iterable[str] | None = None,
    method: core.LinkMethod = "stocking-lord",
    covariances: "tuple[pd.DataFrame | None, pd.DataFrame | None] | None" = None,
    nodes: int | Array | None = None,
    bound: float | None = None,
    *,
    weights: str | Array = "uniform",
    drifted: str = "keep",
    concepts: Mapping[str, str] | None = None,
    z_limit: float = Z_LIMIT,
    least: float = LEAST_DISPLACEMENT,
    removable: float = REMOVABLE,
    names: tuple[str, str] | None = None,
) -> Link:
    """Put the scale of `from_` on that of `to` through common items.

    Args:
        from_, to: fits, or tables of items (index item; a, d or d1.. or b, g, model).
        anchors: items to link by; default all common ones.
        method: "mean-mean", "mean-gmean", "mean-sigma", "haebara", "stocking-lord". Rasch on both sides: A = 1.
        covariances: of the item parameters of either side, rows and columns named "ITEM:a", "ITEM:d" (d1, ...) or
            "ITEM:b", "ITEM:logit_g" or "ITEM:g"; default those of the fits.
        nodes, bound: where curves are compared, on the scale of `to`; default 40 equally spaced on [-4, 4].
        weights: of the nodes, "uniform", "normal" (N(0, 1); steadier for the 3PL), or an array.
        drifted: "keep" flags them; "remove" removes them one at a time, the worst first, within `removable`.
        concepts: item -> concept; the bound then holds within each concept too.
        z_limit, least: an anchor is flagged from this |robust z| with this displacement.
        removable: largest share of anchors removed.
        names: what the two calibrations are called; a chain joins links whose ends are called alike.

    Returns:
        Link.

    Raises:
        DesignError: fewer than two anchors, anchors that differ in model, impossible arguments.
    """
    if drifted not in ("keep", "remove"):
        raise DesignError("unknown-rule", f"drifted is {drifted!r}.", "Use 'keep' or 'remove'.")
    old, new = _whole(from_), _whole(to)
    common = _anchors(old, new, anchors)
    given = covariances or (_own_covariance(from_), _own_covariance(to))
    points, w = _grid(nodes, bound, weights)

    def sides(which: NDArray[np.int64]) -> tuple[core.Side, core.Side]:
        chosen = [common[i] for i in which]
        return _side(old, chosen, given[0]), _side(new, chosen, given[1])

    def evaluate(which: NDArray[np.int64]) -> Drift:
        one, two = sides(which)
        return drift(one, two, core.constants(one, two, method, points, w), points, w, z_limit, least)

    everything = np.arange(len(common))
    labels = None if concepts is None else [str(concepts.get(n, "(none)")) for n in common]
    keep, removed, protected = bounded_removal(common, evaluate, labels, removable if drifted == "remove" else 0.0)
    one, two = sides(keep)
    found = core.constants(one, two, method, points, w)
    whole = sides(everything)
    table = _drift_table(common, keep, drift(*whole, found, points, w, z_limit, least))
    used = table["used"].to_numpy(dtype=bool)
    kept = [common[i] for i in keep]
    displacement = table["displacement"].to_numpy(float)[used]
    sampling = location_covariance(one, two, found.A)
    return Link(
        A=found.A,
        B=found.B,
        se_A=float(np.sqrt(found.covariance[0, 0])),
        se_B=float(np.sqrt(found.covariance[1, 1])),
        cov_AB=float(found.covariance[0, 1]),
        method=method,
        anchors=tuple(kept),
        removed=removed,
        protected=protected,
        drift=table,
        linking_variance=linking_variance(displacement, sampling),
        df=len(kept) - 1,
        spread=((float(displacement.var(ddof=1)) / len(kept), len(kept) - 1),),
        noise=(centred_sampling(sampling) / len(kept),),
        legs=(_leg(found, (one, two), given, names or (_name(old), _name(new))),),
    )


@on_one_blas_thread
def chain(*links: Link) -> Link:
    """One link from the first calibration to the last: `chain(link(a, b), link(b, c))`.

    Errors of the calibrations in between are counted once, with what both links make of them. The linking variances
    add up, each in the units of the last scale; df is the smallest.

    Raises:
        DesignError: a link does not begin where the one before ends.
    """
    if not all(one.legs for one in links):
        raise DesignError("average-in-chain", "An average of links cannot be part of a chain.", "Average the chains.")
    legs = [leg for one in links for leg in one.legs]
    whole = compose(legs)
    extra = 0.0
    spread: list[tuple[float, int]] = []
    noise: list[float] = []
    for one in links:
        extra = extra * one.A**2 + one.linking_variance
        spread = [*((part * one.A**2, df) for part, df in spread), *one.spread]
        noise = [*(part * one.A**2 for part in noise), *one.noise]
    return _several(links, whole, extra, tuple(spread), tuple(noise), tuple(legs))


@on_one_blas_thread
def average(*links: Link) -> Link:
    """One link from several between the same two calibrations, such as a direct one and a chain.

    Weights give B the smallest variance (generalised least squares): calibrations that the links share make their
    errors go together and are counted once; the drifts of their anchors are taken as independent. An average cannot
    be part of a chain.

    Raises:
        DesignError: the links do not all begin and end alike, or have no covariances.
    """
    ends = {(one.legs[0].from_.key, one.legs[-1].to.key) if one.legs else ("an average", "") for one in links}
    variances = np.array([one.variance() for one in links])
    if len(ends) != 1 or not np.isfinite(variances).all():
        details = [f"{start} to {end}" for start, end in sorted(ends)]
        raise DesignError("unequal-links", "These links cannot be averaged.", "Same ends, with covariances.", details)
    ways = [compose(one.legs) for one in links]
    together = np.array([[cross_covariance(one, two)[1, 1] for two in ways] for one in ways])
    together += np.diag([one.linking_variance for one in links])
    inverse = np.linalg.pinv(together, hermitian=True)
    weights = inverse.sum(axis=1) / inverse.sum()
    whole = compose_average(ways, weights)
    extra = float(weights**2 @ [one.linking_variance for one in links])
    spread = tuple((part * w**2, df) for one, w in zip(links, weights, strict=True) for part, df in one.spread)
    noise = tuple(part * float(w) ** 2 for one, w in zip(links, weights, strict=True) for part in one.noise)
    return _several(links, whole, extra, spread, noise, ())


def _several(
    links: tuple[Link, ...],
    whole: Composed,
    extra: float,
    spread: tuple[tuple[float, int], ...],
    noise: tuple[float, ...],
    legs: tuple[Leg, ...],
) -> Link:
    covariance = whole.covariance
    return Link(
        A=whole.A,
        B=whole.B,
        se_A=float(np.sqrt(covariance[0, 0])),
        se_B=float(np.sqrt(covariance[1, 1])),
        cov_AB=float(covariance[0, 1]),
        method=" + ".join(dict.fromkeys(one.method for one in links)),
        anchors=tuple(dict.fromkeys(a for one in links for a in one.anchors)),
        removed=tuple(dict.fromkeys(a for one in links for a in one.removed)),
        protected=tuple(dict.fromkeys(a for one in links for a in one.protected)),
        drift=pd.concat([one.drift.assign(leg=i + 1) for i, one in enumerate(links)]),
        linking_variance=extra,
        df=min(one.df for one in links),
        spread=spread,
        noise=noise,
        legs=legs,
    )


def _whole(fit: Any) -> ItemParameters:
    return freeze(fit).items


def _name(items: ItemParameters) -> str:
    """A name that equal calibrations share: from the parameters themselves."""
    digest = pd.util.hash_array(np.concatenate([items.a, items.d.ravel(), items.g]).astype(float)).sum()
    return f"{len(items)} items, {int(digest) & 0xFFFFFFFF:08x}"


def _anchors(old: ItemParameters, new: ItemParameters, anchors: Iterable[str] | None) -> list[str]:
    shared = [n for n in old.names if n in set(new.names)]
    if anchors is None:
        return shared
    wanted = [str(a) for a in anchors]
    missing = [a for a in wanted if a not in set(shared)]
    if missing:
        raise DesignError("unknown-anchor", "Some anchors are not in both calibrations.", "", missing)
    return [n for n in shared if n in set(wanted)]


def _own_covariance(fit: Any) -> pd.DataFrame | None:
    covariance = getattr(fit, "covariance", None)
    return covariance if isinstance(covariance, pd.DataFrame) else None


def _grid(nodes: int | Array | None, bound: float | None, weights: str | Array) -> tuple[Array, Array]:
    if nodes is None or isinstance(nodes, (int, np.integer)):
        limit = BOUND if bound is None else float(bound)
        points = np.linspace(-limit, limit, NODES if nodes is None else int(nodes))
    else:
        points = np.asarray(nodes, dtype=float)
    if isinstance(weights, str):
        if weights not in ("uniform", "normal"):
            raise DesignError("unknown-weights", f"weights is {weights!r}.", "Use 'uniform', 'normal' or an array.")
        w = np.ones(len(points)) if weights == "uniform" else np.exp(-0.5 * points**2)
    else:
        w = np.asarray(weights, dtype=float)
    if len(points) < 2 or w.shape != points.shape or not (w >= 0).all() or not w.any():
        raise DesignError(
            "bad-nodes", "Nodes and weights do not fit together.", "One weight, 0 or more, for each node."
        )
    return points, w


def _parameters(names: list[str], covariance: pd.DataFrame) -> list[tuple[int, str, int]]:
    """(item position, label, row of the covariance) of the items' parameters."""
    place = {name: j for j, name in enumerate(names)}
    out = []
    for row, full in enumerate(map(str, covariance.index)):
        item, _, label = full.rpartition(":")
        if item in place and (label in ("a", "b", "d", "g", "logit_g") or (label[:1] == "d" and label[1:].isdigit())):
            out.append((place[item], label, row))
    return out


def _side(items: ItemParameters, anchors: list[str], covariance: pd.DataFrame | None) -> core.Side:
    place = {name: j for j, name in enumerate(items.names)}
    some = items.select(np.array([place[a] for a in anchors], dtype=np.int64))
    if covariance is None:
        return core.Side(some)
    found = _parameters(anchors, covariance)
    rows = [row for _, _, row in found]
    return core.Side(some, tuple((j, label) for j, label, _ in found), covariance.to_numpy(float)[np.ix_(rows, rows)])


def _leg(
    found: core.Constants,
    sides: tuple[core.Side, core.Side],
    covariances: tuple[pd.DataFrame | None, pd.DataFrame | None],
    names: tuple[str, str],
) -> Leg:
    ends = []
    for side, slope, covariance, name in zip(
        sides, (found.from_slope, found.to_slope), covariances, names, strict=True
    ):
        if covariance is None:
            ends.append(End(name, np.zeros((2, 0)), None))
            continue
        wide = np.zeros((2, len(covariance)))
        rows = [row for _, _, row in _parameters(list(side.items.names), covariance)]
        wide[:, rows] = slope
        ends.append(End(name, wide, covariance.to_numpy(float)))
    return Leg(found.A, found.B, ends[0], ends[1])


def _drift_table(common: list[str], keep: NDArray[np.int64], found: Drift) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "displacement": found.displacement,
            "se": found.se,
            "robust_z": found.robust_z,
            "slope_ratio": found.slope_ratio,
            "rmsd": found.rmsd,
            "flagged": found.flagged,
            "used": np.isin(np.arange(len(common)), keep),
        },
        index=pd.Index(common, name="item"),
    )


def _item_frame(items: ItemParameters) -> pd.DataFrame:
    two = items.categories == 2
    b = items.b
    columns: dict[str, Any] = {
        "model": items.model,
        "a": items.a,
        "b": np.where(two, b[:, 0], np.nan),
        "d": np.where(two, items.d[:, 0], np.nan),
        "g": items.g,
    }
    if not two.all():
        for k in range(items.d.shape[1]):
            columns[f"d{k + 1}"] = np.where(two, np.nan, items.d[:, k])
            columns[f"b{k + 1}"] = np.where(two, np.nan, b[:, k])
    return pd.DataFrame(columns, index=pd.Index(items.names, name="item"))
