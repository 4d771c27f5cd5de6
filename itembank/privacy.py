"""What is stored of students, field by field: where it comes from, who reads it, how long it is kept."""

from collections.abc import Mapping

from itembank.models import (
    Attendance,
    Background,
    Base,
    Classroom,
    Enrollment,
    Import,
    RawResponse,
    School,
    Score,
    Sitting,
    Student,
    StudentLink,
)

ROSTER, FILE, MADE = "the district's roster", "the district's file of responses", "made by the bank"
OWN, BOTH = "the district itself", "both districts"
ERASED = "until the student is erased or the administration purged"
KEPT = "as long as the bank; it names no student"

#: Tables that say something of students or where they are -> field -> (meaning, source, who reads it, how long).
FIELDS: Mapping[type[Base], Mapping[str, tuple[str, str, str, str]]] = {
    Student: {
        "id": ("a number inside the bank", MADE, OWN, ERASED),
        "district_id": ("whose student it is", FILE, OWN, ERASED),
        "pseudonym": ("keyed hash of the district's identifier, which is not stored", FILE, OWN, ERASED),
    },
    Sitting: {
        "id": ("a number inside the bank", MADE, OWN, ERASED),
        "administration_id": ("which assessment", FILE, OWN, ERASED),
        "district_id": ("whose student it is", FILE, OWN, ERASED),
        "student_id": ("which pseudonym", FILE, OWN, ERASED),
        "school_id": ("school on the day", FILE, OWN, ERASED),
        "form_id": ("which form", FILE, OWN, ERASED),
        "background_id": ("what was recorded of the student on the day", FILE, OWN, ERASED),
        "import_id": ("which file", MADE, OWN, ERASED),
        "tested_on": ("day of the test", FILE, OWN, ERASED),
    },
    RawResponse: {
        "sitting_id": ("whose answers", MADE, OWN, ERASED),
        "district_id": ("whose student it is", FILE, OWN, ERASED),
        "packed": ("the answers, as numbers of a dictionary", FILE, OWN, ERASED),
    },
    Score: {
        "run_id": ("which computation", MADE, OWN, ERASED),
        "sitting_id": ("whose scores", MADE, OWN, ERASED),
        "district_id": ("whose student it is", MADE, OWN, ERASED),
        "packed": ("for all items and for each concept: the score, its standard error, the chance that the bar is "
                   "reached, and scored or why not", MADE, OWN, ERASED),
    },
    Enrollment: {
        "id": ("a number inside the bank", MADE, OWN, "until the next roster"),
        "district_id": ("whose student it is", ROSTER, OWN, "until the next roster"),
        "student_id": ("which pseudonym", ROSTER, OWN, "until the next roster"),
        "school_id": ("school", ROSTER, OWN, "until the next roster"),
        "classroom_id": ("class", ROSTER, OWN, "until the next roster"),
        "background_id": ("what the roster records of the student", ROSTER, OWN, "until the next roster"),
        "as_of": ("day of the roster", ROSTER, OWN, "until the next roster"),
    },
    Attendance: {
        "id": ("a number inside the bank", MADE, OWN, ERASED),
        "administration_id": ("which assessment", FILE, OWN, ERASED),
        "district_id": ("whose student it is", FILE, OWN, ERASED),
        "student_id": ("which pseudonym", FILE, OWN, ERASED),
        "import_id": ("which file", MADE, OWN, ERASED),
        "state": ("absent or exempt, without a reason", FILE, OWN, ERASED),
    },
    StudentLink: {
        "id": ("a number inside the bank", MADE, OWN, ERASED),
        "district_id": ("whose student it was", "the one-time linkage file", OWN, ERASED),
        "student_id": ("pseudonym in one district", "the one-time linkage file", OWN, ERASED),
        "other_id": ("pseudonym in the other district", "the one-time linkage file", OWN, ERASED),
    },
    Background: {
        "id": ("a number inside the bank", MADE, BOTH, KEPT),
        "content_hash": ("hash of the combination", MADE, BOTH, KEPT),
        "grade": ("grade", "roster or responses", BOTH, KEPT),
        "attributes": ("a combination of recorded attributes, shared by all who agree in it", "roster or responses",
                       BOTH, KEPT),
    },
    Classroom: {
        "id": ("a number inside the bank", MADE, BOTH, KEPT),
        "school_id": ("its school", ROSTER, BOTH, KEPT),
        "code": ("the roster's code", ROSTER, BOTH, KEPT),
        "title": ("name of the class", ROSTER, BOTH, KEPT),
    },
    School: {
        "id": ("a number inside the bank", MADE, BOTH, KEPT),
        "district_id": ("its district", ROSTER, BOTH, KEPT),
        "code": ("its code", ROSTER, BOTH, KEPT),
        "name": ("its name", ROSTER, BOTH, KEPT),
        "attributes": ("program, curriculum, order of units", ROSTER, BOTH, KEPT),
    },
    Import: {
        "id": ("a number inside the bank", MADE, BOTH, KEPT),
        "administration_id": ("which assessment", MADE, BOTH, KEPT),
        "content_hash": ("hash of the file", MADE, BOTH, KEPT),
        "file_name": ("name of the file", FILE, BOTH, KEPT),
        "layout": ("how the file was laid out", FILE, BOTH, KEPT),
        "rows": ("number of rows", FILE, BOTH, KEPT),
        "sittings": ("number of sittings", FILE, BOTH, KEPT),
        "mapping": ("which columns meant what", FILE, BOTH, KEPT),
        "person": ("who loaded it", MADE, BOTH, KEPT),
        "loaded_at": ("when", MADE, BOTH, KEPT),
    },
}  # fmt: skip
NAMES = ("table", "field", "meaning", "source", "who reads it", "how long")
BACKUPS = (
    "Backups hold what the bank held when they were made. After `students erase` and `administrations purge` make "
    "a new one (`itembank bank backup`), then delete the older ones, each district's key files apart.",
    "On a shared PostgreSQL “the district itself” is enforced by row-level security, in a SQLite bank by who holds "
    "the file.",
    "Where scores are counted, the scores of one sitting in one computation, on all its concepts, count as one.",
    "Never stored: names, student numbers, addresses, birth dates. The audit trail holds counts, hashes, rows and "
    "columns.",
)


def fields() -> list[dict[str, str]]:
    """One row per stored field, in the order of the tables' definitions."""
    rows = []
    for table, known in FIELDS.items():
        for column in table.metadata.tables[str(table.__tablename__)].columns:
            told = known.get(column.name, ("", "", "", ""))
            rows.append(dict(zip(NAMES, (str(table.__tablename__), column.name, *told), strict=True)))
    return rows


def page() -> str:
    """The page as Markdown."""
    lines = ["# What is stored of students", "", "| " + " | ".join(NAMES) + " |", "| --- " * len(NAMES) + "|"]
    lines += ["| " + " | ".join(row[n] for n in NAMES) + " |" for row in fields()]
    return "\n".join([*lines, "", *(f"- {line}" for line in BACKUPS), ""])
