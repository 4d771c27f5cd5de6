"""`itembank score`: students' scores in batch, from frozen parameters."""

from typing import Annotated, Any

import typer

from scoring.commands.options import Administration, As, DryRun, Format, Json, show_table

app = typer.Typer()
Number = Annotated[int | None, typer.Argument(help="Number of the run; the newest without one.")]
Scale = Annotated[str, typer.Option(help="Name of an agreed reporting scale; the newest one without it, none for θ.")]


@app.command("run")
def run(
    administration: Administration = "",
    calibration: Annotated[int | None, typer.Option(help="Number of the calibration; the newest without it.")] = None,
    profile: Annotated[
        str, typer.Option(help="Whose concept profile scores the concepts: newest, none, or a comparison's number.")
    ] = "newest",
    method: Annotated[str, typer.Option(help="eap, map, mle, wle or warm; concepts are posterior means.")] = "eap",
    not_reached: Annotated[
        str, typer.Option(help="Items not reached: ignored, or zero (individual results only).")
    ] = "ignored",
    stale: Annotated[bool, typer.Option("--allow-stale", help="Score although keys have changed since.")] = False,
    as_: As = "",
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Score every sitting: the same answers give the same score, whatever the district."""
    import contextlib

    from itembank import terminal
    from itembank.commands.options import DryRunEnd
    from scoring import bank
    from scoring.runs.score_run import score_administration

    done: Any = None
    with contextlib.suppress(DryRunEnd), bank.writing() as session:
        person = bank.person_of(session, as_)
        done = score_administration(
            session, administration, calibration, method, not_reached, person, profile, allow_stale=stale
        )
        number, code, concepts = done.run.id, done.data.administration.code, done.run.details.get("concepts", {})
        if dry_run:
            raise DryRunEnd
    for notice in done.notices:
        terminal.say(f"notice: {notice}")
    if done.left_out:
        terminal.say(f"notice: not calibrated, so not scored: {', '.join(done.left_out)}")
    if not_reached == "zero":
        terminal.say("notice: items not reached count as wrong in these scores; comparisons never do that.")
    counts = done.scores["status"].value_counts()
    told = ", ".join(f"{n:,} {status}" for status, n in counts.items())
    terminal.say(f"Would store {told}; nothing was stored." if dry_run else f"Run {number}: {told}.")
    if done.concepts is None and profile == "newest":
        terminal.say("Concepts were not scored: there is no stored profile; `itembank compare run` makes one.")
    elif done.concepts is not None:
        terminal.say(f"{len(concepts)} concepts were scored with the profile of run {done.profile_run}.")
    if json:
        terminal.emit_json({"run": None if dry_run else number, "statuses": counts.to_dict(), "concepts": concepts})
    terminal.next_step(
        f"itembank compare run --administration {code}" if done.concepts is None else "itembank score show"
    )


@app.command("show")
def show(
    number: Number = None,
    second_opinion: Annotated[
        bool, typer.Option("--second-opinion", help="How far DINA agrees with the verdicts, concept by concept.")
    ] = False,
    format: Format = "table",
    json: Json = False,
) -> None:
    """How the scores of a run are spread; single students are only in `score export`."""
    from itembank import terminal
    from scoring import bank
    from scoring.runs.score_export import score_table
    from scoring.runs.second_opinion import said
    from scoring.runs.second_opinion import second_opinion as ask

    with bank.reading() as session:
        found = bank.run_of(session, number, "score")
        if second_opinion:
            table, diagnosis = ask(session, found)
        else:
            scores = score_table(session, found)
        stale = bank.stale_reasons(session, found)
    for reason in stale:
        terminal.say(f"stale: {reason}; run again: itembank score run")
    if second_opinion:
        show_table(table, format, json)
        terminal.say(said(diagnosis))
        return
    scores["theta"] = scores["theta"].replace([float("inf"), float("-inf")], float("nan"))
    table = scores.groupby(["scale", "status"]).agg(
        sittings=("status", "size"), mean=("theta", "mean"), sd=("theta", "std"), mean_se=("se", "mean")
    )
    judged = scores["verdict"].fillna("").ne("").groupby([scores["scale"], scores["status"]]).any()
    for word in ("mastered", "undecided", "not yet", "not enough evidence"):
        table[word] = scores["verdict"].eq(word).groupby([scores["scale"], scores["status"]]).sum().astype(object)
        table.loc[~judged, word] = None  # nobody is judged on this scale: a blank, not a count of 0
    show_table(table.reset_index(), format, json)


@app.command("export")
def export(
    number: Number = None,
    output: Annotated[str, typer.Option("--output", "-o", help="Folder to write to.")] = "scores",
    scale: Scale = "",
    oneroster: Annotated[bool, typer.Option("--oneroster", help="A OneRoster 1.2 package instead of CSV.")] = False,
    names: Annotated[str, typer.Option(help="OneRoster: the district's roster, whose students and classes it names.")]
    = "",
    district: Annotated[str, typer.Option(help="OneRoster: the district whose roster it is.")] = "",
    identifier: Annotated[
        str, typer.Option(help="OneRoster: column of users.csv that the response files used.")
    ] = "identifier",
    term: Annotated[str, typer.Option(help="OneRoster: sourcedId of the academic session in the receiving system.")]
    = "",
    stale: Annotated[bool, typer.Option("--allow-stale", help="Write it although newer data or keys exist.")] = False,
) -> None:  # fmt: skip
    """Write student-level scores as CSV with a data dictionary, or as a OneRoster package for the district's system."""
    from pathlib import Path

    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring import bank
    from scoring.runs import score_export
    from scoring.runs.scale_run import agreed_scale

    if oneroster and not (names and district):
        raise UsageFault("no-roster", "A OneRoster package needs the roster.", "--names ROSTER.zip --district CODE")
    with bank.reading() as session:
        found = bank.run_of(session, number, "score")
        reasons = score_export.current(session, found, stale)
        chosen = None if scale == "none" else agreed_scale(session, scale)
        table = score_export.score_table(session, found, chosen)
        if oneroster:
            known = bank.roster_students(session, district, names, identifier)
            path, n = score_export.write_oneroster(session, found, table, known, Path(output), chosen, term)
            rows = f"{n:,} students of district {district}"
        else:
            path = score_export.write_csv(table, Path(output), found.id or 0)
            rows = f"{len(table):,} rows"
    for reason in reasons:
        terminal.say(f"stale: {reason}")
    terminal.say(f"{rows} in {path}: student-level data, for internal use only.")
    if chosen is not None:
        terminal.say(f"Scores on the scale {chosen.name}, version {chosen.version}.")


@app.command("table")
def table(
    form: Annotated[str, typer.Option(help="A form of the administration; all items without it.")] = "",
    administration: Administration = "",
    calibration: Annotated[int | None, typer.Option(help="Number of the calibration; the newest without it.")] = None,
    scale: Scale = "",
    output: Annotated[str, typer.Option("--output", "-o", help="Also write it as a page to print (HTML).")] = "",
    format: Format = "table",
    json: Json = False,
) -> None:
    """The score of every sum of points on a form, for scoring by hand; for students who were given all its items."""
    from pathlib import Path

    import scoring
    from itembank import terminal
    from scoring import bank
    from scoring.runs.calibrating import stored_fit
    from scoring.runs.scale_run import agreed_scale
    from scoring.runs.score_table import form_items, page

    with bank.reading() as session:
        source = (
            bank.run_of(session, calibration, "calibrate")
            if calibration is not None
            else bank.run_of(session, kind="calibrate", administration=administration)
        )
        fit = stored_fit(session, source)
        chosen = None if scale == "none" else agreed_scale(session, scale)
        items, missing = form_items(session, form, fit.item_names)
    shown = scoring.sum_score_table(fit, items, scale=chosen).drop(columns="probability")
    if missing:
        terminal.say(f"notice: not calibrated, so not part of the sum: {', '.join(missing)}")
    show_table(shown, format, json)
    if output:
        html = page(shown, form or "all items", source.id or 0, chosen, items, missing)
        Path(output).write_text(html, encoding="utf-8")
        terminal.say(f"Wrote {output}.")


@app.command("scale")
def scale_(
    name: Annotated[str, typer.Argument(help="Name of a scale to propose; without one, shows all versions.")] = "",
    slope: Annotated[float, typer.Option(help="Points per standard deviation of the pooled population.")] = 100.0,
    intercept: Annotated[float, typer.Option(help="Points of the pooled mean.")] = 500.0,
    lowest: Annotated[float, typer.Option(help="Lowest obtainable score.")] = 200.0,
    highest: Annotated[float, typer.Option(help="Highest obtainable score.")] = 800.0,
    decimals: Annotated[int, typer.Option(help="Decimals that are printed.")] = 0,
    base: Annotated[
        int | None, typer.Option(help="Calibration whose θ it reports, its base year; the newest without it.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; needed to propose one.")] = "",
    as_: As = "",
    format: Format = "table",
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Show the reporting scales, or propose the next version of one; both districts agree, then it is fixed."""
    import contextlib

    from itembank import terminal
    from itembank.commands.options import DryRunEnd
    from scoring import bank
    from scoring.runs.scale_run import propose_scale, scales_table

    if not name:
        with bank.reading() as session:
            shown = scales_table(session)
        show_table(shown, format, json)
        return
    decision = None
    with contextlib.suppress(DryRunEnd), bank.writing() as session:
        made, _, proposed = propose_scale(
            session, name, slope, intercept, lowest, highest, decimals, reason, as_, base
        )  # fmt: skip
        terminal.say(f"{made.name}, version {made.version}: {slope:g}·θ + {intercept:g}, {lowest:g} to {highest:g}.")
        decision = proposed.id
        if dry_run:
            terminal.say("Nothing was stored.")
            raise DryRunEnd
    if not dry_run:
        terminal.next_step(f"itembank decisions agree {decision} --as PERSON")
