"""Says what is being done, keeps how long it took and what was noticed."""

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from scoring.analysis.result import Notice
from scoring.irt.errors import ScoringWarning


class Steps:
    """Steps of an analysis.

    Attributes:
        seconds: step -> how long it took.
        notices: what was noticed, in order.
    """

    def __init__(self, progress: Callable[[str], None] | None) -> None:
        self.seconds: dict[str, float] = {}
        self.notices: list[Notice] = []
        self._progress = progress

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step, and keep its warnings as notices."""
        start = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ScoringWarning)
            yield
        for warning in caught:
            if issubclass(warning.category, ScoringWarning):
                self.notices.append(Notice("warning", "warning", str(warning.message)))
            else:
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
        self._took(name, time.perf_counter() - start)

    def taken_over(self, seconds: Mapping[str, float], notices: Iterable[Notice]) -> None:
        """Enter steps that were done elsewhere."""
        self.notices.extend(notices)
        for name, taken in seconds.items():
            self._took(name, taken)

    def _took(self, name: str, seconds: float) -> None:
        self.seconds[name] = seconds
        if self._progress is not None:
            self._progress(f"{name}: {seconds:.1f} s")
