"""How often DIF methods reject where there is no DIF, how often they find it where there is, and what they estimate.

    nice python studies/dif_rates.py            # all cells that are not in studies/results/dif_rates.csv yet
    nice python studies/dif_rates.py --cell mh-500 --replications 50

Works on arrays, without a bank. Each cell is one row per method of the table, appended when it is done, so that an
interrupted study goes on where it stopped. Data: 2PL, slopes exp(N(0, .25)), difficulties N(0, 1), drawn anew in
every replication; two groups of n; abilities N(∓impact/2, 1). With schools: `schools` per group, school means with
variance .15 (within it .85), and item difficulties that vary over schools with SD .25. No purification, so that the
rates are those of the tests themselves; every item is tested. DIF: one item `shift` harder in the second group,
purified by class.

Columns: rejected at .05 with its Monte Carlo error over replications, share of class C; for cells with DIF the same
for the item that has it (power), the mean D-DIF against its true value -2.35·shift (slopes set to 1 there), and the
mean effect against the true expected-score difference.
"""

import argparse
import csv
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import scoring

TABLE = Path(__file__).parent / "results" / "dif_rates.csv"
COLUMNS = [
    *("cell", "method", "n", "items", "impact", "schools", "shift", "replications", "tests", "rejected", "mc_error"),
    *("naive_rejected", "class_c", "power", "class_c_dif", "d_dif", "true_d_dif", "effect", "true_effect"),
    "coverage_effect",
]


@dataclass(frozen=True)
class Cell:
    """One condition."""

    methods: tuple[str, ...]
    n: int
    items: int
    replications: int
    impact: float = 0.0
    schools: int = 0
    shift: float = 0.0
    groups: int = 2


OBSERVED = ("mh", "std", "logistic")
IRT = ("lrt", "wald")
CELLS = {
    "observed-500": Cell(OBSERVED, 500, 20, 100),
    "irt-500": Cell(IRT, 500, 12, 60),
    "observed-schools": Cell(OBSERVED, 600, 20, 100, schools=15),
    "power-observed-0.8": Cell(OBSERVED, 1000, 20, 60, shift=0.8, impact=0.3),
    "irt-1000-impact": Cell(IRT, 1000, 12, 50, impact=0.5),
    "observed-2000": Cell(OBSERVED, 2000, 20, 60),
    "irt-schools": Cell(("wald",), 600, 12, 60, schools=15),
    "observed-impact-20000": Cell(("mh", "logistic"), 20000, 20, 10, impact=0.5),
    "three-groups-500": Cell(("mh", "logistic"), 500, 20, 50, groups=3),
    "power-observed-0.4": Cell(OBSERVED, 1000, 20, 60, shift=0.4, impact=0.3),
    "power-irt-0.8": Cell(("lrt",), 1000, 12, 15, shift=0.8, impact=0.3),
    "irt-2000": Cell(IRT, 2000, 12, 30),
    "irt-20000-impact": Cell(("lrt",), 20000, 12, 20, impact=0.5),
}


def simulate(cell: Cell, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.Series, pd.Series | None, float]:
    """Responses, groups, schools, and the true expected-score difference of item 0."""
    k, total = cell.groups, cell.groups * cell.n
    group = np.repeat(np.arange(k), cell.n)
    position = group / (k - 1) - 0.5
    school = None
    a = np.exp(rng.normal(0, 0.25, cell.items)) if not cell.shift else np.ones(cell.items)
    b = np.tile(rng.normal(0, 1, cell.items), (total, 1))
    if cell.shift:
        b[:, 0] = 0.0
    theta = rng.normal(size=total) + cell.impact * position
    if cell.schools:
        school = group * cell.schools + rng.integers(0, cell.schools, total)
        theta = theta * np.sqrt(0.85) + np.sqrt(0.15) * rng.normal(size=k * cell.schools)[school]
        b = b + 0.25 * rng.normal(size=(k * cell.schools, cell.items))[school]
    b[:, 0] += cell.shift * (group == 1)
    p = 1 / (1 + np.exp(-a * (theta[:, None] - b)))
    x = pd.DataFrame((rng.random(p.shape) < p).astype(float), columns=[f"Q{j}" for j in range(cell.items)])
    grid = np.linspace(-6, 6, 121)
    w = sum(np.exp(-((grid - c) ** 2) / 2) for c in (-cell.impact / 2, cell.impact / 2))
    truth = float(w / w.sum() @ (1 / (1 + np.exp(-(grid - cell.shift))) - 1 / (1 + np.exp(-grid))))
    return x, pd.Series(group), None if school is None else pd.Series(school), truth


def run(name: str, cell: Cell, replications: int) -> list[dict[str, object]]:
    """Rows of the table, one per method."""
    found: dict[str, list[pd.DataFrame]] = {m: [] for m in cell.methods}
    truth = 0.0
    for replication in range(replications):
        rng = np.random.default_rng([zlib.crc32(name.encode()), replication])
        x, group, school, truth = simulate(cell, rng)
        for method in cell.methods:
            out = scoring.dif(x, group, method, clusters=school, purify="class" if cell.shift else "no")
            found[method].append(out)
    rows = []
    for method, tables in found.items():
        sound = [t.iloc[1:] if cell.shift else t for t in tables]
        rates = np.array([(t["p_value"] < 0.05).mean() for t in sound])
        row = {
            "cell": name, "method": method, "n": cell.n, "items": cell.items, "impact": cell.impact,
            "schools": cell.schools, "shift": cell.shift, "replications": replications,
            "tests": sum(t["p_value"].notna().sum() for t in sound), "rejected": rates.mean(),
            "mc_error": rates.std(ddof=1) / np.sqrt(replications),
            "naive_rejected": naive_rate(sound) if cell.schools else "",
            "class_c": np.mean([(t["ets_class"] == "C").mean() for t in sound]),
        }  # fmt: skip
        if cell.shift:
            own = pd.DataFrame([t.iloc[0] for t in tables])
            row |= {
                "power": (own["p_value"] < 0.05).mean(),
                "class_c_dif": (own["ets_class"] == "C").mean(),
                "d_dif": own["d_dif"].mean(),
                "true_d_dif": -2.35 * cell.shift,
                "effect": own["effect"].mean(),
                "true_effect": truth,
                "coverage_effect": ((own["effect_low"] <= truth) & (truth <= own["effect_high"])).mean(),
            }
        rows.append({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})
    return rows


def naive_rate(tables: list[pd.DataFrame]) -> float | str:
    """Share rejected when schools are ignored; empty where the method has no such test (wald)."""
    p = pd.concat([t["naive_p_value"] for t in tables]).dropna()
    return float((p < 0.05).mean()) if len(p) else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cell", choices=CELLS, help="only this cell")
    parser.add_argument("--replications", type=int, default=0, help="instead of the cell's own number")
    parser.add_argument("--table", type=Path, default=TABLE)
    chosen = parser.parse_args()
    done = set(pd.read_csv(chosen.table)["cell"]) if chosen.table.exists() else set()
    for name, cell in CELLS.items():
        if name in done or (chosen.cell and name != chosen.cell):
            continue
        start = time.time()
        rows = run(name, cell, chosen.replications or cell.replications)
        fresh = not chosen.table.exists()
        with chosen.table.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if fresh:
                writer.writeheader()
            writer.writerows(rows)
        print(f"{name}: {time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
