"""The mixed-integer program of a blueprint: variables, and rows that know which rule they come from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from itembank.blueprint import Blueprint, Candidate, Limits, counted

Array = NDArray[np.float64]
# distances below these make no difference that anybody could see, and end the search for a perfect tie
CLOSE_ENOUGH = {"target": 0.01, "difficulty": 0.005}


@dataclass
class Named:
    """A rule as the explanation names it: its words, its line, and how far it could be bent (`limits`, if a count)."""

    words: str
    line: int = 0
    limits: Limits | None = None


@dataclass
class Model:
    """Variables x(item, form, section) in {0, 1} first, then helpers; rows low <= A v <= high with their rule.

    Attributes:
        cells: (item, form, section) of each x.
        cost: per variable, minimised.
        integer, lower, upper: per variable.
        rows: (rule or None, columns, values, low, high); None marks structure that no rule could give up.
        rules: what rows refer to.
        sign, kind: turn the solver's value into the objective's.
    """

    cells: list[tuple[int, int, int]]
    n_forms: int
    cost: list[float] = field(default_factory=list)
    integer: list[int] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    rows: list[tuple[int | None, list[int], list[float], float, float]] = field(default_factory=list)
    rules: list[Named] = field(default_factory=list)
    sign: float = 1.0
    kind: str = "any"

    def variable(self, low: float = 0.0, high: float = 1.0, integer: bool = True, cost: float = 0.0) -> int:
        self.cost.append(cost)
        self.integer.append(int(integer))
        self.lower.append(low)
        self.upper.append(high)
        return len(self.cost) - 1

    def row(self, rule: int | None, terms: Sequence[tuple[int, float]], low: float, high: float) -> None:
        self.rows.append((rule, [t[0] for t in terms], [t[1] for t in terms], low, high))

    def rule(self, words: str, line: int = 0, limits: Limits | None = None) -> int:
        self.rules.append(Named(words, line, limits))
        return len(self.rules) - 1

    def value(self, solver: float) -> float:
        return self.sign * float(solver)

    def places(self, x: Array) -> list[list[tuple[int, int]]]:
        """Per form, the (item, section) chosen."""
        found: list[list[tuple[int, int]]] = [[] for _ in range(self.n_forms)]
        for j in np.flatnonzero(x[: len(self.cells)] > 0.5):
            item, form, section = self.cells[j]
            found[form].append((item, section))
        return found

    def solve(
        self,
        keep: set[int] | None = None,
        seconds: float = 20.0,
        gap: float = 0.0,
        bend: int | None = None,
    ) -> Any:
        """Run HiGHS.

        Args:
            keep: only these rules, and only whether they can be kept together; all rules and the objective by default.
            seconds, gap: when to stop.
            bend: minimise how far this one rule is missed instead.

        Returns:
            scipy's result; `.x` is None when nothing was found.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array

        rows = [r for r in self.rows if keep is None or r[0] is None or r[0] in keep]
        rows = rows or [(None, [], [], -np.inf, np.inf)]  # a matrix has a row
        n = len(self.cost)
        cost = np.zeros(n) if keep is not None or bend is not None else np.array(self.cost)
        lower, upper, integer = np.array(self.lower), np.array(self.upper), np.array(self.integer)
        low, high = np.array([r[3] for r in rows]), np.array([r[4] for r in rows])
        columns = [list(r[1]) for r in rows]
        values = [list(r[2]) for r in rows]
        if bend is not None:  # one slack each way, shared by all forms: how far the rule's range has to move
            cost = np.concatenate([cost, [1.0, 1.0]])
            lower, upper = np.concatenate([lower, [0.0, 0.0]]), np.concatenate([upper, [np.inf, np.inf]])
            integer = np.concatenate([integer, [0, 0]])
            for r, row in enumerate(rows):
                if row[0] == bend:
                    columns[r] += [n, n + 1]
                    values[r] += [1.0, -1.0]
        start = np.concatenate([[0], np.cumsum([len(c) for c in columns])])
        matrix = csr_array(
            (
                np.array([v for row in values for v in row]),
                np.array([c for row in columns for c in row], dtype=int),
                start,
            ),
            shape=(len(columns), len(cost)),
        )
        return milp(
            cost,
            integrality=integer,
            bounds=Bounds(lower, upper),
            constraints=LinearConstraint(matrix, low, high),
            options={"time_limit": seconds, "mip_rel_gap": gap},
        )


