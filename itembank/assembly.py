"""Assembly: parallel forms from a blueprint by mixed-integer programming (van der Linden 2005), solved by HiGHS.

The information of items is an array that the caller brings. With parameters the least information at the wanted
places, over places and forms, is made as large as possible, or the distance from a target curve as small as possible;
without them the forms' mean shares correct are brought to the wanted difficulty.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from itembank.assembly_model import build
from itembank.blueprint import Blueprint, Candidate
from itembank.errors import Rejected
from itembank.findings import Finding

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Assembly:
    """Assembled forms.

    Attributes:
        forms: per form, (index of the candidate, section) in the order of the form.
        objective: the least information over places and forms; or the largest deviation from the target, as a share
            of it; or, without parameters, the largest distance of a form's sum of shares correct from the wanted one.
        kind: "maximin", "target", "difficulty" or "any", for what `objective` is.
        bound: no other choice can do better than this.
        gap: |objective - bound| / |objective|; 0 when proved best.
        information: (forms, places), empty without parameters.
        expected: (forms,) mean share of the points; NaN where unknown.
        seconds: of the solver.
    """

    forms: tuple[tuple[tuple[int, str], ...], ...]
    objective: float
    kind: str
    bound: float
    gap: float
    information: Array
    expected: Array
    seconds: float = field(compare=False, default=0.0)


def assemble(
    blueprint: Blueprint,
    pool: Sequence[Candidate],
    information: Array | None = None,
    expected: Array | None = None,
    seconds: float = 20.0,
    gap: float = 0.02,
) -> Assembly:
    """Choose the items of the blueprint's forms.

    Args:
        blueprint: its rules.
        pool: J candidates.
        information: (J, Q) of each item at `blueprint.theta`; needed when that is not empty.
        expected: (J,) expected share of the points; NaN where unknown.
        seconds: after so many the best choice so far is taken, with its gap.
        gap: relative distance from the bound at which to stop.

    Raises:
        Rejected: nothing keeps all rules; the findings are a smallest set of rules that contradict each other.
    """
    import time

    shares = np.full(len(pool), np.nan) if expected is None else np.asarray(expected, dtype=float)
    if blueprint.theta and (information is None or information.shape != (len(pool), len(blueprint.theta))):
        raise ValueError("information wants the shape (items, places)")
    before = time.perf_counter()
    _refuse_unknown_anchors(blueprint, pool)
    model = build(blueprint, pool, information if blueprint.theta else None, shares)
    solved = model.solve(seconds=seconds, gap=gap)
    if solved.x is None:
        from itembank.assembly_conflict import conflict

        if solved.status == 1:
            message = f"No form was found in {seconds:g} seconds, nor that there is none."
            raise Rejected("no-time", message, "--seconds 120, or fewer forms")
        raise Rejected(
            "no-form",
            f"No {'form keeps' if blueprint.forms == 1 else 'forms keep'} all rules of {blueprint.id}.",
            "relax one of the rules above, or write items",
            conflict(blueprint, pool),
        )
    taken = time.perf_counter() - before
    forms = tuple(_ordered(places, blueprint, pool, shares) for places in model.places(solved.x))
    chosen = [[i for i, _ in form] for form in forms]
    points = np.array([c.points for c in pool])
    value, bound = model.value(solved.fun), model.value(solved.mip_dual_bound)
    return Assembly(
        forms,
        value,
        model.kind,
        bound,
        0.0 if abs(value - bound) < 1e-9 or model.kind == "any" else abs(value - bound) / max(abs(value), 1e-9),
        np.array([information[c].sum(axis=0) for c in chosen])
        if information is not None
        else np.zeros((len(forms), 0)),
        np.array([np.average(shares[c], weights=points[c]) for c in chosen]),
        taken,
    )


def _refuse_unknown_anchors(blueprint: Blueprint, pool: Sequence[Candidate]) -> None:
    known = {c.item for c in pool}
    line = blueprint.lines.get("anchors", 0)
    message = "is not among the items that the blueprint may use"
    found = [
        Finding(blueprint.id, line, "unknown-anchor", "error", f"the anchor {a} {message}", "check pool and exclude")
        for a in blueprint.anchors
        if a not in known
    ]
    if found:
        raise Rejected("unknown-anchor", "Some anchors cannot be used.", "", found)


def _ordered(
    places: Sequence[tuple[int, int]], blueprint: Blueprint, pool: Sequence[Candidate], shares: Array
) -> tuple[tuple[int, str], ...]:
    """Sections in order; in them the easier first, items of a shared text together."""
    known = np.nan_to_num(shares, nan=0.5)
    groups: dict[tuple[int, str], list[int]] = {}
    for i, s in places:
        groups.setdefault((s, pool[i].stimulus or f"item {pool[i].item}"), []).append(i)
    ease = {key: float(np.mean(known[members])) for key, members in groups.items()}
    found = []
    for key in sorted(groups, key=lambda k: (k[0], -ease[k], k[1])):
        for i in sorted(groups[key], key=lambda i: (-known[i], pool[i].item)):
            found.append((i, blueprint.sections[key[0]].name))
    return tuple(found)
