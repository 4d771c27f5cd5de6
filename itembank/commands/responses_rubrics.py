"""`itembank responses scorers`, `readings`: answers that people score."""

from pathlib import Path
from typing import Annotated

import typer

from itembank.commands.options import DryRun, Format, Json, format_of

app = typer.Typer()
FormName = Annotated[str, typer.Option("--form", help="Name of the form.")]


@app.command("scorers")
def scorers(
    papers: Annotated[Path, typer.Argument(help="A file with a column `ticket`, `student` or `paper`: tickets.csv.")],
    form: FormName,
    reader: Annotated[list[str], typer.Option("--reader", help="A scorer; give it for each.")],
    twice: Annotated[float, typer.Option(help="Share of the papers that two scorers read.")] = 0.2,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the sheets.")] = Path("scorers"),
    seed: Annotated[int | None, typer.Option(min=0, max=2**31 - 1, help="For a draw that can be repeated.")] = None,
    dry_run: DryRun = False,
) -> None:
    """A sheet for each scorer of rubric items; which papers are read twice is drawn and not shown."""
    from itembank import rubric_scoring, terminal
    from itembank.errors import Conflict, Rejected, UsageFault
    from itembank.people import checked_code
    from itembank.tabular import read_table

    items = _items(form)
    for name in reader:
        checked_code(name, "a scorer")
    table = read_table(papers)
    column = next((c for c in ("paper", "ticket", "student") if c in table.columns), None)
    if column is None:
        raise Rejected("no-papers", f"{papers.name} has no column paper, ticket or student.", "tickets.csv")
    listed = [
        r[column] for r in table.records() if r[column] and ("form" not in table.columns or r["form"] in ("", form))
    ]
    if len(set(listed)) != len(listed) or not listed:
        raise Rejected("no-papers", f"{papers.name} names a paper twice, or none of this form.", "one row per paper")
    shares = rubric_scoring.assigned(listed, reader, twice, seed)
    places = {name: out / f"{name}.csv" for name in reader}
    there = [p.name for p in places.values() if p.exists()]
    if there:
        raise Conflict("sheets-exist", f"{out} holds {', '.join(there)} already.", "-o ANOTHER")
    if out.exists() and not out.is_dir():
        raise UsageFault("not-a-folder", f"{out} is no folder.", "-o FOLDER")
    if not dry_run:
        out.mkdir(parents=True, exist_ok=True)
        for name, path in places.items():
            path.write_text(rubric_scoring.sheet(shares[name], items), encoding="utf-8")
    second = sum(map(len, shares.values())) - len(listed)
    verb = "Would write" if dry_run else "Wrote"
    terminal.say(f"{verb} {len(reader)} sheets in {out}: {len(listed)} papers, {second} of them read twice.")
    terminal.next_step(f"itembank responses readings {out}/*.csv --form {form} -o scores.csv")


@app.command("readings")
def readings(
    sheets: Annotated[list[Path], typer.Argument(help="The filled sheets, one per scorer.")],
    form: FormName,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Scores, for `responses load --cells scores`.")
    ] = None,
    adjudicated: Annotated[Path | None, typer.Option(help="Decisions: a file with paper, item, score.")] = None,
    tolerance: Annotated[int, typer.Option(help="Points between two readings that need no decision.")] = 0,
    column: Annotated[str, typer.Option(help="What a paper is: student, or ticket.")] = "student",
    dry_run: DryRun = False,
    format: Format = "table",
    json: Json = False,
) -> None:
    """How well scorers agree, which answers have to be adjudicated, and the scores when none is left."""
    from dataclasses import asdict

    from itembank import rubric_scoring, terminal
    from itembank.errors import HasFindings, UsageFault
    from itembank.tabular import read_table

    items = _items(form)
    wanted = ["paper", "item", "score"]
    if len({p.stem for p in sheets}) != len(sheets):
        raise UsageFault("readers", "Two sheets have the same name; the name is the scorer.", "rename one")
    made = rubric_scoring.readings({p.stem: read_table(p, wanted) for p in sheets}, items)
    decided = {}
    if adjudicated is not None:
        final = rubric_scoring.readings({"adjudication": read_table(adjudicated, wanted)}, items)
        decided = {(r.paper, r.item): r.score for r in final}
    rows = [asdict(a) for a in rubric_scoring.agreements(made)]
    names = ["item", "reader", "n", "exact", "adjacent", "kappa", "mean_difference"]
    whole = [{k: (None if v != v else v) for k, v in r.items()} | {"reader": r["reader"] or "all"} for r in rows]
    terminal.emit_rows(whole, names, format_of(format, json))
    scores, waiting = rubric_scoring.settled(made, decided, tolerance)
    if waiting:
        path = (out or Path("scores.csv")).with_suffix(".adjudicate.csv")
        if not dry_run:
            text = "".join(
                rubric_scoring.sheet([p for p, i in waiting if i == item], {item: items[item]}).partition("\n")[2]
                for item in items
            )
            path.write_text(",".join(rubric_scoring.COLUMNS) + "\n" + text, encoding="utf-8")
        hint = f"fill in {path}, then add --adjudicated {path}"
        raise HasFindings("to-adjudicate", f"{len(waiting)} of {len(scores) + len(waiting)} answers wait.", hint)
    if out is not None and not dry_run:
        out.write_text(rubric_scoring.long_table(scores, column), encoding="utf-8")
    terminal.say(f"{len(scores)} answers are scored{f', in {out}' if out is not None and not dry_run else ''}.")
    terminal.next_step(f"itembank responses check {out or 'scores.csv'} --cells scores --form {form} --district CODE")


def _items(form: str) -> dict[str, int]:
    """Items of a form that people score: code -> most points."""
    from itembank import database, forms
    from itembank.errors import Rejected

    with database.reading() as session:
        lines = forms.lines(session, forms.form_of(session, form))
    found = {line.item: line.points for line in lines if line.type == "rubric"}
    if not found:
        raise Rejected("no-rubrics", f"Nothing on {form} is scored by people.", f"itembank forms show {form}")
    return found
