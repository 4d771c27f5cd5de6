"""`scoring.plausible_values`: draws of abilities, with everything a comparison needs of the model they came from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from itembank.terminal import neutralised
from scoring import checks
from scoring.comparison.conditioning import condition
from scoring.data import read_responses
from scoring.frozen import freeze
from scoring.groups.design import build_design
from scoring.groups.jackknife import ParameterShifts, parameter_shifts
from scoring.groups.latent import LatentRegression, fit
from scoring.groups.plausible import draw
from scoring.groups.sites import Evidence, evidence
from scoring.irt.curves import ItemParameters, log_probabilities
from scoring.irt.errors import DesignError
from scoring.irt.threads import on_one_blas_thread, one_blas_thread

#: Spacing and half-width of the grid, in SDs of the pooled population.
SPACING, HALF_WIDTH = 0.25, 6.0
TOLERANCE = 1e-4


@dataclass(frozen=True)
class PlausibleValues:
    """Plausible values and the latent regression behind them.

    Attributes:
        values: (N, M, C) float32, rows as in persons.
        concepts: (C,) names; ("total",) for one ability.
        persons: the table of persons.
        partner, clusters: its columns of district and school.
        variables: what was conditioned on, within each district.
        columns: (K,) names of the coefficients.
        districts: (D,) names.
        items: concept -> number of items that measured it.
        schools: names of the model's schools, small ones pooled.
        regression: the latent regression.
        shifts: its re-estimates without each school.
        seed: of the draws.
        weights: case weights the latent regression was fitted with.
    """

    values: NDArray[np.float32]
    concepts: tuple[str, ...]
    persons: pd.DataFrame
    partner: str
    clusters: str
    variables: tuple[str, ...]
    columns: tuple[str, ...]
    districts: tuple[str, ...]
    items: dict[str, int]
    schools: tuple[str, ...]
    regression: LatentRegression
    shifts: ParameterShifts
    seed: int
    weights: "pd.Series[float] | None" = None

    @property
    def draws(self) -> int:
        """Number of plausible values per student and concept."""
        return int(self.values.shape[1])

    def table(self) -> pd.DataFrame:
        """Rows as persons, columns (concept, "pv1"), (concept, "pv2"), ..."""
        n, m, c = self.values.shape
        columns = pd.MultiIndex.from_product([self.concepts, [f"pv{i + 1}" for i in range(m)]])
        return pd.DataFrame(self.values.transpose(0, 2, 1).reshape(n, c * m), index=self.persons.index, columns=columns)

    def coefficients(self) -> pd.DataFrame:
        """Latent regression, indexed by (concept, term): estimate, se. The SE is the model's, given the covariances."""
        gamma = self.regression.population.gamma.T
        se = np.sqrt(np.diag(self.regression.gamma_covariance)).reshape(gamma.shape)
        index = pd.MultiIndex.from_product([self.concepts, self.columns], names=["concept", "term"])
        return pd.DataFrame({"estimate": gamma.reshape(-1), "se": se.reshape(-1)}, index=index)

    def variances(self) -> pd.DataFrame:
        """Indexed by (district, concept): residual SD, SD of school effects, intraclass correlation."""
        tau = np.diag(self.regression.population.tau)
        sigma = np.einsum("dcc->dc", self.regression.population.sigma)
        index = pd.MultiIndex.from_product([self.districts, self.concepts], names=["district", "concept"])
        return pd.DataFrame(
            {
                "residual_sd": np.sqrt(sigma).reshape(-1),
                "school_sd": np.sqrt(np.broadcast_to(tau, sigma.shape)).reshape(-1),
                "intraclass_correlation": (tau / (tau + sigma)).reshape(-1),
            },
            index=index,
        )

    def export(self, folder: str | Path) -> list[Path]:
        """Write plausible_values.csv, its data dictionary and the rules for combining them; returns the files.

        The rows carry the persons' index: an internal file, never for publication.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        flat = self.table()
        flat.columns = [f"{c}_{v}" for c, v in flat.columns]
        flat.index = flat.index.map(lambda v: neutralised(v) if isinstance(v, str) else v)
        flat.to_csv(place / "plausible_values.csv", float_format="%.5f", index_label="student")
        dictionary = {
            "rows": len(flat),
            "columns": {
                f"{c}_pv{i + 1}": f"draw {i + 1} of ability on {c}, pooled population N(0, 1)"
                for c in self.concepts
                for i in range(self.draws)
            },
            "conditioned_on": [self.partner, *self.variables],
            "interactions": "every variable within every district",
            "school_effect": f"random, column {self.clusters}",
            "items": self.items,
            "draws": self.draws,
            "seed": self.seed,
        }
        (place / "data_dictionary.json").write_text(json.dumps(dictionary, indent=2) + "\n", encoding="utf-8")
        (place / "COMBINING.md").write_text(_COMBINING, encoding="utf-8")
        return [place / name for name in ("plausible_values.csv", "data_dictionary.json", "COMBINING.md")]


_COMBINING = """# How to combine plausible values

