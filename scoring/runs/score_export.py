"""Scores as files: CSV with a data dictionary, and the results files of OneRoster 1.2."""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from itembank.errors import Conflict, Rejected
from itembank.terminal import neutralised
from scoring import bank
from scoring.analysis.export import STUDENT_LEVEL, WARNING
from scoring.mastery import MASTERED, NOT_YET
from scoring.reporting_scale import ReportingScale

TOTAL = "total"
MEANING = {
    "sitting": "number of the sitting in the bank",
    "student": "number of the student in the bank, which is no identifier of a district",
    "scale": "total (over all items), or a concept",
    "theta": "score in standard deviations of the pooled population of both districts; inf or -inf where extreme",
    "se": "standard error of theta",
    "status": "total: scored, too few responses, nothing valid, extreme; concept: scored, too few items, no items",
    "p_mastery": "probability of having reached the concept's cut; empty for the total",
    "verdict": f"mastered from {MASTERED:.2f}, not yet up to {NOT_YET:.2f}, else undecided; not enough evidence",
    "scaled": "score on the reporting scale; empty for concepts",
    "scaled_se": "its standard error",
}


def current(session: Any, run: Any, allow_stale: bool = False) -> list[str]:
    """Why scores are no longer those of the answers and keys that the bank holds.

    That the run's calibration has newer answers beside it does not matter: its parameters are frozen.

    Raises:
        Conflict: a key has changed, answers came or went, or parameters were withdrawn, and `allow_stale` is not set.
    """
    reasons = bank.stale_reasons(session, run)
    if not allow_stale and any(r.code != "run" or "withdrawn" in r for r in reasons):
        about = bank.administration_by_id(session, run)
        again = "itembank score run" + (f" --administration {about.code}" if about is not None else "")
        what = f"The scores of run {run.id} are stale: {'; '.join(reasons)}."
        raise Conflict("stale", what, f"{again}; or --allow-stale")
    return list(reasons)


def score_table(session: Any, run: Any, scale: ReportingScale | None = None) -> pd.DataFrame:
    """Every student's scores of a run, one row per sitting and scale: the columns of `MEANING`."""
    table = bank.read_scores(session, run).reset_index()
    concepts = run.details.get("concepts", {})
    extreme = (table["status"] == "extreme") & table["theta"].isna()
    if extreme.any():  # an infinite estimate: which end it is, the raw answers say
        ends = table.loc[extreme, "sitting"].map(_ends(session, run))
        table.loc[extreme, "theta"] = ends.to_numpy(dtype=float)
    table["verdict"] = _verdicts(table, {c: bool(v["enough"]) for c, v in concepts.items()})
    if scale is not None:
        total = table["scale"] == TOTAL
        table["scaled"] = np.where(total, scale.scores(table["theta"].to_numpy(dtype=float)), np.nan)
        table["scaled_se"] = np.where(total, scale.errors(table["se"].to_numpy(dtype=float)), np.nan)
    order = [c for c in MEANING if c in table]
    return table[order].sort_values(["sitting", "scale"], kind="stable").reset_index(drop=True)


def _ends(session: Any, run: Any) -> dict[int, float]:
    """Sitting -> +inf or -inf, whichever end its share of the points is nearer to: where infinite estimates lie."""
    administration = session.get(bank.Administration, run.administration_id)
    data = bank.scored_responses(session, administration.code)
    frame = data.frame(run.options.get("not_reached", "ignored"))
    most = frame.notna().to_numpy() @ data.items["points"].to_numpy(dtype=float)
    share = frame.sum(axis=1) / np.maximum(most, 1.0)
    return {int(s): float("inf") if v > 0.5 else float("-inf") for s, v in share.items()}


def _verdicts(table: pd.DataFrame, enough: dict[str, bool]) -> Any:
    p = table["p_mastery"].to_numpy(dtype=float)
    word = np.where(p >= MASTERED, "mastered", np.where(p <= NOT_YET, "not yet", "undecided"))
    judged = (table["status"] == "scored") & table["scale"].map(enough).fillna(False).astype(bool) & np.isfinite(p)
    return np.where(table["scale"] == TOTAL, "", np.where(judged, word, "not enough evidence"))


