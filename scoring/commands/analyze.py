"""`itembank analyze`: the whole analysis on a bare file, without a bank."""

from pathlib import Path

import typer

from scoring.commands.options import Adjust, By, Within, asked_for

app = typer.Typer()


@app.command()
def analyze(
    responses: str = typer.Argument(help="CSV with one row per student; - reads standard input."),
    output: str = typer.Option("analysis", "--output", "-o", help="Folder for the tables and the report."),
    group: str = typer.Option("", help="Column that says which group a student belongs to (district, country, ...)."),
    labels: str = typer.Option("", help="Names for the groups: 36=Australia,158=Taiwan."),
    items: str = typer.Option("", help="CSV of items: item, concept, key, type, points, title."),
    columns: str = typer.Option("", help="Which columns are items, as a pattern: 'Q*'. Not together with --items."),
    ignore: list[str] = typer.Option([], help="Column that is neither; repeat it or give several with commas."),
    omit: list[str] = typer.Option([], help="Value that means 'left blank'; repeat it or give several with commas."),
    identifier: str = typer.Option("", "--id", help="Column with the students' identifiers."),
    cluster: str = typer.Option("", help="Column with the school (or class) of each student."),
    weight: str = typer.Option("", help="Column with case weights, positive numbers; only their ratios matter."),
    by: By = None,
    within: Within = "district",
    adjust: Adjust = None,
    title: str = typer.Option("", help="Title of the report."),
    seed: int = typer.Option(1, min=0, max=2**31 - 1, help="Seed of every draw."),
    summary: bool = typer.Option(False, "--summary", help="Also print five plain sentences on standard output."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Read and check the files, write nothing."),
) -> None:
    """Analyse a bare file of responses: tables as CSV with a data dictionary, and the report as one HTML file."""
    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring.analysis.files import read_files

    if items and columns:
        raise UsageFault("both-given", "--items already says which columns are items.", "Leave out --columns.")
    asked = asked_for(by, within, adjust)
    data = read_files(
        responses,
        items=items or None,
        columns=columns,
        group=group,
        labels=pairs(labels),
        cluster=cluster,
        weight=weight,
        attributes=[*asked.by, *asked.adjust],
        identifier=identifier,
        ignore=words(ignore),
        omit=words(omit),
        title=title,
    )
    terminal.show_findings(data.findings)
    if dry_run:
        n, j = data.scored.shape
        terminal.say(
            f"{n:,} students, {j} items, groups: {', '.join(data.group_order) or 'none'}. Nothing was written."
        )
        return
    from scoring.analysis.export import write_tables
    from scoring.analysis.run import analyse
    from scoring.report.comparison import comparison_page
    from scoring.report.words import five_sentences

    folder = Path(output)
    made = writable(folder)
    try:
        result = analyse(data, seed=seed, progress=terminal.say, asked=asked)
    except BaseException:
        if made:
            folder.rmdir()
        raise
    known = {(n.code, n.message) for n in data.notices}
    for notice in result.analysis.notices:
        if (notice.code, notice.message) not in known:
            terminal.say(f"{notice.severity}: {notice.message}")
    page = comparison_page(result.analysis)
    files = write_tables(result.analysis, result.parameters, folder / "tables")
    (folder / "report.html").write_text(page, encoding="utf-8")
    if summary:
        for sentence in five_sentences(result.analysis):
            terminal.emit(sentence)
    table = result.analysis.items
    for item in table.index[table["flags"].str.contains("key", na=False)]:
        terminal.say(f"look at {item}: {table.at[item, 'flags']}")
    terminal.say(f"{len(files)} tables in {folder / 'tables'}")
    terminal.next_step(f"open {folder / 'report.html'}")


def writable(folder: Path) -> bool:
    """Make the folder before the work begins; True when it was not there."""
    if folder.is_dir():
        return False
    folder.mkdir(parents=True)
    return True


def words(values: list[str]) -> list[str]:
    """Repeated and comma-separated values as one list."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def pairs(text: str) -> dict[str, str]:
    """`36=Australia,158=Taiwan` as a mapping."""
    from itembank.errors import UsageFault

    out: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        value, mark, label = part.partition("=")
        if not mark or not label.strip():
            raise UsageFault(
                "bad-labels", f"{part!r} is not VALUE=LABEL.", "For example --labels 36=Australia,158=Taiwan"
            )
        out[value.strip()] = label.strip()
    return out
