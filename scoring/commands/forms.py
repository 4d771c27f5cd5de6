"""`itembank forms assemble`, `advise`: forms from blueprints, with what calibrations know of the items."""

from pathlib import Path
from typing import Annotated

import typer

from scoring.commands.options import As, DryRun, Format, Json, show_table

app = typer.Typer()


@app.command("assemble")
def assemble(
    blueprint: Annotated[Path, typer.Argument(help="The blueprint (YAML); `forms new` prints one.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the plans that `forms freeze` takes.")] = Path(
        "."
    ),
    calibration: Annotated[int | None, typer.Option(help="Run to take parameters from; the newest by default.")] = None,
    booklets: Annotated[
        str, typer.Option(help="Matrix sampling: BLOCKSxEACH, say 7x3: seven blocks, three in each booklet.")
    ] = "",
    seconds: Annotated[float, typer.Option(help="Take the best choice found after so many seconds.")] = 20.0,
    gap: Annotated[float, typer.Option(help="Stop when no choice can be better by more than this share.")] = 0.02,
    freeze: Annotated[bool, typer.Option("--freeze", help="Also freeze the forms.")] = False,
    as_: As = "",
    dry_run: DryRun = False,
    format: Format = "table",
    json: Json = False,
) -> None:
    """Choose the items of one form, of parallel forms or of booklets, and predict how well they measure."""
    import dataclasses

    from itembank import blueprint as blueprints
    from itembank import form_plans, terminal
    from itembank.errors import UsageFault
    from scoring import bank
    from scoring.runs import assembling

    wanted = blueprints.read(blueprint)
    if booklets:
        blocks, sign, each = booklets.lower().partition("x")
        if not sign or not blocks.isdecimal() or not each.isdecimal() or not 2 <= int(each) <= int(blocks) <= 40:
            raise UsageFault("booklets", f"{booklets!r} is not BLOCKSxEACH.", "--booklets 7x3")
        if len(wanted.sections) > 1:
            raise UsageFault("booklets", "Booklets have blocks, not sections.", "leave `sections` away")
        wanted = dataclasses.replace(wanted, forms=int(blocks), booklets=(int(blocks), int(each)))
    with bank.reading() as session:
        found, pool, knows, table = assembling.assembled(session, wanted, calibration, seconds, gap)
    plans = form_plans.plans(wanted, found, pool, assembling.form_names(wanted))
    if not dry_run:
        form_plans.write(plans, out)
        if freeze:
            with bank.writing() as session:
                form_plans.freeze(session, plans, bank.person_of(session, as_))
    show_table(table, format, json)
    source = f"parameters of run {knows.run}" if knows.run is not None else "no parameters, authors' guesses only"
    terminal.say(f"{found.kind}: {found.objective:.4g}, bound {found.bound:.4g}, gap {found.gap:.2%}, "
                 f"{found.seconds:.1f} s; {source}.")  # fmt: skip
    if wanted.booklets:
        terminal.say(form_plans.described_design(wanted))
    done = "Would write" if dry_run else "Wrote and froze" if freeze else "Wrote"
    terminal.say(f"{done} {', '.join(p['id'] for p in plans[:6])}{' ...' if len(plans) > 6 else ''} in {out}.")
    first = plans[0]["id"]
    terminal.next_step(f"itembank forms booklet {first}" if freeze else f"itembank forms freeze {out / first}.yaml")


@app.command("advise")
def advise(
    form: Annotated[str, typer.Argument(help="Name of the form; without one, the bank from nothing.")] = "",
    sem: Annotated[float, typer.Option(help="Wanted standard error of θ in each concept.")] = 0.5,
    at: Annotated[
        list[float] | None, typer.Option(help="θ where it is wanted; repeat it. -1, 0 and 1 by default.")
    ] = None,
    calibration: Annotated[int | None, typer.Option(help="Run to take parameters from; the newest by default.")] = None,
    format: Format = "table",
    json: Json = False,
) -> None:
    """Which items to add to a form for a wanted precision in each concept, and how many more to write."""
    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring import bank
    from scoring.runs import assembling

    if not sem > 0:
        raise UsageFault("sem", "The standard error is above 0.", "--sem 0.5")
    with bank.reading() as session:
        table, run = assembling.advice(session, form, sem, at or [-1.0, 0.0, 1.0], calibration)
    show_table(table, format, json)
    terminal.say(f"Wanted: a standard error of {sem:g} at each place; parameters of run {run}.")
    terminal.next_step("itembank forms new > blueprint.yaml")
