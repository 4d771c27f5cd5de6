"""Recovery studies: simulate two unequal districts, calibrate them, and see whether estimates and errors are right.

The design is the project's own: two districts with means 0.5 below and above, unequal SDs, common items and items that
one district only saw. Truth is put on the pooled scale, where estimates are reported.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.fits import Fit
from scoring.fitting import calibrate
from scoring.irt.curves import Array, ItemParameters
from scoring.irt.distributions import normal_quantile, student_quantile
from scoring.irt.simulate import draw_responses

MEANS, SDS = np.array([-0.5, 0.5]), np.array([1.0, 0.8])
DISTRICTS = ("A", "B")


@dataclass(frozen=True)
class Design:
    """A cell of a study.

    Attributes:
        name: of the cell.
        model: "rasch", "1pl", "2pl", "3pl", "grm", "gpcm".
        students: in each district.
        common: items both districts saw.
        own: items that only one district saw, for each.
        categories: of each item.
        schools: in each district, 0 for none; then errors are cluster-robust.
        school_sd: SD of the schools' effects on θ, part of the district's variance.
    """

    name: str
    model: str = "2pl"
    students: int = 2000
    common: int = 12
    own: int = 12
    categories: int = 2
    schools: int = 0
    school_sd: float = 0.0


CELLS = (
    Design("rasch", "rasch"),
    Design("1pl", "1pl"),
    Design("2pl", "2pl"),
    Design("grm", "grm", categories=4, common=8, own=6),
    Design("gpcm", "gpcm", categories=3, common=8, own=8),
    Design("2pl, schools", "2pl", schools=40, school_sd=0.4),
)


def true_items(design: Design, seed: int) -> ItemParameters:
    """The items of a cell, drawn once, on the scale of the simulation (MEANS, SDS)."""
    random = np.random.default_rng(seed)
    n, steps = design.common + 2 * design.own, design.categories - 1
    a = np.ones(n) if design.model == "rasch" else random.lognormal(0.1, 0.25, n)
    if design.model == "1pl":
        a[:] = 1.3
    centre = np.concatenate(
        [np.linspace(-1.5, 1.5, design.common), np.linspace(-1.8, 0.8, design.own), np.linspace(-0.8, 1.8, design.own)]
    )
    offset = np.linspace(-0.8, 0.8, steps) if steps > 1 else np.zeros(1)
    b = centre[:, None] + offset
    d = -a[:, None] * b
    if design.model == "gpcm":
        d = np.cumsum(d, axis=1)
    g = np.full(n, 0.2) if design.model == "3pl" else np.zeros(n)
    names = (
        *(f"common{j + 1}" for j in range(design.common)),
        *(f"{k}{j + 1}" for k in DISTRICTS for j in range(design.own)),
    )
    return ItemParameters(names, (design.model,) * n, a, d, g, np.full(n, design.categories))


def on_pooled_scale(items: ItemParameters, unit: bool) -> tuple[ItemParameters, Array, Array]:
    """Items, means and SDs where the equally weighted districts have mean 0 and, with `unit`, SD 1."""
    m = float(MEANS.mean())
    s = float(np.sqrt((SDS**2 + (MEANS - m) ** 2).mean())) if unit else 1.0
    k = np.arange(1, items.d.shape[1] + 1) if items.model[0] == "gpcm" else np.ones(items.d.shape[1])
    d = items.d + k * items.a[:, None] * m
    moved = ItemParameters(items.names, items.model, items.a * s, d, items.g, items.categories)
    return moved, (MEANS - m) / s, SDS / s


def simulate_districts(
    design: Design, items: ItemParameters, random: np.random.Generator
) -> tuple[pd.DataFrame, "pd.Series[str]", NDArray[np.int64]]:
    """Responses, district and school of each student."""
    n = design.students
    tables, school = [], []
    for g in range(2):
        if design.schools:
            of = np.arange(n) % design.schools
            effect = random.normal(0, design.school_sd, design.schools)
            within = np.sqrt(SDS[g] ** 2 - design.school_sd**2)
            theta = MEANS[g] + effect[of] + within * random.standard_normal(n)
        else:
            of = np.zeros(n, dtype=np.int64)
            theta = MEANS[g] + SDS[g] * random.standard_normal(n)
        x = draw_responses(items, theta, random).astype(float)
        other = design.common + (1 - g) * design.own
        x[:, other : other + design.own] = np.nan
        tables.append(x)
        school.append(of + 1000 * g)
    frame = pd.DataFrame(np.concatenate(tables), columns=list(items.names))
    district = pd.Series(np.repeat(np.array(DISTRICTS, dtype=object), n)).astype(str)
    return frame, district, np.concatenate(school)


def replicate(design: Design, seed: int, replication: int, threads: int = 1) -> pd.DataFrame:
    """One replication: a row for each parameter with truth, estimate, SE and whether its 95 % interval covers.

    Columns block (which items), parameter, name, truth, estimate, se, covered, converged.
    """
    items = true_items(design, seed)
    truth, mean, sd = on_pooled_scale(items, unit=design.model not in ("rasch", "pcm"))
    random = np.random.default_rng([seed, replication])
    frame, district, school = simulate_districts(design, items, random)
    clusters = pd.Series(school) if design.schools else None
    fit = calibrate(frame, design.model, groups=district, clusters=clusters, threads=threads)
    rows = [*_item_rows(design, fit, truth), *_group_rows(fit, mean, sd)]
    out = pd.DataFrame(rows, columns=["block", "parameter", "name", "truth", "estimate", "se"])
    width = normal_quantile(0.975) if fit.df is None else student_quantile(0.975, fit.df)
    out["covered"] = ((out["estimate"] - out["truth"]).abs() <= width * out["se"]).astype(int)
    out["converged"] = fit.converged
    return out


Row = tuple[str, str, str, float, float, float]


def _item_rows(design: Design, fit: Fit, truth: ItemParameters) -> list[Row]:
    rows: list[Row] = []
    binary = design.categories == 2
    for j, name in enumerate(truth.names):
        block = "common" if j < design.common else f"only {name[0]}"
        table = fit.items.loc[name]
        if design.model != "rasch":
            rows.append((block, "a", name, truth.a[j], table["a"], table["se_a"]))
        for k in range(design.categories - 1):
            for what, values in (("b", truth.b), ("d", truth.d)):
                column = what if binary else f"{what}{k + 1}"
                rows.append((block, what, f"{name}:{column}", values[j, k], table[column], table[f"se_{column}"]))
    return rows


def _group_rows(fit: Fit, mean: Array, sd: Array) -> list[Row]:
    rows: list[Row] = []
    for g, name in enumerate(DISTRICTS):
        table = fit.groups.loc[name]
        rows.append(("districts", "mean", name, mean[g], table["mean"], table["se_mean"]))
        rows.append(("districts", "sd", name, sd[g], table["sd"], table["se_sd"]))
    gap = fit.groups.loc["B", "mean"] - fit.groups.loc["A", "mean"]
    c = fit.covariance.loc[["group A:mean", "group B:mean"], ["group A:mean", "group B:mean"]].to_numpy()
    rows.append(("districts", "gap", "B - A", mean[1] - mean[0], gap, float(np.sqrt(c[0, 0] + c[1, 1] - 2 * c[0, 1]))))
    return rows


def recovery(
    design: Design, replications: int, seed: int = 1, threads: int = 1, progress: Callable[[int], None] | None = None
) -> pd.DataFrame:
    """All replications of a cell, with columns replication and those of `replicate`."""
    parts = []
    for r in range(replications):
        part = replicate(design, seed, r, threads)
        part.insert(0, "replication", r)
        parts.append(part)
        if progress:
            progress(r + 1)
    return pd.concat(parts, ignore_index=True)


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """Per block and parameter: bias, its Monte Carlo error, SD of estimates, mean SE, coverage and its extremes.

    Bias is the mean over replications of the block's mean error; `mc_error` its standard error. `coverage_low` and
    `coverage_high` are those of single parameters.
    """
    data = results[results["converged"]].assign(error=lambda t: t["estimate"] - t["truth"])
    rows = []
    for (block, parameter), part in data.groupby(["block", "parameter"], sort=False):
        by_replication = part.groupby("replication")["error"].mean()
        single = part.groupby("name")["covered"].mean()
        rows.append(
            {
                "block": block,
                "parameter": parameter,
                "parameters": part["name"].nunique(),
                "replications": part["replication"].nunique(),
                "bias": by_replication.mean(),
                "mc_error": by_replication.std(ddof=1) / np.sqrt(len(by_replication)),
                "sd_of_estimates": np.sqrt(part.groupby("name")["error"].var(ddof=1).mean()),
                "mean_se": np.sqrt((part["se"] ** 2).mean()),
                "coverage": part["covered"].mean(),
                "coverage_mc_error": part.groupby("replication")["covered"].mean().std(ddof=1)
                / np.sqrt(len(by_replication)),
                "coverage_low": single.min(),
                "coverage_high": single.max(),
            }
        )
    return pd.DataFrame(rows)
