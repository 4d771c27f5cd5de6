"""What the reports read: an analysis with its items' texts, curves, schools and students."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

import scoring
from itembank.errors import Rejected
from scoring import bank
from scoring.analysis.result import Analysis
from scoring.bank import pages
from scoring.runs import calibrating, diagnosing
from scoring.runs.comparing import current_analysis
from scoring.runs.inputs import options_of


@dataclass(frozen=True)
class Reported:
    """A comparison ready for the reports.

    Attributes:
        run: number of the comparison. administration: its name.
        analysis: its tables. data: `BankResponses`. sitting: as diagnostics take it.
        texts: item -> (status, text or None). misconceptions: id -> name.
        fit: the newest calibration of the administration, or None; calibration: its run's number.
        curves: of `scoring.item_curves`, empty without a calibration.
    """

    run: int
    administration: str
    analysis: Analysis
    data: Any
    sitting: Any
    texts: dict[str, tuple[str, Any]]
    misconceptions: dict[str, str]
    fit: Any | None = None
    calibration: int | None = None
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)


def reported(session: Any, number: int | None, stale: bool = False, curves: bool = True) -> Reported:
    """Read a comparison and everything its reports show."""
    run = bank.run_of(session, number, "compare")
    analysis = current_analysis(session, run, stale)
    code = bank.administration_by_id(session, run)
    name = code.code if code is not None else ""
    given = diagnosing.sitting(session, name)
    versions = {str(i): int(v) for i, v in given.data.items["version_id"].items()}
    texts = pages.item_texts(session, versions.values())
    options = options_of(session, given.data)
    names = options.drop_duplicates("misconception").set_index("misconception")["name"].to_dict()
    fit, calibration, drawn = None, None, pd.DataFrame()
    try:
        calibration, fit = diagnosing.newest_fit(session, given.data)
    except Rejected:
        fit = None
    if fit is not None and curves:
        drawn = scoring.item_curves(fit, given.scored, calibrating.populations(session, given.data)[0])
    return Reported(
        int(run.id or 0), name, analysis, given.data, given, {i: texts[v] for i, v in versions.items() if v in texts},
        {str(k): str(v) for k, v in names.items() if k}, fit, calibration, drawn,
    )  # fmt: skip


def student_marks(session: Any, found: Reported, district: str, identifiers: list[str]) -> list[pd.DataFrame]:
    """For each student, by concept: name, right (points), of (points possible), p_mastery; the order of the list.

    Raises:
        Rejected: a student is not in the bank, or did not sit.
    """
    students = pages.students_of(session, district, identifiers)
    sitting_of = pd.Series(found.data.persons.index, index=found.data.persons["student"].to_numpy())
    sitting_of = sitting_of[~sitting_of.index.duplicated(keep="last")]
    absent = [s for s in students if s not in sitting_of.index]
    if absent:
        raise Rejected("no-sitting", f"{len(absent)} of {len(students)} students have no answers here.", "")
    scores = bank.read_scores(session, bank.run_of(session, found.run))
    frame, points = found.data.frame(), found.data.items["points"]
    out = []
    for student in students:
        sitting = sitting_of.loc[student]
        own = scores.loc[[sitting]].set_index("scale")["p_mastery"]
        rows = []
        for concept, row in found.analysis.concepts.iterrows():
            items = [i for i in frame.columns if found.data.items.at[i, "concept"] == concept]
            given = frame.loc[sitting, items].dropna()
            chance = float(own.get(concept, float("nan"))) if row["evidence"] == "enough" else float("nan")
            rows.append((concept, row["name"], int(given.sum()), int(points[given.index].sum()), chance))
        out.append(pd.DataFrame(rows, columns=["concept", "name", "right", "of", "p_mastery"]).set_index("concept"))
    return out
