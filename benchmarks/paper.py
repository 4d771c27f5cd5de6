"""How long forms and paper take: assembly, booklets, and answer sheets for a whole administration.

    OPENBLAS_NUM_THREADS=1 python benchmarks/paper.py [--students 40000] [--only assembly|booklet|sheets]

Assembly: 4 parallel forms of 40 items from 1,000, with 60 sets of enemies, eight concepts, DOK, calculator sections
and maximin information at three places. Booklets: 40 items of the joint bank's grade 7 with their figures. Sheets:
one per student of a simulated roster, written through the command, start-up included. Seconds are of the clock and
of the processor (user and system); memory is the peak of the process.
"""

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from itembank import assembly, blueprint, booklet, item_folder
from itembank.blueprint import Candidate

ROOT = Path(__file__).parents[1]


def timed(what: str, work: Callable[[], str]) -> None:
    """Print how long it took, on the clock and of the processor, and what came of it."""
    clock, cpu = time.perf_counter(), time.process_time()
    said = work()
    took = f"{time.perf_counter() - clock:7.2f} s  {time.process_time() - cpu:7.2f} s of the processor"
    print(f"{what:<44} {took}  {said}", flush=True)


def pool(n: int = 1000, seed: int = 1) -> tuple[list[Candidate], np.ndarray, np.ndarray]:
    """(items, information at -1, 0 and 1, share correct at 0) of n 2PL items with 60 sets of four enemies."""
    rng = np.random.default_rng(seed)
    a, b = rng.lognormal(0, 0.3, n), rng.normal(0, 1, n)
    p = 1 / (1 + np.exp(-a[:, None] * (np.array([-1.0, 0, 1]) - b[:, None])))
    enemies: dict[int, set[int]] = {}
    for _ in range(60):
        group = {int(i) for i in rng.choice(n, 4, replace=False)}
        for i in group:
            enemies.setdefault(i, set()).update(group - {i})
    found = []
    for i in range(n):
        marks = {
            "concept": (f"c{i % 8}",),
            "standard": ("7.EE.A.1",),
            "dok": (str(1 + i % 3),),
            "type": (("choice", "numeric", "match")[i % 5 % 3],),
            "claim": ("1",),
            "calculator": (("no", "neutral", "yes")[i % 7 % 3],),
            "grade": ("7",),
            "practice": (),
        }
        found.append(Candidate(f"I{i}", marks, enemies=tuple(f"I{j}" for j in sorted(enemies.get(i, ())))))
    return found, a[:, None] ** 2 * p * (1 - p), p[:, 1]


def assembled(sections: bool, seed: int) -> str:
    items, information, share = pool(seed=seed)
    rules = "".join(f"  - {{concept: c{c}, items: {{min: 4, max: 6}}}}\n" for c in range(8))
    parts = (
        "sections:\n  - {name: one, calculator: [no, neutral], items: 28}\n"
        "  - {name: two, calculator: [yes, neutral], items: 12}\n"
    )
    text = f"id: b\nforms: 4\nitems: 40\ninformation: {{at: [-1, 0, 1]}}\nrules:\n{rules}"
    text += "  - {dok: 3, items: {min: 8}}\n"
    wanted = blueprint.parse((text + (parts if sections else "")).encode())
    found = assembly.assemble(wanted, items, information, share, seconds=60)
    assert len({i for form in found.forms for i, _ in form}) == 160
    assert not any(blueprint.violations(wanted, [(items[i], s) for i, s in form]) for form in found.forms)
    return f"least information {found.objective:.3f}, at most {found.bound:.3f} possible: gap {found.gap:.2%}"


def printed(language: str, large: bool) -> str:
    items = item_folder.check([ROOT / "items" / "grade-7"]).items
    figures = [i for i in items if i.figures][:12]
    chosen = [*figures, *[i for i in items if not i.figures]][:40]
    clock, cpu = time.perf_counter(), time.process_time()
    pdf = booklet.compiled(chosen, "Grade 7", language=language, large=large, version="A")
    took = f"{time.perf_counter() - clock:.2f} s, {time.process_time() - cpu:.2f} s of the processor"
    return f"typesetting alone {took}; {len(figures)} figures, {len(pdf) // 1024} kB"


