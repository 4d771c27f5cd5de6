"""What an analysis is given: scored responses, what the items are, who the students are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from itembank.findings import Finding
from scoring.analysis.result import Notice
from scoring.comparison.gates import GateFacts

if TYPE_CHECKING:
    from scoring.agreed_cuts import ScaleFreeCut


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
        weights: (N,) case weights with a mean of 1, or None.
        persons: (N rows) further attributes of the students (language, sex, ...), by name.
        cuts: concept -> cut on the concept's scale, or a cut free of any scale, which the calibration places;
            "set" where both districts agreed on a full panel's cut. Others are provisional.
        gate: rows (check, state, detail) of what is known about comparability, beside `facts`.
        facts: what is on record about comparability; what the analysis finds out itself is added.
        in_bank: True where everything should be on record, so that what is not stamps the comparison.
        taught: index concept, a column per group: yes, partly, no or unknown before the window; None without records.
        notices: what was noticed while reading.
        findings: the same with their places and hints, where a file was read.
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
    weights: "pd.Series[float] | None" = None
    persons: pd.DataFrame | None = None
    cuts: "Mapping[str, float | ScaleFreeCut]" = field(default_factory=dict)
    gate: tuple[tuple[str, str, str], ...] = ()
    facts: GateFacts | None = None
    in_bank: bool = False
    taught: pd.DataFrame | None = None
    notices: tuple[Notice, ...] = ()
    findings: tuple[Finding, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    simulated: bool = False
