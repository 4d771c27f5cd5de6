"""How the same students changed, from one latent regression over the occasions, on tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.comparison.conditioning import condition, level_names
from scoring.data import read_responses
from scoring.frozen_profile import FrozenProfile
from scoring.groups.design import build_design
from scoring.groups.inference import FEWEST_SCHOOLS, FEWEST_STUDENTS
from scoring.groups.jackknife import Replicates, parameter_shifts, replicate
from scoring.groups.latent import LatentRegression, fit
from scoring.groups.occasions import MEAN, SHARE, Changes, changes, density, in_order, join
from scoring.groups.plausible import draw
from scoring.groups.sites import Evidence, evidence
from scoring.irt.curves import log_probabilities
from scoring.irt.errors import DesignError
from scoring.irt.linking import transform
from scoring.irt.threads import one_blas_thread

Array = NDArray[np.float64]
#: Spacing and half-width of the grid, and what counts as converged, as for plausible values of one occasion.
SPACING, HALF_WIDTH, TOLERANCE, DRAWS = 0.25, 6.0, 1e-4, 20
#: Students of a group there at both times for its change to be given.
FEWEST = FEWEST_STUDENTS


@dataclass(frozen=True)
class Sat:
    """One occasion.

    Attributes:
        responses: index student, columns items of the profile; scores as `scoring.data` reads them.
        profile: the parameters of the occasion, held.
    """

    responses: pd.DataFrame
    profile: FrozenProfile


@dataclass(frozen=True)
class Bridge:
    """How a concept's scale at one occasion lies on that of the last one: θ_last = A θ + B.

    Attributes:
        A, B: constants; 1 and 0 where the scales are taken as they are.
        se: of a place on the scale of the last occasion, beyond the sampling of students; NaN where it is not known.
        known: whether there is a link; without one only shares at each occasion's own bar can be compared.
    """

    A: float = 1.0
    B: float = 0.0
    se: float = float("nan")
    known: bool = False


@dataclass(frozen=True)
class GrowthModel:
    """A latent regression over occasions and what a change needs of it.

    Attributes:
        concepts: (C,) names. groups: (label, who) of the replicates' groups; who is "everybody" or "both".
        cuts: (T, C) bars, each on the scale the occasion's abilities are on.
        bridges: per occasion and concept.
        regression: the fitted model, abilities occasion by occasion. replicates: of the groups.
        present: (N, T), rows as persons.
    """

    concepts: tuple[str, ...]
    groups: tuple[tuple[str, str], ...]
    cuts: Array
    bridges: tuple[Mapping[str, Bridge], ...]
    regression: LatentRegression
    replicates: Replicates
    present: NDArray[np.bool_]

    def correlations(self) -> pd.DataFrame:
        """Of a concept's residuals between occasions, districts averaged: columns concept, first, second, students,
        schools (the correlation of the schools' effects)."""
        c = len(self.concepts)
        sigma, tau = self.regression.population.sigma.mean(axis=0), self.regression.population.tau
        rows = []
        for i, concept in enumerate(self.concepts):
            for a in range(len(self.cuts)):
                for b in range(a + 1, len(self.cuts)):
                    p, q = a * c + i, b * c + i
                    own = float(sigma[p, q] / np.sqrt(sigma[p, p] * sigma[q, q]))
                    rows.append((concept, a, b, own, float(tau[p, q] / np.sqrt(tau[p, p] * tau[q, q]))))
        return pd.DataFrame(rows, columns=["concept", "first", "second", "students", "schools"])

    def changes(self, first: int, second: int, linking: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Every group's change from one occasion to another.

        Args:
            first, second: occasions, 0..T-1.
            linking: concept -> SE of the link between them at the bar, on the last occasion's scale; default those of
                the first occasion's bridges. NaN counts as 0 and stays NaN in `se_linking`.

        Returns:
            One row per group, who, concept and measure ("mean" where a link is known, "share"): value_1, value_2,
            change, se, se_linking, df, low, high, apart (change less the mean change of the other concepts, in the
            same measure), apart_se, students, schools.
        """
        found = changes(self.replicates, len(self.concepts), first, second)
        known = {c: b.se for c, b in self.bridges[first].items()} if linking is None else dict(linking)
        rows = []
        for g, (label, who) in enumerate(self.groups):
            for measure, k in (("mean", MEAN), ("share", SHARE)):
                ok = self._comparable(measure, first, second)
                steps = np.array([
                    1.0 if measure == "mean" else density(self.replicates.estimate[g, second * ok.size + c],
                                                          float(self.cuts[second, c]))
                    for c in range(ok.size)
                ])  # fmt: skip
                links = steps * np.array([known.get(c, np.nan) for c in self.concepts])
                rows += [
                    {"group": label, "who": who, "concept": self.concepts[c], "measure": measure,
                     **_row(found, g, c, k, ok, links)}
                    for c in map(int, np.flatnonzero(ok))
                ]  # fmt: skip
        return pd.DataFrame(rows)

    def _comparable(self, measure: str, first: int, second: int) -> NDArray[np.bool_]:
        """(C,) concepts with a bar at both occasions, or for means with a common scale."""
        if measure == "share":
            return np.asarray(np.isfinite(self.cuts[[first, second]]).all(axis=0))
        return np.array([all(self.bridges[t][c].known for t in (first, second)) for c in self.concepts])


def _row(found: Changes, g: int, c: int, k: int, ok: NDArray[np.bool_], links: Array) -> dict[str, float]:
    variance = np.nan_to_num(links**2)
    alone = np.zeros(ok.size)
    alone[c] = 1.0
    others = ok & (alone == 0)
    apart = alone - others / max(int(others.sum()), 1)
    schools = int(found.replicates.schools[g])
    enough = schools >= FEWEST_SCHOOLS and int(found.replicates.students[g]) >= FEWEST_STUDENTS
    size = np.where(ok, found.size[g, :, k], 0.0)
    one = found.uncertainty(g, alone, k, float(variance @ alone**2))
    low, high = one.interval(float(size[c])) if enough else (np.nan, np.nan)
    # a concept without a bar has no share: NaN times a weight of 0 is still NaN
    usable = Changes(found.first, found.second, np.where(ok[:, None], found.draws, 0.0),
                     np.where(ok[:, None], found.without, 0.0), found.replicates)  # fmt: skip
    beside = usable.uncertainty(g, apart, k, float(variance @ apart**2))
    return {
        "value_1": float(found.first[g, c, k]),
        "value_2": float(found.second[g, c, k]),
        "change": float(size[c]),
        "se": one.total if enough else np.nan,
        "se_linking": float(links[c]),
        "df": one.df,
        "low": low,
        "high": high,
        "apart": float(size @ apart) if others.any() else np.nan,
        "apart_se": beside.total if others.any() and enough else np.nan,
        "students": float(found.replicates.students[g]),
        "schools": float(schools),
    }


def growth(
    occasions: Sequence[Sat],
    persons: pd.DataFrame,
    concepts: Sequence[str],
    bridges: Sequence[Mapping[str, Bridge]] | None = None,
    by: Sequence[str] = (),
    draws: int = DRAWS,
    seed: int = 1,
) -> GrowthModel:
    """One latent regression of the same students over occasions.

    Args:
        occasions: T of them, the earliest first; a student may be absent at any but must have sat one.
        persons: index student, everybody in the cohort; columns district, school (at the first occasion the student
            sat) and those of `by`. Students of an occasion who are not here are left out.
        concepts: those measured at every occasion.
        bridges: for each occasion, concept -> how its scale lies on that of the last; default: as they are, not known.
        by: columns of subgroups, with means of their own in every district at every occasion; small ones are given
            no change.
        draws, seed: of the plausible values.

    Raises:
        DesignError: fewer than two occasions, a concept without answers in a district at an occasion.
        NotConverged: the regression did not settle.
    """
    if len(occasions) < 2:
        raise DesignError("few-occasions", f"{len(occasions)} occasions.", "A change needs two.")
    names = tuple(map(str, concepts))
    bridges = bridges or [{c: Bridge() for c in names} for _ in occasions]
    nodes = np.arange(-HALF_WIDTH, HALF_WIDTH + SPACING / 2, SPACING)
    parts, rows = [], []
    present = np.zeros((len(persons), len(occasions)), dtype=bool)
    cuts = np.full((len(occasions), len(names)), np.nan)
    for t, (sat, bridge) in enumerate(zip(occasions, bridges, strict=True)):
        here = sat.responses[sat.responses.index.isin(persons.index)]
        row = persons.index.get_indexer(here.index)
        parts.append(_evidence(sat.profile, here, names, bridge, nodes))
        rows.append(row)
        present[row, t] = parts[-1].answered.sum(axis=1) > 0
        for c, name in enumerate(names):
            cuts[t, c] = bridge[name].A * sat.profile.cuts[sat.profile.concepts.index(name)] + bridge[name].B
    with one_blas_thread():
        who = condition(persons, list(by), "district", "school")
        design = build_design(who.x, who.school, who.district)
        regression = fit(in_order(join(parts, rows, len(persons)), design), design, tolerance=TOLERANCE)
        schools = [who.schools[int(who.school[design.order][design.school_rows(s)][0])]
                   for s in range(design.school_size.size)]  # fmt: skip
        values = draw(regression, [str(s) for s in persons.index], schools, draws, seed)
        labels, member = _groups(persons, present, by)
        found = replicate(regression, parameter_shifts(regression), values, member, cuts.reshape(-1, 1))
    return GrowthModel(names, labels, cuts, tuple(bridges), regression, found, present)


def _evidence(
    profile: FrozenProfile, responses: pd.DataFrame, names: tuple[str, ...], bridge: Mapping[str, Bridge], nodes: Array
) -> Evidence:
    wanted = [i for i in profile.items.names if i in responses.columns]
    read = read_responses(responses[wanted])
    place = {n: j for j, n in enumerate(profile.items.names)}
    which = np.array([place[n] for n in wanted], dtype=np.int64)
    concept = np.array([names.index(profile.concepts[k]) if profile.concepts[k] in names else -1
                        for k in profile.concept_index[which]])  # fmt: skip
    items = profile.items.select(which)
    table = np.zeros((len(items), int(items.categories.max()), nodes.size))
    for c, name in enumerate(names):
        mine = np.flatnonzero(concept == c)
        if not mine.size:
            raise DesignError("no-items", f"{name} has no items at an occasion.", "Leave the concept out.")
        found = log_probabilities(transform(items.select(mine), bridge[name].A, bridge[name].B), nodes)
        table[mine, : found.shape[1]] = found
    used = concept >= 0
    return evidence(read.scores[:, used], table[used], concept[used], nodes, len(names))


def _groups(
    persons: pd.DataFrame, present: NDArray[np.bool_], by: Sequence[str]
) -> tuple[tuple[tuple[str, str], ...], NDArray[np.bool_]]:
    """Labels and (N, G) membership: districts, then levels of subgroups in them; those who sat all, and everybody."""
    both = present.all(axis=1)
    district = persons["district"].astype(str).to_numpy()
    labels: list[tuple[str, str]] = []
    columns = []
    for home in sorted(set(district)):
        parts = [(home, district == home)]
        for name in by:
            level = level_names(persons[name])
            inside = sorted(set(level[district == home]))
            parts += [(f"{home}, {name} {v}", (district == home) & (level == v)) for v in inside]
        for label, mask in parts:
            if label != home and int((mask & both).sum()) < FEWEST:
                continue
            labels += [(label, "both"), (label, "everybody")]
            columns += [mask & both, mask]
    return tuple(labels), np.column_stack(columns)
