"""Scores packed, one row per sitting and run, where there was one for every scale."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# As the bytes were laid out when this was written, whatever becomes of them later.
VALUES = ("theta", "se", "p_mastery")
CELL = np.dtype([("values", "<f8", (3,)), ("status", "u1")])
ABSENT = 255
AT_ONCE = 20_000  # sittings in memory

PACKED = ("run_id", "sitting_id", "district_id", "packed")
BY_SCALE = ("run_id", "scale", "sitting_id", "district_id", *VALUES, "status")
run_tables = sa.table("run_tables", sa.column("run_id"), sa.column("name"), sa.column("content", sa.JSON))


def upgrade() -> None:
    op.drop_index("ix_scores_sitting_id", table_name="scores")
    op.rename_table("scores", "scores_by_scale")
    _rename_key("scores_by_scale", "pk_scores", "pk_scores_by_scale")
    _create([sa.Column("packed", sa.LargeBinary(), nullable=False)], ["run_id", "sitting_id"])
    connection = op.get_bind()
    runs = sa.select(_table("scores_by_scale", BY_SCALE).c.run_id).distinct().order_by("run_id")
    for run in connection.execute(runs).scalars().all():
        _pack(connection, run)
    op.drop_table("scores_by_scale")
    op.create_index("ix_scores_sitting_id", "scores", ["sitting_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_scores_sitting_id", table_name="scores")
    op.rename_table("scores", "scores_packed")
    _rename_key("scores_packed", "pk_scores", "pk_scores_packed")
    further: list[sa.Column[Any]] = [sa.Column(name, sa.Float(), nullable=True) for name in VALUES]
    further += [sa.Column(name, sa.String(), nullable=False) for name in ("scale", "status")]
    _create(further, ["run_id", "scale", "sitting_id"])
    connection = op.get_bind()
    listed = sa.select(run_tables.c.run_id, run_tables.c.content).where(run_tables.c.name == "scores")
    for run, content in connection.execute(listed).all():
        (_, scales), (_, words) = content["rows"]
        for rows in _unpacked(connection, run, scales, words):
            connection.execute(sa.insert(_table("scores", BY_SCALE)), rows)
    connection.execute(sa.delete(run_tables).where(run_tables.c.name == "scores"))
    op.drop_table("scores_packed")
    op.create_index("ix_scores_sitting_id", "scores", ["sitting_id"], unique=False)


def _table(name: str, names: tuple[str, ...]) -> sa.TableClause:
    return sa.table(name, *map(sa.column, names))


def _rename_key(table: str, before: str, after: str) -> None:
    """On PostgreSQL the old table's key must not have the name that the new one's will have."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {before} TO {after}")


def _create(further: list[sa.Column[Any]], key: list[str]) -> None:
    op.create_table(
        "scores",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("district_id", sa.Integer(), nullable=False),
        *further,
        sa.ForeignKeyConstraint(["district_id"], ["districts.id"], name=op.f("fk_scores_district_id_districts")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_scores_run_id_runs")),
        sa.ForeignKeyConstraint(["sitting_id"], ["sittings.id"], name=op.f("fk_scores_sitting_id_sittings")),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_scores")),
    )


def _pack(connection: sa.Connection, run: int) -> None:
    old = _table("scores_by_scale", BY_SCALE).c
    mine = sa.select(old.sitting_id, old.district_id).where(old.run_id == run).distinct().order_by(old.sitting_id)
    listed = connection.execute(mine).all()
    distinct = [
        list(connection.execute(sa.select(column).where(old.run_id == run).distinct()).scalars())
        for column in (old.scale, old.status)
    ]
    scales, words = sorted(distinct[0], key=lambda s: (s != "total", s)), sorted(distinct[1])
    content = {"columns": ["what", "names"], "rows": [["scales", scales], ["statuses", words]]}
    connection.execute(sa.insert(run_tables).values(run_id=run, name="scores", content=content))
    place = {word: number for number, word in enumerate(words)}
    for start in range(0, len(listed), AT_ONCE):
        ids, districts = zip(*listed[start : start + AT_ONCE], strict=True)
        block = np.empty((len(ids), len(scales)), dtype=CELL)
        block["values"], block["status"] = np.nan, ABSENT
        for s, scale in enumerate(scales):
            cells = connection.execute(
                sa.select(old.sitting_id, *(old[v] for v in VALUES), old.status)
                .where(old.run_id == run, old.scale == scale, old.sitting_id.between(ids[0], ids[-1]))
                .order_by(old.sitting_id)
            ).all()
            if cells:
                sittings, *values, status = zip(*cells, strict=True)
                here = np.searchsorted(ids, sittings)
                block["values"][here, s] = np.array(values, dtype=float).T  # None becomes NaN
                block["status"][here, s] = [place[word] for word in status]
        rows = zip(ids, districts, (row.tobytes() for row in block), strict=True)
        named = [dict(zip(PACKED, (run, *row), strict=True)) for row in rows]
        connection.execute(sa.insert(_table("scores", PACKED)), named)


def _unpacked(
    connection: sa.Connection, run: int, scales: list[str], words: list[str]
) -> Iterator[list[dict[str, Any]]]:
    new = _table("scores_packed", PACKED).c
    after = -1
    while True:
        found = connection.execute(
            sa.select(new.sitting_id, new.district_id, new.packed)
            .where(new.run_id == run, new.sitting_id > after)
            .order_by(new.sitting_id)
            .limit(AT_ONCE)
        ).all()
        if not found:
            return
        block = np.frombuffer(b"".join(row.packed for row in found), dtype=CELL).reshape(len(found), len(scales))
        values = block["values"].astype(object)
        values[np.isnan(block["values"])] = None
        yield [
            {"run_id": run, "scale": scale, "sitting_id": row.sitting_id, "district_id": row.district_id}
            | dict(zip(VALUES, values[i, s].tolist(), strict=True))
            | {"status": words[block["status"][i, s]]}
            for i, row in enumerate(found)
            for s, scale in enumerate(scales)
            if block["status"][i, s] != ABSENT
        ]
        after = found[-1].sitting_id
