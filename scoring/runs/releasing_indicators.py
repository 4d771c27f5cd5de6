"""Yearly indicators in a public edition: through disclosure control with what was public before, and into the log.

An indicator's percentages speak of the students of a period. Indicators whose groups have the same sizes speak of the
same students and are protected together; others are another population.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from scoring.comparison.disclosing import Disclosure, audit, disclose
from scoring.groups.suppression import MINIMUM
from scoring.irt.errors import DesignError
from scoring.runs import release_log

INDICATORS = "indicators"
_KEY = ["district", "subgroup"]
_COLUMNS = [*_KEY, "indicator", "n", "percent", "withheld"]
#: period -> its tables, one per population; index district, subgroup, indicator; n, percent, withheld.
Tables = dict[str, pd.DataFrame]


def populations(values: pd.DataFrame, percent: "pd.Series[bool]", gone: "pd.Series[bool]") -> Tables:
    """Percentages of groups of known size as tables, one for each population of a period.

    Args:
        values: as `scoring.bank.trends.indicator_values`, of whole districts and their groups.
        percent: whether a value is a percentage. gone: whether it is not published in any case.

    Returns:
        Name -> table, index district, subgroup, indicator; n, percent, withheld. Names begin with the period.
    """
    known = values[percent & values["n"].gt(0) & values["value"].between(0, 100)]
    known = known.assign(percent=known["value"], withheld=gone.reindex(known.index), n=known["n"].astype(int))
    out: Tables = {}
    for period, part in known.groupby("period", sort=True):
        found: list[tuple[dict[tuple[str, ...], int], list[pd.DataFrame]]] = []
        for _, one in part.groupby("indicator", sort=True):
            sizes = {tuple(map(str, k)): int(n) for *k, n in one[[*_KEY, "n"]].to_numpy().tolist()}
            alike = next((f for f in found if _agree(f[0], sizes)), None)
            if alike is None:
                found.append((sizes, [one]))
            else:
                alike[0].update(sizes)
                alike[1].append(one)
        for number, (_, tables) in enumerate(found, 1):
            whole = pd.concat(tables)[_COLUMNS].set_index([*_KEY, "indicator"])
            out[f"{period} {number}"] = whole
    return out


def _agree(one: Mapping[tuple[str, ...], int], two: Mapping[tuple[str, ...], int]) -> bool:
    """Whether groups that both know have one size, and there are such groups."""
    both = one.keys() & two.keys()
    return bool(both) and all(one[k] == two[k] for k in both)


def protect(tables: Tables, before: Sequence[Mapping[str, Disclosure]] = ()) -> dict[str, Disclosure]:
    """Each population made safe, knowing what earlier releases told of the same students.

    The districts' own values are protected first and stay; a group is hidden behind groups, not behind its district.
    A population that cannot be made safe any more shows nothing new: it is withheld whole.
    """
    out = {}
    for name, table in tables.items():
        known = [d for release in before for other, d in release.items() if _same_students(name, table, other, d)]
        out[name] = _protect(table, known)
    return out


def _protect(table: pd.DataFrame, known: Sequence[Disclosure]) -> Disclosure:
    whole = table[table.index.get_level_values("subgroup") == "all"]
    try:
        if not len(whole):
            return disclose({"values": table}, known, measures=("indicator",))
        head = disclose({"whole": whole}, known, measures=("indicator",))
        return disclose({"values": table}, known, first=head, measures=("indicator",))
    except DesignError:
        return disclose({"values": table.assign(withheld=True)}, known, measures=("indicator",))


def _same_students(name: str, table: pd.DataFrame, other: str, told: Disclosure) -> bool:
    """Whether a release spoke of these students: the period, no group of another size, a group or indicator shared."""
    if name.rpartition(" ")[0] != other.rpartition(" ")[0]:
        return False
    here = {(str(d), str(s)): int(n) for (d, s, _), n in table["n"].items()}
    there = {
        (dict(key).get("district", ""), dict(key).get("subgroup", "all")): told.universe.size[place]
        for key, place in told.universe.place.items()
    }
    measured = {level for _, levels in told.coded for level in levels}
    both = here.keys() & there.keys()
    if not both and measured.isdisjoint(table.index.get_level_values("indicator")):
        return False
    return all(here[k] == there[k] for k in both)


def logged(session: Any, until: int | None = None) -> list[Any]:
    """Entries of the release log about indicators, oldest first."""
    found = [r for r in release_log.entries(session) if r.options["of"] == INDICATORS]
    return [r for r in found if until is None or int(r.id or 0) < until]


def _read(session: Any, entry: Any) -> Tables:
    out = {}
    for name, table in release_log.tables(session, entry).items():
        table = table.astype({"n": int, "percent": float, "withheld": bool})
        out[name] = table[_COLUMNS].set_index([*_KEY, "indicator"])
    return out


def earlier(session: Any, until: int | None = None) -> list[dict[str, Disclosure]]:
    """What indicators told before, made again from the log; entries from number `until` on are left out."""
    out: list[dict[str, Disclosure]] = []
    for entry in logged(session, until):
        if not release_log.repeats(entry):
            out.append(protect(_read(session, entry), out))
    return out


def edition(session: Any, tables: Tables) -> tuple[dict[str, Disclosure], Any]:
    """The public edition of indicators, and the entry of the log that told the same before, or None."""
    own = next((e for e in logged(session) if _equal(tables, _read(session, e))), None)
    until = None if own is None else release_log.first_told(own)
    return protect(tables, earlier(session, until)), own


def _equal(one: Tables, two: Tables) -> bool:
    return one.keys() == two.keys() and all(
        t.index.tolist() == two[name].index.tolist() and t.astype(float).equals(two[name].astype(float))
        for name, t in one.items()
    )


def enter(
    session: Any,
    tables: Tables,
    told: Mapping[str, Disclosure],
    own: Any,
    what: Mapping[str, Any],
    person: Any = None,
) -> Any:
    """Write indicators of a packet or dashboard into the log, once; `what` is report, decision, version."""
    options = {"of": INDICATORS, **what}
    return release_log.enter(session, logged(session), options, log_of(told), tables, own, person=person)


def log_of(told: Mapping[str, Disclosure]) -> dict[str, object]:
    """The counts of all populations together, as `Disclosure.log`; zeros where nothing had a known size."""
    logs: list[dict[str, Any]] = [d.log() for d in told.values()]
    counted = ("tables", "groups", "hidden_small", "hidden_complementary", "percentages_shown", "percentages_coded",
               "percentages_hidden", "already_public", "given_away_before")  # fmt: skip
    out: dict[str, object] = {name: sum(log[name] for log in logs) for name in counted}
    groups = max(sum(log["groups"] for log in logs), 1)
    published = sum(log["share_of_groups_published"] * log["groups"] for log in logs)
    return out | {
        "minimum": MINIMUM,
        "smallest_possible": all(log["smallest_possible"] for log in logs),
        "share_of_groups_published": round(published / groups, 4) if logs else 1.0,
    }


def attack(session: Any, entry: Any, complementary: bool = True) -> tuple[dict[str, object], pd.DataFrame]:
    """Attack the indicators of a logged release: its counts, and the rows of `audit` of all its populations."""
    tables = _read(session, entry)
    before = earlier(session, release_log.first_told(entry))
    if complementary:
        told = protect(tables, before)
    else:  # small groups alone hidden: what was withheld beside them comes back
        told = {
            name: disclose({"values": t.drop(columns="withheld")}, measures=("indicator",), complementary=False)
            for name, t in tables.items()
        }
    rows = [audit(d).assign(group=lambda t, n=name: f"{n}: " + t["group"]) for name, d in told.items()]
    nothing = pd.DataFrame(columns=["what", "group", "size", "low", "high", "protected"]).astype({"protected": bool})
    return log_of(told), pd.concat(rows, ignore_index=True) if rows else nothing
