"""`itembank diagnose`: is every item fit to compare two districts with?"""

from typing import Annotated

import typer

from scoring.commands.options import Administration, As, DryRun, Format, Json, show_table

app = typer.Typer()
Calibration = Annotated[int | None, typer.Option(help="Number of the calibration; the newest without it.")]


@app.command("items")
def items(
    administration: Administration = "",
    calibration: Calibration = None,
    flagged: Annotated[bool, typer.Option("--flagged", help="Only items with a reason to look at them.")] = False,
    format: Format = "table",
    json: Json = False,
) -> None:
    """Item analysis and item fit: shares correct, relation to the rest, S-X², infit, RMSD, and reasons in words."""
    import scoring
    from itembank import terminal
    from scoring import bank
    from scoring.runs import diagnosing

    with bank.reading() as session:
        given = diagnosing.sitting(session, administration)
        number, fit = diagnosing.newest_fit(session, given.data, calibration)
        classical = diagnosing.classical_of(session, given)
    known = [i for i in given.scored.columns if i in fit.item_names]
    misfit = scoring.item_fit(fit, given.scored[known], groups=given.groups)
    stats = classical.items.loc[known]
    table = stats[["n", "proportion_correct", "item_rest", "omitted"]].join(
        misfit[~misfit.index.duplicated()][["s_x2", "df", "p_adjusted", "infit", "outfit", "rmsd", "note"]]
    )
    table["reasons"] = [
        "; ".join(t for t in (a, b) if t) for a, b in zip(stats["flags"], table.pop("note").fillna(""), strict=True)
    ]
    if flagged:
        table = table[table["reasons"] != ""]
    terminal.say(f"{given.data.administration.code}, calibration {number}: alpha {classical.alpha:.3f}.")
    show_table(table, format, json)
    terminal.next_step("itembank keys check; itembank diagnose dif")


@app.command("model")
def model(
    administration: Administration = "",
    calibration: Calibration = None,
    json: Json = False,
) -> None:
    """Fit of the whole model, local dependence and the number of dimensions, each in a sentence."""
    import scoring
    from itembank import terminal
    from scoring import bank
    from scoring.runs import diagnosing

    with bank.reading() as session:
        given = diagnosing.sitting(session, administration)
        number, fit = diagnosing.newest_fit(session, given.data, calibration)
    known = [i for i in given.scored.columns if i in fit.item_names]
    whole = scoring.model_fit(fit, given.scored[known], groups=given.groups)
    pairs = scoring.local_dependence(fit, given.scored[known], groups=given.groups)
    dimensions = scoring.dimensionality(given.scored[known])
    flagged = pairs[pairs["flag"].astype(bool)]
    facts = {
        "calibration": number,
        "model": {str(k): v for k, v in whole.items()},
        "dependent pairs": flagged.head(10).to_dict("records"),
        "dimensions": dimensions["statement"],
    }
    if json:
        terminal.emit_json(facts)
        return
    for name, value in facts["model"].items():
        terminal.emit(f"{name}: {terminal.cell(value)}")
    terminal.emit(f"pairs of items that share more than the trait: {len(flagged)}")
    for row in flagged.head(10).itertuples():
        terminal.emit(f"  {row.item} and {row.other}: Q3 above its mean by {row.q3_centred:+.2f}")
    terminal.emit(f"dimensions: {dimensions['statement']}")


