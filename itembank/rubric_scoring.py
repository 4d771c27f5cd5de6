"""Scoring by people: who reads which paper, how well readers agree, what has to be adjudicated.

Readings are blind: a sheet does not say whether, or by whom, a paper is read twice.
"""

import csv
import io
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from itembank.errors import Rejected, UsageFault
from itembank.findings import Finding
from itembank.tabular import Table
from itembank.terminal import neutralised

COLUMNS = ("paper", "item", "points", "score")


@dataclass(frozen=True, slots=True)
class Reading:
    """One reader's score of one answer; `row` of their file."""

    reader: str
    paper: str
    item: str
    score: int
    source: str = ""
    row: int = 0


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a reader (or all of them, reader "") agrees with the second readings of the same answers.

    Attributes:
        n: answers read twice; 0 makes the rest NaN.
        exact, adjacent: shares with the same score, and with at most one point between.
        kappa: quadratically weighted (Cohen 1968); NaN where nobody's scores vary.
        mean_difference: the reader's score minus the other's; with reader "" the first reader's minus the second's.
    """

    item: str
    reader: str
    n: int
    exact: float
    adjacent: float
    kappa: float
    mean_difference: float


def assigned(
    papers: Sequence[str], readers: Sequence[str], share: float, seed: int | None = None
) -> dict[str, list[str]]:
    """Who reads which papers.

    Args:
        papers: all different.
        readers: two or more when `share` is above 0.
        share: of the papers that two people read, drawn at random; rounded up.
        seed: for the draw; unpredictable without one.

    Returns:
        Reader -> papers in a random order. Loads differ by at most one reading, and every reader is paired with
        every other about as often.

    Raises:
        UsageFault: too few readers, or names twice.
    """
    if not 0 <= share <= 1:
        raise UsageFault("share", "The share that two people read is 0 to 1.", "--twice 0.2")
    if len(set(readers)) != len(readers) or not readers:
        raise UsageFault("readers", "Readers have different names.", "--reader R1 --reader R2")
    if share and len(readers) < 2:
        raise UsageFault("readers", "A second reading wants a second reader.", "--reader R1 --reader R2")
    draw = random.Random(seed) if seed is not None else random.SystemRandom()
    order = list(papers)
    draw.shuffle(order)
    k = len(readers)
    twice = math.ceil(share * len(order) - 1e-9)
    found: dict[str, list[str]] = {r: [] for r in readers}
    for n, paper in enumerate(order[:twice]):  # pairs at distance 1, 2, ...: all pairs in turn
        step = 1 + (n // k) % max(k - 1, 1)
        found[readers[n % k]].append(paper)
        found[readers[(n + step) % k]].append(paper)
    for paper in order[twice:]:
        found[min(readers, key=lambda r: len(found[r]))].append(paper)
    for own in found.values():
        draw.shuffle(own)
    return found


def sheet(papers: Sequence[str], items: Mapping[str, int]) -> str:
    """A reader's sheet as CSV: paper, item, points (0 to ...), score (to fill in); item by item, as one reads best."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item, points in items.items():
        writer.writerows([[neutralised(p), neutralised(item), f"0-{points}", ""] for p in papers])
    return held.getvalue()


