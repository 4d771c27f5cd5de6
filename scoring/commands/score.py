"""`itembank score`: students' scores in batch, from frozen parameters."""

from typing import Annotated

import typer

from scoring.commands.options import Administration, As, DryRun, Format, Json, show_table

app = typer.Typer()


@app.command("run")
def run(
    administration: Administration = "",
    calibration: Annotated[int | None, typer.Option(help="Number of the calibration; the newest without it.")] = None,
    method: Annotated[str, typer.Option(help="eap, map, mle or wle.")] = "eap",
    not_reached: Annotated[
        str, typer.Option(help="Items not reached: ignored, or zero (individual results only).")
    ] = "ignored",
    as_: As = "",
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Score every sitting: the same answers give the same score, whatever the district."""
    from itembank import terminal
    from scoring import bank
    from scoring.runs.score_run import score_administration

    if dry_run:
        with bank.reading() as session:
            n = len(bank.scored_responses(session, administration).persons)
            source = bank.run_of(session, calibration, "calibrate", administration)
        terminal.say(f"Would score {n:,} sittings with run {source.id}; nothing was stored.")
        return
    with bank.writing() as session:
        stored, scores, data = score_administration(
            session, administration, calibration, method, not_reached, bank.person_of(session, as_)
        )
        number, code = stored.id, data.administration.code
    counts = scores["status"].value_counts()
    if not_reached == "zero":
        terminal.say("notice: items not reached count as wrong in these scores; comparisons never do that.")
    terminal.say(f"Run {number}: " + ", ".join(f"{n:,} {status}" for status, n in counts.items()) + ".")
    if json:
        terminal.emit_json({"run": number, "statuses": counts.to_dict()})
    terminal.next_step(f"itembank compare run --administration {code}")


@app.command("show")
def show(
    number: Annotated[int | None, typer.Argument(help="Number of the run; the newest without one.")] = None,
    format: Format = "table",
    json: Json = False,
) -> None:
    """How the scores of a run are spread; single students are only in `score export`."""
    from scoring import bank

    with bank.reading() as session:
        found = bank.run_of(session, number, "score")
        scores = bank.read_scores(session, found)
    table = scores.groupby(["scale", "status"]).agg(
        sittings=("status", "size"), mean=("theta", "mean"), sd=("theta", "std"), mean_se=("se", "mean")
    )
    show_table(table.reset_index(), format, json)


@app.command("export")
def export(
    number: Annotated[int | None, typer.Argument(help="Number of the run; the newest without one.")] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="Folder to write to.")] = "scores",
) -> None:
    """Write student-level scores as CSV with a data dictionary; students under the bank's numbers, not their own."""
    from pathlib import Path

    from itembank import terminal
    from scoring import bank
    from scoring.analysis.export import STUDENT_LEVEL, WARNING

    with bank.reading() as session:
        found = bank.run_of(session, number, "score")
        scores = bank.read_scores(session, found)
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{STUDENT_LEVEL}-scores-run-{found.id}.csv"
    body = scores.reset_index().to_csv(index=False, float_format="%.6g", lineterminator="\n")
    path.write_text(f"{WARNING}\n{body}", encoding="utf-8")
    meaning = {
        "sitting": "number of the sitting in the bank",
        "scale": "total, or a concept",
        "theta": "score in SDs of the pooled population",
        "se": "its standard error",
        "p_mastery": "probability of having reached the cut (concepts only)",
        "status": "scored, too few responses, nothing valid, extreme",
        "student": "number of the student in the bank",
    }
    lines = ["column,meaning", *(f'{c},"{meaning[c]}"' for c in ["sitting", *scores.columns])]
    (folder / "data-dictionary.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    terminal.say(f"{len(scores):,} rows in {path}: student-level data, for internal use only.")
