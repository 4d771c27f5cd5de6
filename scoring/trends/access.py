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


#: What is shown or hidden together: a row's size, what is known of enrolment, what is known of readiness.
BLOCKS = {
    "students": ("students",),
    "enrolled": ("enrolled", "completed", "share_enrolled", "share_completed"),
    "ready": ("ready", "ready_enrolled", "ready_not_enrolled", "share_ready_enrolled"),
}


def safe(table: pd.DataFrame, smallest: int = 11) -> pd.DataFrame:
    """The table for showing: no number from which a small group could be read or worked out by subtraction.

    Rows of schools divided by subgroups are left out, so that every row belongs to at most one sum: the subgroups of a
    district, or its schools. In a row, a block of numbers is hidden when the row is under `smallest`, or when one of
    its counts, or what is left of the whole, lies from 1 to `smallest` - 1. In a sum, further rows lose the block, the
    smallest first, until at least two are hidden and what they hold together is not small. `shown` says whether a row
    keeps its size.
    """
    out = table[(table["school"] == "all") | (table["by"] == "all")].reset_index(drop=True)
    left = {
        "students": [out["students"]],
        "enrolled": [out["enrolled"], out["students"] - out["enrolled"], out["completed"],
                     out["enrolled"] - out["completed"]],
        "ready": [out["ready"], out["students"] - out["ready"], out["ready_enrolled"], out["ready_not_enrolled"]],
    }  # fmt: skip
    hidden = pd.DataFrame(False, index=out.index, columns=list(BLOCKS))
    for block, counts in left.items():
        small = [(c > 0) & (c < smallest) for c in counts]
        hidden[block] = pd.concat(small, axis=1).any(axis=1) | (out["students"] < smallest)
    sums = [p.index for _, p in out[out["by"] != "all"].groupby(["requirement", "district", "by"])]
    sums += [p.index for _, p in out[out["school"] != "all"].groupby(["requirement", "district"])]
    for rows in sums:
        for block, counts in left.items():
            _protect(hidden, out["students"], rows, block, counts, smallest)
    out["shown"] = ~hidden["students"]
    for block, names_ in BLOCKS.items():
        gone = hidden[block] | hidden["students"]
        out.loc[gone, list(names_)] = float("nan")
    return out


def _protect(
    hidden: pd.DataFrame,
    size: "pd.Series[Any]",
    rows: pd.Index,
    block: str,
    counts: "list[pd.Series[Any]]",
    smallest: int,
) -> None:
    """Hide a block in further rows of a sum until the hidden ones together are no small group."""
    while True:
        mine = hidden.loc[rows, block] | hidden.loc[rows, "students"]
        rest = size.loc[rows][~mine]
        if not mine.any() or not len(rest):
            return
        together = [float(c.loc[rows][mine].sum()) for c in counts]
        if mine.sum() > 1 and not any(0 < t < smallest for t in together):
            return
        hidden.loc[rest.idxmin(), block] = True
