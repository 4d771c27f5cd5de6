"""Copies of a bank: a consistent copy while others write, and putting one back."""

import os
import shutil
import sqlite3
from pathlib import Path

from itembank.database import file_of, location
from itembank.errors import Conflict, Rejected, UsageFault


def copy_file(source: Path, target: Path) -> None:
    """Copy a SQLite bank consistently, also while others write; the copy appears whole or not at all."""
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        with sqlite3.connect(source) as before, sqlite3.connect(part) as after:
            before.backup(after)
        before.close()
        after.execute("PRAGMA journal_mode=DELETE")
        after.close()
        os.replace(part, target)
    except (sqlite3.DatabaseError, OSError) as error:
        part.unlink(missing_ok=True)
        raise Rejected(
            "no-copy", f"{source} could not be copied to {target}: {error}.", "Look at disk and path."
        ) from None


def backup(target: Path) -> Path:
    """Back up the bank of this process.

    Raises:
        UsageFault: the bank is on a server.
        Conflict: the target exists.
    """
    source = file_of(location())
    if source is None:
        raise UsageFault("on-a-server", "This bank is on a server.", "pg_dump --format=custom DATABASE > FILE")
    if not source.is_file():
        raise UsageFault("no-bank", f"There is no bank at {source}.", "itembank init")
    if target.is_dir():
        from itembank.models import now

        target = target / f"{source.stem}-{now():%Y%m%d-%H%M%S}{source.suffix}"
    if target.exists():
        raise Conflict("file-exists", f"{target} exists.", "Choose another name.")
    copy_file(source, target)
    return target


def check(file: Path) -> None:
    """Whether a file is a whole bank.

    Raises:
        Rejected: it is not.
    """
    if not file.is_file():
        raise Rejected("no-file", f"There is no file {file}.", "Check the path.")
    try:
        connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
        try:
            sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
            connection.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            connection.close()
    except sqlite3.DatabaseError:
        raise Rejected("not-a-bank", f"{file} is not a bank, or is damaged.", "Name another backup.") from None
    if sound != "ok":
        raise Rejected("damaged-bank", f"{file} is damaged.", "Name another backup.")


def restore(source: Path, overwrite: bool = False) -> Path | None:
    """Put a backup in the bank's place; what was there is kept beside it. Returns where.

    Raises:
        Rejected: the backup is no bank.
        Conflict: there is a bank, and `overwrite` is not set.
    """
    target = file_of(location())
    if target is None:
        raise UsageFault("on-a-server", "This bank is on a server.", "pg_restore --clean --dbname DATABASE FILE")
    check(source)
    kept: Path | None = None
    if target.exists():
        if not overwrite:
            raise Conflict("bank-exists", f"There is a bank at {target}.", "Add --overwrite; it is kept beside.")
        from itembank.models import now

        kept = target.with_name(f"{target.stem}-replaced-{now():%Y%m%d-%H%M%S}{target.suffix}")
        copy_file(target, kept)
    part = target.with_name(target.name + ".restoring")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, part)
    for extra in ("-wal", "-shm"):  # a log of the replaced bank must not be replayed onto this one
        target.with_name(target.name + extra).unlink(missing_ok=True)
    os.replace(part, target)
    return kept
