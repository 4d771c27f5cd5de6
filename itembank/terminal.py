"""How commands talk: data on stdout, messages on stderr, tables in three formats, the next step last."""

import atexit
import contextlib
import csv
import io
import json
import math
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn

from itembank import spelling
from itembank.findings import Finding

#: Folders whose lines are ours, wherever the program was installed.
OURS = tuple(Path(__file__).parents[1] / name for name in ("itembank", "scoring"))
Format = Literal["table", "csv", "json"]


def say(message: str = "") -> None:
    """A message for the person at the terminal (stderr)."""
    print(message, file=sys.stderr)


def next_step(command: str) -> None:
    """The last line on stderr: what to do next."""
    print(f"Next: {command}", file=sys.stderr)


def emit(text: str) -> None:
    """Data (stdout)."""
    print(text)


def emit_json(value: Any) -> None:
    """JSON on stdout; dates and paths become text, numbers that are missing or infinite become null."""
    json.dump(_plain(value), sys.stdout, indent=2, default=str, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")


def _plain(value: Any) -> Any:
    """The same with what JSON has no word for (NaN, numpy's numbers) as what a reader expects in its place."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return _plain(value.tolist()) if hasattr(value, "tolist") else value


def cell(value: Any) -> str:
    """One value for a person to read: floats to three decimals, missing values empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if value != value else f"{round(value, 3) + 0.0:.3f}"  # never minus zero
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(cell(v) for v in value)
    return str(value)


def neutralised(text: str) -> str:
    """A cell that no spreadsheet takes for a formula (CSV injection): =, +, -, @, tab get a leading quote.

    Plain numbers keep their sign. A lone carriage return, which csv.writer leaves unquoted, becomes a line break.
    """
    if "\r" in text[1:]:
        text = text[0] + text[1:].replace("\r\n", "\n").replace("\r", "\n")
    if text and text[0] in "=+-@\t\r":
        try:
            float(text)
        except ValueError:
            return "'" + text.replace("\r", "\n")
    return text


def emit_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], format: Format = "table") -> None:
    """Rows on stdout as an aligned text table, CSV or JSON.

    Args:
        rows: mappings from column name to value.
        columns: which columns, in which order.
        format: "table" for people, "csv" and "json" for programs.
    """
    rows = list(rows)
    if format == "json":
        emit_json([{c: row.get(c) for c in columns} for row in rows])
        return
    if format == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([neutralised("" if row.get(c) is None else str(row.get(c))) for c in columns])
        return
    cells = [[cell(row.get(c)) for c in columns] for row in rows]
    numeric = [
        bool(rows) and all(isinstance(row.get(c), (int, float)) or row.get(c) is None for row in rows) for c in columns
    ]
    for i in (i for i, c in enumerate(columns) if c.startswith("p_")):  # no chance is nought
        for line, row in zip(cells, rows, strict=True):
            value = row.get(columns[i])
            line[i] = "<0.001" if isinstance(value, float) and value < 0.0005 else line[i]
    width = [max([len(c)] + [len(line[i]) for line in cells]) for i, c in enumerate(columns)]
    for k, shown in enumerate(_parts(width, _screen(), _naming(cells))):
        if k:
            print()
        for line in [list(columns), ["-" * w for w in width], *cells]:
            print("  ".join(line[i].rjust(width[i]) if numeric[i] else line[i].ljust(width[i]) for i in shown).rstrip())


