"""Do the demos' ranges hold the planted truth, and does the program keep silent where nothing was planted?

    python studies/demos.py [--demos 50] [--null 200] [--students 1500]

Demos on arrays, without bank or commands: `scoring.demo.world` draws two districts with schools, `analyse` does with
them what `itembank analyze` does. 40 items in five concepts. In half of the table gaps of ∓.35 pooled SDs are planted
(one concept reversed) and two items work differently in the districts; in the other half nothing differs.
Every demo is one line of `results/demos, truths.csv`, so that an interrupted study goes on where it stopped; the
summary with its Monte Carlo errors is written to `results/demos.csv`.
"""

import argparse
import csv
import os
import time
import warnings
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.result import TOTAL, Analysis
from scoring.analysis.run import analyse
from scoring.demo.world import DISTRICTS, DemoItem, simulate_districts

RESULTS = Path(__file__).parent / "results"
LINES = RESULTS / "demos, truths.csv"
CONCEPTS = ("equations", "geometry", "proportions", "rational-numbers", "statistics")
PER_CONCEPT = 8
FIELDS = ("kind", "seed", "students", "gaps", "inside", "reversed_inside", "verdicts", "right", "wrong",
          "contrasts", "below_05", "flagged", "planted_flagged", "false_flagged", "seconds")  # fmt: skip


def items() -> list[DemoItem]:
    """Eight items for each concept, from easy to hard, each with its wrong answers."""
    shares = np.linspace(0.30, 0.80, PER_CONCEPT)
    wrong = {"B": "m1", "C": "m2", "D": ""}
    return [DemoItem(f"{c[:2].upper()}{k}", c, float(s), "A", wrong) for c in CONCEPTS for k, s in enumerate(shares)]


def one(kind: str, seed: int, students: int) -> dict[str, object]:
    """One demo: what was planted and what was found."""
    start = time.perf_counter()
    gap, dif = (0.35, 0.9) if kind == "planted" else (0.0, 0.0)
    world = simulate_districts(items(), students, seed, -gap, gap, dif)
    people = world.persons.loc[world.answers.index]
    form = pd.DataFrame(
        [(i.name, i.concept, i.kind, i.points, i.key) for i in items()],
        columns=["title", "concept", "type", "points", "key"],
        index=[i.name for i in items()],
    )
    given = AnalysisInput(
        "demo", world.scored, form, groups=people["district"], group_order=DISTRICTS, group_word="district",
        clusters=people["school"], simulated=True,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analysis = analyse(given, seed=seed).analysis
    found = _against_truth(analysis, world.truth.gap, world.truth.reversed_concept)
    flagged = set(analysis.dif.index[analysis.dif["ets_class"] == "C"])
    planted = set(world.truth.dif)
    return {
        "kind": kind, "seed": seed, "students": len(world.answers), **found, "flagged": len(flagged),
        "planted_flagged": len(flagged & planted), "false_flagged": len(flagged - planted),
        "seconds": round(time.perf_counter() - start, 1),
    }  # fmt: skip


def _against_truth(analysis: Analysis, truth: dict[str, float], turned: str) -> dict[str, object]:
    """How many ranges hold the planted gap (District A minus District B), and what the verdicts say."""
    means = analysis.mean_contrasts.set_index("concept")
    inside = {c: bool(means.at[c, "low"] <= -gap <= means.at[c, "high"]) for c, gap in truth.items()}
    rows = analysis.contrasts[analysis.contrasts["concept"] != TOTAL]
    clear = rows[rows["verdict"].isin(["ahead", "behind"])]
    right = sum(np.sign(r.difference) == np.sign(-truth[str(r.concept)]) for r in clear.itertuples())
    p = pd.concat([rows["p_value"], means.loc[list(truth), "p_value"]]).dropna()
    return {
        "gaps": len(inside), "inside": sum(inside.values()), "reversed_inside": int(inside[turned]),
        "verdicts": len(clear), "right": int(right), "wrong": len(clear) - int(right),
        "contrasts": len(p), "below_05": int((p < 0.05).sum()),
    }  # fmt: skip


def summary(lines: pd.DataFrame) -> pd.DataFrame:
    """Rates with their Monte Carlo errors; gaps and contrasts of one demo hang together, so the demo is the unit."""
    rows: list[tuple[str, int, float, float, str]] = []

    def add(what: str, rate: "pd.Series[float]", bound: str) -> None:
        error = float(rate.std(ddof=1) / np.sqrt(len(rate))) if len(rate) > 1 else float("nan")
        rows.append((what, len(rate), float(rate.mean()), error, bound))

    planted, null = lines[lines["kind"] == "planted"], lines[lines["kind"] == "null"]
    if len(planted):
        add("planted gaps inside their range", planted["inside"] / planted["gaps"], "at least .90")
        add("the reversed concept's gap inside its range", planted["reversed_inside"].astype(float), "at least .90")
        add("verdicts with the wrong sign, per demo", planted["wrong"].astype(float), "")
        add("gaps with a verdict", planted["verdicts"] / planted["gaps"], "")
        add("planted items found in class C", planted["planted_flagged"] / 2, "")
        add("other items in class C, per demo", planted["false_flagged"].astype(float), "")
    if len(null):
        add("null demos with at least one verdict", (null["verdicts"] > 0).astype(float), "at most .08")
        add("null contrasts with an unadjusted p below .05", null["below_05"] / null["contrasts"], ".03 to .07")
        add("null items in class C, per demo", null["false_flagged"].astype(float), "")
    table = pd.DataFrame(rows, columns=["what", "demos", "rate", "monte_carlo_error", "bound"])
    return table.round({"rate": 4, "monte_carlo_error": 4})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demos", type=int, default=50)
    parser.add_argument("--null", type=int, default=200)
    parser.add_argument("--students", type=int, default=1500)
    wanted = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    done = set()
    if LINES.exists():
        done = {(r["kind"], int(r["seed"])) for r in csv.DictReader(LINES.open(encoding="utf-8"))}
    plan = [("null", 10_000 + k) for k in range(wanted.null)]
    for k in range(wanted.demos):  # mixed in, so that a study that is stopped early has some of both
        plan.insert(k * (1 + wanted.null // max(wanted.demos, 1)), ("planted", 1 + k))
    for kind, seed in plan:
        if (kind, seed) in done:
            continue
        line = one(kind, seed, wanted.students)
        new = not LINES.exists()
        with LINES.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(line)
        summary(pd.read_csv(LINES, keep_default_na=False)).to_csv(
            RESULTS / "demos.csv", index=False, lineterminator="\n"
        )
    print(summary(pd.read_csv(LINES, keep_default_na=False)).to_string(index=False))


if __name__ == "__main__":
    main()
