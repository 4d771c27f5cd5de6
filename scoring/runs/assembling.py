"""Forms from blueprints with what a calibration knows: information to assemble with, predictions of what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from itembank.advice import advise
from itembank.assembly import Assembly, assemble
from itembank.blueprint import Blueprint, Candidate
from itembank.candidates import candidates, why_empty
from itembank.forms import form_of, lines
from scoring import bank
from scoring.frozen import freeze
from scoring.irt.curves import Array, ItemParameters, expected_scores, information
from scoring.irt.errors import DesignError
from scoring.irt.reliability import marginal_reliability
from scoring.runs.calibrating import stored_fit

NODES = np.linspace(-6.0, 6.0, 121)


@dataclass(frozen=True)
class Known:
    """What a calibration knows of a pool.

    Attributes:
        run: its number; None without one.
        items: parameters of the items it knows.
        place: (J,) position of each candidate in `items`, -1 where it has no parameters.
        log_weights: of the pooled population on NODES.
    """

    run: int | None
    items: ItemParameters | None
    place: np.ndarray[Any, np.dtype[np.int64]]
    log_weights: Array

    def information(self, theta: Array) -> Array:
        """(J, Q), 0 for an item without parameters."""
        found = np.zeros((len(self.place), len(theta)))
        if self.items is not None:
            own = self.place >= 0
            found[own] = information(self.items, np.asarray(theta, dtype=float))[self.place[own]]
        return found

    def expected(self, guesses: Sequence[float]) -> Array:
        """(J,) share of the points in the population; the author's guess (or NaN) without parameters."""
        found = np.array(guesses, dtype=float)
        if self.items is not None:
            share = expected_scores(self.items, NODES) @ np.exp(self.log_weights) / (self.items.categories - 1)
            own = self.place >= 0
            found[own] = share[self.place[own]]
        return found

    def reliability(self, chosen: Sequence[int]) -> float:
        """Marginal reliability of a form's items with parameters; NaN when there is none."""
        places = self.place[list(chosen)]
        if self.items is None or not (places >= 0).any():
            return float("nan")
        return marginal_reliability(self.items.select(places[places >= 0]), NODES, self.log_weights)


def known(session: Any, pool: Sequence[Candidate], calibration: int | None, needed: bool = False) -> Known:
    """What a calibration run (the newest without a number) knows of a pool; of exactly these versions of the items.

    Raises:
        DesignError: the run is none, or there is none although it is needed.
    """
    flat = -(NODES**2) / 2
    empty = Known(None, None, np.full(len(pool), -1), flat - np.log(np.exp(flat).sum()))
    if calibration is None and not len(bank.runs_table(session, "calibrate")):
        if needed:
            message = "The blueprint wants information, but nothing has been calibrated yet."
            raise DesignError("no-calibration", message, "itembank calibrate run, or leave `information` away")
        return empty
    run = bank.run_of(session, calibration, kind="calibrate")
    frozen = freeze(stored_fit(session, run), warn=False)
    table = bank.read_item_parameters(session, run)
    version = {str(i): int(v) for i, v in table["version_id"].items()}
    at = {version.get(name): j for j, name in enumerate(frozen.items.names)}
    place = np.array([at.get(c.version_id, -1) for c in pool], dtype=np.int64)
    log_weights = -(((NODES - frozen.mean) / frozen.sd) ** 2) / 2
    return Known(run.id, frozen.items, place, log_weights - np.log(np.exp(log_weights).sum()))


def assembled(
    session: Any, blueprint: Blueprint, calibration: int | None = None, seconds: float = 20.0, gap: float = 0.02
) -> tuple[Assembly, list[Candidate], Known, pd.DataFrame]:
    """Assemble a blueprint's forms from the bank.

    Returns:
        The assembly, its candidates, what was known, and one row per form: form, items, points, minutes,
        expected_share, information at each place, sem at each cut, reliability (predicted before use).
    """
    pool, guesses = candidates(session, blueprint)
    if not pool:
        message = f"No item of the bank fits the blueprint's pool. {why_empty(session, blueprint)}"
        raise DesignError("empty-pool", message, "change `pool` in the blueprint, or see itembank items list")
    knows = known(session, pool, calibration, bool(blueprint.theta))
    shares = knows.expected(guesses)
    info = knows.information(np.array(blueprint.theta)) if blueprint.theta else None
    found = assemble(blueprint, pool, info, shares, seconds, gap)
    at_cuts = knows.information(np.array(blueprint.cuts))
    rows = []
    for name, form in zip(form_names(blueprint), found.forms, strict=True):
        chosen = [i for i, _ in form]
        row: dict[str, Any] = {
            "form": name,
            "items": len(chosen),
            "points": sum(pool[i].points for i in chosen),
            "minutes": sum(pool[i].minutes for i in chosen),
            "expected_share": float(np.average(shares[chosen], weights=[pool[i].points for i in chosen])),
        }
        if info is not None:
            row |= {f"information {t:g}": float(v) for t, v in zip(blueprint.theta, info[chosen].sum(0), strict=True)}
        if knows.items is not None:
            with np.errstate(divide="ignore"):
                sem = 1 / np.sqrt(at_cuts[chosen].sum(axis=0))
            row |= {f"sem {t:g}": float(v) for t, v in zip(blueprint.cuts, sem, strict=True)}
            row["reliability"] = knows.reliability(chosen)
            row["calibrated_items"] = int((knows.place[chosen] >= 0).sum())
        rows.append(row)
    return found, pool, knows, pd.DataFrame(rows)


def form_names(blueprint: Blueprint) -> list[str]:
    """Names of the forms (or blocks) of a blueprint: ID, or ID-A, ID-B, ..., ID-01, ... for more than 26."""
    k = blueprint.forms
    if k == 1:
        return [blueprint.id]
    if blueprint.booklets:
        return [f"{blueprint.id} block {i + 1}" for i in range(k)]
    return [f"{blueprint.id}-{chr(65 + i) if k <= 26 else f'{i + 1:02d}'}" for i in range(k)]


def advice(
    session: Any, form: str, sem: float, theta: Sequence[float], calibration: int | None = None
) -> tuple[pd.DataFrame, int | None]:
    """What a form (or, without one, the bank from nothing) needs for a wanted precision in every concept.

    Returns:
        One row per concept: concept, items (on the form), sem (worst place now), add (codes), sem_then,
        more (items that have to be written); and the calibration's number.
    """
    blueprint = Blueprint("advice")
    pool, _ = candidates(session, blueprint)
    knows = known(session, pool, calibration, True)
    info = knows.information(np.array(theta, dtype=float))
    there = {line.version_id for line in lines(session, form_of(session, form))} if form else set()
    rows = []
    for concept in sorted({c.marks["concept"][0] for c in pool if c.marks["concept"]}):
        own = [i for i, c in enumerate(pool) if c.marks["concept"][:1] == (concept,)]
        mine = [pool[i] for i in own]
        on_form = [j for j, c in enumerate(mine) if c.version_id in there]
        if form and not on_form:
            continue
        got = advise(mine, info[own], on_form, sem)
        rows.append(
            {
                "concept": concept,
                "items": len(on_form),
                "sem": float(got.sem.max()),
                "add": [mine[j].item for j in got.add],
                "sem_then": float(got.sem_then.max()),
                "more": got.more,
            }
        )
    return pd.DataFrame(rows, columns=["concept", "items", "sem", "add", "sem_then", "more"]), knows.run
