"""Simulated responses from a fit."""

from typing import Any

import numpy as np
import pandas as pd

from scoring import checks
from scoring.irt.errors import DesignError
from scoring.irt.simulate import draw_responses


def simulate(fit: Any, n: int, seed: int = 1, group: str | None = None) -> pd.DataFrame:
    """Draw students and their responses from a fit's items and populations.

    Args:
        fit: a Fit.
        n: number of students; with several groups and no `group`, shared out like the pooled population's weights.
        seed: of the random numbers; the same seed gives the same table.
        group: only students of this group.

    Returns:
        Scores, rows students s1, s2, ..., columns items; an item not seen by a group is empty there only where it has
        no parameters for it. Attributes "theta" and "group" (Series) are in `attrs`.

    Raises:
        DesignError: n or seed is no whole number, n is not positive, `fit` is no Fit, or there is no such group.
    """
    n = checks.whole(n, "n, the number of students,", 1, "scoring.simulate(fit, n=1000)")
    seed = checks.whole(seed, "seed", 0, "scoring.simulate(fit, n=1000, seed=1)")
    population = getattr(fit, "population", None)
    if population is None:
        raise DesignError("not-a-fit", f"fit is {checks.kind(fit)}, not a Fit.", "Give scoring.calibrate(...).")
    if group is not None and group not in population.names:
        raise DesignError("unknown-group", f"There is no group {group}.", "", population.names)
    random = np.random.default_rng(seed)
    names = population.names
    share = population.share if group is None else np.array([float(g == group) for g in names])
    edges = np.round(np.cumsum(share) * n).astype(int)
    of = np.searchsorted(edges, np.arange(n), side="right")
    theta = np.empty(n)
    out = np.full((n, len(fit.item_names)), np.nan)
    for g, name in enumerate(names):
        rows = np.flatnonzero(of == g)
        if population.histogram is None:
            theta[rows] = population.mean[g] + population.sd[g] * random.standard_normal(len(rows))
        else:
            spacing = population.nodes[1] - population.nodes[0]
            weights = population.histogram[g] / population.histogram[g].sum()
            node = random.choice(len(population.nodes), len(rows), p=weights)
            theta[rows] = population.nodes[node] + spacing * (random.random(len(rows)) - 0.5)
        out[rows] = draw_responses(fit.item_parameters(name), theta[rows], random)
    index = pd.Index([f"s{i + 1}" for i in range(n)], name="student")
    table = pd.DataFrame(out.astype(np.int8), index=index, columns=list(fit.item_names))
    table.attrs["theta"] = pd.Series(theta, index=index, name="theta")
    table.attrs["group"] = pd.Series(np.array(names, dtype=object)[of], index=index, name="group")
    return table