@app.command("dif")
def dif(
    administration: Administration = "",
    by: Annotated[str, typer.Option(help="district, or any recorded attribute.")] = "district",
    method: Annotated[str, typer.Option(help="mh, std, logistic, lrt or wald.")] = "mh",
    matching: Annotated[str, typer.Option(help="concept (the item's own), or total.")] = "concept",
    focal: Annotated[str, typer.Option(help="The subgroup whose disadvantage is asked about.")] = "",
    gap: Annotated[bool, typer.Option("--gap", help="Also what it does to the gap between the districts.")] = False,
    format: Format = "table",
    json: Json = False,
) -> None:
    """Items that work differently for students of equal ability on the item's concept, the largest first."""
    import scoring
    from itembank import terminal
    from scoring import bank
    from scoring.runs import diagnosing

    with bank.reading() as session:
        given = diagnosing.sitting(session, administration)
        actions = diagnosing.decided(session, given.data.items.loc[list(given.scored.columns)])
    table = diagnosing.dif_of(given, by, method, matching, focal)
    shown = table.sort_values("effect", key=lambda s: s.abs(), ascending=False, kind="stable")
    columns = [
        "n",
        "effect",
        "effect_low",
        "effect_high",
        "p_adjusted",
        "ets_class",
        "total_ets_class",
        "favours",
        "note",
    ]
    shown = shown[[c for c in columns if c in shown]]
    if by == "district":
        shown = shown.assign(decided=[actions.get(str(i), "") for i in shown.index])
    show_table(shown, format, json)
    if gap and by == "district" and given.groups is not None:
        effect = scoring.gap_effect(given.scored, given.groups, table, given.concepts, clusters=given.clusters)
        terminal.say("What this does to the gap (pooled SDs): all items, without class C, with their own parameters")
        show_table(effect, format, json)
    worst = [str(i) for i in table.index[table["ets_class"] == "C"]]
    open_ = [i for i in worst if i not in actions]
    if open_ and by == "district":
        terminal.next_step(f"itembank diagnose decide {open_[0]} --action leave-out --reason '...' --as PERSON")


@app.command("persons")
def persons(administration: Administration = "", calibration: Calibration = None, json: Json = False) -> None:
    """How many answer patterns are unusual, by district and school; single students are not listed."""
    import scoring
    from scoring import bank
    from scoring.runs import diagnosing

    with bank.reading() as session:
        given = diagnosing.sitting(session, administration)
        _, fit = diagnosing.newest_fit(session, given.data, calibration)
    known = [i for i in given.scored.columns if i in fit.item_names]
    found = scoring.person_fit(fit, given.scored[known], groups=given.groups)
    people = given.data.persons
    keys = [people["district"].astype("str").rename("district"), people["school"].astype("str").rename("school")]
    counts = found.groupby([k.to_numpy() for k in keys])["status"].value_counts().unstack(fill_value=0)
    counts.index.names = ["district", "school"]
    counts.insert(0, "students", counts.sum(axis=1))
    small = counts["students"] < 11
    counts.loc[small, [c for c in counts.columns if c != "students"]] = 0
    show_table(counts[~small].reset_index(), "table", json)


@app.command("decide")
def decide(
    item: Annotated[str, typer.Argument(help="CODE of the item.")],
    action: Annotated[str, typer.Option(help="keep, separate, leave-out, retire or revise.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    administration: Administration = "",
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Propose what becomes of an item that works differently; both districts agree, and comparisons obey."""
    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring import bank
    from scoring.runs import diagnosing

    if action not in diagnosing.ACTIONS:
        raise UsageFault(
            "unknown-action", f"There is no action {action!r}.", "Actions: " + ", ".join(diagnosing.ACTIONS)
        )
    with bank.writing() as session:
        data = bank.scored_responses(session, administration)
        if item not in data.items.index:
            raise UsageFault("unknown-item", f"{item} is not on this administration.", "itembank diagnose dif")
        if dry_run:
            terminal.say(f"Would propose: {item} is {diagnosing.ACTIONS[action]}; nothing was stored.")
            return
        version = str(data.items.at[item, "version"])
        decision = bank.propose_action(session, item, version, action, diagnosing.ACTIONS[action], reason, as_)
        number = decision.id
    terminal.say(f"Proposed as decision {number}: {item} is {diagnosing.ACTIONS[action]}.")
    terminal.next_step(f"itembank decisions agree {number} --as PERSON")
