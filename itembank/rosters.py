"""Rosters in the OneRoster form (1.1 and 1.2, CSV): schools, classes, students, enrollments, demographics.

Names, birth dates, addresses, phones and passwords are never read. Identifiers become pseudonyms at once.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from itembank.errors import Rejected, UsageFault
from itembank.exchange.safe import BROKEN_ZIP
from itembank.findings import Finding, errors
from itembank.tabular import Table, parse_table

FILES = ("orgs", "users", "roles", "classes", "enrollments", "demographics")
LARGEST = 2 * 1024**3  # bytes that a package may unpack to
_NEVER = {
    "password", "phone", "sms", "email", "username", "birthdate", "givenname", "familyname", "middlename",
    "preferredgivenname", "preferredmiddlename", "preferredfamilyname", "pronouns", "cityofbirth",
    "stateofbirthabbreviation", "countryofbirthcode", "userids", "agentsourcedids",
}  # fmt: skip
_RACES = {
    "americanIndianOrAlaskaNative": "American Indian or Alaska Native",
    "asian": "Asian",
    "blackOrAfricanAmerican": "Black or African American",
    "nativeHawaiianOrOtherPacificIslander": "Native Hawaiian or Pacific Islander",
    "white": "White",
}
_LISTED = 20


@dataclass(frozen=True)
class Pupil:
    """A student of a roster: their identifier, grade, attributes, and (school, class) pairs; "" for no class."""

    identifier: str
    grade: str
    attributes: dict[str, str]
    places: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Roster:
    """What a roster says.

    Attributes:
        schools: code -> name.
        classes: (school, code) -> title.
        pupils: the students.
        sha256: of the package.
        findings: warnings and notices.
    """

    schools: dict[str, str]
    classes: dict[tuple[str, str], str]
    pupils: list[Pupil]
    sha256: str
    findings: tuple[Finding, ...] = field(default=())


def read_roster(
    path: Path, on: date | None = None, identifier: str = "identifier", attributes: tuple[str, ...] = ()
) -> Roster:
    """Read a OneRoster package.

    Args:
        path: a zip, or a folder of its files.
        on: enrollments that hold on this day; default all.
        identifier: column of users.csv that the response files use.
        attributes: columns of users.csv or demographics.csv to keep ("metadata.elas" is kept as "elas").

    Raises:
        Rejected: with every finding (exit 3).
        UsageFault: an attribute that is never read.
    """
    for name in (*attributes, identifier):
        if name.removeprefix("metadata.").lower() in _NEVER:
            raise UsageFault("never-read", f"{name} is never read from a roster.", "Choose another column.")
    tables, digest = _tables(path)
    found: list[Finding] = []
    schools = {
        r["sourcedId"]: (r.get("identifier") or r["sourcedId"], r.get("name", ""))
        for _, r in _rows(tables["orgs"])
        if r.get("type") == "school"
    }
    students = _students(tables, identifier, found)
    demographics = {r["sourcedId"]: r for _, r in _rows(tables.get("demographics"))}
    classes = {r["sourcedId"]: r for _, r in _rows(tables.get("classes"))}
    places = _places(tables, schools, classes, students, on, found)
    pupils: list[Pupil] = []
    nowhere = 0
    for source, record in students.items():
        at = tuple(sorted(places.get(source, {}))) or _home(record, schools)
        if not at:
            nowhere += 1
            continue
        facts = _facts(record, demographics.get(source, {}), attributes)
        grade = (record.get("grades", "").split(",")[0]).strip().lstrip("0")
        pupils.append(Pupil(record[identifier], grade, facts, at))
    if nowhere:
        message = f"{nowhere} students are in no school of the roster and were left out."
        found.append(Finding("users.csv", 0, "no-school", "warning", message, "Look at enrollments.csv."))
    if errors(found):
        raise Rejected("bad-roster", f"{path.name} was not read; nothing was stored.", "Export it again.", found)
    named = {
        (schools[c["schoolSourcedId"]][0], c["sourcedId"]): c.get("title", "")
        for c in classes.values()
        if c.get("schoolSourcedId") in schools
    }
    return Roster(dict(schools.values()), named, pupils, digest, tuple(found))


def other_numbers(path: Path, identifier: str, other: str) -> dict[str, str]:
    """Identifier -> another number of the same student, from users.csv.

    Raises:
        Rejected: the package cannot be read, or has no such column. UsageFault: it is one that is never read.
    """
    for name in (identifier, other):
        if name.removeprefix("metadata.").lower() in _NEVER:
            raise UsageFault("never-read", f"{name} is never read from a roster.", "Choose another column.")
    tables, _ = _tables(path)
    found: list[Finding] = []
    students = _students(tables, identifier, found)
    if other not in tables["users"].columns:
        message = f"users.csv has no column {other!r}."
        found.append(Finding("users.csv", 1, "missing-column", "error", message, "--linkage-column", other))
    if errors(found):
        raise Rejected("bad-roster", f"{path.name} was not read; nothing was stored.", "Export it again.", found)
    return {r[identifier]: r[other] for r in students.values()}


def _tables(path: Path) -> tuple[dict[str, Table], str]:
    if path.suffix.lower() in (".csv", ".tsv", ".txt", ".xlsx") and path.is_file():
        sentence = f"{path.name} is a single table; a roster comes as a OneRoster package."
        hint = "Give the zip that the student information system exports (orgs.csv, users.csv, ...), or its folder."
        raise Rejected("no-package", sentence, hint)
    if path.is_dir():
        data = {f.stem: f.read_bytes() for f in sorted(path.glob("*.csv")) if f.stem in (*FILES, "manifest")}
    else:
        data = _unpacked(path)
    digest = hashlib.sha256()
    for name in sorted(data):
        digest.update(name.encode() + b"\0" + hashlib.sha256(data[name]).digest())
    manifest = data.pop("manifest", b"").decode("utf-8", "replace")
    if ",delta" in manifest:
        raise Rejected("delta", "This is a delta export: it holds changes only.", "Export in bulk mode.")
    found: list[Finding] = []
    tables: dict[str, Table] = {}
    needed = {
        "orgs": ["sourcedId", "type"],
        "users": ["sourcedId"],
        "classes": ["sourcedId", "schoolSourcedId"],
        "enrollments": ["userSourcedId", "schoolSourcedId", "role"],
        "roles": ["userSourcedId", "role"],
        "demographics": ["sourcedId"],
    }
    for name, content in data.items():
        try:
            tables[name] = parse_table(content, f"{name}.csv", needed[name])
        except Rejected as refused:
            only_empty = {f.code for f in refused.findings} <= {"no-rows"}
            if name in ("orgs", "users") or not only_empty:
                found += refused.findings
    for name in ("orgs", "users"):
        if name not in data:
            message = f"The roster has no {name}.csv."
            found.append(Finding(path.name, 0, "missing-file", "error", message, "Export it again."))
    if found:
        raise Rejected("bad-roster", f"{path.name} was not read; nothing was stored.", "Export it again.", found)
    return tables, digest.hexdigest()


def _unpacked(path: Path) -> dict[str, bytes]:
    """The files of a package that are read, refusing what unpacks to too much; other members are not touched."""
    try:
        with zipfile.ZipFile(path) as package:
            wanted = {f"{n}.csv" for n in (*FILES, "manifest")}
            members = [m for m in package.infolist() if m.filename in wanted]
            if sum(m.file_size for m in members) > LARGEST:
                raise Rejected("too-large", f"{path.name} unpacks to more than 2 GB.", "Export it again.")
            if len({m.filename for m in members}) != len(members):
                raise Rejected("twice", f"{path.name} holds a file twice.", "Export it again.")
            found = {}
            for member in members:
                with package.open(member) as stream:
                    content = io.BytesIO(stream.read(member.file_size + 1)).getvalue()
                if len(content) > member.file_size:
                    raise Rejected("bad-zip", f"{path.name} is not what it says.", "Export it again.")
                found[member.filename.removesuffix(".csv")] = content
            return found
    except FileNotFoundError:
        raise Rejected("no-file", f"There is no file {path}.", "Check the path.") from None
    except BROKEN_ZIP:
        raise Rejected("bad-zip", f"{path.name} is no readable zip.", "Export it again, without a password.") from None


def _rows(table: Table | None) -> list[tuple[int, dict[str, str]]]:
    """The rows of a table that are in force, with their place."""
    if table is None:
        return []
    rows = zip(table.rows.tolist(), table.records(), strict=True)
    return [(row, r) for row, r in rows if r.get("status", "") not in ("tobedeleted", "inactive")]


def _students(tables: Mapping[str, Table], identifier: str, found: list[Finding]) -> dict[str, dict[str, str]]:
    users = tables["users"]
    if identifier not in users.columns:
        shown = ", ".join(c for c in users.columns if c.lower() not in _NEVER)
        message = f"users.csv has no column {identifier!r}."
        found.append(Finding("users.csv", 1, "missing-column", "error", message, f"--identifier: {shown}"))
        return {}
    if "role" in users.columns:
        kept = {r["sourcedId"] for _, r in _rows(users) if r["role"] == "student"}
    else:
        kept = {r["userSourcedId"] for _, r in _rows(tables.get("roles")) if r["role"] == "student"}
    students: dict[str, dict[str, str]] = {}
    seen: dict[str, int] = {}
    faults: list[Finding] = []
    for row, record in _rows(users):
        if record["sourcedId"] not in kept or record.get("enabledUser", "true").lower() == "false":
            continue
        if not record[identifier]:
            message = "The student has no identifier."
            faults.append(Finding("users.csv", row, "no-student", "error", message, "--identifier", identifier))
        elif record[identifier] in seen:
            message = f"The student's identifier stands in row {seen[record[identifier]]} already."
            faults.append(Finding("users.csv", row, "duplicate-student", "error", message, "", identifier))
        else:
            seen[record[identifier]] = row
        students[record["sourcedId"]] = record
    found += faults[:_LISTED]
    if len(faults) > _LISTED:
        message = f"{len(faults) - _LISTED} more students have no identifier, or one that another has."
        found.append(Finding("users.csv", 0, "no-student", "error", message, ""))
    if not students and not faults:
        found.append(Finding("users.csv", 0, "no-students", "error", "The roster holds no students.", "roles.csv?"))
    return students


def _places(
    tables: Mapping[str, Table],
    schools: Mapping[str, tuple[str, str]],
    classes: Mapping[str, dict[str, str]],
    students: Mapping[str, Any],
    on: date | None,
    found: list[Finding],
) -> dict[str, dict[tuple[str, str], None]]:
    """Student -> their (school, class) pairs."""
    places: dict[str, dict[tuple[str, str], None]] = {}
    lost: list[int] = []
    day = on.isoformat() if on else ""
    for row, record in _rows(tables.get("enrollments")):
        if record["role"] != "student" or record["userSourcedId"] not in students:
            continue
        begin, end = record.get("beginDate", ""), record.get("endDate", "")
        if day and ((begin and begin > day) or (end and end <= day)):  # the end date is exclusive
            continue
        school = schools.get(record["schoolSourcedId"])
        if school is None:
            lost.append(row)
            continue
        code = record.get("classSourcedId", "")
        places.setdefault(record["userSourcedId"], {})[school[0], code if code in classes else ""] = None
    for row in lost[:_LISTED]:
        message = "The enrollment names a school that orgs.csv does not have."
        found.append(Finding("enrollments.csv", row, "unknown-school", "error", message, "", "schoolSourcedId"))
    if len(lost) > _LISTED:
        message = f"{len(lost) - _LISTED} more enrollments name an unknown school."
        found.append(Finding("enrollments.csv", 0, "unknown-school", "error", message, ""))
    return places


def _home(record: Mapping[str, str], schools: Mapping[str, tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The school of a student without an enrollment, as the user's own row names it."""
    named = record.get("primaryOrgSourcedId") or record.get("orgSourcedIds", "")
    known = [schools[o.strip()][0] for o in named.split(",") if o.strip() in schools]
    return ((known[0], ""),) if known else ()


def _facts(record: Mapping[str, str], demographics: Mapping[str, str], wanted: tuple[str, ...]) -> dict[str, str]:
    facts = {}
    if demographics.get("sex"):
        facts["sex"] = demographics["sex"]
    if group := _ethnicity(demographics):
        facts["ethnicity"] = group
    for name in wanted:
        value = demographics.get(name) or record.get(name) or ""
        facts[name.removeprefix("metadata.")] = value
    return facts


def _ethnicity(record: Mapping[str, str]) -> str:
    """One group per student by the federal rule: Hispanic or Latino first, then two or more, then the one."""
    if record.get("hispanicOrLatinoEthnicity", "").lower() == "true":
        return "Hispanic or Latino"
    races = [name for column, name in _RACES.items() if record.get(column, "").lower() == "true"]
    if record.get("demographicRaceTwoOrMoreRaces", "").lower() == "true" or len(races) > 1:
        return "Two or more races"
    return races[0] if races else ""
