"""Kill a load of responses at random moments, and say what the bank holds afterwards.

    python killing.py FILE FOLDER KILLS SEED

The bank is the one of ITEMBANK_URL, a SQLite file. One process imports everything once and forks a child per kill; the
child loads the file as `responses load` does, and gets SIGKILL at a moment drawn over the time that a whole load takes
here. Before each the bank is what it was at first. One JSON line per kill, then one for a load that is left in peace
and one for the same load again.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from sqlmodel import func, select

from itembank import administrations, audit, database, responses, tabular, verification
from itembank.models import Import, RawResponse, Sitting, Student
from itembank.sheets import Layout


def load(file: str) -> None:
    """As the command does."""
    table = tabular.read_table(file)
    with database.writing() as session:
        adm = administrations.administration_of(session)
        responses.load(session, adm, table, Layout(fixed={} if "district" in table.columns else {"district": "A"}))


def held() -> dict[str, object]:
    """What the bank holds, and whether it holds together."""
    with database.reading() as session:
        counts = [
            session.exec(select(func.count()).select_from(t)).one() for t in (Student, Sitting, RawResponse, Import)
        ]
        faults = len(audit.verify(session)) + len(verification.check(session))
        faults += session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() != "ok"
    return {"counts": counts, "faults": faults}


def forked(file: str, wait: float | None) -> tuple[float, bool]:
    """Load in a child; kill it after so many seconds. Seconds it lived, and whether it came to its end."""
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        load(file)
        os._exit(0)
    if wait is not None:
        time.sleep(wait)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return time.perf_counter() - start, os.WIFEXITED(status)


def main(file: str, folder: str, kills: int, seed: int) -> None:
    bank = Path(os.environ["ITEMBANK_URL"])
    first = Path(folder) / "first.db"
    database.engine_of(database.location()).dispose()
    shutil.copy(bank, first)

    def reset() -> None:
        for name in (bank, Path(f"{bank}-wal"), Path(f"{bank}-shm")):
            name.unlink(missing_ok=True)
        shutil.copy(first, bank)

    whole = []
    for _ in range(2):
        reset()
        whole.append(forked(file, None)[0])
    moments = random.Random(seed)
    for n in range(kills):
        reset()
        # one moment in each twentieth of the whole time, so that reading, checking and storing are all met
        wait = min(whole) * (n + moments.random()) / kills
        lived, ended = forked(file, wait)
        print(json.dumps({"wait": wait, "lived": lived, "ended": ended, **held()}), flush=True)
    forked(file, None)
    print(json.dumps({"wait": None, "ended": True, **held()}), flush=True)
    forked(file, None)
    print(json.dumps({"wait": None, "ended": True, **held()}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
