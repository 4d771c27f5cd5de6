"""Course access: who is enrolled in a required course, who is not and was ready, who completed it; and the rule.

Nothing here is stored: students' rows come in, counts by district, school and subgroup go out.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pandas as pd

from itembank.verify_syntax import ExpressionError, names, parse
from itembank.verify_values import evaluate
from scoring.irt.errors import DesignError

COUNTS = ("students", "enrolled", "ready", "ready_enrolled", "ready_not_enrolled", "completed")


@dataclass(frozen=True)
class ReadyRule:
    """When a student counts as ready for a course.

    Attributes:
        version: changed whenever the rule is. statement: the rule in words, printed with every number.
        expression: over the columns of the readiness table, `prior_mark >= 2 and score >= 0.3`; arithmetic and
            comparisons of our own evaluator, nothing else.
    """

    version: str
    statement: str
    expression: str


def check_rule(rule: ReadyRule, columns: "set[str] | frozenset[str]") -> None:
    """Whether a rule can be applied to a table with these columns.

    Raises:
        DesignError: no version or statement, an unreadable expression, an unknown column; all are named.
    """
    problems = [f"the rule has no {n}" for n in ("version", "statement", "expression") if not getattr(rule, n).strip()]
    if rule.expression.strip():
        try:
            unknown = names(parse(rule.expression)) - columns
        except ExpressionError as error:
            problems.append(f"the expression cannot be read: {error}")
        else:
            problems += [f"the rule names {n}, which is no column" for n in sorted(unknown)]
    if problems:
        raise DesignError(
            "ready-rule", "The rule for “ready” cannot be applied.", "Columns: " + ", ".join(columns), problems
        )


def ready(rule: ReadyRule, facts: pd.DataFrame) -> "pd.Series[Any]":
    """Whether each student is ready: True, False, or missing where a fact the rule needs is not known.

    Args:
        rule: it. facts: index student; columns of numbers, NaN where not known.

    Raises:
        DesignError: as `check_rule`, or the rule gives no truth value.
    """
    check_rule(rule, set(map(str, facts.columns)))
    tree = parse(rule.expression)
    used = sorted(names(tree))
    known: dict[tuple[Any, ...], bool] = {}
    out: list[bool | None] = []
    for row in facts[used].itertuples(index=False, name=None):
        if any(v != v for v in row):
            out.append(None)
            continue
        if row not in known:
            try:
                found = evaluate(tree, dict(zip(used, (Fraction(str(float(v))) for v in row), strict=True)))
            except ExpressionError as error:
                raise DesignError("ready-rule", f"The rule cannot be computed: {error}.", "Compare numbers.") from None
            if not isinstance(found, bool):
                raise DesignError("ready-rule", "The rule gives a number, not yes or no.", "prior_mark >= 2")
            known[row] = found
        out.append(known[row])
    return pd.Series(out, index=facts.index, dtype="object")


def course_access(
    students: pd.DataFrame,
    taken: pd.DataFrame,
    requirements: pd.DataFrame,
    is_ready: "pd.Series[Any] | None" = None,
    passing: float | None = None,
    by: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Who is enrolled in each required sequence, who completed it, who was ready and is not in it.

    Args:
        students: index student; district, school and the columns of `by`; every student who could be enrolled.
        taken: columns student, course; optional mark (NaN where there is none).
        requirements: columns course, requirement; a course may serve several requirements.
        is_ready: per student True, False or missing; None where readiness is not known at all.
        passing: lowest mark that completes a course; None reports enrolment alone.
        by: subgroup columns.

    Returns:
        One row per requirement, district, school ("all" for the district) and subgroup ("all" first): counts (NaN where
        not known) students, enrolled, ready, ready_enrolled, ready_not_enrolled, completed; share_enrolled,
        share_ready_enrolled (of those ready), share_completed (of those enrolled).

    Raises:
        DesignError: a column is missing, or no course of the requirements is taken by anybody.
    """
    problems = [f"students have no column {c}" for c in ("district", "school", *by) if c not in students]
    problems += [f"the courses taken have no column {c}" for c in ("student", "course") if c not in taken]
    problems += [f"the requirements have no column {c}" for c in ("course", "requirement") if c not in requirements]
    if not problems and not set(requirements["course"]) & set(taken["course"]):
        problems.append("nobody takes a course that the requirements name")
    if problems:
        raise DesignError("course-access", "Course access cannot be counted.", "Check the columns and codes.", problems)
    marks = taken["mark"] if "mark" in taken and passing is not None else None
    rows = []
    for requirement, part in requirements.groupby("requirement", sort=True):
        here = taken["course"].isin(set(part["course"]))
        enrolled = students.index.isin(taken.loc[here, "student"])
        facts = pd.DataFrame({"students": 1.0, "enrolled": enrolled.astype(float)}, index=students.index)
        if is_ready is not None:
            known = is_ready.reindex(students.index)
            yes = known.map(lambda v: v is True).to_numpy(dtype=bool)
            facts["ready"] = yes.astype(float)
            facts["ready_enrolled"] = (yes & enrolled).astype(float)
            facts["ready_not_enrolled"] = (yes & ~enrolled).astype(float)
        if marks is not None and passing is not None:
            passed = set(taken.loc[here & (marks >= passing), "student"])
            facts["completed"] = students.index.isin(passed).astype(float)
        facts = facts.join(students[["district", "school", *by]])
        for level in ("all", *by):
            for where in (["district"], ["district", "school"]):
                keys = where if level == "all" else [*where, level]
                for label, one in facts.groupby(keys, sort=True, observed=True):
                    place = dict(zip(keys, label if isinstance(label, tuple) else (label,), strict=True))
                    counts = {c: float(one[c].sum()) if c in one else float("nan") for c in COUNTS}
                    rows.append(
                        {"requirement": requirement, "district": place["district"],
                         "school": place.get("school", "all"),
                         "by": level, "subgroup": place.get(level, "all"), **counts}
                    )  # fmt: skip
    table = pd.DataFrame(rows)
    for name, part_, whole in (
        ("share_enrolled", "enrolled", "students"),
        ("share_ready_enrolled", "ready_enrolled", "ready"),
        ("share_completed", "completed", "enrolled"),
    ):
        table[name] = (table[part_] / table[whole]).where(table[whole] > 0)
    return table