def _screen() -> int | None:
    """Columns of the terminal that a person looks at; None for a file or a pipe, where a row stays one line."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _naming(cells: Sequence[Sequence[str]]) -> int:
    """How many leading columns it takes to tell the rows apart, three at most."""
    unique = (k for k in (1, 2) if len({tuple(line[:k]) for line in cells}) == len(cells))
    return next(unique, 3)


def _parts(width: Sequence[int], screen: int | None, naming: int) -> list[list[int]]:
    """Columns that stand beside each other: all, or as many as a terminal holds, the naming ones in each part."""
    every = list(range(len(width)))
    if screen is None or sum(width) + 2 * (len(width) - 1) <= screen:
        return [every]
    while naming > 1 and sum(width[:naming]) + 2 * naming > 0.7 * screen:
        naming -= 1
    parts = [every[:naming]]
    for i in every[naming:]:
        if len(parts[-1]) > naming and sum(width[j] + 2 for j in parts[-1]) + width[i] > screen:
            parts.append(every[:naming])
        parts[-1].append(i)
    return parts


def show_findings(findings: Sequence[Finding], format: Format = "table", limit: int = 200) -> None:
    """Findings, one per line on stderr (or as JSON on stdout), at most `limit` of them, the rest counted."""
    if format == "json":
        emit_json([f.as_dict() for f in findings])
        return
    for finding in findings[:limit]:
        say(str(finding))
    if len(findings) > limit:
        say(f"... and {len(findings) - limit} more")


def with_bank(arguments: list[str]) -> list[str]:
    """Take --bank out of the arguments, wherever it stands, and make it the bank of this process."""
    rest: list[str] = []
    waiting = iter(arguments)
    for word in waiting:
        if word == "--bank":
            os.environ["ITEMBANK_URL"] = next(waiting, "")
        elif word.startswith("--bank="):
            os.environ["ITEMBANK_URL"] = word.removeprefix("--bank=")
        else:
            rest.append(word)
    return rest


def explain(error: Exception) -> int:
    """Print what happened; return the exit code."""
    code = getattr(error, "exit_code", None)
    if code is None and isinstance(error, OSError) and error.filename:
        folder = Path(str(error.filename)).parent
        print(f"error: {error.filename}: {error.strerror} (file)", file=sys.stderr)
        if isinstance(error, FileNotFoundError) and not folder.exists():
            print(f"hint: There is no folder {folder}. Make it, or name another place.", file=sys.stderr)
        else:
            print("hint: Name a place that can be written, or a file that can be read.", file=sys.stderr)
        return 2
    if code is None and isinstance(error, OverflowError) and "SQLite INTEGER" in str(error):
        # only what was typed can be so large: no number of a run, decision, sitting or version is
        print("error: A number is too large to stand in the bank. (number-too-large)", file=sys.stderr)
        print("hint: Numbers of runs, decisions, versions and sittings are those that the lists show.", file=sys.stderr)
        return 2
    if code is None:  # a defect of ours: name the place, not the values, which may be a student's
        frames = traceback.extract_tb(error.__traceback__)
        ours = [f for f in frames if any(Path(f.filename).is_relative_to(folder) for folder in OURS)]
        last = (ours or frames)[-1]
        print(
            f"error: unexpected {type(error).__name__} at {Path(last.filename).name}:{last.lineno} ({last.name}).",
            file=sys.stderr,
        )
        print("This is a defect. Run again with ITEMBANK_DEBUG=1 to see where; mind student data.", file=sys.stderr)
        return 70
    for finding in getattr(error, "findings", ()):
        print(finding, file=sys.stderr)
    print(f"error: {error.args[0] if error.args else error} ({getattr(error, 'code', 'refused')})", file=sys.stderr)
    for line in getattr(error, "details", ()):
        print(f"  {line}", file=sys.stderr)
    if hint := getattr(error, "hint", ""):
        print(f"hint: {hint}", file=sys.stderr)
    return int(code)


def run(command: Callable[[], object]) -> int:
    """Run a command to its exit code; every refusal becomes a sentence, a hint and a code, never a traceback.

    A reader that closes the pipe (`| head`) is no failure: the command ends quietly.
    """
    try:
        code = _outcome(command)
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):  # the interpreter flushes both once more as it ends
            with contextlib.suppress(OSError):
                if stream == 1 or not os.isatty(stream):
                    os.dup2(nowhere, stream)
        code = 0
    return code


def leave(code: int) -> NoReturn:
    """End the process at once, after `run` has flushed what was printed.

    The interpreter would take every object of a district's students apart first, half a second at the end of each
    command; the system takes the memory back without that. What has asked to be called at the end is called.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):  # what those have said
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code)


def _outcome(command: Callable[[], object]) -> int:
    try:
        command()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # click has met it first, and would exit with 1
            raise end.__context__ from None
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BrokenPipeError:
        raise
    except Interrupted:
        say("Interrupted; nothing was left half-done.")
        return 130
    except Exception as error:
        if os.environ.get("ITEMBANK_DEBUG"):
            raise
        return explain(error)
    return 0


class Interrupted(BaseException):
    """Ctrl-C: not an Exception, so that no handler on the way takes it for a failure."""


def prepare() -> None:
    """Make the streams safe for any console, and Ctrl-C an `Interrupted`."""

    def interrupt(*_: Any) -> None:
        raise Interrupted

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=spelling.register())  # a Windows console (cp1252) must not end a run
    signal.signal(signal.SIGINT, interrupt)
