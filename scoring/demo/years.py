"""Later years of the demo: the same students sit the same items again, and one concept dips in the last year."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from scoring.demo.script import ADMINISTRATION, ATTRIBUTES, CODES, Demo, _Shell
from scoring.demo.world import DISTRICTS, DemoItem, World, _answers

#: What a year adds to every concept, in SDs, and what the last year takes from the one that dips.
GROWTH, DIP = 0.15, -0.55
#: Correlation of a student's abilities from one year to the next, and the share who leave each year.
STABILITY, LEAVE = 0.85, 0.06


def later_worlds(first: World, items: Sequence[DemoItem], years: int, seed: int) -> tuple[list[World], str]:
    """The years after the first: the same students, grown by `GROWTH` a year; in the last year one concept falls.

    Args:
        first: the first year. items: its form, given again every year.
        years: in all, 2 or more. seed: of the later years' draws.

    Returns:
        The later worlds and the concept that dips: the last one in alphabetical order but one.
    """
    rng = np.random.default_rng((seed, 2026))
    concepts = list(first.theta.columns)
    dips = concepts[-2] if len(concepts) > 1 else concepts[0]
    worlds: list[World] = []
    persons, theta = first.persons, first.theta
    correlation = first.truth.correlation
    root = np.linalg.cholesky(correlation * np.ones((len(concepts),) * 2) + (1 - correlation) * np.eye(len(concepts)))
    for year in range(1, years):
        stays = rng.random(len(persons)) >= LEAVE
        persons = persons[stays].assign(absent=rng.random(int(stays.sum())) < 0.03, grade=f"{7 + year:02d}")
        theta = theta[stays]
        centre = theta.groupby(persons["district"]).transform("mean")
        noise = rng.standard_normal(theta.shape) @ root.T * np.sqrt(1 - STABILITY**2)
        theta = centre + STABILITY * (theta - centre) + noise + GROWTH
        if year == years - 1:
            theta = theta.assign(**{dips: theta[dips] + DIP})
        answers, scored = _answers(items, first.truth.items, first.truth.dif, persons, theta, rng)
        worlds.append(World(persons, theta, answers, scored, first.truth))
    return worlds, dips


def bars(world: World, share: float = 0.7) -> dict[str, float]:
    """Concept -> true ability at which a student expects `share` of the points of its items."""
    table = world.truth.items
    found: dict[str, float] = {}
    for concept, part in table.groupby("concept"):
        steps = part.filter(regex=r"^b\d+$")
        curves = [(float(part.at[i, "a"]), steps.loc[i].dropna().to_numpy(dtype=float)) for i in part.index]

        def missing(theta: float, curves: Any = curves) -> float:
            got = 0.0
            for a, b in curves:
                z = np.concatenate([[0.0], np.cumsum(a * (theta - b))])
                p = np.exp(z - z.max())
                got += float(np.arange(z.size) @ p / p.sum())
            return got - share * sum(b.size for _, b in curves)

        found[str(concept)] = float(brentq(missing, -8, 8))
    return found


def true_changes(first: World, second: World) -> pd.DataFrame:
    """Among students who answered both times: index (group, concept); share above the bar at both, and the change."""
    there = first.answers.index.intersection(second.answers.index)
    rows = {}
    for district in DISTRICTS:
        here = there[(first.persons.loc[there, "district"] == district).to_numpy()]
        for concept, bar in bars(first).items():
            a = float((first.theta.loc[here, concept] >= bar).mean())
            b = float((second.theta.loc[here, concept] >= bar).mean())
            rows[(district, concept)] = {"rate_1": a, "rate_2": b, "change": b - a}
    return pd.DataFrame.from_dict(rows, orient="index")


def run_years(made: Demo, items: Sequence[DemoItem], years: int, seed: int, say: Callable[[str], None]) -> pd.DataFrame:
    """Run the later years by the commands a user would type; end with the packet and the dashboard.

    Returns:
        Truth beside estimate of the last year's cohort changes: what, truth, estimate, low, high, inside.
    """
    from scoring import bank
    from scoring.runs.trending import changes, occasions

    worlds, dips = later_worlds(made.world, items, years, seed)
    shell = _Shell(made.folder, say)
    concepts = sorted({i.concept for i in items})
    described = [f"--attribute={a}" for a in ATTRIBUTES]
    for k, world in enumerate(worlds, start=1):
        name, year = f"{ADMINISTRATION}-{2026 + k}", 2026 + k
        _write(made.folder, world, year)
        shell.run(
            "administrations", "open", name, "--form", "G7-DEMO", "--district=A", "--district=B",
            "--from", f"{year}-10-05", "--to", f"{year}-10-16", "--mode", "paper", "--simulated",
            "--title", f"The same students {'a year' if k == 1 else f'{k} years'} later (simulated)",
            *(f"--taught={code}:{concept}=yes" for code in CODES.values() for concept in concepts),
        )  # fmt: skip
        for code in CODES.values():
            file = f"data/district-{code.lower()}-{year}.csv"
            shell.run("responses", "load", file, "--district", code, "--administration", name, *described)
        shell.run("compare", "run", "--administration", name, "--seed", str(seed))
        shell.run("link", "run", ADMINISTRATION if k == 1 else f"{ADMINISTRATION}-{year - 1}", name)
        if k == years - 2:
            shell.run(
                "actions", "add", "--observed", "Few students have mastered operations with rational numbers.",
                "--supposed", "Signs are taught as rules, not on the number line.", "--about", f"concept:{dips}",
                "--try", "A=Number lines in the first ten minutes, twice a week.",
                "--try", "B=Problems about debts and temperatures before the rules.",
                "--owner", "math coordinator of each district", "--on", f"{year}-11-04", "--due", f"{year + 1}-11-03",
            )  # fmt: skip
    shell.run("report", "packet", "--output", "packet.html")
    shell.run("report", "packet", "--edition", "public", "--output", "packet-public.html")
    shell.run("report", "dashboard", "--output", "dashboard")
    lines = (made.folder / "commands.txt").read_text(encoding="utf-8") + "\n".join(shell.lines) + "\n"
    (made.folder / "commands.txt").write_text(lines, encoding="utf-8")
    with bank.reading(str(made.folder / "itembank.db")) as session:
        held = occasions(session)
        found = changes(session, held)
    return _beside(found, true_changes(worlds[-2] if years > 2 else made.world, worlds[-1]), held[-1])


def _beside(found: pd.DataFrame, truth: pd.DataFrame, last: Any) -> pd.DataFrame:
    rows = []
    part = found[(found["kind"] == "cohort") & (found["second"] == last.code)]
    for r in part.itertuples():
        true = float(truth.loc[(r.group, r.concept), "change"])
        name = str(last.analysis.concepts.at[r.concept, "name"])
        mark = " (stands out)" if r.stands_out else ""
        rows.append(
            {"what": f"{r.group}, {name}: change of the same students{mark}", "truth": true, "estimate": r.change,
             "low": r.low, "high": r.high, "inside": "yes" if r.low <= true <= r.high else "no"}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _write(folder: Path, world: World, year: int) -> None:
    people = world.persons.loc[world.answers.index]
    for district, code in CODES.items():
        here = people["district"] == district
        described = people.loc[here, ["school", "class", "grade", *ATTRIBUTES[1:]]]
        table = described.join(world.answers.loc[here]).rename_axis("student")
        file = folder / "data" / f"district-{code.lower()}-{year}.csv"
        table.to_csv(file, encoding="utf-8", lineterminator="\n")


def demo_form() -> list[DemoItem]:
    """The items of the demo's form, as the simulation sees them."""
    from itembank.item_folder import check
    from itembank.resources import items_folder
    from scoring.demo.form import choose, simulated

    form = choose([i for i in check([items_folder()]).items if i.grade == "7"])
    return [s for i in form if (s := simulated(i)) is not None]
