"""kill -9 at any moment of a load: the bank is before or after it, never between."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROWS, KILLS = 5000, 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed loads are forked")
def test_twenty_kills_over_a_load_of_5000_rows(furnished, tmp_path):
    lines = [f"{i},{'ABCD'[i % 4]},{i % 7},A,1,x" for i in range(ROWS)]
    (tmp_path / "r.csv").write_text("student,Q1,Q2,Q3,Q4,Q5\n" + "\n".join(lines) + "\n")
    words = [
        sys.executable,
        str(Path(__file__).with_name("killing.py")),
        "r.csv",
        str(tmp_path),
        str(KILLS),
        "20260504",
    ]
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        words, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": root}, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *kills, whole, again = [json.loads(line) for line in done.stdout.splitlines()]
    before, after = [0, 0, 0, 0], [ROWS, ROWS, ROWS, 1]
    assert len(kills) == KILLS
    assert all(k["counts"] in (before, after) for k in kills)
    assert not any(k["faults"] for k in (*kills, whole, again))
    assert sum(not k["ended"] for k in kills) >= KILLS // 2  # most met a load that was still at work
    assert any(k["counts"] == before and k["lived"] > max(x["lived"] for x in kills) / 3 for k in kills)
    assert whole["counts"] == again["counts"] == after
