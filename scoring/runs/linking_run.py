"""Links between stored calibrations: planned, made, kept, and found again by what they connect."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

import scoring
from itembank.errors import Conflict, Rejected
from scoring import bank
from scoring.irt.errors import DesignError
from scoring.linking import Link
from scoring.linking_design import LinkPlan, plan_link
from scoring.linking_trend import group_trend
from scoring.runs.calibrating import stored_fit
from scoring.runs.linking_comparisons import balance, facts_of_comparisons, one_scale

_FACTS = ("A", "B", "se_A", "se_B", "cov_AB", "method", "linking_variance", "df")


@dataclass(frozen=True)
class End:
    """A calibration: a run of the bank, or a file that `calibrate export` wrote.

    Attributes:
        name: "run 3", or the file's name.
        fit: it.
        run: of the bank, or None.
        versions: item -> id of the version that was calibrated; empty for a file.
    """

    name: str
    fit: Any
    run: Any
    versions: dict[str, int]


def end_of(session: Any, name: str) -> End:
    """A calibration by the number of its run, or by its file."""
    from pathlib import Path

    if name.isdigit():
        run = bank.run_of(session, int(name), "calibrate")
        table = bank.read_item_parameters(session, run)
        versions = {str(i): int(v) for i, v in table["version_id"].items()}
        return End(f"run {run.id}", stored_fit(session, run), run, versions)
    if not Path(name).is_file():
        raise Rejected("no-calibration", f"{name} is no number of a run and no file.", "itembank calibrate list")
    return End(Path(name).name, scoring.read_fit(name), None, {})


def plan(
    session: Any,
    calibration: str = "",
    n: int | None = None,
    numbers: Sequence[int] = (),
    drift_sd: float | None = None,
    avoid: Sequence[str] = (),
    secure: bool = False,
) -> LinkPlan:
    """Which items to repeat next time, and how precise the trend would be.

    Args:
        session: of `bank.reading()`.
        calibration: number of the run, or file; the newest without one.
        n, numbers, drift_sd, avoid: see `scoring.plan_link`.
        secure: leave released items out, which students may have seen.
    """
    end = end_of(session, calibration or str(bank.run_of(session, kind="calibrate").id))
    items = bank.bank_items(session)
    barred = ("retired", "released") if secure else ("retired",)
    gone = [str(i) for i in items.index[items["status"].isin(barred)]]
    concepts = {i: str(items["concept"].get(i, "") or "(none)") for i in end.fit.item_names}
    options: dict[str, Any] = {"numbers": tuple(numbers)} if numbers else {}
    if drift_sd is not None:
        options["drift_sd"] = drift_sd
    return plan_link(end.fit, n, concepts=concepts, avoid=[*gone, *avoid], **options)


def link_calibrations(
    session: Any,
    ends: Sequence[str],
    method: Any = "stocking-lord",
    drifted: str = "remove",
    anchors: Sequence[str] = (),
    person: Any = None,
) -> tuple[Any, Link, pd.DataFrame, list[str]]:
    """Link calibrations and keep the link.

    Args:
        session: of `bank.writing()`.
        ends: two calibrations, or more for a chain: numbers of runs or files, the oldest first.
        method, drifted: see `scoring.link`; drifted anchors are removed within the bound, concept by concept.
        anchors: items to link by; default all that both sides calibrated in the same version.
        person: who runs it.

    Returns:
        The run, the link, the trend of the groups that both ends have, and notices.

    Raises:
        DesignError: fewer than two ends, or fewer than two anchors.
    """
    if len(ends) < 2:
        raise DesignError("few-ends", "A link needs two calibrations.", "itembank link run FROM TO")
    found = [end_of(session, name) for name in ends]
    one_scale(session, [(e.run, set(map(str, e.fit.item_names))) for e in found])
    items = bank.bank_items(session)
    concepts = {str(i): str(c or "(none)") for i, c in items["concept"].items()}
    links: list[Link] = []
    notices: list[str] = []
    for one, two in pairwise(found):
        common = [i for i in one.fit.item_names if i in set(two.fit.item_names)]
        both = [i for i in common if i in one.versions and i in two.versions]
        changed = [i for i in both if one.versions[i] != two.versions[i]]
        if changed:
            notices.append(f"{one.name} to {two.name}: not the same version, so no anchors: {', '.join(changed)}")
        chosen = [i for i in common if i not in changed and (not anchors or i in anchors)]
        link = scoring.link(one.fit, two.fit, chosen, method, drifted=drifted, concepts=concepts)
        links.append(link)
        if link.removed:
            notices.append(f"{one.name} to {two.name}: removed for drift: {', '.join(link.removed)}")
        if link.protected:
            notices.append(f"{one.name} to {two.name}: drifted but kept by the bound: {', '.join(link.protected)}")
    whole = links[0] if len(links) == 1 else scoring.chain(*links)
    trend = group_trend(whole, found[0].fit, found[-1].fit)
    run = bank.store_run(
        session,
        "link",
        options={
            "ends": [e.name for e in found],
            "of": "calibrations",
            "method": method,
            "drifted": drifted,
            "anchors": list(anchors),
        },
        inputs=[("run", e.run.id) for e in found if e.run is not None],
        details={
            **{name: getattr(whole, name) for name in _FACTS},
            "anchors": list(whole.anchors),
            "removed": list(whole.removed),
            "protected": list(whole.protected),
            "spread": [list(part) for part in whole.spread],
            "notices": notices,
        },
        title=" to ".join(e.name for e in found),
        person=person,
    )
    moved = whole.drift.reset_index()
    moved.insert(0, "concept", [concepts.get(str(i), "(none)") for i in moved["item"]])
    of_ends = [[concepts.get(str(i), "(none)") for i in e.fit.item_names] for e in (found[0], found[-1])]
    counts = {c: (of_ends[0].count(c), of_ends[1].count(c)) for c in dict.fromkeys([*of_ends[0], *of_ends[1]])}
    bank.store_table(session, run, "drift", moved)
    bank.store_table(session, run, "balance", balance(moved, counts))
    bank.store_table(session, run, "trend", trend)
    return run, whole, trend, notices


def facts_of(session: Any, run: Any) -> pd.DataFrame:
    """A stored link as one row, of comparisons one per concept: from, to, method, A, se_A, B, se_B, se_anchors, df,
    anchors, removed."""
    if run.options.get("of") == "comparisons":
        return facts_of_comparisons(session, run)
    d = run.details
    row = {
        "link": run.id,
        "from": run.options["ends"][0],
        "to": run.options["ends"][-1],
        "method": d["method"],
        **{name: d[name] for name in ("A", "se_A", "B", "se_B")},
        "se_anchors": float(np.sqrt(d["linking_variance"])),
        "df": d["df"],
        "anchors": len(d["anchors"]),
        "removed": len(d["removed"]),
    }
    return pd.DataFrame([row])


def linking_error(session: Any, from_run: int, to_run: int) -> float:
    """SE that the newest stored link between two calibrations adds to a difference of means, in SDs of θ.

    This is what `scoring.compare(linking=)` takes when its two sides were calibrated apart; 0 within one calibration.

    Raises:
        Rejected: no link between them is stored. Conflict: it is stale.
    """
    if from_run == to_run:
        return 0.0
    wanted = {f"run {from_run}", f"run {to_run}"}
    for run in reversed(bank.runs_of_kind(session, "link")):
        ends = run.options["ends"]
        if run.options.get("of", "calibrations") == "calibrations" and {ends[0], ends[-1]} == wanted:
            reasons = bank.stale_reasons(session, run)
            if reasons:
                raise Conflict("stale", f"Link {run.id} is stale: {'; '.join(reasons)}.", "itembank link run")
            d = run.details
            own = float(d["se_B"]) ** 2 + float(d["linking_variance"])
            unit = float(d["A"]) if ends[0] == f"run {to_run}" else 1.0  # in units of `to_run`'s scale
            return float(np.sqrt(own)) / unit
    hint = f"itembank link run {from_run} {to_run}"
    raise Rejected("no-link", f"Runs {from_run} and {to_run} are not linked.", hint)
