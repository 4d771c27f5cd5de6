"""`itembank items`: write, check, see and find items."""

from pathlib import Path

import typer

app = typer.Typer()


@app.command("check")
def check(
    paths: list[Path] = typer.Argument(None, help="Item files and folders; the folder items/ by default."),
    format: str = typer.Option("table", "--format", help="table, csv or json."),
    as_json: bool = typer.Option(False, "--json", help="Same as --format json."),
    strict: bool = typer.Option(False, "--strict", help="Notices count as findings too."),
) -> None:
    """Check items: format, tags, math, misconceptions, and the key recomputed from the stem's numbers."""
    from itembank import item_folder, terminal
    from itembank.errors import UsageFault

    paths = paths or [Path("items")]
    for path in paths:
        if not path.exists():
            raise UsageFault("no-such-file", f"There is no {path}.", "itembank items check items/")
    checked = item_folder.check(paths)
    kind = "json" if as_json else format
    if kind == "json":
        terminal.emit_json([f.as_dict() for f in checked.findings])
    elif kind == "csv":
        columns = ("source", "line", "code", "severity", "message", "hint", "column")
        terminal.emit_rows([f.as_dict() for f in checked.findings], columns, "csv")
    else:
        for finding in checked.findings:
            terminal.emit(str(finding))
    counts = {s: sum(f.severity == s for f in checked.findings) for s in ("error", "warning", "notice")}
    said = ", ".join(f"{n} {s}{'' if n == 1 else 's'}" for s, n in counts.items() if n)
    terminal.say(f"{checked.files} file{'' if checked.files == 1 else 's'}, {len(checked.items)} items: {said or 'no findings'}.")
    bad = counts["error"] + counts["warning"] + (counts["notice"] if strict else 0)
    where = " ".join(map(str, paths))
    terminal.next_step(f"mend them, then itembank items check {where}" if bad else f"itembank items preview {where}")
    if bad:
        raise typer.Exit(1)
