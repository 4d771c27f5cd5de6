"""girth on the design of a joint assessment: bias of b where a district did not see an item, and time.

    python studies/recovery_girth.py --replications 5

Two districts of 2,000 students with means 0.5 below and above, 12 common items and 12 that only one district saw. girth
gets the responses with the unseen ones tagged as missing, and one population, which is all it knows. The table is
studies/recovery_girth.csv.
"""

import argparse
import time
from pathlib import Path

import girth
import numpy as np
import pandas as pd

from scoring.fitting import calibrate
from scoring.recovery import Design, on_pooled_scale, simulate_districts, true_items

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=5)
    given = parser.parse_args()
    design = Design("girth", "2pl", students=2000, common=12, own=12)
    items = true_items(design, 2026)
    truth = on_pooled_scale(items, True)[0]
    blocks = {"both districts": slice(0, 12), "only the weaker": slice(12, 24), "only the stronger": slice(24, 36)}
    rows = []
    for r in range(given.replications):
        frame, district, _ = simulate_districts(design, items, np.random.default_rng([2026, r]))
        estimates = {}
        start = time.process_time()
        estimates["itembank"] = calibrate(frame, groups=district).items[["a", "b"]].to_numpy()
        seconds = {"itembank": time.process_time() - start}
        coded = np.ascontiguousarray(np.where(frame.isna(), -1, frame).T.astype(np.int64))
        start = time.process_time()
        found = girth.twopl_mml(
            girth.tag_missing_data(coded, [0, 1]), options={"quadrature_n": 61, "quadrature_bounds": (-6, 6)}
        )
        seconds["girth"] = time.process_time() - start
        estimates["girth"] = np.stack([found["Discrimination"], found["Difficulty"]], axis=1)
        for engine, values in estimates.items():
            for block, at in blocks.items():
                rows.append(
                    {
                        "engine": engine,
                        "items seen by": block,
                        "error of a": (values[at, 0] - truth.a[at]).mean(),
                        "error of b": (values[at, 1] - truth.b[at, 0]).mean(),
                        "processor seconds": seconds[engine],
                    }
                )
    table = pd.DataFrame(rows).groupby(["engine", "items seen by"], sort=False)
    out = table.mean().join(table["error of b"].sem().rename("Monte Carlo error of b")).reset_index()
    out.to_csv(HERE / "recovery_girth.csv", index=False, float_format="%.4f")
    print(out.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
