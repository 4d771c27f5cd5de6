"""`itembank compare`: the districts' mastery of concepts, with the uncertainty of every number."""

from typing import Annotated

import typer

from scoring.commands.options import Adjust, Administration, As, By, Format, Json, Within, asked_for, show_table

app = typer.Typer()

#: What is shown -> the table of the analysis.
SHOWN = {
    "differences": "contrasts", "mastery": "mastery", "means": "mean_contrasts", "items": "items", "dif": "dif",
    "subgroups": "subgroups", "levels": "levels", "schools": "schools", "coverage": "coverage", "gate": "gate",
}  # fmt: skip


@app.command("run")
def run(
    administration: Administration = "",
    by: By = None,
    within: Within = "district",
    adjust: Adjust = None,
    schools: Annotated[
        str,
        typer.Option(
            help="A table of attributes of schools: district, school, perhaps class, and for example program."
        ),
    ] = "",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the plausible values.")] = 1,
    as_: As = "",
    json: Json = False,
) -> None:
    """Analyse an administration and compare its districts; the result is kept for reports."""
    from itembank import tabular, terminal
    from scoring import bank
    from scoring.report.words import five_sentences
    from scoring.runs.comparing import compare_administration

    asked = asked_for(by, within, adjust)
    places = tabular.read_table(schools, required=["district", "school"]).frame() if schools else None
    with bank.writing() as session:
        stored, result = compare_administration(
            session, administration, seed, bank.person_of(session, as_), terminal.say, asked, places
        )
        number = stored.id
    for notice in result.analysis.notices:
        terminal.say(f"{notice.severity}: {notice.message}")
    terminal.say(f"Run {number} is stored.")
    if json:
        terminal.emit_json({"run": number, "summary": five_sentences(result.analysis)})
    else:
        for sentence in five_sentences(result.analysis):
            terminal.emit(sentence)
    if len(result.analysis.subgroups):
        terminal.say("Subgroups are kept with it: itembank compare show --table subgroups")
        for note in dict.fromkeys(result.analysis.subgroups["note"]):
            if note:
                terminal.say(f"note: {note}")
    terminal.next_step(f"itembank report comparison {number} -o report.html")


@app.command("show")
def show(
    number: Annotated[int | None, typer.Argument(help="Number of the run; the newest without one.")] = None,
    table: Annotated[str, typer.Option(help="One of: " + ", ".join((*SHOWN, "full")) + ".")] = "differences",
    format: Format = "table",
    json: Json = False,
) -> None:
    """A stored comparison as a table."""
    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring import bank
    from scoring.runs.comparing import stored_analysis
    from scoring.runs.second_opinion import said, second_opinion

    names = SHOWN
    if table not in (*names, "second-opinion", "full"):
        known = f"--table {', '.join(names)}, second-opinion or full"
        raise UsageFault("unknown-table", f"There is no table {table!r}.", known)
    with bank.reading() as session:
        found = bank.run_of(session, number, "compare")
        stale = bank.stale_reasons(session, found)
        if table == "second-opinion":
            shown, diagnosis = second_opinion(session, found)
            terminal.say(said(diagnosis))
        elif table == "full":
            shown = bank.read_comparison(session, found)
        else:
            shown = getattr(stored_analysis(session, found), names[table])
    for reason in stale:
        terminal.say(f"stale: {reason}; run again: itembank compare run")
    show_table(shown, format, json, hide_empty=True)


@app.command("list")
def listed(administration: Administration = "", format: Format = "table", json: Json = False) -> None:
    """Comparisons, newest first."""
    from scoring import bank

    with bank.reading() as session:
        table = bank.runs_table(session, "compare", administration)
    show_table(table, format, json)


@app.command("linked")
def linked(
    first: Annotated[str, typer.Argument(help="A comparison (its number, or its administration's name).")],
    second: Annotated[str, typer.Argument(help="The one it is linked with, whose scale is used.")],
    format: Format = "table",
    json: Json = False,
) -> None:
    """Districts that sat different administrations, compared through a stored link with its error."""
    from itembank import terminal
    from scoring import bank
    from scoring.runs.comparing_linked import compare_linked

    with bank.reading() as session:
        table, link = compare_linked(session, first, second)
    show_table(table, format, json)
    terminal.say(f"On the scale of {second}, through link {link}, with the bar of {first}; se_linking is part of se.")
    terminal.next_step(f"itembank link show {link}")


@app.command("audit")
def audit(
    release: Annotated[int | None, typer.Argument(help="Number in the release log; the newest without one.")] = None,
    primary_only: Annotated[
        bool, typer.Option("--primary-only", help="Attack it as if small groups alone were hidden.")
    ] = False,
    log: Annotated[bool, typer.Option("--log", help="Show the release log instead.")] = False,
    format: Format = "table",
    json: Json = False,
) -> None:
    """Attack a public release by linear programming, and say what it could recover. Internal."""
    from itembank import terminal
    from itembank.errors import HasFindings
    from scoring import bank
    from scoring.runs import releasing

    with bank.reading() as session:
        if log:
            show_table(releasing.log_table(session), format, json)
            return
        entry, facts, rows = releasing.attack(session, release, not primary_only)
        number, published = entry.id, 100 * float(str(facts["share_of_groups_published"]))
    bare = rows[~rows["protected"]]
    show_table(rows if json or format != "table" else bare, format, json)
    terminal.say(
        f"Release {number}: {facts['groups']} groups of students, {published:.0f}% with their "
        f"size; {facts['percentages_shown']} percentages shown, {facts['percentages_coded']} as a bound, "
        f"{facts['percentages_hidden']} hidden."
    )
    terminal.say(f"Attacked {len(rows)} hidden numbers: {len(rows) - len(bare)} hold, {len(bare)} could be recovered.")
    if len(bare):
        raise HasFindings("recovered", f"{len(bare)} hidden numbers can be recovered.", "Do not publish it.", [])
    terminal.next_step("itembank compare audit --primary-only, to see that the attack finds what is there")
