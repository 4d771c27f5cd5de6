"""Courses of a OneRoster package: which class belongs to which course. Students stay in `itembank.rosters`."""

import zipfile
from pathlib import Path

from itembank.errors import Rejected
from itembank.findings import Finding
from itembank.tabular import parse_table

LARGEST = 200 * 1024**2  # bytes that a file of classes or courses may unpack to


def course_of_class(path: Path) -> dict[str, str]:
    """Class sourcedId -> course code (the course's sourcedId where it has no code).

    Raises:
        Rejected: the package has no classes or no courses, or a class names an unknown course (exit 3).
    """
    courses = parse_table(_member(path, "courses.csv"), "courses.csv", ["sourcedId"])
    classes = parse_table(_member(path, "classes.csv"), "classes.csv", ["sourcedId", "courseSourcedId"])
    code = {r["sourcedId"]: r.get("courseCode") or r["sourcedId"] for r in courses.records()}
    found, faults = {}, []
    for row, r in zip(classes.rows.tolist(), classes.records(), strict=True):
        if r.get("status", "") in ("tobedeleted", "inactive"):
            continue
        if r["courseSourcedId"] in code:
            found[r["sourcedId"]] = code[r["courseSourcedId"]]
        else:
            message = "The class names a course that courses.csv does not have."
            faults.append(Finding("classes.csv", row, "unknown-course", "error", message, "", "courseSourcedId"))
    if faults:
        raise Rejected("bad-roster", f"{path.name} was not read: {len(faults)} findings.", "Export it again.", faults)
    return found


def _member(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            return (path / name).read_bytes()
        with zipfile.ZipFile(path) as package:
            if package.getinfo(name).file_size > LARGEST:
                raise Rejected("too-large", f"{name} unpacks to more than 200 MB.", "Export it again.")
            return package.read(name)
    except (FileNotFoundError, KeyError):
        raise Rejected("no-file", f"{path.name} has no {name}.", "Export the roster with courses.") from None
    except zipfile.BadZipFile:
        raise Rejected("bad-zip", f"{path.name} is no readable zip.", "Export it again.") from None
