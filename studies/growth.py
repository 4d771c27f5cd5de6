"""Change of the same students from one model of both times: bias and coverage where many leave, and not at random.

    python studies/growth.py [--replications 500]

Each replication draws two districts of 20 schools, two concepts of 8 items each at two times. A student's abilities at
both times and both concepts are correlated (.8 over time, .6 between concepts), so are a school's effects. About 70 %
sit the second time: the chance rises with the number right at the first (.45 to .90 in the cells "by score"; the same
for everybody in the cell "at random"). Growth is +.25 on the first concept and -.20 on the second in district A, half
of that in district B. Item parameters are known, as in the "schools" mode. Targets: the change of everybody who sat
the first time, and of those who sat both, in the mean and in the share above a cut. "complete cases, separate
estimates" is the formula of `cohorts.cohort_change` with each time estimated alone.

Finished batches of 50 are kept in studies/results/ and not run again; the table is studies/growth.csv.
"""

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits

from scoring.groups.design import build_design
from scoring.groups.inference import schools_mode
from scoring.groups.jackknife import parameter_shifts, replicate
from scoring.groups.latent import fit
from scoring.groups.occasions import MEAN, SHARE, changes, in_order, join
from scoring.groups.plausible import draw
from scoring.groups.sites import evidence, tilted_above
from scoring.irt.curves import ItemParameters, log_probabilities
from scoring.trends.cohorts import cohort_change

Array = NDArray[np.float64]
HERE = Path(__file__).parent
BATCH, TOLERANCE = 50, 1e-4
NODES = np.linspace(-5.5, 5.5, 45)
CUTS = np.array([0.0, 0.4])
GROWTH = np.array([[0.25, -0.20], [0.125, -0.10]])  # district, concept
LEVEL = np.array([0.15, -0.15])  # of the districts, at the first time
CONCEPTS, ITEMS, SCHOOLS = 2, 8, 20
A = np.tile([0.9, 1.3, 1.1, 1.5], 4)
B = np.tile(np.linspace(-1.4, 1.4, ITEMS), CONCEPTS)
OF = np.repeat([0, 1], ITEMS)
ITEM_TABLE = ItemParameters(
    tuple(f"i{j}" for j in range(A.size)), ("2pl",) * A.size, A, (-A * B)[:, None], np.zeros(A.size),
    np.full(A.size, 2),
)  # fmt: skip
LOG_P = log_probabilities(ITEM_TABLE, NODES)
WHO = ("everybody", "stayed")


@dataclass(frozen=True)
class Cell:
    """One condition: how many students a school has, the intraclass correlation, who leaves."""

    name: str
    size: int
    icc: float
    at_random: bool


CELLS = (
    Cell("by score, small schools", 25, 0.10, False),
    Cell("by score, larger schools", 50, 0.20, False),
    Cell("at random, small schools", 25, 0.10, True),
)


def _root(icc: float) -> tuple[Array, Array]:
    concepts, times = np.array([[1.0, 0.6], [0.6, 1.0]]), np.array([[1.0, 0.8], [0.8, 1.0]])
    whole = np.kron(times, concepts)
    return np.linalg.cholesky(icc * whole), np.linalg.cholesky((1 - icc) * whole)


def students(cell: Cell, schools: int, rng: np.random.Generator) -> tuple[Array, Array, NDArray[np.int64], Array]:
    """Abilities (N, time x concept), who stays (N,), school (N,), scores (N, time, items) of both districts."""
    of_school, own = _root(cell.icc)
    school = np.repeat(np.arange(2 * schools), cell.size)
    district = school // schools
    theta = (rng.standard_normal((2 * schools, 4)) @ of_school.T)[school]
    theta += rng.standard_normal((school.size, 4)) @ own.T + LEVEL[district][:, None]
    theta[:, 2:] += GROWTH[district]
    ability = theta.reshape(-1, 2, CONCEPTS)[:, :, OF]
    scores = (rng.random(ability.shape) < expit(A * (ability - B))).astype(np.int8)
    right = scores[:, 0].mean(axis=1)
    stays = rng.random(school.size) < (0.70 if cell.at_random else 0.45 + 0.45 * right)
    return theta, stays, school, scores


def truth(cell: Cell) -> Array:
    """(who, district, concept, mean or share): the change in the population, by four million students."""
    rng = np.random.default_rng(77)
    total, count = np.zeros((2, 2, 2, 2)), np.zeros((2, 2))
    alone = replace(cell, size=1)  # the population is the same, and students of different schools say most about it
    for _ in range(40):
        theta, stays, school, _ = students(alone, 50_000, rng)
        district = school // 50_000
        move = np.stack([theta[:, 2:] - theta[:, :2], (theta[:, 2:] >= CUTS) * 1.0 - (theta[:, :2] >= CUTS)], axis=-1)
        for d in (0, 1):
            for w, chosen in enumerate((district == d, (district == d) & stays)):
                total[w, d] += move[chosen].sum(axis=0)
                count[w, d] += chosen.sum()
    return np.asarray(total / count[:, :, None, None])


