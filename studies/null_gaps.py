"""Why do null demos show p < .05 as often as they do: chance in the drawn worlds, or a range that is too narrow?

    python studies/null_gaps.py [--demos 600] [--worlds 3000]

The demos of `studies/demos.py` in which nothing was planted (same seeds), each compared three ways: as `analyse` does
it, items estimated in the same demo ("items estimated"); with the items' true parameters ("items known"); and without
any test, the jackknife over schools of the students' true abilities ("abilities known"). The third is cheap, so its
rate is also taken over many more worlds: where it is 5 % there but not in the demos at hand, these demos were drawn
unluckily, and the rate of the first, less that of the third in the same demos, plus the long-run rate of the third
is the better estimate (a control variate). Every demo is appended to `results/null gaps, demos.csv`, so that an
interrupted study goes on; the summary with its Monte Carlo errors is `null_gaps.csv`.
"""

import argparse
import csv
import os
import warnings
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from demos import items
from numpy.typing import NDArray

import scoring
from scoring.demo.world import DISTRICTS, _abilities, _people, simulate_districts
from scoring.groups.inference import schools_mode

LINES = Path(__file__).parent / "results" / "null gaps, demos.csv"
FIELDS = ("seed", "kind", "concept", "measure", "estimate", "se", "df", "p_value")
KINDS = ("items estimated", "items known", "abilities known")
FIRST, STUDENTS = 10_000, 1500
#: Bar of the worlds without a test: about where the demos' bars lie.
BAR = 0.5


def one(seed: int) -> list[tuple[object, ...]]:
    """The contrasts of one null demo, three ways."""
    world = simulate_districts(items(), STUDENTS, seed, 0.0, 0.0, 0.0)
    people = world.persons.loc[world.answers.index]
    concepts = {i.name: i.concept for i in items()}
    profile = scoring.concept_profile(
        world.scored, concepts, groups=people["district"], partner=people["district"], clusters=people["school"]
    )
    cuts = {c: float(profile.cuts.at[c, "theta"]) for c in profile.concepts}
    true = world.truth.items.rename(columns={"b1": "b"})
    true = true.assign(model="2pl", d=-true["a"] * true["b"], g=0.0)
    rows: list[tuple[object, ...]] = []
    for kind, source in zip(KINDS, (profile, true), strict=False):
        drawn = scoring.plausible_values(source, world.scored, people[["district", "school"]], [], seed=seed)
        for r in scoring.compare(drawn, cuts=cuts).itertuples():
            rows.append((seed, kind, r.concept, r.measure, r.estimate, r.se, r.df, r.p_value))
    theta = world.theta.loc[world.answers.index]
    return rows + [(seed, KINDS[2], *r) for r in without_test(people, theta, cuts)]


def without_test(
    people: pd.DataFrame, theta: pd.DataFrame, cuts: dict[str, float]
) -> list[tuple[str, str, float, float, float, float]]:
    """The jackknife of true abilities: concept, measure, estimate, se, df, p value."""
    school, names = pd.factorize(people["school"])
    home = np.zeros(len(names), dtype=np.int64)
    home[school] = (people["district"] == DISTRICTS[1]).to_numpy()
    size = np.bincount(school).astype(float)
    rows = []
    for concept in theta.columns:
        ability = theta[concept].to_numpy()
        for measure, x in (("mean", ability), ("mastery", (ability >= cuts[concept]).astype(float))):
            estimate, without = gap(np.bincount(school, x), size, home)
            doubt = schools_mode(without, home, np.ones(len(names), dtype=bool), np.full(2, estimate))
            rows.append((str(concept), measure, estimate, doubt.total, doubt.df, doubt.p_value(estimate)))
    return rows


def gap(
    total: NDArray[np.float64], size: NDArray[np.float64], home: NDArray[np.int64]
) -> tuple[float, NDArray[np.float64]]:
    """First district's average minus the second's, and the same without each school."""
    all_total, all_size = np.bincount(home, total), np.bincount(home, size)
    mean = all_total / all_size
    left = (all_total[home] - total) / (all_size[home] - size)
    return float(mean[0] - mean[1]), np.where(home == 0, left - mean[1], mean[0] - left)


def long_run(worlds: int) -> pd.DataFrame:
    """Rates of p < .05 without a test over many worlds: index measure; rate, monte_carlo_error."""
    concepts = sorted({i.concept for i in items()})
    rows = []
    for seed in range(FIRST, FIRST + worlds):
        rng = np.random.default_rng(seed)
        people = _people(STUDENTS, rng)
        theta = _abilities(people, concepts, dict.fromkeys(concepts, 0.0), 0.75, 0.05, rng)
        here = ~people["absent"].to_numpy()
        found = without_test(people[here], theta[here], dict.fromkeys(concepts, BAR))
        rows += [(seed, r[1], r[5] < 0.05) for r in found]
    table = pd.DataFrame(rows, columns=["seed", "measure", "below"])
    return _rates(table)


def _rates(table: pd.DataFrame) -> pd.DataFrame:
    """Index measure: mean over demos of the share below, and its error; the contrasts of a demo hang together."""
    by_demo = table.groupby(["measure", "seed"])["below"].mean().groupby(level="measure")
    return pd.DataFrame({"rate": by_demo.mean(), "monte_carlo_error": by_demo.std() / np.sqrt(by_demo.size())})


def summary(lines: pd.DataFrame, base: pd.DataFrame, worlds: int) -> pd.DataFrame:
    """Per kind and measure: rate, SE against the SD of the estimates (whose mean is 0), and the controlled rate."""
    lines = lines.assign(below=(lines["p_value"] < 0.05).astype(float))
    wide = lines.pivot_table(index=["seed", "concept", "measure"], columns="kind", values="below")
    rows = []
    for kind in KINDS:
        mine = lines[lines["kind"] == kind]
        rate = _rates(mine)
        excess = _rates((wide[kind] - wide[KINDS[2]]).rename("below").reset_index())
        for measure in ("mean", "mastery"):
            one_measure = mine[mine["measure"] == measure]
            se, sd = (np.sqrt((one_measure[c] ** 2).mean()) for c in ("se", "estimate"))
            error = np.hypot(excess.at[measure, "monte_carlo_error"], base.at[measure, "monte_carlo_error"])
            rows.append(
                (kind, measure, mine["seed"].nunique(), *rate.loc[measure], se, sd, se / sd,
                 excess.at[measure, "rate"] + base.at[measure, "rate"], error)
            )  # fmt: skip
    rows += [("abilities known, many worlds", m, worlds, *base.loc[m], *[np.nan] * 5) for m in ("mean", "mastery")]
    columns = ["kind", "measure", "demos", "rate_below_05", "monte_carlo_error", "se", "sd", "se_over_sd",
               "controlled_rate", "its_error"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).round(4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demos", type=int, default=600)
    parser.add_argument("--worlds", type=int, default=3000)
    wanted = parser.parse_args()
    LINES.parent.mkdir(exist_ok=True)
    done = set(pd.read_csv(LINES)["seed"]) if LINES.exists() else set()
    warnings.simplefilter("ignore")
    for seed in range(FIRST, FIRST + wanted.demos):
        if seed in done:
            continue
        rows = one(seed)
        new = not LINES.exists()
        with LINES.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([FIELDS, *rows] if new else rows)
    table = summary(pd.read_csv(LINES), long_run(wanted.worlds), wanted.worlds)
    table.to_csv(Path(__file__).with_suffix(".csv"), index=False, lineterminator="\n")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
