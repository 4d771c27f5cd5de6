"""Options that several commands share, so that they read the same everywhere."""

from pathlib import Path
from typing import Annotated, Literal

import typer

As = Annotated[str, typer.Option("--as", help="Who you are (a code of `people list`). Also ITEMBANK_PERSON.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Format = Annotated[str, typer.Option("--format", help="table, csv or json.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; store nothing.")]


def format_of(format: str, json: bool = False) -> Literal["table", "csv", "json"]:
    """The output format, checked."""
    from itembank.errors import UsageFault

    if json:
        return "json"
    if format in ("table", "csv", "json"):
        return format  # type: ignore[return-value]
    raise UsageFault("unknown-format", f"There is no format {format!r}.", "--format table, csv or json")


class DryRunEnd(Exception):
    """Raised inside a writing session to drop everything again."""


def pairs(texts: list[str], flag: str) -> list[tuple[str, str]]:
    """`NAME=VALUE` options as pairs."""
    from itembank.errors import UsageFault

    found = []
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise UsageFault("bad-option", f"{flag} {text!r} is not NAME=VALUE.", f"For example {flag} NAME=VALUE")
        found.append((name.strip(), value.strip()))
    return found


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads."""
    import os

    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
