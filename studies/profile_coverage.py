"""Recovery and coverage of the concept profile: items, gaps in means and mastery, correlations.

    python studies/profile_coverage.py --replications 500

Two unequal districts (means 0.5 below and above, SDs 1.0 and 0.8), three concepts correlated .9, .7 and .5 (where
there are few items .75, .65 and .5), the third reversed. Items are drawn once per cell. Replications are kept in
studies/results/ in parts of 50 and not run again; the table of all cells is studies/profile_coverage.csv. Bounds: mean
coverage of a cell 94-96 %, of each kind of parameter 92-98 %.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from scoring.irt.curves import ItemParameters, category_probabilities
from scoring.profiles import concept_profile

HERE = Path(__file__).parent
CORRELATION = {
    "high": np.array([[1.0, 0.9, 0.7], [0.9, 1.0, 0.5], [0.7, 0.5, 1.0]]),
    "middle": np.array([[1.0, 0.75, 0.65], [0.75, 1.0, 0.5], [0.65, 0.5, 1.0]]),
}
MEANS = np.array([[-0.5, -0.5, 0.5], [0.5, 0.5, -0.5]])
SDS = np.array([1.0, 0.8])
CUT = 0.3
PART = 50


@dataclass(frozen=True)
class Cell:
    """A design: model, items per concept, students and schools per district."""

    name: str
    model: str
    per_concept: int
    students: int
    correlations: str = "high"
    schools: int = 0
    school_sd: float = 0.4


CELLS = (
    Cell("2pl 4 items", "2pl", 4, 1000, "middle"),
    Cell("2pl 6 items schools", "2pl", 6, 1000, "high", 25),
    Cell("2pl 10 items", "2pl", 10, 1000),
    Cell("gpcm 4 items", "gpcm", 4, 1000),
    Cell("2pl 2 items", "2pl", 2, 4000, "middle"),
)


def true_items(cell: Cell) -> ItemParameters:
    """The items of a cell, on the scale on which the concepts' SD in district A is 1."""
    random = np.random.default_rng(7)
    n = 3 * cell.per_concept
    a = random.uniform(0.9, 1.8, n)
    names = tuple(f"q{j:02d}" for j in range(n))
    if cell.model == "gpcm":
        centre = np.tile(np.linspace(-0.7, 0.7, cell.per_concept), 3)
        steps = -a[:, None] * (centre[:, None] + np.array([-0.5, 0.5]))
        return ItemParameters(names, ("gpcm",) * n, a, np.cumsum(steps, axis=1), np.zeros(n), np.full(n, 3))
    b = np.tile(np.linspace(-1.0, 1.0, cell.per_concept), 3)
    return ItemParameters(names, ("2pl",) * n, a, -(a * b)[:, None], np.zeros(n), np.full(n, 2))


