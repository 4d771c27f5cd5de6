"""Random releases with small groups, made safe and then attacked by linear programming.

    python studies/disclosure_audit.py [--releases 200] [--out studies/disclosure_audit.csv]

A release has three linked tables (district by language group, schools, schools by language group) with totals, two
concepts, and group sizes that are often under 11. Every third release follows an earlier one of the same students that
showed the first two tables; half of these repeat the two tables, half show the schools' language groups alone, whose
sums are the groups that the earlier release spoke of. For each: what is hidden, how much is published, how many hidden
numbers the attack could narrow, with complementary suppression and with primary suppression alone. A release that an
earlier one leaves no safe way for is refused and counted. Every finished release is a line of a file beside the table;
an interrupted study goes on with the next.
"""

import argparse
import csv
import json
import time
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from scoring.comparisons import audit, disclose
from scoring.irt.errors import DesignError

GROUPS = {"EL": 0.25, "RFEP": 0.15, "English only": 0.60}


def students(rng: np.random.Generator, schools: int, concepts: int, mean: float) -> pd.DataFrame:
    """Counts by district, school and language group: n and the number that mastered each concept."""
    rows = []
    for district, school, (group, share) in product("AB", range(schools), GROUPS.items()):
        n = int(rng.negative_binomial(1.0, 1 / (1 + mean * share)))
        # rates all over the range, so that codes at both ends occur
        rates = np.clip(rng.beta(2, 2, concepts) + 0.3 * rng.normal(size=concepts), 0, 1)
        rows.append((district, f"{district}{school}", group, n, *rng.binomial(n, rates)))
    return pd.DataFrame(rows, columns=["district", "school", "group", "n", *[f"x{c}" for c in range(concepts)]])


def table(counts: pd.DataFrame, dims: list[str]) -> pd.DataFrame:
    """All combinations of levels and totals of these dimensions, one row per group and concept."""
    reached = [c for c in counts.columns if c.startswith("x")]
    blocks = []
    for chosen in product((True, False), repeat=len(dims)):
        keep = [d for d, yes in zip(dims, chosen, strict=True) if yes]
        if "school" in keep and "district" not in keep:
            continue  # a school says its district
        block = counts.assign(**{d: "all" for d in dims if d not in keep}).groupby(dims)[["n", *reached]].sum()
        blocks.append(block)
    wide = pd.concat(blocks)
    long = [
        pd.DataFrame({"n": wide["n"], "percent": 100 * wide[x] / wide["n"].where(wide["n"] > 0)}).assign(
            concept=f"c{i}", mean=0.0
        )
        for i, x in enumerate(reached)
    ]
    return pd.concat(long).set_index("concept", append=True)


def tables(counts: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The three linked tables of a release."""
    return {
        "district by group": table(counts, ["district", "group"]),
        "schools": table(counts, ["district", "school"]),
        "schools by group": table(counts, ["district", "school", "group"]),
    }


def one_release(seed: int, largest: int = 6) -> dict[str, object]:
    """Make one release safe, attack it, and attack it again with primary suppression only."""
    rng = np.random.default_rng(seed)
    counts = students(rng, int(rng.integers(3, largest)), 2, float(rng.uniform(20, 80)))
    all_tables = tables(counts)
    began = time.perf_counter()
    first = {name: all_tables[name] for name in ("district by group", "schools")}
    earlier = [disclose(first)] if seed % 3 == 0 else []
    parts = all_tables["schools by group"]
    parts = parts[(parts.index.get_level_values("school") != "all") & (parts.index.get_level_values("group") != "all")]
    alone = seed % 6 == 3
    try:
        release, refused = disclose({"parts": parts} if alone else all_tables, earlier), 0
    except DesignError:  # what the earlier release showed leaves no safe way: only the first two tables stay public
        release, refused = earlier[0], 1
    seconds = time.perf_counter() - began
    found = audit(release, intervals=False)
    naive = audit(disclose(all_tables, complementary=False))
    sizes = naive[naive["what"] == "size"]
    log = release.log()
    return {
        "seed": seed,
        "earlier": len(earlier),
        "parts_alone": int(alone),
        "refused": refused,
        "groups": log["groups"],
        "hidden_small": log["hidden_small"],
        "hidden_complementary": log["hidden_complementary"],
        "smallest_possible": log["smallest_possible"],
        "groups_published": log["share_of_groups_published"],
        "percentages_shown": log["percentages_shown"],
        "percentages_coded": log["percentages_coded"],
        "percentages_hidden": log["percentages_hidden"],
        "given_away_before": log["given_away_before"],
        "attacked": len(found),
        "narrowed": int((~found["protected"]).sum()),
        "primary_only_narrowed": int((~sizes["protected"]).sum()),
        "primary_only_exact": int((sizes["high"] - sizes["low"] < 0.5).sum()),
        "seconds": round(seconds, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Attack random releases.")
    parser.add_argument("--releases", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    options = parser.parse_args()
    lines = options.out.with_suffix(".jsonl")
    done = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    with lines.open("a") as file:
        for seed in range(len(done), options.releases):
            row = one_release(seed)
            done.append(row)
            file.write(json.dumps(row) + "\n")
            file.flush()
    rows = done[: options.releases]
    with options.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
