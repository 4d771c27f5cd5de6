"""Storing and reading students' scores: one row per sitting and run, which holds all scales of the run."""

from collections.abc import Iterator, Mapping
from itertools import chain, repeat

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session, select

from itembank import runs
from itembank.database import bulk_insert, plain_rows
from itembank.errors import Rejected
from itembank.models import District, Run, Score, Sitting, columns
from itembank.score_packing import ABSENT, LAYOUT, VALUES, WIDTH, pack, unpack

_AT_ONCE = 1 << 16  # sittings that are packed at once, so that millions take no second copy of their scores


def store_scores(session: Session, run: Run, tables: Mapping[str, pd.DataFrame], persons: pd.DataFrame) -> None:
    """Store the scores of a run on all of its scales, one row per sitting.

    Args:
        session: of `writing()`.
        run: it.
        tables: scale ("total" or a concept) -> index sitting; theta, se, optional status and p_mastery. An infinite
            score is stored as none: its status says so.
        persons: as `BankResponses.persons`, for the districts.

    Raises:
        ValueError: the scales do not have the same sittings, or a sitting has no status.
    """
    index = next(iter(tables.values())).index
    if not all(table.index.equals(index) for table in tables.values()):
        raise ValueError("all scales of a run want the same sittings in the same order")
    ids = {d.code: d.id for d in session.exec(select(District)).all()}
    districts = persons["district"].reindex(index).map(ids).astype(int).tolist()
    values = [[t[v].to_numpy(dtype=float) if v in t else None for v in VALUES] for t in tables.values()]
    words, status = _statuses(tables, len(index))
    runs.store_table(session, run, LAYOUT, ["what", "names"], [["scales", list(tables)], ["statuses", words]])
    sittings = index.to_numpy(dtype=np.int64).tolist()
    rows = zip(repeat(run.id), sittings, districts, chain.from_iterable(_packed(values, status)), strict=False)
    bulk_insert(session, Score, ("run_id", "sitting_id", "district_id", "packed"), rows)


def _statuses(tables: Mapping[str, pd.DataFrame], n: int) -> tuple[list[str], NDArray[np.int16]]:
    """The words of the statuses, and (N, S) which of them each sitting has."""
    words: dict[str, int] = {}
    status = np.zeros((n, len(tables)), dtype=np.int16)
    for s, table in enumerate(tables.values()):
        column = table["status"] if "status" in table else pd.Series("scored", index=table.index)
        codes, known = pd.factorize(column)
        if (codes < 0).any():
            raise ValueError("a sitting has no status")
        status[:, s] = np.array([words.setdefault(str(word), len(words)) for word in known], dtype=np.int16)[codes]
    if len(words) > ABSENT:
        raise ValueError(f"a run has at most {ABSENT} statuses")
    return list(words), status


def _packed(values: list[list[NDArray[np.float64] | None]], status: NDArray[np.int16]) -> Iterator[list[bytes]]:
    for start in range(0, len(status), _AT_ONCE):
        here = slice(start, start + _AT_ONCE)
        block = np.full((*status[here].shape, len(VALUES)), np.nan)
        for s, scale in enumerate(values):
            for v, column in enumerate(scale):
                if column is not None:
                    block[:, s, v] = column[here]
        block[~np.isfinite(block)] = np.nan
        yield pack(block, status[here])


def read_scores(session: Session, run: Run, scale: str | None = None, sitting_id: int | None = None) -> pd.DataFrame:
    """Scores of a run: index sitting; scale, theta, se, p_mastery, status, and the student's id.

    Args:
        session: a session.
        run: it; without scores it gives no rows.
        scale: one of its scales alone; another gives no rows.
        sitting_id: one of its sittings alone.

    Raises:
        ValueError: the bytes do not fit the run's scales.
    """
    try:
        _, ((_, scales), (_, words)) = runs.read_table(session, run, LAYOUT)
    except Rejected:
        scales, words = [], []
    wanted = sorted(s for s in scales if scale in (None, s))
    score, sitting = columns(Score), columns(Sitting)
    content = score.packed
    if scale is not None and wanted:  # the database hands out this scale's cell alone
        content = sa.func.substr(content, 1 + WIDTH * scales.index(scale), WIDTH, type_=sa.LargeBinary)
        scales = wanted
    statement = (
        sa.select(score.sitting_id, sitting.student_id, content)
        .join(Sitting, sitting.id == score.sitting_id)
        .where(score.run_id == run.id)
        .order_by(score.sitting_id)
    )
    if sitting_id is not None:
        statement = statement.where(score.sitting_id == sitting_id)
    rows = plain_rows(session, statement) if wanted else []
    sittings, students = (np.array([r[i] for r in rows], dtype=np.int64) for i in (0, 1))
    values, status = unpack([r[2] for r in rows], len(scales))
    order = [scales.index(s) for s in wanted]
    status = status[:, order].T.ravel()
    texts = (pd.Series(names, dtype="str").array for names in (wanted, [*words, ""]))
    which = (np.repeat(np.arange(len(wanted)), len(rows)), np.where(status == ABSENT, len(words), status))
    scale_names, statuses = (text.take(codes) for text, codes in zip(texts, which, strict=True))
    frame = pd.DataFrame(
        {
            "scale": scale_names,
            **{name: values[:, order, v].T.ravel() for v, name in enumerate(VALUES)},
            "status": statuses,
            "student": np.tile(students, len(wanted)),
        },
        index=pd.Index(np.tile(sittings, len(wanted)), name="sitting"),
    )
    present = status != ABSENT
    return frame if present.all() else frame[present]
