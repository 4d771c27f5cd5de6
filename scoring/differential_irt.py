"""DIF by item response theory: one likelihood for all groups, the studied item with parameters of its own in each.

The groups' abilities are estimated with the items, so that a difference in ability, however large, is not taken for
DIF. Items found to have DIF keep their own parameters while the others are studied (bounded purification).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc, fdtrc

from scoring.data import MISSING, Responses
from scoring.diagnostics.effects import ets_class, graded_class
from scoring.diagnostics.mantel import DELTA
from scoring.diagnostics.observed import ItemDif
from scoring.fits import Fit
from scoring.fitting import calibrate
from scoring.irt.curves import Array, ItemParameters, category_probabilities
from scoring.irt.errors import NotConverged, ScoringError

NAN = float("nan")
MAX_ROUNDS = 4
#: Below this many students handing work to threads costs more than it saves.
SMALL = 20_000


class Study:
    """One scale (all items, or one concept's): its data and how to calibrate it with some items freed."""

    def __init__(
        self,
        responses: pd.DataFrame,
        groups: "pd.Series[str]",
        labels: list[str],
        clusters: "pd.Series[Any] | None",
        over: str,
        codes: Mapping[str, str] | None,
        model: str | Mapping[str, str],
    ) -> None:
        self.responses, self.groups, self.labels, self.clusters = responses, groups, labels, clusters
        self.over, self.codes, self.model = over, codes, model
        self.fits: dict[frozenset[str], Fit] = {}

    def fit(self, free: frozenset[str]) -> Fit:
        """The calibration in which these items have their own parameters in every group; each is made once."""
        if free not in self.fits:
            separate = {item: [[label] for label in self.labels] for item in sorted(free)}
            found = calibrate(
                self.responses, self.model, self.groups, separate=separate, codes=self.codes, clusters=self.clusters,
                threads=1 if len(self.responses) < SMALL else None,
            )  # fmt: skip
            if not found.converged:
                raise NotConverged("not-converged", "A calibration with an item freed did not converge.")
            self.fits[free] = found
        return self.fits[free]

    def theta_weights(self, fit: Fit) -> tuple[Array, Array]:
        """Nodes, and the weights over which the effect is averaged: both groups' equally, or the focal's."""
        nodes = np.linspace(-6, 6, 61)
        each = np.exp(-((nodes - fit.population.mean[:, None]) ** 2) / (2 * fit.population.sd[:, None] ** 2))
        each /= each.sum(axis=1, keepdims=True)
        order = [fit.population.names.index(label) for label in self.labels]
        return nodes, each[order[1]] if self.over == "focal" else each[order].mean(axis=0)


def run_study(
    study: Study, items: list[str], counts: NDArray[np.int64], method: str, purify: str
) -> tuple[list[ItemDif | None], set[str], int, bool]:
    """Every item of a scale; returns results, the freed items, rounds, and whether purification settled.

    Args:
        study: the scale.
        items: names to study; all others are anchors.
        counts: (items, G) students of each group who took it.
        method: "lrt" or "wald".
        purify: "class", "p_value" or "no".
    """
    testable = {name for name, n in zip(items, counts, strict=True) if (n > 0).all()}
    freed: frozenset[str] = frozenset()
    tried: set[frozenset[str]] = set()
    for rounds in range(1, MAX_ROUNDS + 1):
        results = [
            item_test(study, name, freed, n, method) if name in testable else None
            for name, n in zip(items, counts, strict=True)
        ]
        flagged = frozenset(
            name
            for name, r in zip(items, results, strict=True)
            if r is not None and (r.p_value < 0.05 if purify == "p_value" else r.ets_class in ("B", "C"))
        )
        tried.add(freed)
        if purify == "no" or flagged == freed:
            return results, set(freed), rounds, True
        if flagged in tried or len(flagged) > len(items) / 2 or rounds == MAX_ROUNDS:
            break
        freed = flagged
    return results, set(freed), rounds, False


def item_test(study: Study, item: str, freed: frozenset[str], n: NDArray[np.int64], method: str) -> ItemDif | None:
    """Likelihood ratio (Thissen, Steinberg & Wainer 1993) or Wald test (Lord 1980) of equal parameters in all groups.

    With schools the test is the Wald test with the cluster-robust covariance, whatever the method: a likelihood ratio
    does not know of schools.
    """
    try:
        with_own = study.fit(freed | {item})
        parameters, covariance, layout = own_parameters(with_own, item, study.labels)
        wald, df = wald_statistic(parameters, covariance)
        if method == "lrt":
            statistic = max(2 * (with_own.log_likelihood - study.fit(freed - {item}).log_likelihood), 0.0)
        else:
            statistic = wald
    except (ScoringError, np.linalg.LinAlgError):
        return None
    naive = p = float(chdtrc(df, statistic))
    df_error = 0
    if study.clusters is not None and with_own.df:
        free = int(with_own.df)
        df_error = free - df + 1
        naive = naive if method == "lrt" else NAN
        statistic = wald * df_error / (df * free)
        p = float(fdtrc(df, df_error, statistic)) if df_error > 0 else NAN
        df_error = max(df_error, 0)
    nodes, weights = study.theta_weights(with_own)
    effects, gradients = expected_differences(layout, parameters, nodes, weights)
    at = int(np.argmax(np.abs(effects))) if len(study.labels) > 2 else 1
    effect = effects[at]
    se = standard_error(gradients[at], covariance)
    values = study.responses[item]
    d_dif = se_d = NAN
    if layout[0].categories[0] == 2:
        difference, slope = logit_difference(layout, parameters, nodes, weights, at)
        d_dif = -DELTA * difference
        se_d = abs(DELTA) * standard_error(slope, covariance)
        ets = ets_class(d_dif, se_d, p)
    else:
        ets = graded_class(effect, float(pd.to_numeric(values, errors="coerce").std(ddof=0)), p)
    group_effect = effects if len(study.labels) > 2 else effects[1:]
    return ItemDif(n, statistic, p, df, df_error, naive, float(effect), se, ets, d_dif, se_d, group_effect)


def own_parameters(fit: Fit, item: str, labels: list[str]) -> tuple[Array, Array, list[ItemParameters]]:
    """(G, P) free parameters of an item in each group, their covariance (GP, GP), and its curve in each group."""
    layout = [_only(fit.item_parameters(label), item) for label in labels]
    names, rows = [], []
    for label, curve in zip(labels, layout, strict=True):
        steps = int(curve.categories[0]) - 1
        columns = [
            f"{item}[{label}]:{p}"
            for p in ["a", *(["d"] if steps == 1 else [f"d{k + 1}" for k in range(steps)]), "logit_g"]
        ]
        values = [curve.a[0], *curve.d[0, :steps], curve.g[0]]
        present = [(c, v) for c, v in zip(columns, values, strict=True) if c in fit.covariance.columns]
        names += [c for c, _ in present]
        rows.append([float(np.log(v / (1 - v))) if c.endswith("logit_g") else float(v) for c, v in present])
    return np.array(rows), fit.covariance.loc[names, names].to_numpy(), layout


def _only(items: ItemParameters, item: str) -> ItemParameters:
    one = items.select(np.array([items.names.index(item)]))
    steps = int(one.categories[0]) - 1
    return ItemParameters(one.names, one.model, one.a, one.d[:, :steps], one.g, one.categories)


def wald_statistic(parameters: Array, covariance: Array) -> tuple[float, int]:
    """χ² of equal parameters in all groups, (G - 1)·P degrees of freedom."""
    n_groups, width = parameters.shape
    contrast = np.kron(np.eye(n_groups)[1:] - np.eye(n_groups)[0], np.eye(width))
    difference = contrast @ parameters.ravel()
    spread = contrast @ covariance @ contrast.T
    return float(difference @ np.linalg.solve(spread, difference)), len(difference)


def _curve(items: ItemParameters, values: Array) -> ItemParameters:
    """The item with these free parameters: slope (unless fixed), intercepts, logit g (if any)."""
    steps = int(items.categories[0]) - 1
    has_g = items.model[0] == "3pl"
    has_a = len(values) == 1 + steps + has_g
    a = values[:1] if has_a else items.a
    d = values[int(has_a) : int(has_a) + steps][None]
    g = 1 / (1 + np.exp(-values[-1:])) if has_g else items.g
    return ItemParameters(items.names, items.model, a, d, g, items.categories)


def expected_differences(
    layout: list[ItemParameters], parameters: Array, nodes: Array, weights: Array
) -> tuple[Array, Array]:
    """(G,) each group's expected points minus the mean of the others', and derivatives (G, G, P)."""
    n_groups = len(layout)
    contrast = np.eye(n_groups) - (1 - np.eye(n_groups)) / (n_groups - 1)

    def expected(items: ItemParameters, values: Array) -> float:
        p = category_probabilities(_curve(items, values), nodes)[0]
        return float(np.arange(len(p)) @ p @ weights)

    value = np.array([expected(c, v) for c, v in zip(layout, parameters, strict=True)])
    slope = np.stack([_differentiate(expected, c, v) for c, v in zip(layout, parameters, strict=True)])
    return contrast @ value, contrast[:, :, None] * slope[None]


def logit_difference(
    layout: list[ItemParameters], parameters: Array, nodes: Array, weights: Array, group: int
) -> tuple[float, Array]:
    """A group's mean logit over θ minus the mean of the others', and its derivative (G, P)."""
    n_groups = len(layout)
    contrast = np.where(np.arange(n_groups) == group, 1.0, -1 / (n_groups - 1))

    def mean_logit(items: ItemParameters, values: Array) -> float:
        p = category_probabilities(_curve(items, values), nodes)[0]
        return float((np.log(np.maximum(p[1], 1e-300)) - np.log(np.maximum(p[0], 1e-300))) @ weights)

    value = np.array([mean_logit(c, v) for c, v in zip(layout, parameters, strict=True)])
    slope = np.stack([_differentiate(mean_logit, c, v) for c, v in zip(layout, parameters, strict=True)])
    return float(contrast @ value), contrast[:, None] * slope


def _differentiate(function: Any, items: ItemParameters, values: Array, step: float = 1e-5) -> Array:
    """Central differences; their error is far below any standard error."""
    moves = np.eye(len(values)) * step
    return np.array([(function(items, values + m) - function(items, values - m)) / (2 * step) for m in moves])


def standard_error(gradient: Array, covariance: Array) -> float:
    """By the delta method."""
    flat = gradient.ravel()
    return float(np.sqrt(np.maximum(float(flat @ covariance @ flat), 0.0)))


def students_per_group(read: Responses, group: NDArray[np.int64], n_groups: int) -> NDArray[np.int64]:
    """(J, G) students with a score."""
    seen = read.scores != MISSING
    return np.stack([seen[group == g].sum(axis=0) for g in range(n_groups)], axis=1)
