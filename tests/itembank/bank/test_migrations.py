"""A bank made by migrations is the bank that the models describe, and old or new banks are told apart."""

import os
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import itembank.migrations
from itembank import database
from itembank.errors import Conflict
from itembank.models import Base


def test_migrations_and_models_describe_the_same_tables(any_bank):
    with database.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_every_constraint_of_the_models_is_in_the_migrated_bank(bank):
    """Autogenerate does not compare CHECK constraints; the CREATE statements do."""
    made = sa.create_engine("sqlite://")
    Base.metadata.create_all(made)
    with made.connect() as one, database.engine().connect() as other:
        for table in Base.metadata.tables:
            named = [{c["name"] for c in sa.inspect(c_).get_check_constraints(table)} for c_ in (one, other)]
            assert named[0] == named[1], table
            unique = [{c["name"] for c in sa.inspect(c_).get_unique_constraints(table)} for c_ in (one, other)]
            assert unique[0] == unique[1], table


def test_the_constant_head_is_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", str(Path(itembank.migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == itembank.migrations.HEAD


def test_migrating_again_changes_nothing(any_bank):
    assert database.migrate() == (itembank.migrations.HEAD, itembank.migrations.HEAD)


@pytest.mark.parametrize(("version", "hint"), [("0000", "itembank upgrade"), ("9999", "Upgrade itembank")])
def test_a_bank_of_another_version_is_refused_with_what_to_do(bank, version, hint):
    with database.engine().connect().execution_options(writer=True) as connection, connection.begin():
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :v"), {"v": version})
    with pytest.raises(Conflict) as refused, database.reading():
        pass
    assert refused.value.exit_code == 6
    assert hint in refused.value.hint


def test_foreign_keys_hold_and_the_log_is_ahead(bank):
    with database.engine().connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    with pytest.raises(Conflict), database.writing() as session:
        session.execute(sa.text("INSERT INTO schools (district_id, code, name, attributes) VALUES (99, 'x', '', '{}')"))


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
    ],
)
def test_location_takes_urls(given, url):
    assert database.location(given) == url


def test_the_bank_is_found_by_variable_then_by_settings_upward_then_here(tmp_path, monkeypatch):
    monkeypatch.delenv("ITEMBANK_URL", raising=False)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert database.location() == f"sqlite:///{below / 'itembank.db'}"
    (tmp_path / "itembank.toml").write_text('bank = "shared/joint.db"\n')
    assert database.location() == f"sqlite:///{tmp_path / 'shared' / 'joint.db'}"
    monkeypatch.setenv("ITEMBANK_URL", "mine.db")
    assert database.location() == f"sqlite:///{below / 'mine.db'}"


def test_a_file_that_is_no_bank_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("these are notes, not a bank")
    with pytest.raises(database.NoBank):
        database.engine(str(tmp_path / "notes.txt"))
    with pytest.raises(database.NoBank):
        database.engine(str(tmp_path / "absent.db"))
    assert not (tmp_path / "absent.db").exists()


def test_an_older_bank_is_brought_up_to_date_with_its_content_and_a_copy(tmp_path, monkeypatch, run):
    monkeypatch.setenv("ITEMBANK_URL", str(tmp_path / "old.db"))
    assert database.migrate(to="0001") == ("", "0001")
    with database.engine().connect().execution_options(writer=True) as connection, connection.begin():
        connection.exec_driver_sql("INSERT INTO districts (code, name, created_at) VALUES ('A', 'Old', '2026-01-01')")
    assert run("people", "list")[0] == 6
    assert run("upgrade", "--dry-run")[0] == 0
    assert run("people", "list")[0] == 6
    assert run("upgrade")[0] == 0
    assert run("people", "add", "x", "--district", "A", "--role", "author")[0] == 0
    copy = tmp_path / f"old-before-{itembank.migrations.HEAD}.db"
    with database.engine(str(copy)).connect() as connection:
        assert database.schema_version(connection) == "0001"


def test_a_migration_that_fails_leaves_the_bank_as_it_was(tmp_path, monkeypatch, run):
    monkeypatch.setenv("ITEMBANK_URL", str(tmp_path / "old.db"))
    database.migrate(to="0001")
    with database.engine().connect().execution_options(writer=True) as connection, connection.begin():
        connection.exec_driver_sql("CREATE TABLE scores (x INTEGER)")  # in the way of the next migration
    with pytest.raises(Exception, match="scores"):
        database.migrate()
    with database.engine().connect() as connection:
        assert database.schema_version(connection) == "0001"
        assert not sa.inspect(connection).has_table("forms")


@pytest.mark.skipif(os.name != "posix", reason="permissions of files")
def test_a_new_bank_is_its_owners_alone(tmp_path):
    database.migrate(str(tmp_path / "new.db"))
    assert (tmp_path / "new.db").stat().st_mode & 0o077 == 0
