"""An older bank's scores, a row for every scale, are packed by the upgrade, and are as they were after the way back."""

from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

import itembank.migrations
from itembank import administrations, database, responses, security, tabular
from itembank.sheets import Layout
from scoring import bank as gate

NAMES = ("run_id", "scale", "sitting_id", "district_id", "theta", "se", "p_mastery", "status")
# in the first run one sitting lacks a scale, in the second there is one scale alone, in the third nothing
OLD = [
    (1, "geometry", 1, 1, 0.1, 0.5, 0.75, "scored"),
    (1, "geometry", 3, 2, None, None, None, "no items"),
    (1, "total", 1, 1, -0.0, 0.25, None, "scored"),
    (1, "total", 2, 1, 1 / 3, 0.3, None, "extreme"),
    (1, "total", 3, 2, None, None, None, "nothing valid"),
    (2, "ratios", 1, 1, -2.5, 0.4, 1.0, "scored"),
    (2, "ratios", 3, 2, 5e-324, 1e300, 0.0, "scored"),
]


def settings():
    config = Config()
    config.set_main_option("script_location", str(Path(itembank.migrations.__file__).parent))
    return config


@contextmanager
def writer():
    with database.engine().connect().execution_options(writer=True) as connection, connection.begin():
        yield connection


@pytest.fixture
def old_bank(any_furnished):
    """A bank from before the scores were packed, with the rows of `OLD`."""
    with database.writing() as session:
        adm = administrations.administration_of(session)
        for district, rows in (("A", "1,A\n2,B\n"), ("B", "1,C\n")):
            table = tabular.parse_table(f"student,Q1\n{rows}".encode(), f"{district}.csv")
            responses.load(session, adm, table, Layout(fixed={"district": district}))
        for _ in range(3):
            gate.store_run(session, "score", adm)
    config = settings()
    with writer() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0007")
        listed, marks = ", ".join(NAMES), ", ".join(f":{n}" for n in NAMES)
        rows = [dict(zip(NAMES, row, strict=True)) for row in OLD]
        connection.execute(sa.text(f"INSERT INTO scores ({listed}) VALUES ({marks})"), rows)


def kept():
    """The scores as `OLD` tells them, through the door of scoring."""
    found = []
    with gate.reading() as session:
        for run in (1, 2, 3):
            for row in gate.read_scores(session, gate.run_of(session, run)).reset_index().to_dict("records"):
                numbers = [None if np.isnan(row[n]) else row[n] for n in ("theta", "se", "p_mastery")]
                district = 1 if row["sitting"] < 3 else 2
                found.append((run, row["scale"], row["sitting"], district, *numbers, row["status"]))
        assert len(gate.read_scores(session, gate.run_of(session, 1), "total")) == 3
        assert len(gate.read_scores(session, gate.run_of(session, 1), "geometry")) == 2
    return found


def rows(connection):
    listed = ", ".join(NAMES)
    return [tuple(r) for r in connection.execute(sa.text(f"SELECT {listed} FROM scores ORDER BY 1, 2, 3"))]


def tables_of(connection):
    return set(sa.inspect(connection).get_table_names())


def test_scores_of_an_older_bank_are_packed_by_the_upgrade_and_unpacked_on_the_way_back(old_bank):
    assert database.migrate() == ("0007", itembank.migrations.HEAD)
    assert kept() == OLD
    with database.engine().connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM scores")).scalar_one() == 5
        assert not {"scores_by_scale", "scores_packed"} & tables_of(connection)
        assert [i["name"] for i in sa.inspect(connection).get_indexes("scores")] == ["ix_scores_sitting_id"]
        assert sa.inspect(connection).get_pk_constraint("scores")["name"] == "pk_scores"
        if connection.dialect.name == "postgresql":  # the new table is kept apart by district like the old one
            apart = connection.execute(
                sa.text(
                    "SELECT c.relrowsecurity, p.polname, has_table_privilege(:m, 'scores', 'DELETE')"
                    " FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid WHERE c.relname = 'scores'"
                ),
                {"m": security.MEMBER},
            ).all()
            assert apart == [(True, "own_district", True)]
    step = ScriptDirectory.from_config(settings()).get_revision("0008").module
    step.AT_ONCE = 2  # in more than one part
    with writer() as connection, Operations.context(MigrationContext.configure(connection)):
        step.downgrade()
        assert rows(connection) == OLD
        assert connection.execute(sa.text("SELECT count(*) FROM run_tables WHERE name = 'scores'")).scalar_one() == 0
        step.upgrade()
    assert kept() == OLD
