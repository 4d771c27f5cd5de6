"""From a table of persons to the design matrix of a latent regression."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.irt.distinct import distinct_rows_of
from scoring.irt.errors import DesignError

Array = NDArray[np.float64]
MISSING = "(not recorded)"
#: A number with more values than this is a covariate, with fewer a category.
MOST_LEVELS = 12


@dataclass(frozen=True)
class Conditioning:
    """What plausible values are conditioned on.

    Attributes:
        x: (N, K) design matrix: districts, then every variable within every district.
        columns: (K,) names.
        variables: the variables, interactions as "a x b".
        district: (N,) district numbers; districts: their names.
        school: (N,) school numbers; schools: their names.
    """

    x: Array
    columns: tuple[str, ...]
    variables: tuple[str, ...]
    district: NDArray[np.int64]
    districts: tuple[str, ...]
    school: NDArray[np.int64]
    schools: tuple[str, ...]


def condition(
    persons: pd.DataFrame, condition_on: Sequence[str | tuple[str, ...]], partner: str, clusters: str
) -> Conditioning:
    """Design matrix with district-specific coefficients for every variable and interaction.

    Categories are coded against their most frequent level, an empty cell is a level of its own, numbers with more
    than 12 values enter standardised (empty: mean, with an indicator). Columns without students are left out.

    Raises:
        DesignError: a column that is missing, and every other finding at once.
    """
    variables = [(v,) if isinstance(v, str) else tuple(v) for v in condition_on]
    variables = [v for v in dict.fromkeys(variables) if v != (partner,)]
    needed = dict.fromkeys([partner, clusters, *(name for v in variables for name in v)])
    problems = [f"{name}: no such column" for name in needed if name not in persons.columns]
    problems += [
        f"{name}: empty for {int(persons[name].isna().sum())} students"
        for name in (partner, clusters)
        if name in persons.columns and persons[name].isna().any()
    ]
    if clusters in [name for v in variables for name in v]:
        problems.append(f"{clusters}: schools are a random effect already, do not condition on them")
    if problems:
        raise DesignError(
            "persons", "The table of persons cannot be conditioned on.",
            "persons has the columns " + ", ".join(map(str, persons.columns)) + "; partner= and clusters= name others.",
            problems,
        )  # fmt: skip
    districts, district = _codes(persons[partner])
    names, school = _codes(persons[partner].astype(str) + " / " + persons[clusters].astype(str))
    blocks: list[tuple[str, Array]] = [("", np.ones((len(persons), 1)))]
    for v in variables:
        terms, effect = _interaction(persons, v)
        blocks += [(term, effect[:, i : i + 1]) for i, term in enumerate(terms)]
    columns: list[str] = []
    parts: list[Array] = []
    for d, home in enumerate(districts):
        inside = (district == d).astype(float)[:, None]
        for label, part in blocks:
            column = part * inside
            if not np.any(column):
                continue
            columns.append(home if not label else f"{home}: {label}")
            parts.append(column)
    x = np.hstack(parts)
    keep = _independent(x)
    return Conditioning(
        x[:, keep],
        tuple(columns[i] for i in keep),
        tuple(" x ".join(v) for v in variables),
        district,
        districts,
        school,
        names,
    )


def _codes(column: "pd.Series[str]") -> tuple[tuple[str, ...], NDArray[np.int64]]:
    codes, names = pd.factorize(column.astype(str), sort=True)
    return tuple(str(n) for n in names), codes.astype(np.int64)


def _interaction(persons: pd.DataFrame, names: tuple[str, ...]) -> tuple[list[str], Array]:
    label, part = _main_effect(persons[names[0]], names[0])
    for name in names[1:]:
        other_label, other = _main_effect(persons[name], name)
        label = [f"{a} x {b}" for a in label for b in other_label]
        part = (part[:, :, None] * other[:, None, :]).reshape(len(persons), -1)
    return label, part


def _main_effect(column: "pd.Series[object]", name: str) -> tuple[list[str], Array]:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        numbers = column.to_numpy(dtype=float, na_value=np.nan)
        known = np.isfinite(numbers)
        if np.unique(numbers[known]).size > MOST_LEVELS:
            scaled = np.where(known, (numbers - numbers[known].mean()) / numbers[known].std(), 0.0)
            if known.all():
                return [name], scaled[:, None]
            return [name, f"{name}={MISSING}"], np.column_stack([scaled, ~known])
    text = level_names(column)
    names, codes, count = np.unique(text, return_inverse=True, return_counts=True)
    base = int(count.argmax())
    others = [i for i in range(names.size) if i != base]
    return [f"{name}={names[i]}" for i in others], np.column_stack(
        [codes.reshape(-1) == i for i in others] or [np.zeros(len(text))]
    ).astype(float)


def level_names(column: "pd.Series[object]") -> NDArray[np.str_]:
    """Levels of a column as text, 1.0 written 1, empty cells as their own level."""
    whole = column
    if pd.api.types.is_float_dtype(column):
        numbers = column.to_numpy(dtype=float, na_value=np.nan)
        if np.all(numbers[np.isfinite(numbers)] == np.floor(numbers[np.isfinite(numbers)])):
            whole = column.astype("Int64")
    return whole.astype("string").fillna(MISSING).to_numpy(dtype=str)


def _independent(x: Array) -> list[int]:
    """Columns that are not combinations of earlier ones, found on the distinct rows."""
    rows = x[distinct_rows_of(x)[0]]
    keep: list[int] = []
    basis = np.zeros((rows.shape[0], 0))
    for k in range(x.shape[1]):
        column = rows[:, k] - basis @ (basis.T @ rows[:, k])
        column -= basis @ (basis.T @ column)
        size = float(np.linalg.norm(column))
        if size > 1e-8 * max(float(np.linalg.norm(rows[:, k])), 1e-300):
            keep.append(k)
            basis = np.column_stack([basis, column / size])
    return keep
