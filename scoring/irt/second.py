"""A second process of ours: jobs go in at one end, results come out at the other, in the order of the jobs.

Threads of one interpreter wait for each other at every short call of numpy, processes do not: with two processors the
same work takes half the time instead of two thirds. The process is started with the program's own interpreter, gets
what it needs through a pipe, writes nothing anywhere and ends with whoever started it. Where it cannot be started or
ends early, a job fails with `Lost`, and the caller does the work in place. What is printed or warned of there is not
seen: a job says with its result what has to be said.
"""

import itertools
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from scoring.irt.threads import one_blas_thread

#: Comes before each result: an environment may print as its interpreter starts.
_HERE = b"\0result\0"
#: Of what is kept: no two processes have one in common, so that none is asked for what another one keeps.
_NUMBERS = itertools.count(1)


class Lost(Exception):
    """The second process is gone, or could not do the job."""


@dataclass(frozen=True)
class Kept:
    """Stands for an object that the second process keeps, among the arguments of a job."""

    number: int


class Second:
    """The second process. Jobs are functions of modules; arguments and results travel pickled."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._waiting: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._open: list[Future[Any]] = []
        self._lost = threading.Event()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
        # -P: the folder that somebody works in is not on the path here, and a file in it must not be taken for a module
        command = [sys.executable, "-P", "-c", "from scoring.irt.second import serve; serve()"]
        self._threads: list[threading.Thread] = []
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
            )
        except OSError:
            self._lost.set()
            return
        # a thread at each end: a pipe takes and gives only as fast as the other side reads and writes
        self._threads = [threading.Thread(target=end, daemon=True) for end in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()

    @property
    def idle(self) -> bool:
        """Whether it is there and has nothing to do."""
        self._open = [job for job in self._open if not job.done()]
        return not self._open and not self._lost.is_set()

    def run(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """The result of `function(*arguments)`, computed there; its `result()` raises `Lost` where that failed."""
        return self._submit(None, function, arguments)

    def keep(self, function: Callable[..., Any], *arguments: Any) -> Kept:
        """What `function(*arguments)` gives stays there, for later jobs; they fail where it has failed."""
        number = next(_NUMBERS)
        self._submit(number, function, arguments)
        return Kept(number)

    def _submit(self, number: int | None, function: Callable[..., Any], arguments: tuple[Any, ...]) -> "Future[Any]":
        job: Future[Any] = Future()
        if self._lost.is_set():
            job.set_exception(Lost())
            return job
        wanted = pickle.dumps((number, function, arguments), protocol=pickle.HIGHEST_PROTOCOL)
        self._open = [*(other for other in self._open if not other.done()), job]  # results are not held here
        self._waiting.put(job)
        self._jobs.put(wanted)
        if self._lost.is_set():  # it was lost meanwhile, and whoever cleared up may not have seen this job
            self._give_up()
        return job

    def _send(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            with self._process.stdin as pipe:
                while (job := self._jobs.get()) is not None:
                    pipe.write(job)
                    pipe.flush()
        except OSError:
            return  # it has ended: the other thread sees that

    def _receive(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            try:
                while _skip_to(_HERE, pipe):
                    good, value = pickle.load(pipe)
                    job = self._waiting.get()
                    if good:
                        job.set_result(value)
                    else:
                        job.set_exception(Lost())
            except Exception:
                pass  # whatever came, it is no result, and the jobs are done in place
        self._lost.set()
        self._jobs.put(None)
        self._give_up()

    def _give_up(self) -> None:
        while True:
            try:
                self._waiting.get_nowait().set_exception(Lost())
            except queue.Empty:
                return

    def close(self) -> None:
        """End it, whatever it does."""
        self._lost.set()
        if self._process is None:
            return
        self._process.kill()
        self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self._process.wait()


_current: ContextVar[Second | None] = ContextVar("second", default=None)


def current() -> Second | None:
    """The second process that this work may use, if there is one."""
    return _current.get()


@contextmanager
def working(wanted: bool) -> Iterator[Second | None]:
    """Context with a second process, if it is wanted and the machine has a second processor."""
    if not wanted or (os.cpu_count() or 1) < 2:
        yield None
        return
    second = Second()
    before = _current.set(second)
    try:
        yield second
    finally:
        _current.reset(before)
        second.close()


def _skip_to(mark: bytes, pipe: Any) -> bool:
    """Read up to and including the mark; False where the stream ends without it."""
    seen = b""
    while not seen.endswith(mark):
        byte = pipe.read(1)
        if not byte:
            return False
        seen = (seen + byte)[-len(mark) :]
    return True


def serve() -> None:
    """The second process: jobs in at one end, results out at the other, until the first closes the pipe."""
    jobs = sys.stdin.buffer
    kept: dict[int, Any] = {}
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out, one_blas_thread():
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints must not get among the results
        while True:
            try:
                number, function, arguments = pickle.load(jobs)
            except EOFError:
                return
            try:
                value = function(*(kept[a.number] if isinstance(a, Kept) else a for a in arguments))
                if number is not None:
                    kept[number], value = value, None
                answer = pickle.dumps((True, value), protocol=pickle.HIGHEST_PROTOCOL)
            except Exception:
                answer = pickle.dumps((False, None))  # the first process meets the same in place, and says it
            out.write(_HERE)
            out.write(answer)
            out.flush()
