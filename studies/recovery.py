"""Recovery and coverage of the calibration: bias of b, and 95 % intervals that hold 95 % of the time.

    python studies/recovery.py --replications 500

Two districts of 2,000 students with means 0.5 below and above and SDs 1.0 and 0.8, common items and items that one
district only saw (scoring/recovery.py). Each finished cell is kept in studies/results/ and not run again; the table of
all cells is studies/recovery.csv. Bounds: mean bias of b per block below .02; mean coverage of a cell 94-96 %, of
each parameter 92-98 %.
"""

import argparse
import time
from pathlib import Path

import pandas as pd

from scoring.recovery import CELLS, Design, recovery, summarise

HERE = Path(__file__).parent


def run(cell: Design, replications: int, seed: int, folder: Path) -> pd.DataFrame:
    """The summary of a cell, from its file where it is finished."""
    file = folder / f"recovery {cell.name.replace(', ', ' ')} {replications}.csv"
    if file.exists():
        return pd.read_csv(file)
    start = time.perf_counter()
    results = recovery(cell, replications, seed)
    out = summarise(results)
    out.insert(0, "cell", cell.name)
    out["not_converged"] = int((~results.groupby("replication")["converged"].all()).sum())
    out["seconds"] = round(time.perf_counter() - start, 1)
    out.to_csv(file, index=False, float_format="%.5f")
    return out


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """Per cell: largest bias of b, mean coverage over parameters, extremes of single parameters."""
    rows = []
    for cell, part in table.groupby("cell", sort=False):
        b = part[part["parameter"] == "b"]
        # d is b under another name where slopes are fixed: counted once
        counted = part[part["parameter"] != "d"]
        weight = counted["parameters"] / counted["parameters"].sum()
        rows.append(
            {
                "cell": cell,
                "replications": int(part["replications"].iloc[0]),
                "largest bias of b": b["bias"].abs().max(),
                "its Monte Carlo error": b.loc[b["bias"].abs().idxmax(), "mc_error"],
                "mean coverage": float(counted["coverage"] @ weight),
                "lowest": counted["coverage_low"].min(),
                "highest": counted["coverage_high"].max(),
                "gap coverage": float(part.loc[part["parameter"] == "gap", "coverage"].iloc[0]),
                "not converged": int(part["not_converged"].iloc[0]),
                "seconds": float(part["seconds"].iloc[0]),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=500)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--cells", nargs="*", default=[c.name for c in CELLS], help="names of cells")
    parser.add_argument("--folder", type=Path, default=HERE / "results")
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    parts = []
    for cell in (c for c in CELLS if c.name in given.cells):
        parts.append(run(cell, given.replications, given.seed, given.folder))
        print(verdicts(parts[-1]).round(4).to_string(index=False), flush=True)
    table = pd.concat(parts, ignore_index=True)
    table.to_csv(HERE / "recovery.csv", index=False, float_format="%.5f")
    print(verdicts(table).round(4).to_string(index=False))


if __name__ == "__main__":
    main()
