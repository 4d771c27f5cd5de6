"""`itembank calibrate`: item parameters from both districts together."""

import sys
from typing import Annotated

import typer

from scoring.commands.options import Administration, As, DryRun, Format, Json, show_table

app = typer.Typer()
Run = Annotated[int | None, typer.Argument(help="Number of the run; the newest without one.")]


@app.command("run")
def run(
    administration: Administration = "",
    model: Annotated[str, typer.Option(help="rasch, 1pl, 2pl, 3pl, grm, pcm or gpcm.")] = "2pl",
    origin: Annotated[str, typer.Option(help="pooled, or the district that becomes mean 0 and spread 1.")] = "pooled",
    check: Annotated[str, typer.Option(help="girth: also ask the other engine and print the differences.")] = "",
    title: Annotated[str, typer.Option(help="For lists.")] = "",
    as_: As = "",
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Calibrate an administration: one likelihood for both districts, a population for each."""
    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring import bank
    from scoring.runs import calibrating

    if check not in ("", "girth"):
        raise UsageFault("unknown-engine", f"There is no engine {check!r}.", "--check girth")
    if dry_run:
        with bank.reading() as session:
            plan(session, administration, model)
        return

    def progress(passes: int, log_likelihood: float, gradient: float) -> None:
        if not sys.stderr.isatty():
            return
        terminal.say(f"pass {passes}: log-likelihood {log_likelihood:,.4f}, largest gradient {gradient:.1e}")

    with bank.writing() as session:
        person = bank.person_of(session, as_)
        stored, fit, data = calibrating.calibrate_administration(
            session, administration, model, origin, person, title, progress
        )
        number, code = stored.id, data.administration.code
    for notice in fit.notices:
        terminal.say(f"{notice.severity}: {notice.sentence}")
    terminal.say(
        f"Run {number}: {fit.n_students:,} students, {len(fit.item_names)} items, {fit.n_parameters} parameters, "
        f"log-likelihood {fit.log_likelihood:,.3f}, converged (decrement {fit.decrement:.1e})."
    )
    if check:
        from scoring.engines.girth import second_opinion

        terminal.say("The largest differences between girth and this program, in standard errors:")
        show_table(second_opinion(data.frame(), fit).head(10), "table", False)
    if json:
        terminal.emit_json({"run": number, "log_likelihood": fit.log_likelihood, "converged": fit.converged})
    else:
        show_table(fit.groups, "table", False)
    terminal.next_step(f"itembank score run --administration {code}")


def plan(session: object, administration: str, model: str) -> None:
    """What would be calibrated: students by group, items, links, expected time."""
    import scoring.fitting
    from itembank import terminal
    from scoring import bank
    from scoring.runs import calibrating

    data = bank.scored_responses(session, administration)  # type: ignore[arg-type]
    groups, partner = calibrating.populations(session, data)
    scored, left_out = calibrating.informative(data.frame())
    for notice in scoring.fitting.design(scored, model=model, groups=groups, partner=partner):
        terminal.say(f"{notice.severity}: {notice.sentence}")
    for name, n in groups.value_counts().items() if groups is not None else [("all", len(scored))]:
        terminal.say(f"{name}: {n:,} students")
    if groups is not None:
        shared = int((scored.notna().groupby(groups.to_numpy()).any().sum() == groups.nunique()).sum())
        terminal.say(f"{shared} of {scored.shape[1]} items were answered in every group")
    if left_out:
        terminal.say("left out, the same score for everybody: " + ", ".join(left_out))
    seconds = 0.3 + scored.size * 2e-7
    terminal.say(f"{scored.shape[1]} items, about {seconds:.1f} s. Nothing was stored.")


@app.command("list")
def listed(administration: Administration = "", format: Format = "table", json: Json = False) -> None:
    """Calibrations, newest first; `stale` says why one no longer stands for what the bank holds."""
    from scoring import bank

    with bank.reading() as session:
        table = bank.runs_table(session, "calibrate", administration)
    show_table(table, format, json)


@app.command("show")
def show(number: Run = None, groups: Annotated[bool, typer.Option(help="Show the populations, not the items.")] = False,
         format: Format = "table", json: Json = False) -> None:  # fmt: skip
    """Item parameters of a run with their standard errors, or its populations."""
    from itembank import terminal
    from scoring import bank
    from scoring.runs.calibrating import stored_fit

    with bank.reading() as session:
        found = bank.run_of(session, number, "calibrate")
        fit = stored_fit(session, found)
        stale = bank.stale_reasons(session, found)
    terminal.say(
        f"Run {found.id} ({found.status}), log-likelihood {fit.log_likelihood:,.3f}, "
        f"AIC {fit.aic:,.1f}, BIC {fit.bic:,.1f}"
    )
    for reason in stale:
        terminal.say(f"stale: {reason}; run again: itembank calibrate run")
    show_table(fit.groups if groups else fit.items.drop(columns=["group"], errors="ignore"), format, json)


@app.command("compare")
def compare(
    first: Annotated[int, typer.Argument(help="Number of a run.")],
    second: Annotated[int, typer.Argument(help="Number of another run.")],
    format: Format = "table",
    json: Json = False,
) -> None:
    """Two calibrations side by side: difference of difficulty and slope, in standard errors."""
    import numpy as np

    import scoring
    from itembank import terminal
    from itembank.errors import Rejected
    from scoring import bank
    from scoring.runs.calibrating import stored_fit

    with bank.reading() as session:
        a, b = (stored_fit(session, bank.run_of(session, n, "calibrate")) for n in (first, second))
    both = [i for i in a.item_names if i in b.item_names]
    if not both:
        raise Rejected("no-common-item", "The two runs share no item.", "itembank calibrate list")
    one, two = (f.items[~f.items.index.duplicated()].loc[both].copy() for f in (a, b))
    if a.settings.get("origin") != b.settings.get("origin"):
        link = scoring.link(b, a, anchors=both)
        terminal.say(
            f"The runs have different origins: run {second} is shown on the scale of run {first} "
            f"(scale times {link.A:.3f}, plus {link.B:+.3f})."
        )
        two["a"], two["se_a"] = two["a"] / link.A, two["se_a"] / link.A
        two["b"], two["se_b"] = link.A * two["b"] + link.B, two["se_b"] * link.A
    columns = [c for c in ("a", "b") if c in one and c in two]
    table = one[["model"]].copy()
    for c in columns:
        table[f"{c} ({first})"], table[f"{c} ({second})"] = one[c], two[c]
        table[f"difference {c}"] = two[c] - one[c]
        table[f"in SE {c}"] = (two[c] - one[c]) / np.hypot(one[f"se_{c}"], two[f"se_{c}"])
    show_table(table, format, json)


@app.command("publish")
def publish(
    number: Annotated[int, typer.Argument(help="Number of the run.")],
    reason: Annotated[str, typer.Option(help="Why these parameters.")],
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Propose to publish a run's parameters; both districts agree with `decisions agree`, then they are frozen."""
    from itembank import terminal
    from itembank.errors import Conflict
    from scoring import bank

    with bank.writing() as session:
        found = bank.run_of(session, number, "calibrate")
        if stale := bank.stale_reasons(session, found):
            raise Conflict("stale", f"Run {number} is stale: {'; '.join(stale)}.", "itembank calibrate run")
        if dry_run:
            terminal.say(f"Would propose to publish run {number}; nothing was stored.")
            return
        decision = bank.propose_publication(session, found, reason, as_)
        number_of_decision = decision.id
    terminal.say(f"Proposed as decision {number_of_decision}: each district has to agree, not by who proposed it.")
    terminal.next_step(f"itembank decisions agree {number_of_decision} --as PERSON")


@app.command("export")
def export(
    number: Run = None,
    output: Annotated[
        str, typer.Option("--output", "-o", help="File to write: .json, or .xml for QTI usage data.")
    ] = "fit.json",
) -> None:
    """Write a run's parameters for `scoring.read_fit`; as .xml with the item analysis, for item banks of others."""
    from pathlib import Path

    from itembank import terminal
    from scoring import bank
    from scoring.runs.calibrating import stored_fit

    if output.lower().endswith(".xml"):
        from scoring.runs.usage import usage_data

        with bank.reading() as session:
            content, items = usage_data(session, number)
        Path(output).write_bytes(content)
        terminal.say(f"Wrote {output}: statistics of {items} items as QTI usage data.")
        terminal.next_step("itembank forms export FORM, the items themselves")
        return
    with bank.reading() as session:
        fit = stored_fit(session, bank.run_of(session, number, "calibrate"))
    fit.save(output)
    terminal.say(f"Wrote {output}.")
    terminal.next_step(f"python -c \"import scoring; print(scoring.read_fit('{output}').items)\"")
