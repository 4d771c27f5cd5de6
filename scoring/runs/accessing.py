"""Course access from rosters and CSV files: read, count, forget the students."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from itembank.courses import course_of_class
from itembank.errors import Rejected
from itembank.findings import Finding
from itembank.rosters import read_roster
from itembank.tabular import Table, read_table
from scoring.trends.access import ReadyRule, course_access, ready


def read_rule(path: Path) -> ReadyRule:
    """A rule from a YAML file with the keys version, statement and expression.

    Raises:
        Rejected: the file cannot be read as that.
    """
    import yaml

    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - everything is text
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise Rejected("bad-rule", f"{path} cannot be read as a rule.", "version, statement, expression") from None
    keys = ("version", "statement", "expression")
    if not isinstance(found, dict) or not all(isinstance(found.get(k), str) for k in keys):
        raise Rejected("bad-rule", f"{path} lacks a key.", "version, statement, expression")
    return ReadyRule(*(found[k] for k in keys))


def access_table(
    rosters: Mapping[str, Path],
    requirements: Path,
    marks: Mapping[str, Path] | None = None,
    facts: Mapping[str, Path] | None = None,
    rule: ReadyRule | None = None,
    passing: float | None = None,
    by: Sequence[str] = (),
) -> pd.DataFrame:
    """Count course access in several districts, by one list of requirements.

    Args:
        rosters: district name -> OneRoster package with courses.
        requirements: CSV with columns course (code) and requirement; optional district, where codes differ.
        marks: district -> CSV student, course, mark. facts: district -> CSV student and numbers for the rule.
        rule: when a student is ready. passing: lowest mark that completes a course.
        by: attributes of the roster to divide by.

    Returns:
        As `scoring.trends.access.course_access`; no student is in it.
    """
    needs = read_table(requirements, ["course", "requirement"])
    tables = []
    for district, path in rosters.items():
        roster = read_roster(path, None, "identifier", tuple(b for b in by if b not in ("sex", "ethnicity", "grade")))
        course = course_of_class(path)
        attributes = [b for b in by if b != "grade"]
        rows = []
        for p in roster.pupils:
            school = roster.schools.get(p.places[0][0], p.places[0][0])
            place = {"student": p.identifier, "district": district, "school": school, "grade": p.grade}
            rows.append({**place, **{b: p.attributes.get(b, "") or "not recorded" for b in attributes}})
        students = pd.DataFrame(rows).set_index("student")
        taken = pd.DataFrame(
            sorted({(p.identifier, course[c]) for p in roster.pupils for _, c in p.places if c in course}),
            columns=["student", "course"],
        )
        if marks and district in marks:
            given = _numbers(read_table(marks[district], ["student", "course", "mark"]), ["mark"])
            taken = taken.merge(given.groupby(["student", "course"], as_index=False)["mark"].max(), "outer")
            taken = taken[taken["student"].isin(students.index)]
        is_ready = None
        if rule is not None and facts and district in facts:
            table = read_table(facts[district], ["student"])
            known = _numbers(table, [c for c in table.columns if c != "student"])
            is_ready = ready(rule, known.drop_duplicates("student", keep="last").set_index("student"))
        here = needs.frame()
        if "district" in here:
            here = here[(here["district"] == "") | (here["district"] == district)]
        pass_mark = passing if marks and district in marks else None
        tables.append(course_access(students, taken, here, is_ready, pass_mark, tuple(by)))
    return pd.concat(tables, ignore_index=True)


def _numbers(table: Table, columns: Sequence[str]) -> pd.DataFrame:
    """A table whose columns are numbers; blanks are missing, anything else a finding."""
    frame: Any = table.frame()
    faults = []
    for name in columns:
        values = pd.to_numeric(frame[name].where(frame[name] != ""), errors="coerce")
        for k in frame.index[values.isna() & (frame[name] != "")]:
            message = f"{name} is no number."
            faults.append(Finding(table.source, int(table.rows[k]), "not-a-number", "error", message, "", name))
        frame[name] = values
    if faults:
        raise Rejected("bad-table", f"{table.source} was not read: {len(faults)} findings.", "", faults)
    return pd.DataFrame(frame)
