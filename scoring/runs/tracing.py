"""From a number in a report back to everything it rests on."""

from typing import Any

from itembank.errors import Rejected
from scoring import bank
from scoring.analysis.result import Analysis
from scoring.runs.comparing import stored_analysis


def trace(session: Any, number: int, concept: str = "", group: str = "") -> dict[str, Any]:
    """What a cell of a comparison rests on.

    Args:
        session: of `bank.reading()`.
        number: the run.
        concept: a concept or an item of the comparison, or empty for the run as a whole.
        group: a district by name or code, or empty for the difference.

    Returns:
        Plain facts in the order a reader asks for them.

    Raises:
        Rejected: there is no such run or cell.
    """
    run = bank.run_of(session, number)
    found: dict[str, Any] = {
        "run": f"{run.id} ({run.kind}, {run.status}), made {run.created_at:%Y-%m-%d %H:%M} UTC"
        + (f" by {run.person}" if run.person else "")
    }
    if run.kind == "compare":
        found |= _cell(session, run, concept, group)
    elif concept:
        raise Rejected("no-cell", f"Run {number} is a {run.kind} run and has no cells.", "itembank compare list")
    rests = bank.provenance_of(session, run)
    stale = bank.stale_reasons(session, run)
    kept = [i for i in rests["items"] if not concept or i["item"] in found.get("items", [i["item"]])]
    names = {i["item"] for i in kept}
    found["still stands"] = "yes" if not stale else "no: " + "; ".join(stale)
    if run.converged is not None:
        found["estimation"] = (
            f"converged: {'yes' if run.converged else 'no'}, log-likelihood {run.log_likelihood}, seed {run.seed}"
        )
    found["items"] = [f"{i['item']} version {i['version']} ({i['hash'][:12]})" for i in kept]
    found["keys"] = [f"{k['item']} key version {k['version']}" for k in rests["keys"] if k["item"] in names]
    found["files"] = [f"{f['name']}: {f['rows']:,} rows, sha256 {f['sha256'][:16]}" for f in rests["files"]]
    found["responses as read"] = f"sha256 {run.input_hash}"
    found["other runs"] = [f"run {r['run']}: itembank why {r['run']}" for r in rests["runs"]]
    found["software"] = [f"{name} {version}" for name, version in run.software.items()]
    return found


def _cell(session: Any, run: Any, concept: str, group: str) -> dict[str, Any]:
    analysis = stored_analysis(session, run)
    if not concept:
        return {"title": analysis.title, "concepts": list(analysis.concepts.index), "districts": list(analysis.groups)}
    if concept in analysis.items.index:
        return _item(analysis, concept, bank.district_names(session).get(group, group))
    if concept not in analysis.concepts.index:
        raise Rejected(
            "no-cell", f"There is no concept {concept!r} in it.", "Concepts: " + ", ".join(analysis.concepts.index)
        )
    items = [str(i) for i in analysis.items.index[analysis.items["concept"] == concept]]
    cut = analysis.concepts.loc[concept]
    facts: dict[str, Any] = {
        "concept": str(cut["name"]),
        "cut": f"{cut['cut']:.3f} ({cut['cut_kind']})",
        "items": items,
    }
    if not group:
        rows = analysis.contrasts[analysis.contrasts["concept"] == concept]
        facts["difference"] = [
            f"{r.group} minus {r.other}: {r.difference:+.3f} "
            f"(SE {r.se:.3f}, {r.low:+.3f} to {r.high:+.3f}, df {r.df:.0f}), {r.verdict}"
            for r in rows.itertuples()
        ]
        return facts
    names = bank.district_names(session)
    rows = analysis.mastery[
        (analysis.mastery["concept"] == concept) & (analysis.mastery["group"] == names.get(group, group))
    ]
    if not len(rows):
        raise Rejected("no-cell", f"There is no district {group!r} in it.", "Districts: " + ", ".join(names))
    row = rows.iloc[0]
    facts["share mastered"] = (
        f"{row['rate']:.3f} (SE {row['se']:.3f}, {row['low']:.3f} to {row['high']:.3f})"
        if row["shown"]
        else f"hidden: {row['reason']}"
    )
    facts["students and schools"] = (
        f"{int(row['n']):,} students in {int(row['schools'])} schools" if row["shown"] else "hidden"
    )
    return facts


def _item(analysis: Analysis, item: str, group: str) -> dict[str, Any]:
    """An item's numbers: of both districts together, or of one."""
    if group and group not in analysis.groups:
        raise Rejected("no-cell", f"There is no district {group!r} in it.", "Districts: " + ", ".join(analysis.groups))
    row = analysis.items.loc[item]
    share = f"share_correct: {group}" if group else "share_correct"
    facts: dict[str, Any] = {
        "item": f"{item}: {row['title']}",
        "concept": str(row["concept"]),
        "items": [item],
        "share of the points": f"{row[share]:.3f}" + (f" in {group}" if group else ""),
        "students": f"{int(row['n']):,} answered it in all",
    }
    if not group:
        facts["parameters"] = f"{row['model']}: steepness {row['a']:.3f}, difficulty {row['b']:+.3f}"
        if item in analysis.dif.index:
            judged = analysis.dif.loc[item]
            facts["at equal ability"] = f"{judged['effect']:+.3f} of the points, class {judged['ets_class']}"
    return facts