def replicate(cell: Cell, replication: int) -> pd.DataFrame:
    """One row per parameter: kind, name, truth, estimate, se, covered, converged."""
    items, within = true_items(cell), CORRELATION[cell.correlations]
    random = np.random.default_rng([int.from_bytes(cell.name.encode()[:6], "big"), replication])
    concept = np.repeat(np.arange(3), cell.per_concept)
    thetas, schools = [], []
    for g in range(2):
        of = np.arange(cell.students) % max(cell.schools, 1)
        between = cell.school_sd**2 if cell.schools else 0.0
        effect = random.multivariate_normal(np.zeros(3), between * within, max(cell.schools, 1))
        own = random.multivariate_normal(np.zeros(3), (SDS[g] ** 2 - between) * within, cell.students)
        thetas.append(MEANS[g] + effect[of] + own)
        schools.append(of + 1000 * g)
    theta = np.concatenate(thetas)
    scores = np.zeros((len(theta), len(items)), dtype=int)
    for j in range(len(items)):
        p = category_probabilities(items.select(np.array([j])), theta[:, concept[j]])[0]
        scores[:, j] = (random.random(len(theta)) > np.cumsum(p, axis=0)[:-1]).sum(axis=0)
    names = ("one", "two", "three")
    profile = concept_profile(
        pd.DataFrame(scores, columns=list(items.names)),
        {item: names[concept[j]] for j, item in enumerate(items.names)},
        groups=pd.Series(np.repeat(["A", "B"], cell.students)),
        model=cell.model,
        cuts=dict.fromkeys(names, CUT),
        clusters=pd.Series(np.concatenate(schools)) if cell.schools else None,
    )
    pooled = np.einsum("g,ab->ab", SDS**2 / 2, within) + np.einsum("ga,gb->ab", MEANS, MEANS) / 2
    unit = np.sqrt(np.diagonal(pooled))
    rows: list[tuple[str, str, float, float, float]] = []
    for j, item in enumerate(items.names):
        row = profile.items.loc[item]
        rows.append(("a", item, items.a[j] * unit[concept[j]], row["a"], row["se_a"]))
        labels = ("d",) if cell.model == "2pl" else ("d1", "d2")
        rows += [("d", f"{item} {c}", items.d[j, k], row[c], row[f"se_{c}"]) for k, c in enumerate(labels)]
    contrast = np.array([-1.0, 1.0])
    rates = profile.group_mastery["rate"]
    for c, name in enumerate(names):
        gap = 2 * profile.groups.loc[("B", name), "mean"]  # the partners' means add up to nothing
        rows.append(
            ("gap in means", name, 2 * MEANS[1, c] / unit[c], gap, 2 * profile.groups.loc[("B", name), "se_mean"])
        )
        for g, group in enumerate("AB"):
            row = profile.groups.loc[(group, name)]
            rows.append(("SD", f"{group} {name}", SDS[g] / unit[c], row["sd"], row["se_sd"]))
        truth = np.diff(norm.sf((CUT - MEANS[:, c] / unit[c]) / (SDS / unit[c])))[0]
        pair = [("A", name), ("B", name)]
        variance = contrast @ profile.mastery_covariance.loc[pair, pair].to_numpy() @ contrast
        rows.append(("gap in mastery", name, truth, float(rates[pair[1]] - rates[pair[0]]), float(np.sqrt(variance))))
        for other in range(c):
            rows.append(
                (
                    "correlation",
                    f"{names[other]} {name}",
                    pooled[other, c] / unit[other] / unit[c],
                    profile.correlations.loc[names[other], name],
                    profile.correlation_se.loc[names[other], name],
                )
            )
    out = pd.DataFrame(rows, columns=["kind", "name", "truth", "estimate", "se"])
    width = norm.ppf(0.975) if profile.df is None else student.ppf(0.975, profile.df)
    out["covered"] = ((out["estimate"] - out["truth"]).abs() <= width * out["se"]).astype(int)
    out["converged"] = int(profile.converged)
    out.insert(0, "replication", replication)
    return out


def run(cell: Cell, replications: int, folder: Path) -> pd.DataFrame:
    """All replications of a cell, those finished earlier from their files."""
    parts = []
    for first in range(0, replications, PART):
        file = folder / f"profile {cell.name} {first}.csv"
        if not file.exists():
            done = [replicate(cell, r) for r in range(first, min(first + PART, replications))]
            pd.concat(done).to_csv(file, index=False, float_format="%.6g")
        parts.append(pd.read_csv(file))
    return pd.concat(parts, ignore_index=True)


def summarise(cell: Cell, results: pd.DataFrame) -> pd.DataFrame:
    """Per kind of parameter: bias, spread against mean SE, coverage, each with its Monte Carlo error."""
    n = int(results["replication"].nunique())
    rows = []
    for kind, part in results.groupby("kind", sort=False):
        by_name = part.groupby("name")
        bias = by_name["estimate"].mean() - by_name["truth"].mean()
        spread = by_name["estimate"].std()
        by_replication = part.groupby("replication")["covered"].mean()
        coverage = by_name["covered"].mean()
        rows.append(
            {
                "cell": cell.name,
                "kind": kind,
                "parameters": len(bias),
                "replications": n,
                "largest_bias": bias.loc[bias.abs().idxmax()],
                "mc_error": (spread / np.sqrt(n)).max(),
                "sd_of_estimates": spread.mean(),
                "mean_se": by_name["se"].mean().mean(),
                "coverage": coverage.mean(),
                "coverage_mc_error": by_replication.std() / np.sqrt(n),
                "coverage_low": coverage.min(),
                "coverage_high": coverage.max(),
                "not_converged": int((part.groupby("replication")["converged"].min() == 0).sum()),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=500)
    parser.add_argument("--folder", type=Path, default=HERE / "results")
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    tables = []
    for cell in CELLS:
        tables.append(summarise(cell, run(cell, given.replications, given.folder)))
        print(tables[-1].round(4).to_string(index=False), flush=True)
        pd.concat(tables).to_csv(HERE / "profile_coverage.csv", index=False, float_format="%.5f")


if __name__ == "__main__":
    main()
