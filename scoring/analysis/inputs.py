"""What an analysis is given: scored responses, what the items are, who the students are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from scoring.analysis.result import Notice


@dataclass(frozen=True)
class AnalysisInput:
    """One administration, ready to be analysed.

    Attributes:
        title: for the head of the report.
        scored: (N, J) scores 0, 1, ...; empty = not administered; `O`, `R`, `M` as in scoring.data.
        items: index item, in the order of the columns; title, concept (may be empty), type, points, key.
        raw: (N, J) answers as given, or None when only scores exist.
        options: columns item, option, misconception (empty for none), is_key, answers (tuple of the answers
            in `raw` that count as the option): the options that are known.
        misconceptions: index misconception; name.
        concept_names: concept -> name to show.
        groups: (N,) label of each student's group, or None.
        group_order: the groups in the order they are shown.
        group_word: what a group is called.
        clusters: (N,) school of each student, or None.
        persons: (N rows) further attributes of the students (language, sex, ...), by name.
        cuts: concept -> cut on the concept's scale, for cuts that were set; others are provisional.
        gate: rows (check, state, detail) of what is known about comparability.
        notices: what was noticed while reading.
        provenance: hashes and names of the inputs.
        simulated: True for simulated students.
    """

    title: str
    scored: pd.DataFrame
    items: pd.DataFrame
    raw: pd.DataFrame | None = None
    options: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["item", "option", "misconception", "is_key", "answers"])
    )
    misconceptions: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["name"]))
    concept_names: Mapping[str, str] = field(default_factory=dict)
    groups: pd.Series | None = None
    group_order: tuple[str, ...] = ()
    group_word: str = "group"
    clusters: pd.Series | None = None
    persons: pd.DataFrame | None = None
    cuts: Mapping[str, float] = field(default_factory=dict)
    gate: tuple[tuple[str, str, str], ...] = ()
    notices: tuple[Notice, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    simulated: bool = False
