"""The demo: two simulated districts, and the whole job on them by the commands a user would type.

Every step is a command line, printed before it runs, so that the demo is also a first lesson; nothing is done behind
the commands but the drawing of the students and the table of truth beside estimate.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from itembank.errors import ItembankError, UsageFault
from scoring.analysis.result import Analysis
from scoring.demo.form import choose, simulated
from scoring.demo.world import DISTRICTS, DemoItem, World, simulate_districts

CODES = dict(zip(DISTRICTS, ("A", "B"), strict=True))
PEOPLE = (("ana", "Ana (expert, simulated)", "A", "author"), ("ben", "Ben (expert, simulated)", "B", "author"),
          ("cora", "Cora (coordinator, simulated)", "A", "coordinator"))  # fmt: skip
ADMINISTRATION = "g7-autumn"
TITLE = "Grade 7 common assessment (simulated)"
ITEMS = "items"
ATTRIBUTES = ("class", "sex", "ethnicity", "language", "lunch")
NOTE = """Everything in this folder is simulated: no real student, school or district.

report.html          the comparison, made by the program from the answers alone
itembank.db          the bank; itembank.toml makes it the bank of this folder
items.csv            the items as `itembank analyze` takes them
items/               the items and concepts as they were imported, from the joint bank
data/                the two districts' answers as they were loaded, and truth.csv: what was planted
commands.txt         what was typed; every line names files of this folder only

{typing}
To do it all again elsewhere: copy data/, items/, form.yaml and itembank.toml into an empty folder and type the lines.
Lines that look (status), compute (run) or write a file (report) can be typed again as often as you like. init, import,
freeze and load say that everything is there already. people add and administrations open are refused, because the
name is taken: type them with another name.
"""


@dataclass(frozen=True)
class Demo:
    """What the demo made.

    Attributes:
        folder: where it is. report: the page.
        world: the students and the truth.
        analysis: the stored analysis.
        truth: what, truth, estimate, low, high, inside.
    """

    folder: Path
    report: Path
    world: World
    analysis: Analysis
    truth: pd.DataFrame


def run_demo(folder: Path, students: int, seed: int, say: Callable[[str], None]) -> Demo:
    """Make the demo in an empty folder.

    Raises:
        UsageFault: the folder holds something.
        ItembankError: a command failed; its own message was shown.
    """
    from itembank.item_folder import check
    from itembank.resources import items_folder

    if folder.exists() and any(folder.iterdir()):
        raise UsageFault("not-empty", f"{folder} is not empty.", f"itembank demo {folder} --overwrite")
    source = items_folder()
    form = choose([i for i in check([source]).items if i.grade == "7"])
    drawn = [s for i in form if (s := simulated(i)) is not None]
    world = simulate_districts(drawn, students, seed)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    _write_files(folder, world, drawn)
    _copy_items(source, folder / ITEMS)
    concepts = sorted({i.concepts[0] for i in form})
    shell = _Shell(folder, say)
    shell.run("init", *(f"--district={code}={name}" for name, code in CODES.items()))
    for code, name, district, role in PEOPLE:
        shell.run("people", "add", code, "--name", name, "--district", district, "--role", role)
    shell.run("concepts", "import", f"{ITEMS}/concepts.yaml")
    shell.run("items", "import", f"{ITEMS}/grade-7", "--status", "released", "--create-concepts")
    shell.run("forms", "freeze", "form.yaml")
    shell.run(
        "administrations", "open", ADMINISTRATION, "--form", "G7-DEMO", "--district=A", "--district=B",
        "--from", "2026-10-05", "--to", "2026-10-16", "--mode", "paper", "--title", TITLE, "--simulated",
        *(f"--taught={code}:{concept}=yes" for code in CODES.values() for concept in concepts),
    )  # fmt: skip
    for code in CODES.values():
        described = [f"--attribute={a}" for a in ATTRIBUTES]
        shell.run("responses", "load", f"data/district-{code.lower()}.csv", "--district", code, *described)
    shell.run("administrations", "status", ADMINISTRATION)
    shell.run("calibrate", "run")
    shell.run("score", "run")
    shell.run("compare", "run", "--seed", str(seed))
    analysis, truth = _truth_beside(folder, world)
    shell.run("report", "comparison", "--output", "report.html")
    (folder / "commands.txt").write_text("\n".join(shell.lines) + "\n", encoding="utf-8")
    (folder / "README.txt").write_text(NOTE.format(typing=how_to_type(folder)), encoding="utf-8")
    return Demo(folder, folder / "report.html", world, analysis, truth)


def is_demo(folder: Path) -> bool:
    """Whether a folder holds a demo: its README starts as every demo's does."""
    readme = folder / "README.txt"
    return readme.is_file() and readme.read_text(encoding="utf-8").startswith(NOTE.partition("\n")[0])


def how_to_type(folder: Path) -> str:
    """How to type `itembank` in the demo's folder, where the shell does not find the program by its name."""
    import shutil

    here = Path(sys.executable).parent
    program = here / ("itembank.exe" if os.name == "nt" else "itembank")
    found = shutil.which("itembank")
    if (found and Path(found).parent == here) or not program.exists():
        return f"To type more: cd {folder}, then a line of commands.txt."
    activate = f"& '{here / 'Activate.ps1'}'" if os.name == "nt" else f"source {shlex.quote(str(here / 'activate'))}"
    return f"To type more: cd {folder}\n  {activate}    (once per terminal)\n  then a line of commands.txt."


