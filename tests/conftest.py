"""What all tests share."""

import os
from pathlib import Path

# Before numpy is imported: test processes fill the processors already, and a second thread of BLAS only waits for its
# turn at several times the work (a regression over 158 schools takes five times as long).
for _pool in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

# The same examples in every run, so that a change is judged by what it changed; `HYPOTHESIS_PROFILE=explore` looks for
# new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """The folder of real data with reference results; skips, with the reason, where there is none."""
    place = os.environ.get("ITEMBANK_REFERENCE_DATA", "")
    if not place or not Path(place).is_dir():
        pytest.skip("no reference data: ITEMBANK_REFERENCE_DATA does not name a folder")
    return Path(place)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many of the tests that need something from outside ran, so that none is missed without a word."""
    for mark in ("reference", "browser"):
        counts = {}
        for outcome in ("passed", "failed", "skipped"):
            reports = terminalreporter.stats.get(outcome, [])
            counts[outcome] = len({r.nodeid for r in reports if mark in r.keywords})
        if any(counts.values()):
            terminalreporter.write_line(
                f"{mark} tests: {counts['passed'] + counts['failed']} ran, {counts['skipped']} skipped"
            )
