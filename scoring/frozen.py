"""Item parameters that are no longer estimated: from a fit, or from a table of items that was published."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from scoring.irt.curves import FAMILY, Array, ItemParameters
from scoring.irt.errors import DesignError, ScoringWarning


@dataclass(frozen=True)
class Frozen:
    """What scoring needs of a calibration.

    Attributes:
        items: the parameters.
        mean, sd: of the pooled population.
        groups: group -> (mean, sd); empty for a table of items.
        nodes: (Q,) the calibration's grid, or None.
        separate: group -> all items as that group answers them, where some have parameters of their own in a group;
            such items are not in `items`.
        histograms: "pooled" and group -> (Q,) weights on the nodes, where populations were estimated as histograms.
    """

    items: ItemParameters
    mean: float = 0.0
    sd: float = 1.0
    groups: dict[str, tuple[float, float]] = field(default_factory=dict)
    nodes: Array | None = None
    separate: dict[str, ItemParameters] = field(default_factory=dict)
    histograms: dict[str, Array] = field(default_factory=dict)


def freeze(fit: Any, warn: bool = True) -> Frozen:
    """Parameters and population of a Fit, or of a table of items (whose population is N(0, 1)).

    Items with parameters of their own in some groups are left out, with a warning: equal answers must give equal
    results. `warn=False` for those who use `Frozen.separate`.

    Raises:
        DesignError: neither, or a table with impossible rows (every one named).
    """
    if isinstance(fit, Frozen):
        return fit
    if isinstance(fit, ItemParameters):
        return Frozen(fit)
    if isinstance(fit, pd.DataFrame):
        return Frozen(read_item_table(fit))
    if not isinstance(getattr(fit, "parameters", None), ItemParameters):
        raise DesignError(
            "not-a-fit",
            f"A {type(fit).__name__} is neither a fit nor a table of items.",
            "Give scoring.calibrate(...).",
        )
    if not hasattr(fit, "population"):
        raise DesignError(
            "several-traits",
            "A concept profile has a θ for each concept.",
            "Use profile.score(responses), or a fit of scoring.calibrate.",
        )
    population = fit.population
    own = [str(i) for i, group in zip(fit.items.index, fit.items["group"], strict=True) if group != "all"]
    if own:
        if warn:
            _left_out(own)
        items = fit.parameters.select(np.flatnonzero((fit.items["group"] == "all").to_numpy()))
        separate = {str(name): fit.item_parameters(name) for name in population.names}
    else:
        items, separate = fit.item_parameters(), {}
    moments = zip(population.names, population.mean, population.sd, strict=True)
    histograms = {}
    if population.histogram is not None:
        histograms = {str(n): h for n, h in zip(population.names, population.histogram, strict=True)}
        histograms["pooled"] = population.share @ population.histogram
    return Frozen(
        items,
        population.pooled_mean,
        population.pooled_sd,
        {str(name): (float(m), float(s)) for name, m, s in moments},
        np.asarray(population.nodes, dtype=float),
        separate,
        histograms,
    )


def _left_out(own: list[str]) -> None:
    names = ", ".join(dict.fromkeys(own))
    warnings.warn(f"Left out, because their parameters differ between groups: {names}", ScoringWarning, stacklevel=5)


def read_item_table(table: pd.DataFrame) -> ItemParameters:
    """A table indexed by item (or with a column `item`) with a, d or d1, d2, ..., g, model.

    Difficulties b (b1, b2, ...) may stand in place of d: d = -ab, cumulated for the GPCM and PCM. A missing `model` is
    "2pl", "3pl" with a g, "gpcm" with several steps; a missing slope is 1 for "rasch" and "pcm".

    Raises:
        DesignError: with one line per impossible row.
    """
    table = table.set_index("item") if "item" in table.columns else table
    if "group" in table.columns:
        own = [str(i) for i in table.index[table["group"] != "all"]]
        if own:
            _left_out(own)
            table = table[table["group"] == "all"]
    if not len(table):
        raise DesignError("no-items", "The table has no items.")
    names = tuple(str(i) for i in table.index)
    d, b = _steps(table, "d"), _steps(table, "b")
    g = np.nan_to_num(_column(table, "g", 0.0))
    by_b = np.isnan(d).all(axis=1)
    categories = 1 + np.where(by_b, (~np.isnan(b)).sum(axis=1), (~np.isnan(d)).sum(axis=1))
    default = np.where(categories > 2, "gpcm", np.where(g > 0, "3pl", "2pl"))
    given = table["model"].astype("string").str.lower() if "model" in table.columns else pd.Series([None] * len(table))
    model = tuple(str(m) if isinstance(m, str) and m else str(default[i]) for i, m in enumerate(given))
    a = _column(table, "a", np.nan)
    a = np.where(np.isnan(a) & np.isin(model, ["rasch", "pcm"]), 1.0, a)
    from_b = -a[:, None] * np.where(np.isin(model, ["gpcm", "pcm"])[:, None], np.cumsum(b, axis=1), b)
    wide = np.full((len(table), max(d.shape[1], b.shape[1])), np.nan)
    wide[:, : d.shape[1]] = d
    wide[by_b, : b.shape[1]] = from_b[by_b]
    d = wide
    problems = [f"{n}: stands {names.count(n)} times" for n in sorted({n for n in names if names.count(n) > 1})]
    for i, name in enumerate(names):
        problems += [f"{name}: {what}" for what in _problems(model[i], a[i], d[i], g[i], int(categories[i]))]
    if problems:
        raise DesignError(
            "bad-item-table",
            "Some items have impossible parameters.",
            "Give a, d (or d1, d2, ...), g, model.",
            problems,
        )
    return ItemParameters(
        names, model, a, d[:, : int(categories.max()) - 1], np.where(np.array(model) == "3pl", g, 0.0), categories
    )


def _steps(table: pd.DataFrame, letter: str) -> Array:
    """(J, K - 1) the columns d1, d2, ... (or b1, b2, ...), with d in the first place of dichotomous items."""
    named = sorted(
        (c for c in map(str, table.columns) if c[:1] == letter and c[1:].isdigit()), key=lambda c: int(c[1:])
    )
    out = np.full((len(table), max(1, len(named))), np.nan)
    if named:
        out[:, : len(named)] = table[named].to_numpy(dtype=float, na_value=np.nan)
    single = _column(table, letter, np.nan)
    out[:, 0] = np.where(np.isnan(out[:, 0]), single, out[:, 0])
    return out


def _column(table: pd.DataFrame, name: str, default: float) -> Array:
    if name not in table.columns:
        return np.full(len(table), default)
    return pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def _problems(model: str, a: float, d: Array, g: float, categories: int) -> list[str]:
    out = []
    if model not in FAMILY:
        return [f"unknown model {model!r}"]
    if not np.isfinite(a):
        out.append("no slope a")
    if categories < 2 or np.isnan(d[: categories - 1]).any():
        out.append("no intercept d, or one missing between others")
    elif FAMILY[model] == "graded" and (np.diff(d[: categories - 1]) >= 0).any():
        out.append("intercepts of a graded item must fall: d1 > d2 > ...")
    elif FAMILY[model] == "logistic" and categories > 2:
        out.append(f"{categories} categories in a {model} item")
    if not 0 <= g < 1:
        out.append(f"lower asymptote g = {g:g}")
    return out
