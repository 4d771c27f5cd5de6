"""Standard codes in any spelling, brought to the canonical one (CCSS-M)."""

import csv
import re
from functools import lru_cache
from importlib.resources import files

_PREFIX = re.compile(r"^(?:CCSS|CC)?[.\s-]*(?:MATH|M)?[.\s-]*(?:CONTENT)?[.\s-]*", re.IGNORECASE)
_HIGH = re.compile(
    r"^(?:HS)?([NAFGS])[.\s-]*([A-Z]{2,3})(?:[.\s-]*([A-D]))?[.\s-]*(\d{1,2})[.\s-]*([a-g])?$", re.IGNORECASE
)


@lru_cache(maxsize=1)
def _short() -> dict[str, str]:
    """Letters and digits of every code, with and without the cluster letter -> canonical code."""
    found: dict[str, str] = {}
    table = files("itembank").joinpath("data/ccssm_6_8.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(table.splitlines()):
        for spelling in (row["code"], row["short_code_no_cluster"]):
            found[_bare(spelling)] = row["code"]
    return found


def _bare(text: str) -> str:
    return "".join(c for c in text if c.isalnum()).upper()


@lru_cache(maxsize=4096)
def normalised(code: str) -> str | None:
    """`7.rp.2d`, `CCSS.MATH.CONTENT.7.RP.A.2.D`, `7RPA2(d)` -> `7.RP.A.2d`; None for a code that is not known.

    Grades 6 to 8 are checked against the list of standards; high-school codes (`A-REI.B.3`) by their form.
    """
    text = _PREFIX.sub("", code.strip())
    known = _short().get(_bare(text))
    if known:
        return known
    match = _HIGH.match(text)
    if match is None or not text[:1].isalpha():
        return None
    category, domain, cluster, number, part = match.groups()
    middle = f".{cluster.upper()}" if cluster else ""
    return f"HS{category.upper()}-{domain.upper()}{middle}.{number}{(part or '').lower()}"


def known_codes() -> list[str]:
    """All codes of grades 6 to 8."""
    return sorted(set(_short().values()))
