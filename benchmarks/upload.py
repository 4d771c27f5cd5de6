"""How long the upload of a whole administration takes: checked and stored through the commands that a user types.

    python benchmarks/upload.py [--students 164130] [--items 60] [--keep FOLDER]

A wide CSV of answers as given (letters, blanks, double marks) of two districts with 140 schools, one row per student.
Beside our times stands `pandas.read_csv` of the same file in the same run, which reads it and does nothing else: a
busy machine slows both. Processor seconds and peak memory are those of each command's own process, start-up included.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
CONCEPTS = ("ratios", "numbers", "equations", "functions", "geometry", "statistics")
DISTRICTS = {"A": 76_621, "B": 87_509}
SCHOOLS = 70  # of each district
READ = "import pandas as pd, sys; print(len(pd.read_csv(sys.argv[1], dtype=str, keep_default_na=False)))"


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds of the clock, of the processors (user and system), and its peak memory in MB."""

    seconds: float
    cpu: float
    peak_mb: float
    out: str = ""


def world(students: int, items: int, seed: int = 2026) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(answers, items): a row per student as a district's scanner would export it, and the table of items."""
    random = np.random.default_rng(seed)
    per = items // len(CONCEPTS)
    names = [f"Q{j + 1:02d}" for j in range(per * len(CONCEPTS))]
    keys = random.integers(0, 4, len(names))
    first = round(students * DISTRICTS["A"] / sum(DISTRICTS.values()))
    district = np.repeat(["A", "B"], [first, students - first])
    school = random.integers(0, SCHOOLS, students)
    effect = random.normal(0, 0.35, (2, SCHOOLS))
    side = (district == "B").astype(int)
    # B is ahead in five concepts and behind in the last: the signs of the six gaps differ
    gap = np.array([0.3, 0.25, 0.2, 0.1, 0.0, -0.25])
    shape = np.linalg.cholesky(np.full((6, 6), 0.75) + 0.25 * np.eye(6))
    theta = random.normal(size=(students, 6)) @ shape.T + effect[side, school][:, None] + gap * (side - 0.5)[:, None]
    slope, place = 1.2 * random.lognormal(0, 0.3, len(names)), random.normal(0, 1, len(names))
    letters = np.array(["A", "B", "C", "D"])
    columns: dict[str, object] = {
        "student": [f"{10_000_000 + i}" for i in random.permutation(students)],
        "district": district,
        "school": [f"{d}{s:03d}" for d, s in zip(district, school, strict=True)],
        "grade": np.repeat("7", students),
    }
    reached = len(names) - np.where(random.random(students) < 0.03, random.integers(1, 12, students), 0)
    for j, name in enumerate(names):
        right = random.random(students) < 1 / (1 + np.exp(-slope[j] * (theta[:, j // per] - place[j])))
        wrong = (keys[j] + random.choice([1, 1, 2, 3], students)) % 4
        cells = letters[np.where(right, keys[j], wrong)].astype(object)
        cells[random.random(students) < 0.01] = "O"
        cells[random.random(students) < 0.002] = "M"
        cells[j >= reached] = ""
        columns[name] = cells
    table = pd.DataFrame(
        {
            "id": names,
            "title": [f"Item {n}" for n in names],
            "concepts": [CONCEPTS[j // per] for j in range(len(names))],
            "type": "choice",
            "key": letters[keys],
            "points": 1,
            "options": "A;B;C;D",
        }
    )
    return pd.DataFrame(columns), table


def furnish(folder: Path, students: int, items: int) -> None:
    """A folder with an open administration `spring` in an empty bank, and its answers in answers.csv."""
    answers, table = world(students, items)
    answers.to_csv(folder / "answers.csv", index=False)
    table.to_csv(folder / "items.csv", index=False)
    command(folder, "init", "--district", "A=District A", "--district", "B=District B")
    for who, district, role in (("ana", "A", "author"), ("cora", "A", "coordinator"), ("bo", "B", "coordinator")):
        command(folder, "people", "add", who, "--name", who.title(), "--district", district, "--role", role)
    for concept in CONCEPTS:
        command(folder, "concepts", "add", concept, "--title", concept.title(), "--grade", "7")
    command(folder, "items", "import", "items.csv", "--as", "ana")
    command(folder, "forms", "freeze", *table["id"], "--id", "F1", "--grade", "7")
    given = ("--form", "F1", "--district", "A", "--district", "B", "--mode", "paper", "--simulated")
    command(folder, "administrations", "open", "spring", *given, "--from", "2026-05-01", "--to", "2026-05-15")


def command(folder: Path, *words: str) -> Cost:
    """Run one command of ours in a process of its own, in the folder's bank."""
    return measured(folder, sys.executable, "-m", "cli", *words)


def measured(folder: Path, *words: str) -> Cost:
    """Run a program and say what it took; it has to succeed."""
    environment = {**os.environ, "ITEMBANK_URL": str(folder / "bank.db"), "ITEMBANK_KEYS": str(folder / "keys")}
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), environment.get("PYTHONPATH", "")]).rstrip(":")
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(words, cwd=folder, env=environment, stdout=out, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        taken = time.perf_counter() - start
        out.seek(0)
        said.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(words)}\n{said.read().decode()}")
        return Cost(taken, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.read().decode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=sum(DISTRICTS.values()))
    parser.add_argument("--items", type=int, default=60)
    parser.add_argument("--keep", default="", help="folder to keep, with its bank")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        furnish(folder, given.students, given.items)
        read = measured(folder, sys.executable, "-c", READ, "answers.csv")
        rows = [("pandas.read_csv", read)]
        rows.append(("responses check", command(folder, "responses", "check", "answers.csv")))
        rows.append(("responses load", command(folder, "responses", "load", "answers.csv", "--as", "cora")))
        rows.append(("the same file again", command(folder, "responses", "load", "answers.csv", "--as", "cora")))
        size = (folder / "answers.csv").stat().st_size / 2**20, (folder / "bank.db").stat().st_size / 2**20
    table = pd.DataFrame(
        [(name, c.seconds, c.cpu, c.cpu / read.cpu, c.peak_mb) for name, c in rows],
        columns=["work", "seconds", "cpu_seconds", "times_read_csv", "peak_mb"],
    )
    print(table.round(2).to_string(index=False))
    print(f"{given.students:,} students, {given.items} items; the file has {size[0]:.0f} MB, the bank {size[1]:.0f} MB")


if __name__ == "__main__":
    main()