def safe(table: pd.DataFrame, smallest: int = 11) -> pd.DataFrame:
    """The table for showing: rows of small groups without their numbers.

    A group under `smallest` is hidden, and so is any count whose complement in a shown group is under it but not 0. A
    hidden group's numbers could be had by subtraction where it is the only one of its kind; then the next smallest is
    hidden too. `shown` says which rows stand.
    """
    out = table.copy()
    out["shown"] = out["students"] >= smallest
    for _, part in out.groupby(["requirement", "district", "by", "school"]):
        _pair(out, part)
    for _, part in out[out["school"] != "all"].groupby(["requirement", "district", "by", "subgroup"]):
        _pair(out, part)
    small = (out["enrolled"] < smallest) | (out["students"] - out["enrolled"] < smallest)
    small &= (out["enrolled"] > 0) & (out["enrolled"] < out["students"])
    numbers = [c for c in out.columns if c in COUNTS or c.startswith("share_")]
    out.loc[~out["shown"], numbers] = float("nan")
    out.loc[small, [c for c in numbers if c != "students"]] = float("nan")
    for name in ("ready", "ready_enrolled", "ready_not_enrolled", "completed"):
        out.loc[(out[name] > 0) & (out[name] < smallest), name] = float("nan")
    out.loc[out["ready"].isna() | out["ready_enrolled"].isna(), "share_ready_enrolled"] = float("nan")
    out.loc[out["completed"].isna(), "share_completed"] = float("nan")
    return out


def _pair(out: pd.DataFrame, part: pd.DataFrame) -> None:
    hidden = ~out.loc[part.index, "shown"]
    if hidden.sum() == 1 and len(part) > 1:
        rest = part.loc[~hidden, "students"]
        out.loc[rest.idxmin(), "shown"] = False