def replication(
    cell: Cell, rng: np.random.Generator, target: Array, seed: int, separate: bool = True
) -> list[dict[str, object]]:
    """Rows of one replication: the joint model's, and those of each time alone if `separate`."""
    _, stays, school, scores = students(cell, SCHOOLS, rng)
    district = school // SCHOOLS
    x = np.column_stack([district == 0, district == 1]).astype(float)
    n = school.size
    parts = [evidence(scores[:, 0], LOG_P, OF, NODES, 2), evidence(scores[stays, 1], LOG_P, OF, NODES, 2)]
    design = build_design(x, school, district)
    joined = join(parts, [np.arange(n), np.flatnonzero(stays)], n)
    regression = fit(in_order(joined, design), design, tolerance=TOLERANCE)
    values = draw(regression, range(n), range(design.school_size.size), 20, seed)
    member = np.column_stack([m & w for m in (district == 0, district == 1) for w in (np.ones(n, bool), stays)])
    cuts = np.tile(CUTS, 2)[:, None]
    found = changes(replicate(regression, parameter_shifts(regression), values, member, cuts), 2, 0, 1)
    rows: list[dict[str, object]] = []
    for d in (0, 1):
        for w in (0, 1):
            for c in range(CONCEPTS):
                for k, what in ((MEAN, "mean"), (SHARE, "share")):
                    size = float(found.size[2 * d + w, c, k])
                    one = found.uncertainty(2 * d + w, np.eye(CONCEPTS)[c], k)
                    low, high = one.interval(size)
                    true = float(target[w, d, c, k - (k > 1)])
                    rows.append(_row("joint model", WHO[w], what, size, one.total, low, high, true))
    return rows + (_separate(parts, x, school, district, stays, target, seed) if separate else [])


def _row(
    method: str, who: str, what: str, size: float, se: float, low: float, high: float, true: float
) -> dict[str, object]:
    return {"method": method, "who": who, "what": what, "error": size - true, "se": se,
            "covered": float(low <= true <= high), "width": high - low}  # fmt: skip


def _separate(parts, x, school, district, stays, target, seed) -> list[dict[str, object]]:  # type: ignore[no-untyped-def]
    """The share's change among those who stayed, from each time alone and the correlation of the schools' sums."""
    rates, errors, chances = [], [], []
    for ev, rows in zip(parts, (np.arange(school.size), np.flatnonzero(stays)), strict=True):
        design = build_design(x[rows], school[rows], district[rows])
        regression = fit(in_order(ev, design), design, tolerance=TOLERANCE)
        values = draw(regression, [int(r) for r in rows], range(design.school_size.size), 20, seed)
        member = np.column_stack([district[rows] == d for d in (0, 1)])
        rep = replicate(regression, parameter_shifts(regression), values, member, CUTS[:, None])
        rates.append(rep.estimate[:, :, SHARE])
        errors.append(
            np.array([[schools_mode(rep.without[:, d, c, SHARE], rep.school_district, rep.school_in_group[:, d] > 0,
                                    rep.draws[:, d, c, SHARE]).total for c in (0, 1)] for d in (0, 1)])
        )  # fmt: skip
        p = np.empty((rows.size, 2))
        r = regression
        p[design.order] = tilted_above(r.evidence, r.mean, r.variance, r.sites, CUTS)
        chances.append(p)
    out = []
    for d in (0, 1):
        first = district == d
        second = district[stays] == d
        for c in (0, 1):
            found = cohort_change(
                (rates[0][d, c], rates[1][d, c]), (errors[0][d, c], errors[1][d, c]),
                (chances[0][first, c], chances[1][second, c]),
                (chances[0][first & stays, c], chances[1][second, c]), school[first & stays],
            )  # fmt: skip
            out.append(_row("complete cases, separate estimates", "stayed", "share", found.change, found.se, found.low,
                            found.high, target[1, d, c, 1]))  # fmt: skip
    return out


def batch(cell: Cell, first: int, seed: int, target: Array, folder: Path) -> pd.DataFrame:
    """Replications first, first + 1, ... of a cell, from their file where they are finished."""
    file = folder / f"growth {cell.name.replace(', ', ' ')} {first}.csv"
    if not file.exists():
        rows: list[dict[str, object]] = []
        for r in range(first, first + BATCH):
            rows += replication(cell, np.random.default_rng([seed, CELLS.index(cell), r]), target, seed + r)
        pd.DataFrame(rows).to_csv(file, index=False, float_format="%.6f")
    return pd.read_csv(file)


def summary(cell: Cell, found: pd.DataFrame, replications: int) -> pd.DataFrame:
    """Rows method, who, what: both districts and concepts together."""
    rows = []
    for (method, who, what), part in found.groupby(["method", "who", "what"], sort=False):
        cover = float(part["covered"].mean())
        # the four intervals of a replication are nearly independent (districts) or related (concepts): the error is
        # that of the replications' means
        each = part["covered"].to_numpy().reshape(replications, -1) if len(part) % replications == 0 else None
        error = float(each.mean(axis=1).std(ddof=1) / np.sqrt(replications)) if each is not None else np.nan
        rows.append(
            {"cell": cell.name, "method": method, "who": who, "what": what, "replications": replications,
             "coverage": cover, "mc_error": error, "bias": part["error"].mean(),
             "bias_mc_error": part["error"].std() / np.sqrt(len(part)),
             "se_over_sd": np.sqrt((part["se"] ** 2).mean()) / part["error"].std(), "mean_width": part["width"].mean()}
        )  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=500)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--folder", type=Path, default=HERE / "results")
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    tables = []
    threadpool_limits(limits=1, user_api="blas")  # small matrices: a second thread only waits
    for cell in CELLS:
        start = time.process_time()
        target = truth(cell)
        parts = [batch(cell, first, given.seed, target, given.folder) for first in range(0, given.replications, BATCH)]
        found = pd.concat(parts, ignore_index=True)
        tables.append(summary(cell, found, BATCH * len(parts)))
        print(tables[-1].round(4).to_string(index=False), f"\n{time.process_time() - start:.0f} s CPU", flush=True)
    pd.concat(tables).to_csv(HERE / "growth.csv", index=False, float_format="%.4f")


if __name__ == "__main__":
    main()
