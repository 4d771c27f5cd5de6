"""A finished calibration: tables for people, arrays for programs, a file that old versions can still be read from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scoring import checks
from scoring.irt.curves import Array, ItemParameters
from scoring.irt.design import Notice
from scoring.irt.errors import DesignError
from scoring.irt.populations import Populations

FORMAT, VERSION = "itembank-fit", 1


@dataclass(frozen=True, repr=False)
class Fit:
    """Estimates of a calibration.

    Attributes:
        items: indexed by item; group ("all", or the groups an item's parameters belong to), model, n, a, b, d, g and
            their standard errors se_...; items of more than two categories in d1, d2, ..., b1, b2, ....
        groups: indexed by group; n, mean, sd, se_mean, se_sd, partner, share.
        covariance: of all estimated parameters, named "ITEM:a", "ITEM:d" (or "ITEM:d1", ...), "ITEM:logit_g",
            "GROUP:mean" and "GROUP:sd" with "group " before the group's name; "ITEM[GROUP]:a" where an item has
            parameters of its own in a group. NaN where the information is singular.
        log_likelihood: marginal log-likelihood.
        log_prior: log-density of the priors, 0 without any.
        converged: Newton decrement below 1e-9 and smallest eigenvalue of the information positive.
        decrement: Newton decrement g' I⁻¹ g at the end.
        max_gradient: largest absolute gradient.
        min_eigenvalue: smallest eigenvalue of the observed information.
        iterations: steps of the search.
        n_parameters: free parameters.
        n_students: students with at least one answer.
        parameters: the items as arrays, one for each row of `items`.
        population: the groups as arrays.
        df: degrees of freedom of cluster-robust standard errors, None for model-based ones.
        settings: everything the call chose: models, origin, grid, priors, codes.
        notices: what the analyst should know.
    """

    items: pd.DataFrame
    groups: pd.DataFrame
    covariance: pd.DataFrame
    log_likelihood: float
    log_prior: float
    converged: bool
    decrement: float
    max_gradient: float
    min_eigenvalue: float
    iterations: int
    n_parameters: int
    n_students: int
    parameters: ItemParameters
    population: Populations
    df: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()

    def __repr__(self) -> str:
        kinds = self.items["model"].value_counts()
        models = str(kinds.index[0]) if len(kinds) == 1 else ", ".join(f"{m}: {n}" for m, n in kinds.items())
        of = "" if len(self.groups) == 1 else f" in {len(self.groups)} groups"
        state = "converged" if self.converged else "NOT converged"
        said = len(self.warnings)
        words = "" if not said else f", {said} warning{'' if said == 1 else 's'} (see .warnings)"
        return (
            f"<Fit: {len(self.item_names)} items ({models}), {self.n_students:,} students{of}, "
            f"log-likelihood {self.log_likelihood:.1f}, {state}{words}; .items .groups .covariance>"
        )

    @property
    def aic(self) -> float:
        """Akaike's criterion, -2 log L + 2 p."""
        return -2 * self.log_likelihood + 2 * self.n_parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion, -2 log L + p log N."""
        return -2 * self.log_likelihood + self.n_parameters * float(np.log(self.n_students))

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """The notices that are warnings."""
        return tuple(n for n in self.notices if n.severity == "warning")

    @property
    def item_names(self) -> tuple[str, ...]:
        """Names of the items, each once, in the order of the table."""
        return tuple(dict.fromkeys(str(i) for i in self.items.index))

    def item_parameters(self, group: str | None = None) -> ItemParameters:
        """The items as one group answers them, each once, named as in the responses.

        Args:
            group: a group's name; may be None where no item has parameters of its own in a group.

        Raises:
            DesignError: an item has several sets of parameters and no group was named, or the group is unknown.
        """
        sets = self.settings.get("separate", {})
        if group is not None and group not in self.population.names:
            raise DesignError("unknown-group", f"There is no group {group}.", "", self.population.names)
        rows = []
        for at, (name, label) in enumerate(zip(self.items.index, self.items["group"], strict=True)):
            if label == "all":
                rows.append(at)
            elif group is None:
                raise DesignError(
                    "several-parameters", f"Item {name} has parameters of its own in some groups.", "Name a group."
                )
            elif group in sets[str(name)][label]:
                rows.append(at)
        chosen = self.parameters.select(np.array(rows, dtype=np.int64))
        names = tuple(str(self.items.index[r]) for r in rows)
        return ItemParameters(names, chosen.model, chosen.a, chosen.d, chosen.g, chosen.categories)

    def save(self, path: str | Path) -> None:
        """Write the fit as JSON; numbers keep all their digits.

        Raises:
            DesignError: it cannot be written there.
        """
        checks.save_text(path, json.dumps(self.to_dict(), ensure_ascii=False))

    def to_dict(self) -> dict[str, Any]:
        """The fit as plain values."""
        p, q = self.parameters, self.population
        scalars = {name: _plain(getattr(self, name)) for name in _SCALARS}
        return {
            "format": FORMAT,
            "version": VERSION,
            **scalars,
            "items": _table(self.items),
            "groups": _table(self.groups),
            "covariance": {
                "names": [str(c) for c in self.covariance.columns],
                "lower": _numbers(self.covariance.to_numpy()[np.tril_indices(len(self.covariance))]),
            },
            "parameters": {
                "names": list(p.names),
                "model": list(p.model),
                "a": _numbers(p.a),
                "d": [_numbers(row) for row in p.d],
                "g": _numbers(p.g),
                "categories": [int(c) for c in p.categories],
            },
            "population": {
                "names": list(q.names),
                "mean": _numbers(q.mean),
                "sd": _numbers(q.sd),
                "share": _numbers(q.share),
                "nodes": _numbers(q.nodes),
                "histogram": None if q.histogram is None else [_numbers(row) for row in q.histogram],
            },
            "settings": dict(self.settings),
            "notices": [
                {"code": n.code, "severity": n.severity, "message": n.message, "hint": n.hint, "places": list(n.places)}
                for n in self.notices
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Fit":
        """A fit from plain values.

        Raises:
            DesignError: the values are not those of a fit, or of a later version.
        """
        if data.get("format") != FORMAT:
            raise DesignError("not-a-fit", "This is not a saved calibration.", "Save one with fit.save(path).")
        if int(data["version"]) > VERSION:
            raise DesignError(
                "later-version", f"The calibration has format {data['version']}; this program knows {VERSION}.",
                "Upgrade itembank.",
            )  # fmt: skip
        names = data["covariance"]["names"]
        matrix = np.zeros((len(names), len(names)))
        lower = np.tril_indices(len(names))
        matrix[lower] = _array(data["covariance"]["lower"])
        matrix = matrix + np.tril(matrix, -1).T
        p, q = data["parameters"], data["population"]
        parameters = ItemParameters(
            tuple(p["names"]), tuple(p["model"]), _array(p["a"]), np.array([_array(r) for r in p["d"]]),
            _array(p["g"]), np.array(p["categories"], dtype=np.int64),
        )  # fmt: skip
        histogram = None if q["histogram"] is None else np.array([_array(r) for r in q["histogram"]])
        population = Populations(
            tuple(q["names"]), _array(q["mean"]), _array(q["sd"]), _array(q["share"]), _array(q["nodes"]), histogram
        )
        return cls(
            items=_read_table(data["items"]),
            groups=_read_table(data["groups"]),
            covariance=pd.DataFrame(matrix, index=names, columns=names),
            parameters=parameters,
            population=population,
            settings=data["settings"],
            notices=tuple(Notice(**{**n, "places": tuple(n["places"])}) for n in data["notices"]),
            **{name: _scalar(data[name]) for name in _SCALARS},
        )


_SCALARS = (
    "log_likelihood", "log_prior", "converged", "decrement", "max_gradient", "min_eigenvalue", "iterations",
    "n_parameters", "n_students", "df",
)  # fmt: skip


def read_fit(path: str | Path) -> Fit:
    """Read a fit written by Fit.save.

    Raises:
        DesignError: the file is not there, or not a saved calibration.
    """
    try:
        data = json.loads(checks.text_of(path))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DesignError(
            "not-a-fit", f"{path} is not a saved calibration.", "Save one with fit.save(path)."
        ) from error
    if not isinstance(data, dict):
        raise DesignError("not-a-fit", f"{path} is not a saved calibration.", "Save one with fit.save(path).")
    return Fit.from_dict(data)


def _number(value: Any) -> float | None:
    """Not finite (an estimate that does not exist) becomes null."""
    value = float(value)
    return value if np.isfinite(value) else None


def _numbers(values: Array) -> list[float | None]:
    return [_number(v) for v in values]


def _array(values: list[float | None]) -> Array:
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def _plain(value: Any) -> Any:
    """JSON knows neither NaN nor infinity: as a scalar they become text."""
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def _scalar(value: Any) -> Any:
    return float(value) if isinstance(value, str) else value


def _table(table: pd.DataFrame) -> dict[str, Any]:
    columns: dict[str, list[Any]] = {}
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_integer_dtype(column):
            columns[str(name)] = [int(v) for v in column]
        elif pd.api.types.is_numeric_dtype(column):
            columns[str(name)] = _numbers(column.to_numpy(dtype=float))
        else:
            columns[str(name)] = [str(v) for v in column]
    return {"name": table.index.name, "index": [str(i) for i in table.index], "columns": columns}


def _read_table(data: Mapping[str, Any]) -> pd.DataFrame:
    index = pd.Index(data["index"], name=data["name"])
    columns = {
        name: pd.Series([np.nan if v is None else v for v in values], index=range(len(values)), dtype=_dtype(values))
        for name, values in data["columns"].items()
    }
    return pd.DataFrame(columns, index=range(len(index))).set_index(index)


def _dtype(values: list[Any]) -> Any:
    if any(isinstance(v, str) for v in values):
        return None
    return np.int64 if values and all(isinstance(v, int) for v in values) else float
