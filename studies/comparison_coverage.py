"""Coverage of 95 % intervals of district gaps, subgroup gaps and gaps in gaps, beside what naive methods cover.

    python studies/comparison_coverage.py [--replications 500] [--cell NAME] [--out studies/comparison_coverage.csv]

Each replication draws schools, students and answers anew from a known population and asks whether the interval
contains the population's value. Two concepts that correlate .6: district A is .30 ahead on the first and .20 behind on
the second. A quarter of the students belong to a subgroup whose share differs from school to school; it lies .50
lower in A and .35 lower in B. Item parameters are taken as known, as the "schools" mode does. Every finished cell is a
file beside the table; a study that was interrupted goes on with the next cell.
"""

import argparse
import csv
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr
from scipy.stats import t as student_t

from scoring.groups.design import build_design
from scoring.groups.inference import jackknife_variance, schools_mode
from scoring.groups.jackknife import parameter_shifts, replicate
from scoring.groups.latent import fit
from scoring.groups.plausible import draw
from scoring.groups.sites import Evidence, evidence, no_sites, sweep
from scoring.irt.curves import ItemParameters, log_probabilities

Array = NDArray[np.float64]
NODES = np.linspace(-5.5, 5.5, 45)
GAPS = np.array([0.30, -0.20])
SUBGROUP = np.array([-0.50, -0.35])
CORRELATION = 0.6
CUTS = np.array([0.0, 0.5])
CONTRASTS = ("gap mean 1", "gap mean 2", "gap mastery 1", "gap mastery 2", "subgroup gap mean", "subgroup gap mastery",
             "gap in gaps mean", "gap in gaps mastery")  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One condition of the study."""

    schools: int
    icc: float
    items: int
    unequal: bool

    @property
    def name(self) -> str:
        return f"s{self.schools}_icc{self.icc:.2f}_j{self.items}_{'unequal' if self.unequal else 'equal'}"


def cells() -> list[Cell]:
    """12 conditions: each number of schools with both intraclass correlations, short and long concepts."""
    return [
        Cell(s, icc, items, unequal)
        for s in (10, 20, 40)
        for icc, items, unequal in ((0.05, 5, True), (0.05, 10, False), (0.20, 5, False), (0.20, 10, True))
    ]


def simulate(cell: Cell, rng: np.random.Generator) -> tuple[NDArray[np.int8], Array, Array, Array, Array]:
    """scores (N, 2J), log probabilities (2J, 2, Q), school (N,), district (N,), subgroup (N,)."""
    r = np.array([[1.0, CORRELATION], [CORRELATION, 1.0]])
    sizes = np.resize([15, 25, 40, 60, 85], cell.schools) if cell.unequal else np.full(cell.schools, 45)
    theta, school, district, subgroup = [], [], [], []
    for k in range(2 * cell.schools):
        d, n = k // cell.schools, int(sizes[k % cell.schools])
        share = rng.beta(2.5, 7.5)
        member = rng.random(n) < share
        effect = rng.multivariate_normal(np.zeros(2), cell.icc * r)
        own = rng.multivariate_normal(np.zeros(2), (1 - cell.icc) * r, size=n)
        theta.append(GAPS * (0.5 - d) + effect + own + SUBGROUP[d] * member[:, None])
        school.append(np.full(n, k))
        district.append(np.full(n, d))
        subgroup.append(member)
    ability = np.concatenate(theta)
    a = np.resize([0.9, 1.2, 1.6, 1.1, 1.4], 2 * cell.items)
    b = np.tile(np.linspace(-1.4, 1.4, cell.items), 2)
    concept = np.repeat([0, 1], cell.items)
    scores = (rng.random((len(ability), a.size)) < expit(a * (ability[:, concept] - b))).astype(np.int8)
    items = ItemParameters(
        tuple(f"i{j}" for j in range(a.size)), ("2pl",) * a.size, a, (-a * b)[:, None], np.zeros(a.size),
        np.full(a.size, 2),
    )  # fmt: skip
    return (
        scores,
        log_probabilities(items, NODES),
        np.concatenate(school),
        np.concatenate(district),
        np.concatenate(subgroup).astype(float),
    )


def truth() -> Array:
    """Population values of CONTRASTS: total variance 1 within a subgroup whatever the intraclass correlation."""
    mean = GAPS * np.array([[0.5], [-0.5]])  # district x concept, outside the subgroup
    rate = lambda m: ndtr(m - CUTS)  # noqa: E731
    all_mean = mean + 0.25 * SUBGROUP[:, None]
    all_rate = 0.75 * rate(mean) + 0.25 * rate(mean + SUBGROUP[:, None])
    inside = rate(mean + SUBGROUP[:, None]) - rate(mean)
    gap, gap_rate = all_mean[0] - all_mean[1], all_rate[0] - all_rate[1]
    return np.array(
        [
            *gap,
            *gap_rate,
            SUBGROUP[0],
            inside[0, 0],
            SUBGROUP[0] - SUBGROUP[1],
            inside[0, 0] - inside[1, 0],
        ]
    )


def contrasts(g: Array) -> Array:
    """(..., 6 groups, 2 concepts, mean and rate) -> (..., 8) in the order of CONTRASTS.

    Groups: A, B, subgroup and others in A, subgroup and others in B.
    """
    inside_a, inside_b = g[..., 2, 0, :] - g[..., 3, 0, :], g[..., 4, 0, :] - g[..., 5, 0, :]
    gap = g[..., 0, :, :] - g[..., 1, :, :]
    return np.stack(
        [gap[..., 0, 0], gap[..., 1, 0], gap[..., 0, 1], gap[..., 1, 1], inside_a[..., 0], inside_a[..., 1],
         inside_a[..., 0] - inside_b[..., 0], inside_a[..., 1] - inside_b[..., 1]], axis=-1,
    )  # fmt: skip


def replication(cell: Cell, seed: int) -> dict[str, tuple[Array, Array, Array]]:
    """method -> (estimates, standard errors, degrees of freedom), each (8,)."""
    rng = np.random.default_rng(seed)
    scores, table, school, district, subgroup = simulate(cell, rng)
    concept = np.repeat([0, 1], cell.items)
    all_evidence = evidence(scores, table, concept, NODES, 2)
    x = np.column_stack([district == 0, district == 1, (district == 0) * subgroup, (district == 1) * subgroup])
    design = build_design(x.astype(float), school, district)
    order = design.order
    ev = Evidence(all_evidence.log_likelihood[order], NODES, all_evidence.answered[order])
    regression = fit(ev, design, tolerance=1e-3)
    n = len(school)
    values = draw(regression, range(n), range(design.school_size.size), 20, seed)
    member = np.column_stack(
        [district == 0, district == 1] + [(district == d) & (subgroup == s) for d in (0, 1) for s in (1.0, 0.0)]
    )
    rep = replicate(regression, parameter_shifts(regression), values, member, CUTS[:, None])
    pick = [0, 2]
    estimate = contrasts(rep.estimate[..., pick])
    without, draws = contrasts(rep.without[..., pick]), contrasts(rep.draws[..., pick])
    groups_of = [[0, 1]] * 4 + [[2, 3]] * 2 + [[2, 3, 4, 5]] * 2
    ours = [
        schools_mode(without[:, k], rep.school_district, (rep.school_in_group[:, groups_of[k]] > 0).any(axis=1),
                     draws[:, k])
        for k in range(8)
    ]  # fmt: skip
    se, df = np.array([u.total for u in ours]), np.array([u.df for u in ours])
    between = draws.var(axis=0, ddof=1)
    out = {"this project": (estimate, se, df)}
    out["jackknife + between"] = (estimate, np.sqrt(se**2 + 1.05 * between), df)
    many = np.full(8, 1e6)
    out["plausible values, schools ignored"] = (estimate, _simple_errors(values, member, between), many)
    out |= _fixed_prior(ev, regression.design.school, regression.design.school_district, member[order], df)
    return out


def _simple_errors(values: NDArray[np.float32], member: NDArray[np.bool_], between: Array) -> Array:
    """Simple random sampling plus (1 + 1/M) of the between-draw variance."""
    stat = np.stack([values.astype(float), values >= CUTS], axis=-1)  # (N, M, C, 2)
    variance = np.array([stat[member[:, g]].var(axis=0).mean(axis=0) / member[:, g].sum() for g in range(6)])
    return np.sqrt(_add_variances(variance) + 1.05 * between)


def _add_variances(v: Array) -> Array:
    """Variances of the contrasts from variances of the groups, (6, 2, 2) -> (8,)."""
    return contrasts(v * np.array([1, -1, 1, -1, -1, 1.0])[:, None, None])


def _fixed_prior(
    ev: Evidence, school: NDArray[np.int64], stratum: NDArray[np.int64], member: NDArray[np.bool_], df: Array
) -> dict[str, tuple[Array, Array, Array]]:
    """Methods that rest on one common prior for every student."""
    prior = np.linalg.inv(np.array([[1.05, 0.63], [0.63, 1.05]]))
    sites = no_sites(ev)
    for _ in range(8):
        system = np.repeat(prior[None], len(school), axis=0)
        system[:, [0, 1], [0, 1]] += sites.precision
        v = np.linalg.inv(system)
        mean, variance = np.einsum("nab,nb->na", v, sites.shift), np.einsum("ncc->nc", v)
        sites, _ = sweep(ev, mean, variance, sites)
    posterior = np.stack([mean, ndtr((mean - CUTS) / np.sqrt(variance))], axis=-1)  # (N, C, 2)
    hard = np.stack([mean, mean >= CUTS], axis=-1)
    many = np.full(8, 1e6)
    out = {}
    for name, stat in (("thresholded EAP, schools ignored", hard), ("posterior, fixed-prior jackknife", posterior)):
        groups = np.array([stat[member[:, g]].mean(axis=0) for g in range(6)])
        if stat is hard:
            v = np.array([stat[member[:, g]].var(axis=0) / member[:, g].sum() for g in range(6)])
            out[name] = (contrasts(groups), np.sqrt(_add_variances(v)), many)
            continue
        sums = np.zeros((stratum.size, 6, 2, 2))
        count = np.zeros((stratum.size, 6))
        for g in range(6):
            np.add.at(sums[:, g], school[member[:, g]], stat[member[:, g]])
            count[:, g] = np.bincount(school[member[:, g]], minlength=stratum.size)
        left = (sums.sum(axis=0) - sums) / (count.sum(axis=0) - count)[:, :, None, None]
        without = contrasts(left)
        se = np.sqrt([jackknife_variance(without[:, k], stratum)[0].sum() for k in range(8)])
        out[name] = (contrasts(groups), se, df)
    return out


def run_cell(cell: Cell, replications: int, seed: int = 2026) -> list[dict[str, object]]:
    """Rows method x contrast: coverage, its Monte Carlo error, bias, mean SE over true SD."""
    target = truth()
    results = [replication(cell, seed * 100_000 + i) for i in range(replications)]
    rows: list[dict[str, object]] = []
    for method in results[0]:
        estimate = np.array([r[method][0] for r in results])
        se = np.array([r[method][1] for r in results])
        df = np.array([r[method][2] for r in results])
        inside = np.abs(estimate - target) <= student_t.ppf(0.975, df) * se
        for k, contrast in enumerate(CONTRASTS):
            cover = float(inside[:, k].mean())
            rows.append(
                {
                    "cell": cell.name, "method": method, "contrast": contrast, "replications": replications,
                    "coverage": round(cover, 4),
                    "monte_carlo_se": round(float(np.sqrt(max(cover * (1 - cover), 1e-9) / replications)), 4),
                    "bias": round(float((estimate[:, k] - target[k]).mean()), 4),
                    "se_over_sd": round(float(np.sqrt((se[:, k] ** 2).mean()) / estimate[:, k].std(ddof=1)), 3),
                }
            )  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--replications", type=int, default=500)
    parser.add_argument("--cell", default="")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    options = parser.parse_args()
    parts = options.out.with_suffix("")
    parts.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    for cell in cells():
        if options.cell and cell.name != options.cell:
            continue
        place = parts / f"{cell.name}_{options.replications}.json"
        if not place.exists():
            started = time.perf_counter()
            done = run_cell(cell, options.replications)
            place.write_text(json.dumps(done, indent=0))
            print(f"{cell.name}: {time.perf_counter() - started:.0f} s", flush=True)
        rows += json.loads(place.read_text())
    with options.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