class _Shell:
    """Runs the program as a user would, in the demo's folder."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder, self.say = folder, say
        self.lines: list[str] = []
        hidden = ("ITEMBANK_URL", "ITEMBANK_PERSON")
        self.environment = {k: v for k, v in os.environ.items() if k not in hidden}

    def run(self, *words: str) -> None:
        line = "itembank " + " ".join(shlex.quote(w) for w in words)
        self.lines.append(line)
        self.say(f"$ {line}")
        done = subprocess.run(
            [sys.executable, "-m", "cli", *words],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, encoding="utf-8", check=False,
        )  # fmt: skip
        for text in (done.stdout, done.stderr):
            for part in text.rstrip().splitlines():
                if not part.startswith("Next:"):
                    self.say(f"    {part}")
        if done.returncode:
            raise ItembankError("demo-failed", f"The command above ended with {done.returncode}.", "itembank doctor")


def _copy_items(source: Path, target: Path) -> None:
    """The joint bank's items of the grade, so that the commands name nothing outside the demo's folder."""
    import shutil

    shutil.copytree(source / "grade-7", target / "grade-7")
    for name in ("concepts.yaml", "misconceptions.yaml"):
        shutil.copyfile(source / name, target / name)


def _write_files(folder: Path, world: World, items: list[DemoItem]) -> None:
    """The two districts' answers, the form, the settings, and what was planted."""
    people = world.persons.loc[world.answers.index]
    for district, code in CODES.items():
        here = people["district"] == district
        described = people.loc[here, ["school", "class", "grade", *ATTRIBUTES[1:]]]
        table = described.join(world.answers.loc[here]).rename_axis("student")
        table.to_csv(folder / "data" / f"district-{code.lower()}.csv", encoding="utf-8", lineterminator="\n")
    table = pd.DataFrame(
        [(i.name, i.concept, i.key if i.kind != "rubric" else "", i.kind, i.points) for i in items],
        columns=["item", "concept", "key", "type", "points"],
    )
    table.to_csv(folder / "items.csv", index=False, lineterminator="\n")
    plan = ["id: G7-DEMO", f"title: {TITLE}", "grade: 7", "items:", *(f"  - {i.name}" for i in items)]
    (folder / "form.yaml").write_text("\n".join(plan) + "\n", encoding="utf-8")
    (folder / "itembank.toml").write_text('bank = "itembank.db"\nperson = "cora"\n', encoding="utf-8")
    rows = [("gap", c, gap) for c, gap in world.truth.gap.items()]
    rows += [("dif", item, shift) for item, shift in world.truth.dif.items()]
    pd.DataFrame(rows, columns=["planted", "where", "value"]).to_csv(folder / "data" / "truth.csv", index=False)
    (folder / "data" / "simulated.json").write_text(
        json.dumps({"simulated": True, "students": len(world.answers), "reversed": world.truth.reversed_concept}),
        "utf-8",
    )


def truth_table(world: World, analysis: Analysis) -> pd.DataFrame:
    """What was planted beside what was found: gaps of the concepts (District B minus District A, in pooled SDs), and
    the items with a planted difference. Columns: what, truth, estimate, low, high, inside."""
    rows: list[dict[str, Any]] = []
    found = analysis.mean_contrasts.set_index("concept")
    for concept, gap in world.truth.gap.items():
        if concept not in found.index:
            continue
        row = found.loc[concept]
        name = str(analysis.concepts.at[concept, "name"])
        low, high = -float(row["high"]), -float(row["low"])
        note = " (reversed)" if concept == world.truth.reversed_concept else ""
        inside = "yes" if low <= gap <= high else "no"
        rows.append(
            {"what": f"{DISTRICTS[1]} minus {DISTRICTS[0]}: {name}{note}", "truth": gap,
             "estimate": -float(row["difference"]), "low": low, "high": high, "inside": inside}
        )  # fmt: skip
    for item, shift in world.truth.dif.items():
        seen = str(analysis.dif.at[item, "ets_class"]) if item in analysis.dif.index else "not judged"
        harder = DISTRICTS[1] if shift > 0 else DISTRICTS[0]
        effect = float(analysis.dif.at[item, "effect"]) if item in analysis.dif.index else float("nan")
        rows.append(
            {"what": f"{item}: {abs(shift):g} logits harder in {harder}; estimate: points at equal ability ({seen})",
             "truth": float("nan"), "estimate": effect, "low": float("nan"), "high": float("nan"),
             "inside": "found" if seen == "C" else "missed"}
        )  # fmt: skip
    false_alarms = [
        i for i in analysis.dif.index if analysis.dif.at[i, "ets_class"] == "C" and i not in world.truth.dif
    ]
    nothing = {"truth": 0.0, "estimate": float(len(false_alarms)), "low": float("nan"), "high": float("nan")}
    what = "other items found to work very differently (class C): how many"
    rows.append({"what": what, **nothing, "inside": "yes" if not false_alarms else "no"})
    return pd.DataFrame(rows)


def _truth_beside(folder: Path, world: World) -> tuple[Analysis, pd.DataFrame]:
    """Store the truth beside the estimates, so that the report shows it."""
    from dataclasses import replace

    from scoring import bank
    from scoring.runs.comparing import stored_analysis

    where = str(folder / "itembank.db")
    with bank.writing(where) as session:
        run = bank.run_of(session, kind="compare")
        analysis = stored_analysis(session, run)
        truth = truth_table(world, analysis)
        bank.store_table(session, run, "truth", truth)
    return replace(analysis, truth=truth), truth