def roster(path: Path, students: int) -> None:
    """A OneRoster package: 30 students to a class, 20 classes to a school."""
    draw = random.Random(4)
    classes, schools = -(-students // 30), -(-students // 600)
    users = ["sourcedId,status,enabledUser,orgSourcedIds,role,identifier,givenName,familyName,grades"]
    places = ["sourcedId,classSourcedId,schoolSourcedId,userSourcedId,role"]
    for i in range(students):
        school = i // 600
        names = f"Given{draw.randrange(900)},Family{draw.randrange(900)}"
        users.append(f"u{i},,true,o{school},student,{900000 + i},{names},07")
        places.append(f"e{i},c{i // 30},o{school},u{i},student")
    orgs = ["sourcedId,name,type,identifier", *(f"o{s},School {s},school,S{s:03d}" for s in range(schools))]
    rooms = ["sourcedId,title,schoolSourcedId", *(f"c{k},Period {k % 6 + 1},o{k // 20}" for k in range(classes))]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, rows in (("users", users), ("enrollments", places), ("orgs", orgs), ("classes", rooms)):
            package.writestr(f"{name}.csv", "\n".join(rows) + "\n")


def sheets(students: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "ITEMBANK_URL": f"{folder}/bank.db", "PYTHONPATH": str(ROOT)}

        def run(*words: str) -> str:
            command = [sys.executable, "-c", "import cli; cli.main()", *words]
            done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return done.stderr

        run("init", "--district", "A=District A", "--district", "B=District B")
        run("concepts", "import", str(ROOT / "items" / "concepts.yaml"))
        run("concepts", "import", str(ROOT / "items" / "misconceptions.yaml"))
        run("items", "import", str(ROOT / "items" / "grade-7"))
        run("forms", "freeze", str(ROOT / "items" / "forms" / "grade-7.yaml"), "--versions", "4")
        forms = [w for v in "ABCD" for w in ("--form", f"common-7-v{v}")]
        days = ("--from", "2026-05-01", "--to", "2026-05-15")
        run("administrations", "open", "spring", *forms, "--district", "A", *days, "--mode", "paper")
        roster(Path(folder) / "roster.zip", students)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        clock = time.perf_counter()
        said = run("administrations", "sheets", "spring", "--names", "roster.zip", "-o", "sheets", "--blank", "10")
        clock = time.perf_counter() - clock
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        size = sum(p.stat().st_size for p in (Path(folder) / "sheets").iterdir()) / 1e6
        peak = f"peak {after.ru_maxrss / 1000:.0f} MB"
        print(f"{students} students: {clock:.1f} s, {cpu:.1f} s of the processor, {peak}, "
              f"{size:.0f} MB of files; {said.splitlines()[0]}")  # fmt: skip


def main() -> None:
    reader = argparse.ArgumentParser(description="Forms and paper: time")
    reader.add_argument("--students", type=int, default=40_000)
    reader.add_argument("--only", choices=["assembly", "booklet", "sheets"])
    given = reader.parse_args()
    if given.only in (None, "assembly"):
        for seed in (1, 2, 3):
            timed(f"4 forms of 40 from 1,000, pool {seed}", lambda seed=seed: assembled(False, seed))
            timed(f"the same with calculator sections, pool {seed}", lambda seed=seed: assembled(True, seed))
    if given.only in (None, "booklet"):
        for language, large in (("en", False), ("es", False), ("en", True), ("both", False)):
            name = f"40 items with figures, {language}{', large print' if large else ''}"
            timed(name, lambda language=language, large=large: printed(language, large))
    if given.only in (None, "sheets"):
        sheets(given.students)


if __name__ == "__main__":
    main()
