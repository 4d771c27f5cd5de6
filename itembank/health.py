"""What `doctor` looks at: Python, packages, threads, fonts and browsers that are not needed, the bank."""

import os
import platform
import re
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Literal


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        state: "well", "notice" (works, but know this) or "wrong".
        said: what was found.
        hint: what to do.
    """

    name: str
    state: Literal["well", "notice", "wrong"]
    said: str
    hint: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def examine() -> list[Check]:
    """All checks, in order."""
    return [_python(), *_packages(), _threads(), _terminal(), _driver(), _browser(), _bank(), *_keys()]


def _python() -> Check:
    said = f"{platform.python_version()} on {platform.system()} ({platform.machine()})"
    return Check("python", "well", said)


def _number(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", text.split("+")[0])[:3])


def _packages() -> list[Check]:
    """Every package that itembank needs, against the oldest version it works with."""
    try:
        needed = requires("itembank") or []
    except PackageNotFoundError:
        return [Check("packages", "notice", "itembank is not installed as a package.", "pip install -e .")]
    here: list[str] = []
    bad: list[Check] = []
    for line in needed:
        if "extra ==" in line:
            continue
        match = re.match(r"([A-Za-z0-9_.-]+)(?:.*?>=\s*([0-9.]+))?", line)
        if not match:
            continue
        name, least = match.groups()
        try:
            found = version(name)
        except PackageNotFoundError:
            bad.append(Check("packages", "wrong", f"{name} is missing.", f"pip install '{line.split(';')[0].strip()}'"))
            continue
        if least and _number(found) < _number(least):
            bad.append(Check("packages", "wrong", f"{name} {found} is older than {least}.", f"pip install -U {name}"))
        here.append(f"{name} {found}")
    return [*bad, Check("packages", "well", ", ".join(here))]


def _threads() -> Check:
    import numpy as np
    from threadpoolctl import threadpool_info

    np.dot(np.ones((2, 2)), np.ones((2, 2)))
    pools = [p for p in threadpool_info() if p.get("user_api") == "blas"]
    said = ", ".join(f"{p['internal_api']} {p.get('version') or ''} with {p['num_threads']} threads" for p in pools)
    note = "; itembank uses one thread in it, whatever it is set to" if pools else ""
    return Check("linear algebra", "well", (said or "no BLAS that can be told its threads") + note)


def _terminal() -> Check:
    encoding = (sys.stdout.encoding or "ascii").lower()
    if encoding.replace("-", "") in ("utf8", "utf16"):
        return Check("terminal", "well", encoding)
    return Check("terminal", "notice", f"{encoding}: some signs are shown as ?", "Set PYTHONUTF8=1")


def _driver() -> Check:
    try:
        return Check("postgresql", "well", f"psycopg {version('psycopg')}")
    except PackageNotFoundError:
        return Check("postgresql", "well", "no driver; only needed for a bank on a server")


def _browser() -> Check:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next((n for n in names if shutil.which(n)), "")
    said = f"{found} found; " if found else "none found; "
    return Check("browser", "well", said + "reports open in any browser, booklets are typeset without one")


def _bank() -> Check:
    from sqlmodel import select

    from itembank import database
    from itembank.errors import ItembankError
    from itembank.models import District

    url = database.shown(database.location())
    try:
        with database.reading() as session:
            districts = session.exec(select(District.code).order_by(District.code)).all()
    except database.NoBank as error:
        state: Literal["notice", "wrong"] = "wrong" if os.environ.get("ITEMBANK_URL") else "notice"
        return Check("bank", state, error.sentence, error.hint)
    except ItembankError as error:
        return Check("bank", "wrong", error.sentence, error.hint)
    if not districts:
        return Check("bank", "notice", f"{url}, without districts", "itembank init --district A --district B")
    return Check("bank", "well", f"{url}, schema current, districts {', '.join(districts)}")


def _keys() -> list[Check]:
    from sqlmodel import select

    from itembank import database, identity
    from itembank.errors import ItembankError
    from itembank.models import District

    found: list[Check] = []
    try:
        with database.reading() as session:
            for district in session.exec(select(District).order_by(District.code)).all():
                file = identity.folder() / f"{district.code}.key"
                if file.is_file():
                    identity.district_key(session, district)
                    found.append(Check("key file", "well", f"{district.code}: {file}"))
                elif district.key_fingerprint:
                    said = f"{district.code}: not on this machine; its students' files cannot be loaded here"
                    found.append(Check("key file", "notice", said, "ITEMBANK_KEYS=FOLDER where it should be"))
    except database.NoBank:
        return []
    except ItembankError as error:
        return [*found, Check("key file", "wrong", error.sentence, error.hint)]
    return found