1. Compute the statistic once for each draw, with the same draw number for every student and concept.
2. The estimate is the mean over the draws. Never average the draws of a student first: a share at or above a cut, a
   variance or a percentile of averages is wrong.
3. "These students": the variance is (1 + 1/M) times the variance of the M results, t with M - 1 degrees of freedom
   (Rubin 1987).
4. "Schools like these": drop one school at a time within its district and re-estimate the population model as well;
   `scoring.compare` does this. Measurement error is inside that variance: do not add the variance between draws.
5. Only statistics of variables that the draws were conditioned on (data_dictionary.json) are unbiased. For any other
   variable draw again.
6. A plausible value is not a student's score.
"""


@on_one_blas_thread
def plausible_values(
    fit_or_profile: Any,
    responses: pd.DataFrame,
    persons: pd.DataFrame,
    condition_on: Sequence[str | tuple[str, ...]],
    draws: int = 20,
    seed: int = 1,
    *,
    partner: str = "district",
    clusters: str = "school",
    concepts: Mapping[str, str] | None = None,
    codes: Mapping[str, str] | None = None,
    weights: "pd.Series[float] | None" = None,
) -> PlausibleValues:
    """Plausible values from a latent regression on reported variables, district and school.

    Args:
        fit_or_profile: a Fit (one ability, "total"), a ConceptProfile, or a table of items; item parameters are held.
        responses: rows students, columns items; items without parameters are an error.
        persons: rows as in responses (same index), with partner, clusters and the variables.
        condition_on: every variable that will be reported, tuples for interactions; all within each district.
        draws: plausible values per student and concept.
        seed: with the student's index entry it determines the draws; the order of rows does not matter.
        partner: column of the district.
        clusters: column of the school; schools under 11 students are pooled within their district.
        concepts: item -> concept, where the items do not carry it themselves.
        codes: as in `calibrate`. Not reached items are left out.
        weights: case weights, aligned to persons: a student of weight 2 counts like two. Comparisons use them, too.
            Bring sampling weights to a mean of 1, or the regression believes in more students than there are.

    Returns:
        PlausibleValues.

    Raises:
        DesignError: indexes differ or repeat, a column or an item is missing, a concept has no answers in a district.
        NotConverged: the latent regression did not settle.
    """
    checks.table(responses, "responses", "Rows students, columns items.")
    checks.table(persons, "persons", "One row for each of responses: district, school and what is conditioned on.")
    _check_index(responses, persons)
    check_weights(weights, persons)
    if draws < 2:
        raise DesignError("draws", f"{draws} draws cannot tell how much they differ.", "Use 5 to 100; 20 is usual.")
    parameters, of_item, names = _items(fit_or_profile, concepts)
    unknown = [str(c) for c in responses.columns if str(c) not in of_item]
    if unknown:
        raise DesignError("unknown-item", "Some items have no parameters.", "Leave them out of responses.", unknown)
    read = read_responses(responses, codes)
    index = {name: i for i, name in enumerate(parameters.names)}
    items = parameters.select(np.array([index[n] for n in read.items], dtype=np.int64))
    top = read.scores.max(axis=0)
    too_high = [n for n, t, k in zip(read.items, top, items.categories, strict=True) if t >= k]
    if too_high:
        raise DesignError("score-too-high", "Some scores lie above the item's highest category.", details=too_high)
    concept = np.array([names.index(of_item[n]) for n in read.items], dtype=np.int64)
    nodes = np.arange(-HALF_WIDTH, HALF_WIDTH + SPACING / 2, SPACING)
    who = condition(persons, condition_on, partner, clusters)
    with one_blas_thread():
        w = None if weights is None else weights.to_numpy(dtype=float)
        design = build_design(who.x, who.school, who.district, weight=w)
        ev = evidence(read.scores[design.order], log_probabilities(items, nodes), concept, nodes, len(names))
        _check_evidence(ev, who.district[design.order], who.districts, names)
        regression = fit(ev, design, tolerance=TOLERANCE)
        schools = _school_names(who.schools, who.districts, who.school[design.order], regression)
        values = draw(regression, list(persons.index), schools, draws, seed)
        shifts = parameter_shifts(regression)
    used = {name: int((concept == c).sum()) for c, name in enumerate(names)}
    return PlausibleValues(
        values, names, persons, partner, clusters, who.variables, who.columns, who.districts, used, schools,
        regression, shifts, seed, weights,
    )  # fmt: skip


def check_weights(weights: "pd.Series[float] | None", persons: pd.DataFrame) -> None:
    """Refuse case weights that belong to other rows or are not positive."""
    if weights is None:
        return
    if not weights.index.equals(persons.index):
        raise DesignError("weights", "The rows of weights are not those of persons.")
    values = weights.to_numpy(dtype=float)
    if not np.all(np.isfinite(values) & (values > 0)):
        raise DesignError("weights", "Weights must be positive numbers.")


def _check_index(responses: pd.DataFrame, persons: pd.DataFrame) -> None:
    if not responses.index.equals(persons.index):
        raise DesignError(
            "rows-differ", "The rows of persons are not those of responses.", "Use persons.loc[responses.index]."
        )
    if not responses.index.is_unique:
        count = int(responses.index.duplicated().sum())
        raise DesignError(
            "repeated-students",
            f"{count} rows repeat a student.",
            "Index both tables by one identifier per student.",
        )


def _items(source: Any, concepts: Mapping[str, str] | None) -> tuple[ItemParameters, dict[str, str], tuple[str, ...]]:
    """Parameters, item -> concept, concept names in their order of first appearance."""
    table = source if isinstance(source, pd.DataFrame) else getattr(source, "items", None)
    parameters = source.parameters if hasattr(source, "concept_index") else freeze(source).items
    of_item: dict[str, str]
    if concepts is not None:
        of_item = {n: str(concepts[n]) for n in parameters.names if n in concepts}
    elif isinstance(table, pd.DataFrame) and "concept" in table.columns:
        of_item = {str(i): str(c) for i, c in zip(table.index, table["concept"], strict=True)}
    else:
        of_item = dict.fromkeys(parameters.names, "total")
    order = getattr(source, "concepts", None)
    if isinstance(order, (list, tuple)) and set(map(str, order)) == set(of_item.values()):
        return parameters, of_item, tuple(str(c) for c in order)
    return parameters, of_item, tuple(dict.fromkeys(of_item.values()))


def _check_evidence(
    ev: Evidence, district: NDArray[np.int64], districts: tuple[str, ...], names: tuple[str, ...]
) -> None:
    problems = [
        f"{names[c]}: no answers in {home}"
        for d, home in enumerate(districts)
        for c in np.flatnonzero(~np.any(ev.answered[district == d] > 0, axis=0))
    ]
    if problems:
        raise DesignError(
            "no-evidence", "A concept was not answered in a district.", "Leave its items out of responses.", problems
        )


def _school_names(
    names: tuple[str, ...], districts: tuple[str, ...], school: NDArray[np.int64], regression: LatentRegression
) -> tuple[str, ...]:
    design = regression.design
    out = []
    for s in range(design.school_size.size):
        inside = np.unique(school[design.school_rows(s)])
        home = districts[int(design.school_district[s])]
        out.append(names[int(inside[0])] if inside.size == 1 else f"{home} / (small schools)")
    return tuple(out)
