"""Where the bank is, and sessions on it.

SQLite by default (foreign keys on, write-ahead log, a long busy timeout), PostgreSQL by URL. A session is either
reading or writing: writers on SQLite take the write lock at the start, so that two of them queue instead of failing.
"""

import os
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlmodel import Session

from itembank.errors import Conflict, ItembankError, UsageFault
from itembank.migrations import HEAD

BUSY_SECONDS = 60


class NoBank(UsageFault):
    """There is no bank where one was looked for."""


def settings(start: Path | None = None) -> tuple[dict[str, Any], Path]:
    """The nearest itembank.toml upward from `start`, and its folder; empty when there is none."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        file = folder / "itembank.toml"
        if file.is_file():
            try:
                return tomllib.loads(file.read_text("utf-8-sig")), folder
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise UsageFault("settings", f"{file} cannot be read: {error}", "Mend or remove the file.") from None
    return {}, here


def location(where: str | None = None) -> str:
    """The URL of the bank: `where`, else ITEMBANK_URL, else itembank.toml (`bank = ...`), else ./itembank.db."""
    folder = Path.cwd()
    text = where or os.environ.get("ITEMBANK_URL", "")
    if not text:
        found, folder = settings()
        text = str(found.get("bank", "")) or str(Path.cwd() / "itembank.db")
    if "://" not in text:
        path = Path(text).expanduser()
        return "sqlite:///" + (path if path.is_absolute() else folder / path).resolve().as_posix()
    scheme, rest = text.split("://", 1)
    if scheme in ("postgres", "postgresql"):
        scheme = "postgresql+psycopg"
    if scheme not in ("sqlite", "postgresql+psycopg"):
        raise UsageFault("unknown-database", f"A bank cannot live in {scheme}.", "Use a file or postgresql://...")
    return f"{scheme}://{rest}"


def shown(url: str) -> str:
    """The location without a password."""
    return sa.make_url(url).render_as_string(hide_password=True)


def file_of(url: str) -> Path | None:
    """The SQLite file of a bank; None on a server."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    return Path(parsed.database or "")


