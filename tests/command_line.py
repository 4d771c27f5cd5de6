"""The command line inside the test's own process: the same code as a user's, without a start-up for every command."""

import contextlib
import io
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import cli


def run(
    words: list[str], folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One command in a folder, with the bank and the person that the folder or the environment names."""
    kept = {name: os.environ.get(name) for name in ("ITEMBANK_URL", "ITEMBANK_PERSON")}
    before, handler = Path.cwd(), signal.getsignal(signal.SIGINT)
    out, err, code = io.StringIO(), io.StringIO(), 0
    for name in kept:
        os.environ.pop(name, None)
    os.environ.update(environment or {})
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main(list(words))
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        os.chdir(before)
        signal.signal(signal.SIGINT, handler)
        for name, value in kept.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
    return subprocess.CompletedProcess(["itembank", *words], code, out.getvalue(), err.getvalue())
