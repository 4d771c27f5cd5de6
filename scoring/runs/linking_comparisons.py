"""Links between stored comparisons, concept by concept: what carries a bar from one time to another."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import scoring
from itembank.errors import Conflict, Rejected
from scoring import bank
from scoring.bank import trends
from scoring.frozen_profile import FrozenProfile
from scoring.irt.errors import DesignError
from scoring.linking import Link
from scoring.runs.profiles_kept import kept_covariances, kept_profile
from scoring.trends.cohorts import require_vertical_scale

#: Repeated items that a concept's link needs: with fewer, nothing says whether one of them has moved.
FEWEST = 3
CONSTANTS = (
    "concept", "A", "B", "se_A", "se_B", "cov_AB", "se_place", "se_anchors", "df", "anchors", "removed",
    "protected", "items_from", "items_to",
)  # fmt: skip


@dataclass(frozen=True)
class ComparisonEnd:
    """A comparison as an end of links.

    Attributes:
        name: "run 3". run: of the bank. profile: its parameters. versions: item -> id of the version.
        covariances: concept -> covariance of its items' parameters.
    """

    name: str
    run: Any
    profile: FrozenProfile
    versions: dict[str, int]
    covariances: dict[str, pd.DataFrame]


def comparison_end(session: Any, number: int) -> ComparisonEnd:
    """A comparison by its number; a stale one is refused.

    Raises:
        Rejected: no such comparison, or one without a concept profile. Conflict: it is stale.
    """
    run, profile = kept_profile(session, bank.run_of(session, number, "compare").id)
    reasons = bank.stale_reasons(session, run)
    if reasons:
        raise Conflict("stale", f"Comparison {run.id} is stale: {'; '.join(reasons)}.", "itembank compare run")
    table = bank.read_item_parameters(session, run)
    versions = {str(i): int(v) for i, v in table["version_id"].items()}
    return ComparisonEnd(f"run {run.id}", run, profile, versions, kept_covariances(session, run))


def comparison_numbers(session: Any, ends: Sequence[str]) -> list[str] | None:
    """The ends as numbers of comparisons, where all of them are; None where one is a calibration or a file.

    Args:
        session: of `bank.reading()`.
        ends: numbers of runs, files, or names of administrations, which stand for their newest comparison.

    Raises:
        Rejected: comparisons and calibrations are mixed, or an administration has no comparison.
    """
    found: dict[str, str] = {}
    for end in ends:
        if end.isdigit():
            if bank.run_of(session, int(end)).kind == "compare":
                found[end] = end
        elif not Path(end).is_file():
            found[end] = str(bank.run_of(session, kind="compare", administration=end).id)
    if found and len(found) < len(set(ends)):
        others = ", ".join(e for e in ends if e not in found)
        what = f"Comparisons are linked with comparisons; {others} is none."
        raise Rejected("mixed-ends", what, "itembank compare list; itembank calibrate list")
    return [found[e] for e in ends] if found else None


def link_comparisons(
    session: Any,
    ends: Sequence[str],
    method: Any = "stocking-lord",
    drifted: str = "remove",
    anchors: Sequence[str] = (),
    person: Any = None,
) -> tuple[Any, dict[str, Link], list[str]]:
    """Link comparisons concept by concept and keep the links.

    Args:
        session: of `bank.writing()`.
        ends: numbers of two comparisons, or more for chains, the oldest first (`comparison_numbers`).
        method, drifted, anchors, person: as `linking_run.link_calibrations`; the bound on removals holds within each
            concept.

    Returns:
        The run, concept -> link, and notices.

    Raises:
        DesignError: fewer than two ends, or no concept that can be linked; every one with its reason.
    """
    if len(ends) < 2:
        raise DesignError("few-ends", "A link needs two comparisons.", "itembank link run FROM TO")
    found = [comparison_end(session, int(e)) for e in ends]
    one_scale(session, [(e.run, set(e.profile.items.names)) for e in found])
    concepts = [c for c in found[0].profile.concepts if all(c in e.profile.concepts for e in found)]
    links: dict[str, Link] = {}
    notices: list[str] = []
    for concept in concepts:
        legs = []
        for one, two in pairwise(found):
            leg, told = _leg(one, two, concept, method, drifted, anchors)
            notices += told
            if leg is None:
                break
            legs.append(leg)
        if len(legs) == len(found) - 1:
            links[concept] = legs[0] if len(legs) == 1 else scoring.chain(*legs)
    if not links:
        hint = "Repeat at least three items of each concept: itembank link plan"
        raise DesignError("no-link", "No concept can be linked.", hint, notices or ["no concept is in all comparisons"])
    run = bank.store_run(
        session,
        "link",
        options={"ends": [e.name for e in found], "of": "comparisons", "method": method, "drifted": drifted,
                 "anchors": list(anchors)},
        inputs=[("run", e.run.id) for e in found],
        details={"notices": notices, "concepts": list(links)},
        title=" to ".join(e.name for e in found),
        person=person,
    )  # fmt: skip
    counts = {c: (len(found[0].profile.concept_items(c)), len(found[-1].profile.concept_items(c))) for c in concepts}
    rows = [_constants(c, link, counts[c]) for c, link in links.items()]
    bank.store_table(session, run, "constants", pd.DataFrame(rows, columns=list(CONSTANTS)))
    drift = pd.concat([link.drift.reset_index().assign(concept=c) for c, link in links.items()])
    bank.store_table(session, run, "drift", drift)
    bank.store_table(session, run, "balance", balance(drift, counts))
    return run, links, notices


def one_scale(session: Any, ends: Sequence[tuple[Any, set[str]]]) -> None:
    """Refuse a link between different grades that off-grade anchors do not carry.

    Args:
        session: of `bank.reading()`.
        ends: run (None for a file, whose grade is not known) and its items.

    Raises:
        DesignError: neighbouring grades share too few items (`cohorts.require_vertical_scale`).
    """
    forms: dict[str, set[str]] = {}
    for run, items in ends:
        adm = None if run is None else session.get(bank.Administration, run.administration_id)
        grade = "" if adm is None else trends.grade_of(session, adm)
        if grade:
            forms[grade] = forms.get(grade, set()) | items
    if len(forms) > 1:
        require_vertical_scale(forms)


def _leg(
    one: ComparisonEnd, two: ComparisonEnd, concept: str, method: Any, drifted: str, anchors: Sequence[str]
) -> tuple[Link | None, list[str]]:
    where = f"{one.name} to {two.name}, {concept}"
    tables = [e.profile.table[e.profile.table["concept"] == concept] for e in (one, two)]
    common = [str(i) for i in tables[0].index if i in tables[1].index]
    # an item with parameters of its own in each district stands under other names and versions: it cannot link
    changed = [i for i in common if one.versions.get(i) != two.versions.get(i)]
    notices = [f"{where}: not the same version, so no anchors: {', '.join(changed)}"] if changed else []
    chosen = [i for i in common if i not in changed and (not anchors or i in anchors)]
    if len(chosen) < FEWEST:
        return None, [*notices, f"{where}: {len(chosen)} items repeated, a link needs {FEWEST}"]
    link = scoring.link(
        *tables, chosen, method, covariances=(one.covariances[concept], two.covariances[concept]), drifted=drifted,
        names=(f"{one.name} {concept}", f"{two.name} {concept}"),
    )  # fmt: skip
    if link.removed:
        notices.append(f"{where}: removed for drift: {', '.join(link.removed)}")
    if link.protected:
        notices.append(f"{where}: drifted but kept by the bound: {', '.join(link.protected)}")
    return link, notices


def _constants(concept: str, link: Link, counts: tuple[int, int]) -> dict[str, Any]:
    return {
        "concept": concept, "A": link.A, "B": link.B, "se_A": link.se_A, "se_B": link.se_B, "cov_AB": link.cov_AB,
        "se_place": place_error(link), "se_anchors": float(np.sqrt(link.linking_variance)), "df": link.df,
        "anchors": len(link.anchors), "removed": ", ".join(link.removed), "protected": ", ".join(link.protected),
        "items_from": counts[0], "items_to": counts[1],
    }  # fmt: skip


def place_error(link: Link) -> float:
    """SE of a carried bar that is not in the sampling of students already.

    A mean or share with its delete-one-school jackknife holds the sampling of the students, and so does the error of B,
    because a calibration calls its students N(0, 1): adding both would count them twice. What the jackknife, with item
    parameters held, does not see is the items' own error and the choice of anchors: per link
    max(Var(d), sampling variance of d)/k of the k anchors' displacements, which is the linking variance and the
    sampling variance of the displacements about their mean, over k.
    """
    parts = zip(link.spread, link.noise, strict=True)
    return float(np.sqrt(sum(max(spread, np.nan_to_num(noise)) for (spread, _), noise in parts)))


def balance(drift: pd.DataFrame, counts: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """Whether the anchors that are left still stand for the form: one row per concept.

    Args:
        drift: columns concept, item, used. counts: concept -> items in the first and the last form.

    Returns:
        concept, items_from, items_to, anchors (before removals), removed, used, share_of_form (of the last form's
        items), share_of_anchors (of those used).
    """
    rows = []
    form, used_in_all = sum(n for _, n in counts.values()), int(drift["used"].astype(bool).sum())
    for concept, (before, after) in counts.items():
        part = drift[drift["concept"] == concept]
        used = int(part["used"].astype(bool).sum())
        rows.append((concept, before, after, len(part), len(part) - used, used, after / form, used / used_in_all))
    names = ["concept", "items_from", "items_to", "anchors", "removed", "used", "share_of_form", "share_of_anchors"]
    return pd.DataFrame(rows, columns=names)


def stored_constants(session: Any, from_run: int, to_run: int) -> tuple[Any, pd.DataFrame] | None:
    """The newest stored link of two comparisons, in this order: its run and its constants, index concept; or None.

    Raises:
        Conflict: it is stale.
    """
    wanted = (f"run {from_run}", f"run {to_run}")
    for run in reversed(bank.runs_of_kind(session, "link")):
        ends = run.options["ends"]
        if run.options.get("of") == "comparisons" and (ends[0], ends[-1]) == wanted:
            reasons = bank.stale_reasons(session, run)
            if reasons:
                hint = "itembank compare run, then itembank link run"
                raise Conflict("stale", f"Link {run.id} is stale: {'; '.join(reasons)}.", hint)
            return run, bank.read_table(session, run, "constants").set_index("concept")
    return None


def facts_of_comparisons(session: Any, run: Any) -> pd.DataFrame:
    """A stored link of comparisons, one row per concept: link, from, to, method and the constants."""
    table = bank.read_table(session, run, "constants")
    table.insert(0, "link", run.id)
    table.insert(1, "from", run.options["ends"][0])
    table.insert(2, "to", run.options["ends"][-1])
    return table