@lru_cache(maxsize=8)
def engine_of(url: str) -> sa.Engine:
    """The engine for a URL; one per process."""
    if sa.make_url(url).get_backend_name() == "sqlite":
        waits = {"timeout": BUSY_SECONDS, "isolation_level": None}  # BEGIN is ours, see below
        engine = sa.create_engine(url, connect_args=waits, poolclass=sa.pool.NullPool, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        return sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
    except ModuleNotFoundError:
        raise UsageFault(
            "no-driver", "The PostgreSQL driver is not installed.", "pip install 'itembank[postgresql]'"
        ) from None


def _prepare_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    # 64 MB of pages: the indexes of a whole administration's students fit, where SQLite's own 2 MB are written and
    # read again for every few rows
    for pragma in (
        "foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL", "temp_store=MEMORY", "cache_size=-65536",
        "secure_delete=ON",  # an erased student's bytes are overwritten, however this SQLite was built
    ):  # fmt: skip
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A reader that turns writer half-way fails at once with "locked", whatever the timeout: writers say so first.
    writer = connection.get_execution_options().get("writer", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")


def engine(where: str | None = None, create: bool = False) -> sa.Engine:
    """The engine of the bank.

    Args:
        where: a path or URL; default as in `location`.
        create: allow a SQLite file that is not there yet.

    Raises:
        NoBank: there is none.
    """
    url = location(where)
    file = file_of(url)
    if file is not None and not create:
        if not file.is_file():
            raise NoBank("no-bank", f"There is no bank at {file}.", "itembank init, or name one with --bank")
        with file.open("rb") as stream:
            head = stream.read(16)
        if head and head != b"SQLite format 3\x00":
            raise NoBank("not-a-bank", f"{file} is not a bank.", "Name another file with --bank")
    return engine_of(url)


def schema_version(connection: sa.Connection) -> str:
    """The migration the bank is at; empty for a database without tables of ours."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() or ""


def _require_current(connection: sa.Connection) -> None:
    at = schema_version(connection)
    if at == HEAD:
        return
    if not at:
        raise NoBank("no-bank", "This database holds no bank.", "itembank init")
    if at > HEAD:
        raise Conflict("newer-bank", f"The bank (schema {at}) is newer than this itembank.", "Upgrade itembank.")
    raise Conflict("older-bank", f"The bank has schema {at}, this itembank needs {HEAD}.", "itembank upgrade")


@contextmanager
def _session(where: str | None, writer: bool) -> Iterator[Session]:
    bank = engine(where)
    try:
        with bank.connect().execution_options(writer=writer) as connection:
            _require_current(connection)
            with Session(bind=connection, expire_on_commit=False, autoflush=True) as session:
                yield session
                if writer:
                    session.commit()
                    if connection.in_transaction():
                        connection.commit()
    except IntegrityError as error:
        raise Conflict(
            "collision",
            "Somebody else stored the same at the same time, or it is in use; nothing was changed.",
            "Run the command again.",
        ) from (error if os.environ.get("ITEMBANK_DEBUG") else None)
    except (OperationalError, DBAPIError) as error:
        raise refusal(error, bank) from (error if os.environ.get("ITEMBANK_DEBUG") else None)


def refusal(error: DBAPIError, bank: sa.Engine) -> ItembankError:
    """What a failure of the database means, without its parameters (they may be students')."""
    text = str(error.orig)
    place = shown(str(bank.url.render_as_string(hide_password=False)))
    if "locked" in text or "busy" in text:
        return Conflict("busy", "Somebody else has been writing for a minute.", "Run the command again.")
    if getattr(error.orig, "sqlstate", "") == "42501" or "readonly" in text:
        from itembank.errors import NotPermitted

        return NotPermitted("not-permitted", "The bank does not let this login do that.", "Ask who keeps the bank.")
    if "malformed" in text or "not a database" in text:
        return UsageFault("damaged-bank", f"{place} is damaged.", "itembank bank restore BACKUP")
    if isinstance(error, OperationalError):
        first = text.strip().splitlines()[0] if text.strip() else "no answer"
        return UsageFault("unreachable", f"The bank at {place} did not answer: {first}", "itembank doctor")
    raise error


def reading(where: str | None = None) -> Any:
    """A context with a session that reads one consistent state. Changes made in it are dropped."""
    return _session(where, writer=False)


def writing(where: str | None = None) -> Any:
    """A context with a session that commits at its end, all or nothing."""
    return _session(where, writer=True)


def migrate(where: str | None = None, to: str = "head") -> tuple[str, str]:
    """Create the tables, or bring them up to date, all or nothing. Returns the version before and after."""
    from alembic import command
    from alembic.config import Config

    from itembank import security

    url = location(where)
    file = file_of(url)
    if file is not None:
        if file.exists() and not file.is_file():
            raise UsageFault("not-a-file", f"{file} is not a file.", "Name a file with --bank")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(0o600)  # a new bank is its owner's alone until they share it
    bank = engine(where, create=file is not None and (not file.exists() or file.stat().st_size == 0))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    try:
        with bank.connect().execution_options(writer=True) as connection, connection.begin():
            if connection.dialect.name == "postgresql":  # two people may call init at once
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7216250)"))
            before = schema_version(connection)
            if before > HEAD:
                _require_current(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            after = schema_version(connection)
            if after == HEAD:
                security.apply(connection)
    except DBAPIError as error:
        raise refusal(error, bank) from None
    return before, after


def plain_rows(session: Session, statement: "sa.Select[Any]") -> Sequence[Sequence[Any]]:
    """All rows of a select of columns, in the session's transaction but without its objects: half the time of many.

    Args:
        session: a session; what it has not written yet is written first.
        statement: of single columns. Values come through the columns' types; `sa.type_coerce` to leave one as stored.
    """
    session.flush()
    return session.connection().execute(statement).all()  # at once: one by one takes three times as long


def bulk_insert(session: Session, table: type[Any], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert many rows fast, in the session's transaction.

    Args:
        session: a writing session.
        table: the SQLModel table.
        columns: column names; values come as the driver takes them (JSON as text, dates as ISO text on SQLite).
        rows: one sequence per row.
    """
    session.flush()
    connection = session.connection()
    name = table.__tablename__
    cursor = connection.connection.cursor()
    try:
        if connection.dialect.name == "sqlite":
            marks = ",".join("?" * len(columns))
            statement = f"INSERT INTO {name} ({','.join(columns)}) VALUES ({marks})"  # noqa: S608 - names are ours
            cursor.executemany(statement, rows)  # type: ignore[arg-type]  # the driver takes any iterable
        else:
            # COPY itself is not possible where rows are kept apart by district; an INSERT from a stage is.
            listed = ",".join(columns)
            stage = f"stage_{name}"
            cursor.execute(f"CREATE TEMP TABLE {stage} AS SELECT {listed} FROM {name} WITH NO DATA")  # noqa: S608
            with cursor.copy(f"COPY {stage} ({listed}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(f"INSERT INTO {name} ({listed}) SELECT {listed} FROM {stage}")  # noqa: S608
            cursor.execute(f"DROP TABLE {stage}")
    except Exception as error:
        orig = _as_sqlalchemy(error)
        raise orig from None
    finally:
        cursor.close()


def _as_sqlalchemy(error: Exception) -> Exception:
    """A driver's error as SQLAlchemy would raise it, without the parameters."""
    kind = {c.__name__: c for c in (IntegrityError, OperationalError, ProgrammingError)}
    for base in type(error).__mro__:
        if base.__name__ in kind:
            return kind[base.__name__]("bulk insert", None, error)
    return error
