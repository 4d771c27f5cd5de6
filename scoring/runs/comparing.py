"""Compare the districts on an administration, and keep the analysis so that a report can be made from it any time."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from itembank.errors import Conflict
from scoring import bank
from scoring.analysis.gate import with_stale
from scoring.analysis.result import Analysis, Notice
from scoring.analysis.subgroups import Asked
from scoring.comparison.gates import NOT_COMPARABLE
from scoring.runs.cutting import cut_runs
from scoring.runs.inputs import from_bank, with_places
from scoring.runs.profiles_kept import keep_profile

if TYPE_CHECKING:
    from scoring.analysis.run import Analysed

#: Tables of an analysis that are kept with a run; students' scores are kept in their own table.
TABLES = (
    "concepts", "mastery", "contrasts", "mean_contrasts", "means", "items", "dif", "misconceptions", "options",
    "distribution", "participation", "gate", "truth", "subgroups", "levels", "schools", "coverage",
)  # fmt: skip
_INDEX = {"concepts": "concept", "items": "item", "dif": "item"}
_FACTS = ("title", "groups", "group_word", "simulated", "stamp")


def compare_administration(
    session: Any,
    administration: str = "",
    seed: int = 1,
    person: Any = None,
    progress: Callable[[str], None] | None = None,
    asked: Asked | None = None,
    places: pd.DataFrame | None = None,
) -> "tuple[Any, Analysed]":
    """Analyse, compare and store.

    Args:
        session: of `bank.writing()`.
        administration: its name.
        seed: of the plausible values.
        person: who runs it.
        progress: called with a line per step.
        asked: what else is compared.
        places: attributes of schools or classes, as `with_places` takes them.
    """
    from scoring.analysis.run import analyse  # the engine: reports read this module, and do without

    given, data = from_bank(session, administration)
    if places is not None:
        given = with_places(given, places)
    result = analyse(given, seed=seed, progress=progress, asked=asked)
    analysis = result.analysis
    cuts = cut_runs(session, list(given.concept_names))
    run = bank.store_run(
        session,
        "compare",
        data.administration,
        options={"draws": 20, **({} if asked is None else asdict(asked))},
        inputs=[*data.inputs, *(("run", number) for number in sorted(set(cuts.values())) if number)],
        input_hash=data.input_hash,
        seed=seed,
        converged=bool(analysis.fit.get("converged") and analysis.fit.get("profile_converged", True)),
        log_likelihood=float(analysis.fit["log_likelihood"]),
        details={
            "cuts": cuts,
            "facts": {name: getattr(analysis, name) for name in _FACTS},
            "fit": dict(analysis.fit),
            "notices": [{"code": n.code, "severity": n.severity, "message": n.message} for n in analysis.notices],
            "provenance": dict(analysis.provenance),
            "seconds": dict(analysis.seconds),
        },
        person=person,
    )
    for name in TABLES:
        table = getattr(analysis, name)
        if len(table):
            bank.store_table(session, run, name, table.reset_index(names=_INDEX[name]) if name in _INDEX else table)
    bank.store_item_parameters(session, run, result.parameters, data.items)
    if result.profile is not None:
        keep_profile(session, run, result.profile)
    concepts = () if result.profile is None else result.profile.concepts
    by_concept = {concept: analysis.profile_scores[concept] for concept in concepts}
    bank.store_scores(session, run, {"total": analysis.scores, **by_concept}, data.persons)
    if result.compared is not None:
        rows = result.compared.rename(columns={"measure": "statistic", "students_1": "n"})
        bank.store_comparison(session, run, rows)
    return run, result


def current_analysis(session: Any, run: Any, allow_stale: bool = False) -> Analysis:
    """The stored analysis, with the audit chains' heads for the small print; stale ones are refused or stamped.

    Raises:
        Conflict: the bank has moved on since, and `allow_stale` is not set.
    """
    reasons = bank.stale_reasons(session, run)
    if reasons and not allow_stale:
        about = bank.administration_by_id(session, run)
        again = "itembank compare run" + (f" --administration {about.code}" if about is not None else "")
        raise Conflict("stale", f"Comparison {run.id} is stale: {'; '.join(reasons)}.", again)
    analysis = stamped(stored_analysis(session, run), reasons)
    heads = {f"audit {chain}": head[:16] for chain, head in bank.audit_heads(session).items()}
    return replace(analysis, provenance={**analysis.provenance, **heads})


def stamped(analysis: Analysis, reasons: Sequence[Any]) -> Analysis:
    """The analysis, saying of itself that the bank has moved on.

    Args:
        reasons: of `bank.stale_reasons`; without any it stays as it is.
    """
    if not reasons:
        return analysis
    gate = with_stale(analysis.gate, [(r.code, str(r)) for r in reasons])
    told = {**analysis.provenance, "stale": "; ".join(reasons)}
    return replace(analysis, gate=gate, stamp=NOT_COMPARABLE, provenance=told)


def stored_analysis(session: Any, run: Any) -> Analysis:
    """The analysis of a stored run, without the students' scores."""
    facts = run.details["facts"]
    tables = {name: _table(session, run, name) for name in TABLES}
    provenance = {**run.details["provenance"], "run": run.id, "made": f"{run.created_at:%Y-%m-%d %H:%M} UTC"}
    given: dict[str, Any] = {
        **tables,
        "title": facts["title"],
        "groups": tuple(facts["groups"]),
        "group_word": facts["group_word"],
        "simulated": bool(facts["simulated"]),
        "stamp": str(facts.get("stamp", "")),
        "scores": pd.DataFrame(),
        "profile_scores": pd.DataFrame(),
        "fit": run.details["fit"],
        "notices": tuple(Notice(**n) for n in run.details["notices"]),
        "provenance": provenance,
        "seconds": run.details["seconds"],
    }
    unknown = set(given) - {f.name for f in fields(Analysis)}
    assert not unknown, unknown
    return Analysis(**given)


def _table(session: Any, run: Any, name: str) -> pd.DataFrame:
    from itembank.errors import Rejected

    try:
        table = bank.read_table(session, run, name)
    except Rejected:
        return pd.DataFrame()
    for column in table.columns:
        if table[column].isna().any() and table[column].dropna().map(lambda v: isinstance(v, (int, float))).all():
            table[column] = table[column].astype(float)
    return table.set_index(_INDEX[name]) if name in _INDEX else table