def build(blueprint: Blueprint, pool: Sequence[Candidate], information: Array | None, shares: Array) -> Model:
    """The program of a blueprint over a pool.

    Args:
        blueprint, pool: J candidates.
        information: (J, Q) at the blueprint's places, or None.
        shares: (J,) expected shares of the points, NaN where unknown.
    """
    sections = blueprint.sections
    fits = [
        [
            s
            for s, part in enumerate(sections)
            if not part.calculator or set(part.calculator) & set(c.marks["calculator"])
        ]
        for c in pool
    ]
    k = blueprint.forms
    cells = [(i, f, s) for i in range(len(pool)) for f in range(k) for s in fits[i]]
    model = Model(cells, k)
    for _ in cells:
        model.variable()
    at: dict[tuple[int, int], list[tuple[int, int]]] = {}  # (item, form) -> (variable, section)
    for j, (i, f, s) in enumerate(cells):
        at.setdefault((i, f), []).append((j, s))
    for found in at.values():
        if len(found) > 1:
            model.row(None, [(j, 1.0) for j, _ in found], -np.inf, 1)
    _counts(model, blueprint, pool)
    _anchors_and_overlap(model, blueprint, pool, at)
    _exposure(model, blueprint, pool, at)
    _enemies(model, blueprint, pool, at)
    _stimuli(model, blueprint, pool)
    _objective(model, blueprint, information, shares)
    return model


def _counts(model: Model, blueprint: Blueprint, pool: Sequence[Candidate]) -> None:
    names = [s.name for s in blueprint.sections]
    for rule in blueprint.rules:
        own = model.rule(str(rule), rule.line, rule.limits)
        value = [counted(rule, c) for c in pool]
        terms: list[list[tuple[int, float]]] = [[] for _ in range(model.n_forms)]
        for j, (i, f, s) in enumerate(model.cells):
            if value[i] and (not rule.section or names[s] == rule.section):
                terms[f].append((j, value[i]))
        low = -np.inf if rule.limits.low is None else rule.limits.low
        high = np.inf if rule.limits.high is None else rule.limits.high
        for row in [[t for own_terms in terms for t in own_terms]] if rule.over_all else terms:
            model.row(own, row, low, high)


def _anchors_and_overlap(
    model: Model, blueprint: Blueprint, pool: Sequence[Candidate], at: dict[tuple[int, int], list[tuple[int, int]]]
) -> None:
    k = model.n_forms
    anchors = {i for i, c in enumerate(pool) if c.item in blueprint.anchors}
    for i in sorted(anchors):
        rule = model.rule(f"the anchor {pool[i].item} stands on every form", blueprint.lines.get("anchors", 0))
        for f in range(k):
            model.row(rule, [(j, 1.0) for j, _ in at.get((i, f), [])], 1, 1)
    if k == 1:
        return
    line = blueprint.lines.get("overlap", blueprint.lines.get("forms", 0))
    words = f"{k} forms share exactly {blueprint.overlap} items" if blueprint.overlap else f"{k} forms share no item"
    rule = model.rule(words, line)
    shared = []
    for i in range(len(pool)):
        mine = [[j for j, _ in at.get((i, f), [])] for f in range(k)]
        everywhere = [(j, 1.0) for own in mine for j in own]
        if blueprint.overlap == len(anchors):  # nothing to choose
            if i not in anchors:
                model.row(rule, everywhere, -np.inf, 1)
            continue
        w = model.variable()
        shared.append((w, 1.0))
        model.row(rule, [*everywhere, (w, -(k - 1.0))], -np.inf, 1)  # on one form, or on all when shared
        for own in mine:
            model.row(rule, [*[(j, 1.0) for j in own], (w, -1.0)], 0, np.inf)
    if shared:
        model.row(rule, shared, blueprint.overlap, blueprint.overlap)
    elif blueprint.overlap != len(anchors):
        model.row(rule, [], blueprint.overlap, blueprint.overlap)


def _exposure(
    model: Model, blueprint: Blueprint, pool: Sequence[Candidate], at: dict[tuple[int, int], list[tuple[int, int]]]
) -> None:
    if blueprint.exposure is None:
        return
    words = f"an item stands on at most {blueprint.exposure} forms, earlier ones counted"
    rule = model.rule(words, blueprint.lines.get("exposure", 0))
    for i, c in enumerate(pool):
        left = max(blueprint.exposure - c.used, 0)
        if left < model.n_forms:
            model.row(rule, [(j, 1.0) for f in range(model.n_forms) for j, _ in at.get((i, f), [])], -np.inf, left)