def readings(tables: Mapping[str, Table], items: Mapping[str, int]) -> list[Reading]:
    """The filled sheets, by reader.

    Raises:
        Rejected: with every cell that is no score, and every answer that a reader scored twice.
    """
    found: list[Finding] = []
    made: list[Reading] = []
    for reader, table in tables.items():
        seen: dict[tuple[str, str], int] = {}
        for row, r in zip(table.rows.tolist(), table.records(), strict=True):
            most = items.get(r["item"])
            if most is None:
                message = f"{r['item'][:40]!r} is no item that people score on this form."
                found.append(Finding(table.source, row, "unknown-item", "error", message, ", ".join(items), "item"))
                continue
            if not r["score"].strip():
                message = "The answer is not scored yet."
                found.append(Finding(table.source, row, "no-score", "error", message, f"0 to {most}", "score"))
                continue
            score = r["score"].strip()
            if not (score.isascii() and score.isdigit() and len(score) < 4 and int(score) <= most):
                message = f"The score is none of 0 to {most}."
                found.append(Finding(table.source, row, "bad-score", "error", message, "", "score"))
                continue
            key = (r["paper"], r["item"])
            if key in seen:
                message = f"This answer is scored in row {seen[key]} already."
                found.append(Finding(table.source, row, "scored-twice", "error", message, "keep one", "paper"))
                continue
            seen[key] = row
            made.append(Reading(reader, *key, int(score), table.source, row))
    if found:
        raise Rejected("bad-readings", "Some sheets are not complete.", "fill in or mend the rows named", found)
    return made


def by_answer(made: Sequence[Reading]) -> dict[tuple[str, str], list[Reading]]:
    """(paper, item) -> its readings, in the order of the readers."""
    found: dict[tuple[str, str], list[Reading]] = {}
    for reading in made:
        found.setdefault((reading.paper, reading.item), []).append(reading)
    return found


def weighted_kappa(one: NDArray[np.int64], two: NDArray[np.int64]) -> float:
    """Quadratically weighted kappa: 1 - mean squared difference / its expectation if readers were independent."""
    if not len(one):
        return float("nan")
    chance = one.var() + two.var() + (one.mean() - two.mean()) ** 2
    return float(1 - ((one - two) ** 2).mean() / chance) if chance > 0 else float("nan")


def agreements(made: Sequence[Reading]) -> list[Agreement]:
    """Per item: all readers together, then each reader against whoever read the same answers."""
    answers = by_answer(made)
    items = dict.fromkeys(r.item for r in made)
    readers = sorted({r.reader for r in made})
    found = []
    for item in items:
        twice = [own for (_, i), own in answers.items() if i == item and len(own) >= 2]
        found.append(_agreement(item, "", [(own[0].score, own[1].score) for own in twice]))
        for reader in readers:
            pairs = [
                (mine.score, other.score)
                for own in twice
                for mine in own
                for other in own
                if mine.reader == reader and other.reader != reader
            ]
            found.append(_agreement(item, reader, pairs))
    return found


def _agreement(item: str, reader: str, pairs: Sequence[tuple[int, int]]) -> Agreement:
    if not pairs:
        return Agreement(item, reader, 0, *[float("nan")] * 4)
    one, two = np.array(pairs, dtype=np.int64).T
    gap = np.abs(one - two)
    return Agreement(
        item,
        reader,
        len(pairs),
        float((gap == 0).mean()),
        float((gap <= 1).mean()),
        weighted_kappa(one, two),
        float((one - two).mean()),
    )


def settled(
    made: Sequence[Reading], decided: Mapping[tuple[str, str], int], tolerance: int = 0
) -> tuple[dict[tuple[str, str], int], list[tuple[str, str]]]:
    """The score of every answer, and the answers that still have to be adjudicated.

    Args:
        made: all readings.
        decided: (paper, item) -> adjudicated score, which stands above all readings.
        tolerance: readings that differ by at most so many points need no adjudication; the first one stands.
    """
    scores: dict[tuple[str, str], int] = {}
    open_: list[tuple[str, str]] = []
    for key, own in by_answer(made).items():
        values = [r.score for r in own]
        if key in decided:
            scores[key] = decided[key]
        elif max(values) - min(values) > tolerance:
            open_.append(key)
        else:
            scores[key] = values[0]
    return scores, open_


def long_table(scores: Mapping[tuple[str, str], int], column: str = "student") -> str:
    """Scores as a long file that `responses load --cells scores` takes."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow([column, "item", "score"])
    writer.writerows([[neutralised(p), neutralised(i), s] for (p, i), s in scores.items()])
    return held.getvalue()
