"""The tables of a fit, with delta-method standard errors of what is derived (b, g, SD)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.fits import Fit
from scoring.irt.curves import Array, ItemParameters
from scoring.irt.design import Notice
from scoring.irt.estimate import Estimate
from scoring.irt.populations import Populations
from scoring.irt.robust import Robust
from scoring.setup import Groups, Setup


def tables(
    setup: Setup, people: Groups, found: Estimate, robust: Robust | None, notices: tuple[Notice, ...],
    settings: Mapping[str, Any], weights: Array,
) -> Fit:  # fmt: skip
    """The fit of an estimate."""
    psi_covariance = found.covariance if robust is None else robust.covariance
    items = item_table(setup, found, psi_covariance)
    groups = _group_table(people, found, psi_covariance)
    more = [*notices, *_after(found, items)]
    answered = int(((found.blocks.row_of >= 0) & (weights > 0)).sum())
    return Fit(
        items=items,
        groups=groups,
        covariance=_covariance(people, found, psi_covariance),
        log_likelihood=found.log_likelihood,
        log_prior=found.log_prior,
        converged=found.converged,
        decrement=found.decrement,
        max_gradient=found.max_gradient,
        min_eigenvalue=found.min_eigenvalue,
        iterations=found.iterations,
        n_parameters=_n_parameters(found),
        n_students=answered,
        parameters=found.items,
        population=Populations(
            people.names, found.mean, found.sd, people.share, found.grid.nodes, found.histogram
        ),
        df=None if robust is None else robust.df,
        settings=settings,
        notices=tuple(more),
    )  # fmt: skip


def _n_parameters(found: Estimate) -> int:
    """Free parameters; a histogram has one for each node, less one, and less what the origin takes away."""
    if found.histogram is None:
        return found.layout.n_free
    origin = found.layout.origin
    free = found.histogram.shape[0] * (found.histogram.shape[1] - 1) - int(origin.location) - int(origin.unit)
    return found.layout.n_item + free


def item_table(setup: Setup, found: Estimate, covariance: Array) -> pd.DataFrame:
    """Items with standard errors; NaN for what an item does not have, and for errors of what is fixed."""
    p, psi, free = found.items, found.layout.psi, found.layout.coordinate >= 0
    n_steps = p.d.shape[1]
    variance = np.where(np.isnan(np.diag(covariance)), np.nan, np.maximum(np.diag(covariance), 0.0))
    se = np.where(free, np.sqrt(variance)[psi], np.nan)
    se_b = _se_b(p, psi, covariance)
    se_b[~np.isfinite(p.b)] = np.nan
    se_b[se_b == 0] = np.nan
    binary = p.categories == 2
    columns: dict[str, Any] = {
        "group": list(setup.labels),
        "model": list(setup.models),
        "n": (setup.codes >= 0).sum(axis=0).astype(np.int64),
        "a": p.a,
        "b": np.where(binary, p.b[:, 0], np.nan),
        "d": np.where(binary, p.d[:, 0], np.nan),
        "g": p.g,
        "se_a": se[:, 0],
        "se_b": np.where(binary, se_b[:, 0], np.nan),
        "se_d": np.where(binary, se[:, 1], np.nan),
        "se_g": p.g * (1 - p.g) * se[:, -1] if psi.shape[1] > 1 + n_steps else np.full(len(p), np.nan),
    }
    if not binary.all():
        for k in range(1, n_steps + 1):
            steps = {f"d{k}": p.d, f"b{k}": p.b, f"se_d{k}": se[:, 1:], f"se_b{k}": se_b}
            for name, values in steps.items():
                columns[name] = np.where(binary, np.nan, values[:, k - 1])
    index = pd.Index(list(setup.names), name="item")
    return pd.DataFrame(columns, index=range(len(index))).set_index(index)


def _se_b(p: ItemParameters, psi: NDArray[np.int64], covariance: Array) -> Array:
    """(V, K - 1) delta-method SEs: b = -d/a; GPCM and PCM: b_k = -(d_k - d_{k-1})/a."""
    out = np.full(p.d.shape, np.nan)
    partial = p.in_family("partial")
    for j in range(len(p)):
        for k in range(int(p.categories[j]) - 1):
            at = [psi[j, 0], psi[j, 1 + k]]
            slope = [-p.b[j, k] / p.a[j], -1 / p.a[j]] if p.a[j] != 0 else [np.nan, np.nan]
            if partial[j] and k > 0:
                at.append(psi[j, k])
                slope.append(1 / p.a[j] if p.a[j] != 0 else np.nan)
            gradient = np.array(slope)
            out[j, k] = np.sqrt(max(float(gradient @ covariance[np.ix_(at, at)] @ gradient), 0.0))
    return out


def _group_table(people: Groups, found: Estimate, covariance: Array) -> pd.DataFrame:
    at = found.layout.n_psi_items + 2 * np.arange(len(people.names))
    variance = np.maximum(np.diag(covariance), 0.0) if np.isfinite(covariance).all() else np.diag(covariance)
    seen = found.blocks.row_of >= 0
    se_mean, se_sd = np.sqrt(variance[at]), found.sd * np.sqrt(variance[at + 1])
    held = _held(found)
    return pd.DataFrame(
        {
            "n": np.bincount(people.of[seen], minlength=len(people.names)).astype(np.int64),
            "mean": found.mean,
            "sd": found.sd,
            "se_mean": np.where(held[:, 0], np.nan, se_mean),
            "se_sd": np.where(held[:, 1], np.nan, se_sd),
            "partner": [people.partner_names[p] for p in people.partner_of],
            "share": people.share,
        },
        index=pd.Index(list(people.names), name="group"),
    )


def _held(found: Estimate) -> NDArray[np.bool_]:
    """(G, 2) means and SDs that the origin fixes: their rows of the Jacobian are zero."""
    if found.histogram is not None:  # moments of a histogram have no standard error of their own
        return np.ones((len(found.mean), 2), dtype=bool)
    jacobian = found.layout.jacobian(found.xi)[found.layout.n_psi_items :]
    return np.asarray((np.abs(jacobian).max(axis=1, initial=0.0) == 0).reshape(-1, 2))


def _covariance(people: Groups, found: Estimate, covariance: Array) -> pd.DataFrame:
    names: list[str] = []
    at: list[int] = []
    factor: list[float] = []
    layout = found.layout
    for j, item in enumerate(layout.template.names):
        steps = int(layout.template.categories[j]) - 1
        labels = {0: "a", **{k: "d" if steps == 1 else f"d{k}" for k in range(1, steps + 1)}}
        if layout.template.model[j] == "3pl":
            labels[layout.coordinate.shape[1] - 1] = "logit_g"
        for slot, label in labels.items():
            if layout.coordinate[j, slot] >= 0:
                names.append(f"{item}:{label}")
                at.append(int(layout.psi[j, slot]))
                factor.append(1.0)
    held = _held(found)
    for g, name in enumerate(people.names):
        for k, (label, scale) in enumerate((("mean", 1.0), ("sd", float(found.sd[g])))):
            if not held[g, k]:
                names.append(f"group {name}:{label}")
                at.append(layout.n_psi_items + 2 * g + k)
                factor.append(scale)
    f = np.array(factor)
    matrix = covariance[np.ix_(at, at)] * np.outer(f, f)
    matrix = (matrix + matrix.T) / 2
    return pd.DataFrame(matrix, index=names, columns=names)


def _after(found: Estimate, items: pd.DataFrame) -> list[Notice]:
    """What only the estimates show."""
    out: list[Notice] = []
    if not found.converged:
        out.append(
            Notice("not-converged", "warning",
                   f"The search did not converge: decrement {found.decrement:.2g}, smallest eigenvalue "
                   f"{found.min_eigenvalue:.2g}.", "Look at items with extreme slopes; a prior on a may help.",
                   tuple(str(i) for i in items.index[np.abs(items["a"].to_numpy()) > 8]))
        )  # fmt: skip
    if found.histogram is not None:
        out.append(
            Notice("given-histograms", "notice", "Standard errors of items are those given the estimated histograms.",
                   "Use population='normal' for errors that include the populations'.")
        )  # fmt: skip
    negative = [str(i) for i in items.index[items["a"].to_numpy() < 0]]
    if negative:
        out.append(Notice("negative-slope", "warning", "Some slopes are negative: better students answer worse.",
                          "Check the key of these items.", tuple(negative)))  # fmt: skip
    return out