def cliques(pool: Sequence[Candidate]) -> list[list[int]]:
    """Sets of items that are all enemies of each other and together hold every pair (greedily, so not the fewest)."""
    index = {c.item: i for i, c in enumerate(pool)}
    pairs = {
        (min(i, index[e]), max(i, index[e])) for i, c in enumerate(pool) for e in c.enemies if index.get(e, i) != i
    }
    beside: dict[int, set[int]] = {}
    for a, b in pairs:
        beside.setdefault(a, set()).add(b)
        beside.setdefault(b, set()).add(a)
    found = []
    left = set(pairs)
    for a, b in sorted(pairs):
        if (a, b) not in left:
            continue
        group = [a, b]
        for c in sorted(beside[a] & beside[b]):
            if all(c in beside[g] for g in group):
                group.append(c)
        left -= {(min(p), max(p)) for p in product(group, group) if p[0] != p[1]}
        found.append(sorted(group))
    return found


def _enemies(
    model: Model, blueprint: Blueprint, pool: Sequence[Candidate], at: dict[tuple[int, int], list[tuple[int, int]]]
) -> None:
    groups = cliques(pool)
    if not groups:
        return
    rule = model.rule("items that give each other away do not stand on one form")
    for group, forms in product(groups, _meeting(blueprint)):
        model.row(rule, [(j, 1.0) for i in group for f in forms for j, _ in at.get((i, f), [])], -np.inf, 1)


def _meeting(blueprint: Blueprint) -> list[list[int]]:
    """Forms that a student may see together: each alone, but blocks of booklets all of them."""
    forms = list(range(blueprint.forms))
    return [forms] if blueprint.booklets else [[f] for f in forms]


def _stimuli(model: Model, blueprint: Blueprint, pool: Sequence[Candidate]) -> None:
    limits = blueprint.stimuli
    sets: dict[str, list[int]] = {}
    for j, (i, _, _) in enumerate(model.cells):
        if pool[i].stimulus:
            sets.setdefault(pool[i].stimulus, []).append(j)
    if not sets or (limits == Limits() and len(blueprint.sections) == 1 and not blueprint.booklets):
        return
    words = "items of a shared text stand in one section"
    if limits != Limits():
        words += f", {limits} of them"
    rule = model.rule(words, blueprint.lines.get("stimuli", 0))
    for members in sets.values():
        for forms in _meeting(blueprint):
            used = []
            for f, s in product(forms, range(len(blueprint.sections))):
                here = [j for j in members if model.cells[j][1] == f and model.cells[j][2] == s]
                if not here:
                    continue
                z = model.variable()
                used.append((z, 1.0))
                most = len(here) if limits.high is None else limits.high
                model.row(rule, [*[(j, 1.0) for j in here], (z, -float(most))], -np.inf, 0)
                model.row(rule, [*[(j, 1.0) for j in here], (z, -float(limits.low or 0))], 0, np.inf)
            model.row(rule, used, -np.inf, 1)


def _objective(model: Model, blueprint: Blueprint, information: Array | None, shares: Array) -> None:
    by_form: list[list[tuple[int, int]]] = [[] for _ in range(model.n_forms)]
    for j, (i, f, _) in enumerate(model.cells):
        by_form[f].append((j, i))
    if information is not None and blueprint.target is None:
        model.kind, model.sign = "maximin", -1.0
        y = model.variable(0.0, np.inf, False, -1.0)
        for own, q in product(by_form, range(information.shape[1])):
            model.row(None, [*[(j, float(information[i, q])) for j, i in own], (y, -1.0)], 0, np.inf)
        return
    known = np.isfinite(shares)
    if information is not None:
        assert blueprint.target is not None
        model.kind = "target"
        d = model.variable(CLOSE_ENOUGH["target"], np.inf, False, 1.0)
        for own, q in product(by_form, range(information.shape[1])):
            goal = blueprint.target[q]
            terms = [(j, float(information[i, q]) / goal) for j, i in own]
            model.row(None, [*terms, (d, 1.0)], 1, np.inf)
            model.row(None, [*terms, (d, -1.0)], -np.inf, 1)
    elif known.any():
        model.kind = "difficulty"
        goal = float(shares[known].mean()) if blueprint.difficulty is None else blueprint.difficulty
        d = model.variable(CLOSE_ENOUGH["difficulty"], np.inf, False, 1.0)
        for own in by_form:
            terms = [(j, float(shares[i] - goal)) for j, i in own if known[i]]
            model.row(None, [*terms, (d, 1.0)], 0, np.inf)
            model.row(None, [*terms, (d, -1.0)], -np.inf, 0)
