"""What needs no calibration: item analysis, items at equal ability, answers. Beside the estimation, where that pays.

With many answers a second process does it while the first estimates (`scoring.irt.second`); where there is none, or
it fails, the same is done in place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

import scoring
from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.items import dif_table, option_table
from scoring.analysis.misconceptions import misconception_table
from scoring.analysis.result import Notice
from scoring.analysis.steps import Steps
from scoring.irt import second

#: Answers from which a second process pays for its start, of about a second and a half.
WORTH = 2_000_000


@dataclass(frozen=True)
class Beside:
    """Tables that rest on the answers alone.

    Attributes:
        classical: `scoring.classical` of the scores and the answers as given.
        dif: items at equal ability.
        options: how often each option was chosen.
        misconceptions: how often each misconception showed.
    """

    classical: Any
    dif: pd.DataFrame
    options: pd.DataFrame
    misconceptions: pd.DataFrame


def beside(data: AnalysisInput, informative: Sequence[str], steps: Steps) -> Beside:
    """Compute them here.

    Args:
        data: what was answered.
        informative: the items that tell students apart.
        steps: keeps the time and the notices of each step.
    """
    with steps.step("item analysis"):
        key = {i: str(k).split("|") for i, k in data.items["key"].items() if k} if "key" in data.items else {}
        raw = data.raw if data.raw is not None and key else None
        classical = scoring.classical(data.scored, raw=raw, key=key or None)
    with steps.step("items at equal ability"):
        dif = dif_table(data, data.scored[list(informative)])
    with steps.step("answers"):
        return Beside(classical, dif, option_table(data), misconception_table(data))


class Started:
    """The same, begun at once in the second process, where there is one, and waited for when it is asked for."""

    def __init__(self, data: AnalysisInput, informative: Sequence[str]) -> None:
        # what the tables need, and no more of the students
        self._data = replace(data, persons=None, cuts={}, gate=(), facts=None, taught=None, findings=())
        self._informative = list(informative)
        self._found: Beside | None = None
        helper = second.current()
        self._job = None if helper is None else helper.run(_there, self._data, self._informative)

    def result(self, steps: Steps) -> Beside:
        """The tables; times and notices go to `steps`."""
        if self._found is None:
            try:
                if self._job is None:
                    raise second.Lost
                self._found, seconds, notices = self._job.result()
                steps.taken_over(seconds, notices)
            except second.Lost:
                self._found = beside(self._data, self._informative, steps)
        return self._found


def _there(data: AnalysisInput, informative: list[str]) -> tuple[Beside, dict[str, float], list[Notice]]:
    steps = Steps(None)
    return beside(data, informative, steps), steps.seconds, steps.notices
