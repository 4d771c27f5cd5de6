"""Responses beside the calibration that is to be judged by them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring import checks
from scoring.data import read_responses
from scoring.diagnostics.observed_curves import posterior_weights
from scoring.frozen import read_item_table
from scoring.irt import ability_modes
from scoring.irt.curves import Array, ItemParameters
from scoring.irt.errors import DesignError

DEFAULT_NODES = np.linspace(-6.0, 6.0, 61)
CHUNK = 4096


@dataclass(frozen=True)
class Measured:
    """Scores of N students on the J rows of a calibration.

    Attributes:
        items: the J sets of parameters; an item with parameters of its own in some groups has several.
        of_group: (J,) the groups a set belongs to, "all" by default.
        scores: (N, J), -1 missing, and where a set is not that of the student's group.
        persons: the rows' labels.
        nodes: (Q,).
        weights: (G, Q) populations, each summing to one.
        group: (N,) row of weights.
        labels: (G,).
    """

    items: ItemParameters
    of_group: tuple[str, ...]
    scores: NDArray[np.int8]
    persons: pd.Index
    nodes: Array
    weights: Array
    group: NDArray[np.int64]
    labels: tuple[str, ...]

    @property
    def index(self) -> pd.Index:
        """Index of a table of items: by item, and by group where some items have several sets of parameters."""
        if all(g == "all" for g in self.of_group):
            return pd.Index(self.items.names, name="item")
        return pd.MultiIndex.from_arrays([self.items.names, self.of_group], names=["item", "group"])

    def theta(self, method: str) -> Array:
        """(N,) WLE, or EAP under the student's own population."""
        if method == "eap":
            out = np.empty(len(self.scores))
            for begin in range(0, len(out), CHUNK):
                rows = slice(begin, begin + CHUNK)
                own = self.weights[self.group[rows]]
                out[rows] = posterior_weights(self.items, self.scores[rows], self.nodes, own) @ self.nodes
            return np.where((self.scores >= 0).any(axis=1), out, np.nan)
        if method != "wle":
            raise DesignError("unknown-method", f"There is no θ {method!r} here.", "Use 'wle' or 'eap'.")
        one = np.ones(len(self.scores))
        return ability_modes.solve(self.items, self.scores, "wle", 0 * one, one).theta


def measured(
    fit: Any,
    responses: pd.DataFrame,
    groups: "pd.Series[Any] | None" = None,
    codes: Mapping[str, str] | None = None,
) -> Measured:
    """Bring a calibration and responses together.

    Args:
        fit: a Fit, or a table of items (population N(0, 1)).
        responses: columns of the fit's items; further columns are ignored.
        groups: group of each student; needed where the calibration has several populations. A calibration without
            groups, or a table, is taken as one population; with `groups` statistics per group are then still split.
        codes: as in `calibrate`.

    Raises:
        DesignError: no item in common, groups that the calibration does not know, scores its items cannot have.
    """
    sets: dict[str, Any] = {}
    of_group: tuple[str, ...] = ()
    population: Any = None
    nodes = DEFAULT_NODES
    if isinstance(fit, pd.DataFrame):
        parameters = read_item_table(fit)
    elif isinstance(fit, ItemParameters):
        parameters = fit
    elif isinstance(getattr(fit, "parameters", None), ItemParameters):
        parameters = fit.parameters
        names = [str(i) for i in fit.items.index]
        parameters = ItemParameters(
            tuple(names), parameters.model, parameters.a, parameters.d, parameters.g, parameters.categories
        )
        of_group = tuple(str(g) for g in fit.items["group"])
        sets = dict(fit.settings.get("separate", {}))
        population = fit.population
        nodes = np.asarray(population.nodes, dtype=float)
    else:
        raise DesignError(
            "not-a-fit",
            f"A {type(fit).__name__} is neither a fit nor a table of items.",
            "Give scoring.calibrate(...).",
        )
    checks.table(responses, "responses", "Rows students, columns items: pandas.DataFrame(values, columns=items).")
    of_group = of_group or ("all",) * len(parameters)
    columns = {str(c): c for c in responses.columns}
    keep = np.array([j for j, n in enumerate(parameters.names) if n in columns], dtype=np.int64)
    if not keep.size:
        raise DesignError(
            "no-common-items", "The calibration and the responses have no item in common.", "Compare the names."
        )
    parameters = parameters.select(keep)
    of_group = tuple(of_group[j] for j in keep)
    unique = list(dict.fromkeys(parameters.names))
    read = read_responses(responses[[columns[n] for n in unique]], codes)
    place = {n: j for j, n in enumerate(read.items)}
    scores = read.scores[:, [place[n] for n in parameters.names]].copy()
    too_high = [
        f"{n}: {int(column.max())}, highest {int(top) - 1}"
        for n, column, top in zip(parameters.names, scores.T, parameters.categories, strict=True)
        if column.max(initial=-1) >= top
    ]
    if too_high:
        raise DesignError("score-too-high", "Some scores are higher than the calibrated items allow.", "", too_high)
    labels, weights, group = _populations(population, nodes, groups, responses)
    names_of_students = np.array(labels, dtype=object)[group]
    for j, label in enumerate(of_group):
        if label != "all":
            members = sets[parameters.names[j]][label]
            scores[~np.isin(names_of_students, list(members)), j] = -1
    return Measured(parameters, of_group, scores, responses.index, nodes, weights, group, labels)


def _populations(
    population: Any, nodes: Array, groups: "pd.Series[Any] | None", responses: pd.DataFrame
) -> tuple[tuple[str, ...], Array, NDArray[np.int64]]:
    n = len(responses)
    if groups is not None and not groups.index.equals(responses.index):
        raise DesignError("not-aligned", "groups is not aligned to the rows of the responses.", "Use the same index.")
    if population is None:
        labels = ("all",) if groups is None else tuple(sorted(groups.dropna().astype(str).unique()))
        weights = np.repeat(_normal(nodes, 0.0, 1.0)[None], len(labels), axis=0)
    elif len(population.names) == 1:
        one = (
            population.histogram[0]
            if population.histogram is not None
            else _normal(nodes, population.mean[0], population.sd[0])
        )
        labels = tuple(population.names) if groups is None else tuple(sorted(groups.dropna().astype(str).unique()))
        weights = np.repeat(one[None], len(labels), axis=0)
    else:
        labels = tuple(population.names)
        if groups is None:
            raise DesignError(
                "no-groups", "The calibration has several populations.", "Give groups=, the group of each student."
            )
        weights = np.stack([_normal(nodes, m, s) for m, s in zip(population.mean, population.sd, strict=True)])
        if population.histogram is not None:
            weights = population.histogram
    if groups is None:
        return labels, weights, np.zeros(n, dtype=np.int64)
    place = {label: g for g, label in enumerate(labels)}
    group = groups.astype(str).map(place)
    if group.isna().any():
        unknown = sorted(set(groups.astype(str)[group.isna()]))[:10]
        raise DesignError(
            "unknown-group",
            "Some students' groups are not in the calibration.",
            f"It knows {', '.join(labels)}.",
            unknown,
        )
    return labels, weights, group.to_numpy(dtype=np.int64)


def _normal(nodes: Array, mean: float, sd: float) -> Array:
    w = np.exp(-((nodes - mean) ** 2) / (2 * sd**2))
    return np.asarray(w / w.sum())
