"""What commands print: JSON that every reader takes, and the place of a defect without the values at it."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from itembank import terminal


def strict(text: str) -> object:
    """As a reader of JSON does it that knows no NaN."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


def test_json_has_null_for_what_is_missing_and_numbers_for_numpy_s_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.emit_json(
        {
            "nan": float("nan"),
            "rows": [{"x": np.float64("inf"), "n": np.int64(7)}, (1, np.float32(0.5))],
            "array": np.array([1.0, np.nan]),
            "yes": np.True_,
            "day": date(2026, 10, 5),
            "place": Path("a/b"),
        }
    )
    assert strict(capsys.readouterr().out) == {
        "nan": None, "rows": [{"x": None, "n": 7}, [1, 0.5]], "array": [1.0, None], "yes": True, "day": "2026-10-05",
        "place": str(Path("a/b")),
    }  # fmt: skip


def test_rows_as_json_are_strict_too(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.emit_rows([{"a": float("nan"), "b": 1.5}], ["a", "b"], "json")
    assert strict(capsys.readouterr().out) == [{"a": None, "b": 1.5}]


def test_a_defect_deep_in_any_of_our_folders_is_named_there(capsys: pytest.CaptureFixture[str]) -> None:
    from scoring.comparison.comparing import read_cuts

    try:
        read_cuts({"c0": "Maria"}, ["c0"])  # fails inside numpy: the last line of ours is read_cuts'
    except ValueError as error:
        code = terminal.explain(error)
    said = capsys.readouterr().err
    assert code == 70
    assert "comparing.py" in said
    assert "Maria" not in said