def write_csv(table: pd.DataFrame, folder: Path, run: int) -> Path:
    """Write the scores and `data-dictionary.csv`; the first line and the name say that it is student-level data."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{STUDENT_LEVEL}-scores-run-{run}.csv"
    safe = table.map(lambda v: neutralised(v) if isinstance(v, str) else v)
    body = safe.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    path.write_text(f"{WARNING}\n{body}", encoding="utf-8")
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["file", "column", "meaning"])
    writer.writerows((path.name, c, MEANING[c]) for c in table.columns)
    (folder / "data-dictionary.csv").write_text(lines.getvalue(), encoding="utf-8")
    return path


# OneRoster 1.2, CSV binding: the columns of each file, in their order.
_HEADS = {
    "academicSessions": "title type startDate endDate parentSourcedId schoolYear",
    "categories": "title weight",
    "lineItems": "title description assignDate dueDate classSourcedId categorySourcedId academicSessionSourcedId "
    "resultValueMin resultValueMax schoolSourcedId",
    "lineItemLearningObjectiveIds": "lineItemSourcedId source learningObjectiveId",
    "results": "lineItemSourcedId studentSourcedId scoreStatus score scoreDate comment textScore classSourcedId "
    "inProgress incomplete late missing",
    "resultLearningObjectiveIds": "resultSourcedId source learningObjectiveId score textScore",
}
_FILES = [
    "academicSessions",
    "categories",
    "classes",
    "classResources",
    "courses",
    "courseResources",
    "demographics",
    "enrollments",
    "lineItemLearningObjectiveIds",
    "lineItems",
    "lineItemScoreScales",
    "orgs",
    "resources",
    "resultLearningObjectiveIds",
    "results",
    "resultScoreScales",
    "roles",
    "scoreScales",
    "userProfiles",
    "userResources",
    "users",
]


def write_oneroster(
    session: Any,
    run: Any,
    table: pd.DataFrame,
    names: dict[int, tuple[str, str]],
    folder: Path,
    scale: ReportingScale | None = None,
    term: str = "",
) -> tuple[Path, int]:
    """Write a OneRoster 1.2 package: a line item per class, a result per student, a concept per learning objective.

    Args:
        session: of `bank.reading()`.
        run: the score run.
        table: as of `score_table`.
        names: student id -> (sourcedId, class), as of `bank.roster_students`; others are left out.
        folder: to write to.
        scale: whose scores stand in the results; θ without one.
        term: sourcedId of the academic session; without it the package brings one for the testing window.

    Returns:
        The zip, and how many students have a result.

    Raises:
        Rejected: no student with a class has a result.
    """
    adm = session.get(bank.Administration, run.administration_id)
    start, end = adm.opens_on, adm.closes_on
    session_id = term or f"itembank-{adm.code}-window"
    known = table[table["student"].map(lambda s: bool(names.get(int(s), ("", ""))[1]))]
    total, concepts = known[known["scale"] == TOTAL], known[known["scale"] != TOTAL]
    if not len(total):
        raise Rejected("no-results", "No student of the roster has a class and a result.", "itembank rosters show")
    classes = sorted({names[int(s)][1] for s in total["student"]})
    line = {c: f"itembank-{adm.code}-{c}" for c in classes}
    low, high = ("", "") if scale is None else (f"{scale.lowest:g}", f"{scale.highest:g}")
    title = adm.title or adm.code
    tested = f"{end:%Y-%m-%d}"
    result_of = {int(r.sitting): f"itembank-{run.id}-{r.sitting}" for r in total.itertuples()}
    objectives = sorted(concepts["scale"].unique())
    year = end.year + (1 if end.month >= 7 else 0)  # OneRoster names a school year by the year in which it ends
    rows: dict[str, list[Sequence[Any]]] = {
        "categories": [("itembank-assessment", "Common assessment", "")],
        "lineItems": [
            (line[c], title, f"itembank run {run.id}", f"{start:%Y-%m-%d}", tested, c, "itembank-assessment",
             session_id, low, high, "")
            for c in classes
        ],
        "lineItemLearningObjectiveIds": [
            (f"{line[c]}-{o}", line[c], "unknown", o) for c in classes for o in objectives
        ],
        "results": [
            (result_of[int(r.sitting)], line[names[int(r.student)][1]], names[int(r.student)][0],
             "fully graded" if r.status in ("scored", "extreme") else "submitted", _points(r, scale), tested,
             "" if r.status == "scored" else r.status, "", names[int(r.student)][1], "false",
             "false" if r.status in ("scored", "extreme") else "true", "false", "false")
            for r in total.itertuples()
        ],
        "resultLearningObjectiveIds": [
            (f"{result_of[int(r.sitting)]}-{r.scale}", result_of[int(r.sitting)], "unknown", r.scale,
             "" if r.verdict == "not enough evidence" else f"{r.p_mastery:.2f}", r.verdict)
            for r in concepts.itertuples()
            if r.status != "no items"
        ],
    }  # fmt: skip
    if not term:
        window = (f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}")
        rows["academicSessions"] = [(session_id, f"{title}: testing window", "gradingPeriod", *window, "", year)]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{STUDENT_LEVEL}-oneroster-run-{run.id}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        manifest = [("manifest.version", "1.0"), ("oneroster.version", "1.2")]
        manifest += [(f"file.{f}", "bulk" if rows.get(f) else "absent") for f in _FILES]
        manifest += [("source.systemName", "itembank")]
        package.writestr("manifest.csv", _text(["propertyName", "value"], manifest))
        for name, listed in rows.items():
            if listed:
                head = ["sourcedId", "status", "dateLastModified", *_HEADS[name].split()]
                package.writestr(f"{name}.csv", _text(head, ((r[0], "", "", *r[1:]) for r in listed)))
    return path, len(total)


def _points(row: Any, scale: ReportingScale | None) -> str:
    if scale is not None:
        return "" if np.isnan(row.scaled) else f"{row.scaled:.{scale.decimals}f}"
    return f"{row.theta:.3f}" if np.isfinite(row.theta) else ""


def _text(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()
