"""`itembank simulate`: responses from a saved calibration, and recovery studies."""

import typer

app = typer.Typer()


@app.command("responses")
def responses(
    fit: str = typer.Argument(help="A calibration saved as JSON."),
    students: int = typer.Option(1000, "--students", "-n", help="How many students."),
    seed: int = typer.Option(
        1, min=0, max=2**31 - 1, help="Seed of the random numbers; the same seed gives the same table."
    ),
    group: str = typer.Option("", help="Only students of this group."),
    output: str = typer.Option("-", "--output", "-o", help="CSV to write; - is standard output."),
    truth: str = typer.Option("", help="Also write each student's group and θ to this CSV."),
    as_json: bool = typer.Option(False, "--json", help="Print the table as JSON instead of CSV."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be written, write nothing."),
) -> None:
    """Draw students and their responses from a calibration's items and populations."""
    import sys

    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring.fits import read_fit
    from scoring.simulation import simulate

    try:
        found = read_fit(fit)
    except OSError as error:
        raise UsageFault("no-such-file", f"{fit} cannot be read.", "Save a calibration with fit.save(path).") from error
    table = simulate(found, students, seed, group or None)
    if dry_run:
        terminal.say(f"{len(table):,} students, {table.shape[1]} items. Nothing was written.")
        return
    out = table.reset_index()
    if as_json:
        terminal.emit_json(out.to_dict(orient="records"))
    else:
        out.to_csv(sys.stdout if output == "-" else output, index=False, lineterminator="\n")
    if truth:
        frame = table.attrs["group"].to_frame().assign(theta=table.attrs["theta"])
        frame.reset_index().to_csv(truth, index=False, lineterminator="\n")
    terminal.say(f"{len(table):,} simulated students, {table.shape[1]} items, seed {seed}.")
    if output != "-":
        terminal.next_step(f"itembank analyze {output} --id student")


@app.command("recovery")
def recovery(
    model: str = typer.Option("2pl", help="rasch, 1pl, 2pl, 3pl, grm or gpcm."),
    students: int = typer.Option(2000, "--students", "-n", help="Students in each of two districts."),
    common: int = typer.Option(12, help="Items both districts saw."),
    own: int = typer.Option(12, help="Items that only one district saw, for each."),
    schools: int = typer.Option(0, help="Schools in each district; 0 = no school effects."),
    replications: int = typer.Option(20, help="How often to simulate and calibrate."),
    seed: int = typer.Option(1, min=0, max=2**31 - 1, help="Seed of the random numbers."),
    format: str = typer.Option("table", help="table, csv or json."),
    as_json: bool = typer.Option(False, "--json", help="The same as --format json."),
) -> None:
    """Simulate two unequal districts again and again: are parameters recovered, do intervals hold?"""
    from typing import cast

    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring.recovery import Design, summarise
    from scoring.recovery import recovery as run

    if model not in ("rasch", "1pl", "2pl", "3pl", "grm", "gpcm"):
        raise UsageFault("unknown-model", f"{model} is not a model.", "--model 2pl")
    if format not in ("table", "csv", "json"):
        raise UsageFault("unknown-format", f"{format} is not a format.", "--format table")
    if min(students - 100, replications - 2, common - 1, own, schools) < 0 or schools == 1:
        raise UsageFault(
            "impossible-design",
            "The study needs 100 students, 2 replications, a common item, and no or at least 2 schools.",
            "itembank simulate recovery --students 2000 --replications 20",
        )
    design = Design(
        model, model, students, common, own, 3 if model in ("grm", "gpcm") else 2, schools, 0.4 if schools else 0.0
    )

    def report(r: int) -> None:
        if r % 10 == 0:
            terminal.say(f"{r} of {replications} replications")

    table = summarise(run(design, replications, seed, progress=report))
    rows = table.to_dict(orient="records")
    shown = cast(terminal.Format, "json" if as_json else format)
    terminal.emit_rows([{str(k): v for k, v in row.items()} for row in rows], [str(c) for c in table.columns], shown)
