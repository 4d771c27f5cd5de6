"""What needs no calibration: item analysis, items at equal ability, answers. Beside the estimation, where that pays.

With many answers a second process does it while the first estimates: two processors, and neither waits for the
other's interpreter. It gets the answers through a pipe and gives tables back; nothing is written anywhere. Where a
process cannot be started, or fails, the same is done in place.
"""

import os
import pickle
import subprocess
import sys
import threading
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
from scoring.irt.threads import one_blas_thread

#: Answers from which a second process pays for its start, of about a second and a half.
WORTH = 2_000_000
#: Comes before the tables: an environment may print as its interpreter starts.
_HERE = b"\0tables\0"


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
    """The same, begun in a second process at once and waited for when it is asked for."""

    def __init__(self, data: AnalysisInput, informative: Sequence[str]) -> None:
        # what the tables need, and no more of the students
        self._data = replace(data, persons=None, cuts={}, gate=(), facts=None, taught=None, findings=())
        self._informative = list(informative)
        self._found: Beside | None = None
        self._process: subprocess.Popen[bytes] | None = None
        if data.scored.size >= WORTH and (os.cpu_count() or 1) > 1:
            self._start()

    def _start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
        # -P: the folder that somebody works in is not on the path here, and a file in it must not be taken for a module
        command = [sys.executable, "-P", "-c", "from scoring.analysis.beside import serve; serve()"]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
            )
        except OSError:
            return
        # a thread feeds it: the pipe takes the answers only as fast as the other side wakes up
        self._feeder = threading.Thread(target=self._feed, args=(self._process,), daemon=True)
        self._feeder.start()

    def _feed(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        try:
            with process.stdin as pipe:
                pickle.dump((self._data, self._informative), pipe, protocol=pickle.HIGHEST_PROTOCOL)
        except OSError:
            return  # it ended before it had read all: `result` sees that

    def result(self, steps: Steps) -> Beside:
        """The tables; times and notices go to `steps`."""
        if self._found is None:
            received = self._received()
            if received is None:
                self._found = beside(self._data, self._informative, steps)
            else:
                self._found, seconds, notices = received
                steps.taken_over(seconds, notices)
        return self._found

    def _received(self) -> tuple[Beside, dict[str, float], list[Notice]] | None:
        process, self._process = self._process, None
        if process is None:
            return None
        try:
            answer = _read(process)
        except BaseException:
            process.kill()  # nobody waits for it any more
            raise
        self._feeder.join()
        _, here, tables = answer.partition(_HERE)
        if process.returncode != 0 or not here:
            return None
        found: tuple[Beside, dict[str, float], list[Notice]] = pickle.loads(tables)
        return found

    def __enter__(self) -> "Started":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:  # the estimation was given up
            self._process.kill()
            _read(self._process)
            self._feeder.join()


def _read(process: "subprocess.Popen[bytes]") -> bytes:
    assert process.stdout is not None
    with process.stdout as pipe:
        answer = pipe.read()
    process.wait()
    return answer


def serve() -> None:
    """The second process: answers in at one end, tables out at the other."""
    data, informative = pickle.load(sys.stdin.buffer)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints must not get among the tables
        out.write(_HERE)
        steps = Steps(None)
        with one_blas_thread():
            found = beside(data, informative, steps)
        pickle.dump((found, steps.seconds, steps.notices), out, protocol=pickle.HIGHEST_PROTOCOL)
