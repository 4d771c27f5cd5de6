"""Why no form can be assembled: a smallest set of rules that contradict each other, and how far each could bend.

A deletion filter (Chinneck & Dravnieks 1991) gives a set from which no rule can be left out; hitting sets of what has
to give way (Liffiton & Sakallah 2008; Ignatiev et al. 2015) then look for one with fewer rules, within a time limit.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from itembank.assembly_model import Model, build
from itembank.blueprint import Blueprint, Candidate
from itembank.findings import Finding


def conflict(blueprint: Blueprint, pool: Sequence[Candidate], seconds: float = 30.0) -> list[Finding]:
    """The contradicting rules, each with what it could be changed to.

    Args:
        blueprint, pool: without any form that keeps all rules.
        seconds: for the search for a smaller set; the set is free of superfluous rules in any case, except where a
            single check ran out of time.
    """
    nothing = np.full(len(pool), np.nan)
    model = build(blueprint, pool, None, nothing)
    if blueprint.forms > 1 and not any(r.over_all for r in blueprint.rules):
        single = build(replace(blueprint, forms=1, booklets=None), pool, None, nothing)
        if _impossible(single, set(range(len(single.rules)))):  # already one form cannot be: a shorter story
            model = single
    smallest, proved = _smallest(model, seconds)
    many = f"{len(smallest)} rules contradict each other" if len(smallest) > 1 else "this rule alone cannot be kept"
    note = "" if proved or len(smallest) < 2 else " (there may be a smaller set)"
    found = []
    for n, r in enumerate(sorted(smallest, key=lambda r: (model.rules[r].line, r))):
        rule = model.rules[r]
        message = f"{rule.words}" if n else f"{many}{note}: {rule.words}"
        found.append(Finding(blueprint.id, rule.line, "conflict", "error", message, _bent(model, r, smallest)))
    return found


def _impossible(model: Model, keep: set[int]) -> bool:
    return int(model.solve(keep, seconds=10.0).status) == 2


def _deletion(model: Model, start: set[int]) -> set[int]:
    kept = set(start)
    for r in sorted(start, reverse=True):
        if _impossible(model, kept - {r}):
            kept.discard(r)
    return kept


def _smallest(model: Model, seconds: float) -> tuple[set[int], bool]:
    """A set of rules without superfluous ones, and whether no other set is smaller."""
    everything = set(range(len(model.rules)))
    best = _deletion(model, everything)
    end = time.monotonic() + seconds
    to_hit: list[set[int]] = []
    while time.monotonic() < end:
        seed = _hitting_set(to_hit, len(model.rules))
        if len(seed) >= len(best):
            return best, True
        if _impossible(model, seed):
            return seed, True
        kept = set(seed)
        for r in sorted(everything - seed):  # as many rules as can be kept together with these
            if not _impossible(model, kept | {r}):
                kept.add(r)
        to_hit.append(everything - kept)
    return best, False


def _hitting_set(sets: Sequence[set[int]], n: int) -> set[int]:
    """Fewest numbers below n that have one in each set."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    if not sets:
        return set()
    matrix = np.zeros((len(sets), n))
    for row, members in zip(matrix, sets, strict=True):
        row[list(members)] = 1
    solved = milp(
        np.ones(n), integrality=np.ones(n, dtype=np.int64), bounds=Bounds(0, 1), constraints=LinearConstraint(matrix, 1)
    )
    assert solved.x is not None  # taking every number hits all
    return {int(i) for i in np.flatnonzero(solved.x > 0.5)}


def _bent(model: Model, rule: int, conflicting: set[int]) -> str:
    """What the rule's numbers would have to be for all others to be kept, or at least those it contradicts."""
    limits = model.rules[rule].limits
    if limits is None:
        return ""
    said = "would do"
    solved = model.solve(bend=rule, seconds=10.0)
    if solved.x is None:  # other rules, met only after this one, stand in the way: speak of this conflict alone
        said = "would end this conflict"
        solved = model.solve(conflicting, bend=rule, seconds=10.0)
    if solved.x is None:
        return ""
    short, over = (float(v) for v in solved.x[-2:])
    if short > 1e-6 and limits.low is not None:
        return f"at least {_shown(limits.low - short)} {said}"
    if over > 1e-6 and limits.high is not None:
        return f"at most {_shown(limits.high + over)} {said}"
    return ""


def _shown(value: float) -> str:
    return f"{round(value, 2):g}"
