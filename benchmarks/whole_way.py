"""How long the whole way takes, from the file of answers to the page: upload, calibrate, score, compare, report.

    python benchmarks/whole_way.py [--students 164130] [--items 60] [--keep FOLDER]

164,130 students of two districts with 70 schools each, 60 items in six concepts, by the same commands that a user
types, each in a process of its own with its start-up. Target: 45 s in all on two quiet cores. Beside each step stands
`pandas.read_csv` of the same file, measured first in the same run, since a busy machine slows both.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import pandas as pd
from upload import DISTRICTS, READ, command, furnish, measured

TARGET = 45.0
STEPS = {
    "responses check": ("responses", "check", "answers.csv"),
    "responses load": ("responses", "load", "answers.csv", "--as", "cora"),
    "calibrate run": ("calibrate", "run", "--as", "cora"),
    "score run": ("score", "run", "--as", "cora"),
    "compare run": ("compare", "run", "--as", "cora"),
    "report comparison": ("report", "comparison", "-o", "report.html"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=sum(DISTRICTS.values()))
    parser.add_argument("--items", type=int, default=60)
    parser.add_argument("--keep", default="", help="folder to keep, with its bank and the report")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        furnish(folder, given.students, given.items)
        read = measured(folder, sys.executable, "-c", READ, "answers.csv")
        costs = {name: command(folder, *words) for name, words in STEPS.items()}
        page = (folder / "report.html").stat().st_size / 1024
    rows = [(name, c.seconds, c.cpu, c.cpu / read.cpu, c.peak_mb) for name, c in costs.items()]
    # `responses load` checks again by itself: the check before it is a courtesy and not part of the way
    way = [row for row in rows if row[0] != "responses check"]
    rows.append(("the whole way", *(sum(row[i] for row in way) for i in (1, 2, 3)), max(row[4] for row in way)))
    rows.append(("pandas.read_csv", read.seconds, read.cpu, 1.0, read.peak_mb))
    table = pd.DataFrame(rows, columns=["work", "seconds", "cpu_seconds", "times_read_csv", "peak_mb"])
    print(table.round(2).to_string(index=False))
    print(f"{given.students:,} students, {given.items} items; target {TARGET:.0f} s; the page has {page:.0f} kB")


if __name__ == "__main__":
    main()
