"""What commands print: JSON that every reader takes, and the place of a defect without the values at it."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from itembank import terminal
from itembank.errors import Rejected


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


def test_a_table_wider_than_the_terminal_comes_in_parts_with_its_first_column_in_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"item": "G7-EE-001", "a": 1.25, "p_value": 1e-9, "title": "Walking speed"}]
    monkeypatch.setattr(terminal, "_screen", lambda: 25)
    terminal.emit_rows(rows, ["item", "a", "p_value", "title"])
    assert capsys.readouterr().out.splitlines() == [
        "item           a  p_value", "---------  -----  -------", "G7-EE-001  1.250   <0.001", "",
        "item       title", "---------  -------------", "G7-EE-001  Walking speed",
    ]  # fmt: skip


def test_every_part_names_its_rows(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"concept": "ratios", "group": group, "n": 2721, "rate": 0.25} for group in ("A", "B")]
    monkeypatch.setattr(terminal, "_screen", lambda: 24)
    terminal.emit_rows(rows, ["concept", "group", "n", "rate"])
    first, second = (part.splitlines() for part in capsys.readouterr().out.split("\n\n"))
    assert first[2:] == ["ratios   A      2721", "ratios   B      2721"]
    assert second[2:] == ["ratios   A      0.250", "ratios   B      0.250"]


def test_a_piped_table_keeps_a_row_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.emit_rows([{"item": "G7-EE-001", "title": "x" * 300}], ["item", "title"])
    assert capsys.readouterr().out.splitlines()[2] == "G7-EE-001  " + "x" * 300


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


def test_a_closed_pipe_is_no_failure(tmp_path):
    """`itembank ... | head`: whether the pipe breaks while writing or when the last of it is flushed."""
    root = Path(__file__).parents[2]
    many = "import itembank.terminal as t, sys; t.prepare(); sys.exit(t.run(lambda: t.emit('x' * 99 * %d)))"
    for count in (1, 2000):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-c", many % count],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            cwd=root,
            check=False,
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("code", [0, 3])
def test_a_process_that_leaves_has_said_everything(code):
    """What was printed is there, what asked to be called at the end was called, and the code is the command's."""
    root = Path(__file__).parents[2]
    program = (
        "import atexit, itembank.terminal as t; from itembank.errors import Rejected\n"
        "def command():\n"
        "    atexit.register(print, 'bye')\n"
        "    t.emit('x' * 200_000)\n"
        f"    if {code}: raise Rejected('x', 'No.', 'Try y.')\n"
        "t.prepare(); t.leave(t.run(command))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == code
    assert done.stdout == "x" * 200_000 + "\nbye\n"
    assert done.stderr == ("error: No. (x)\nhint: Try y.\n" if code else "")


def test_a_refusal_keeps_its_code(capsys):
    def refuse():
        raise Rejected("x", "No.", "Try y.")

    assert terminal.run(refuse) == 3
    assert "hint: Try y." in capsys.readouterr().err
