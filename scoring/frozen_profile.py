"""A concept profile whose parameters are no longer estimated: what it takes to score one student or a million."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring import checks
from scoring.data import read_responses
from scoring.irt.curves import Array, ItemParameters
from scoring.irt.errors import DesignError
from scoring.irt.profile_data import ProfileData
from scoring.irt.profile_students import student_results
from scoring.profile_tables import score_table

FORMAT, VERSION = "itembank concept profile", 1
#: Students scored at a time: bounds the memory, not the result.
CHUNK = 65_536


@dataclass(frozen=True)
class FrozenProfile:
    """Parameters of a concept profile under its one common prior.

    Attributes:
        items: (J,) the parameters. concept_index: (J,) their concepts.
        concepts: (C,) names.
        mean, covariance: (C,), (C, C) of the common prior.
        cuts: (C,) θ from which a concept counts as mastered, NaN where there is none.
        enough: (C,) whether the calibration found enough evidence for a verdict.
        nodes: (Q,) of the quadrature.
    """

    items: ItemParameters
    concept_index: NDArray[np.int64]
    concepts: tuple[str, ...]
    mean: Array
    covariance: Array
    cuts: Array
    enough: NDArray[np.bool_]
    nodes: Array

    def concept_items(self, concept: str) -> ItemParameters:
        """The items of a concept."""
        return self.items.select(np.flatnonzero(self.concept_index == self.concepts.index(concept)))

    @property
    def table(self) -> pd.DataFrame:
        """The items as a table: concept, model, a, d1, d2, ..., g."""
        columns: dict[str, Any] = {
            "concept": [self.concepts[c] for c in self.concept_index],
            "model": self.items.model,
            "a": self.items.a,
            **{f"d{k + 1}": self.items.d[:, k] for k in range(self.items.d.shape[1])},
            "g": self.items.g,
        }
        return pd.DataFrame(columns, index=pd.Index(self.items.names, name="item"))

    def with_cuts(self, cuts: Mapping[str, float]) -> "FrozenProfile":
        """The same parameters, with other cuts for some concepts.

        Raises:
            DesignError: a concept that the profile does not have.
        """
        unknown = sorted(set(cuts) - set(self.concepts))
        if unknown:
            raise DesignError("unknown-concept", "Cuts for concepts that no item measures.", "Check names.", unknown)
        return replace(
            self,
            cuts=np.array([float(cuts.get(c, old)) for c, old in zip(self.concepts, self.cuts, strict=True)]),
        )

    def score(
        self, responses: pd.DataFrame, codes: Mapping[str, str] | None = None, not_reached: str = "ignored"
    ) -> pd.DataFrame:
        """θ, SE, probability of mastery and verdict of every student and concept, nothing estimated anew.

        Args:
            responses: rows students, columns items of the profile; an item without a column is not administered.
            codes, not_reached: see `scoring.data.read_responses`.

        Returns:
            DataFrame on the rows of `responses`, columns (concept, what): theta, se, p_mastery, status ("scored", "too
            few items", "no items"), verdict ("mastered", "not yet", "undecided", "not enough evidence").

        Raises:
            DesignError: items that are not in the profile, scores above an item's highest.
        """
        unknown = sorted({str(c) for c in responses.columns} - set(self.items.names))
        if unknown:
            raise DesignError("unknown-item", "Some items are not in the profile.", "Leave them out.", unknown)
        parts = [
            self._some(responses.iloc[first : first + CHUNK], codes, not_reached)
            for first in range(0, max(1, len(responses)), CHUNK)
        ]
        return parts[0] if len(parts) == 1 else pd.concat(parts)

    def _some(self, responses: pd.DataFrame, codes: Mapping[str, str] | None, not_reached: str) -> pd.DataFrame:
        read = read_responses(responses, codes=codes, not_reached=not_reached)
        place = {n: j for j, n in enumerate(read.items)}
        scores = np.full((len(responses), len(self.items)), -1, dtype=np.int8)
        for j, name in enumerate(self.items.names):
            if name in place:
                scores[:, j] = read.scores[:, place[name]]
        beyond = np.flatnonzero(scores.max(axis=0, initial=-1) >= self.items.categories)
        if beyond.size:
            names = [self.items.names[int(j)] for j in beyond]
            raise DesignError("impossible-response", "Scores above an item's highest.", "Check the keys.", names)
        one = np.zeros(len(scores), dtype=np.int64)
        data = ProfileData.sorted(scores, np.ones(len(scores)), one, self.concept_index, len(self.concepts))
        results = student_results(data, self.items, self.nodes, self.mean, self.covariance, self.cuts)
        return score_table(results, scores, self.concept_index, self.concepts, read.persons, self.enough)

    def to_dict(self) -> dict[str, Any]:
        """As plain values; numbers keep all their digits."""
        p = self.items
        return {
            "format": FORMAT,
            "version": VERSION,
            "concepts": list(self.concepts),
            "concept_index": self.concept_index.tolist(),
            "items": {
                "names": list(p.names),
                "model": list(p.model),
                "a": p.a.tolist(),
                "d": [_gaps(row) for row in p.d],
                "g": p.g.tolist(),
                "categories": p.categories.tolist(),
            },
            "mean": self.mean.tolist(),
            "covariance": self.covariance.tolist(),
            "cuts": _gaps(self.cuts),
            "enough": self.enough.tolist(),
            "nodes": self.nodes.tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "FrozenProfile":
        """From plain values.

        Raises:
            DesignError: the values are not those of a profile, or of a later version.
        """
        if data.get("format") != FORMAT:
            raise DesignError("not-a-profile", "This is not a saved concept profile.", "Save one with profile.save.")
        if int(data["version"]) > VERSION:
            message = f"The profile has format {data['version']}; this program knows {VERSION}."
            raise DesignError("later-version", message, "Upgrade itembank.")
        p = data["items"]
        items = ItemParameters(
            tuple(p["names"]),
            tuple(p["model"]),
            np.array(p["a"], dtype=float),
            np.array(p["d"], dtype=float),
            np.array(p["g"], dtype=float),
            np.array(p["categories"], dtype=np.int64),
        )
        return cls(
            items,
            np.array(data["concept_index"], dtype=np.int64),
            tuple(data["concepts"]),
            np.array(data["mean"], dtype=float),
            np.array(data["covariance"], dtype=float),
            np.array(data["cuts"], dtype=float),
            np.array(data["enough"], dtype=bool),
            np.array(data["nodes"], dtype=float),
        )

    def save(self, path: str | Path) -> None:
        """Write the parameters as JSON.

        Raises:
            DesignError: it cannot be written there.
        """
        checks.save_text(path, json.dumps(self.to_dict(), ensure_ascii=False))


def _gaps(values: Array) -> list[float | None]:
    return [None if np.isnan(v) else float(v) for v in values]


def read_profile(path: str | Path) -> FrozenProfile:
    """Read a profile written by `save`.

    Raises:
        DesignError: the file is not there, or no saved profile.
    """
    try:
        data = json.loads(checks.text_of(path))
    except ValueError as error:
        raise DesignError("not-a-profile", f"{Path(path).name} is not JSON.", "Save one with profile.save.") from error
    return FrozenProfile.from_dict(data)
