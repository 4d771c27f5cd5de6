"""`itembank forms`: freeze and show forms."""

from pathlib import Path
from typing import Annotated, Any

import typer

from itembank.commands import forms_exchange, forms_paper
from itembank.commands.options import As, DryRun, DryRunEnd, Format, Json, format_of

app = typer.Typer()
app.registered_commands.extend(forms_paper.app.registered_commands)
app.registered_commands.extend(forms_exchange.app.registered_commands)

FormName = Annotated[str, typer.Argument(help="Name of the form.")]


@app.command("freeze")
def freeze(
    items: Annotated[
        list[str],
        typer.Argument(help="Items in order: CODE, CODE@VERSION; one plan (YAML); or, with --versions, a frozen form."),
    ],
    form: Annotated[str, typer.Option("--id", help="Name of the form.")] = "",
    title: Annotated[str, typer.Option(help="For people.")] = "",
    grade: Annotated[str, typer.Option(help="For people.")] = "",
    versions: Annotated[
        int, typer.Option(help="Also freeze so many versions, FORM-vA, FORM-vB, ..., with options in other orders.")
    ] = 0,
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Freeze a form: these versions of the items, in this order, for good."""
    import contextlib

    from itembank import database, form_versions, forms, people, terminal
    from itembank.errors import UsageFault

    plan: dict[str, Any] = {}
    places = [(name, "") for name in items]
    if len(items) == 1 and Path(items[0]).suffix.lower() in (".yaml", ".yml"):
        plan = forms.read_plan(Path(items[0]))
        places = forms.places_of(plan)
    name = form or str(plan.get("id") or "")
    frozen_before = versions and not name and len(items) == 1
    if not name and not frozen_before:
        raise UsageFault("no-name", "The form needs a name.", "--id NAME")
    made = None
    with contextlib.suppress(DryRunEnd), database.writing() as session:
        person = people.acting(session, as_)
        if frozen_before:
            row, new = forms.form_of(session, items[0]), False
            name = row.code
        else:
            words = (title or str(plan.get("title") or ""), grade or str(plan.get("grade") or ""))
            row, new = forms.freeze(session, name, places, *words, person, forms.details_of(plan))
        waiting = forms.not_approved(session, row)
        if versions:
            made = form_versions.freeze(session, row, versions, person)
        said = [f.code for f in made.forms] if made else [name]
        if dry_run:
            terminal.say(f"Would freeze {', '.join(said)} with {len(places)} items; nothing was stored.")
            raise DryRunEnd
    if waiting:
        terminal.say(f"notice: {len(waiting)} of its items are not approved: {', '.join(waiting[:8])}")
    if made and made.kept:
        terminal.say(f"notice: options that speak of each other keep their order: {', '.join(made.kept)}")
    if not dry_run:
        terminal.say(f"Froze {name} with {len(places)} items." if new else f"{name} is frozen like this already.")
        if made:
            terminal.say(f"{'Froze' if made.new else 'There are'} its versions {', '.join(said)}.")
        given = " ".join(f"--form {f}" for f in said)
        terminal.next_step(f"itembank administrations open NAME {given} --district A --district B --mode paper ...")


@app.command("show")
def show(form: FormName, format: Format = "table", json: Json = False) -> None:
    """The items of a form, in order."""
    from dataclasses import asdict

    from itembank import database, forms, terminal

    with database.reading() as session:
        lines = forms.lines(session, forms.form_of(session, form))
    rows = [{**asdict(line), "position": line.position + 1} for line in lines]
    names = ["position", "item", "version", "title", "type", "points", "concept", "section"]
    names += ["letters"] if any(line.letters for line in lines) else []
    terminal.emit_rows(rows, names, format_of(format, json))


@app.command("key")
def key(form: FormName, format: Format = "table", json: Json = False) -> None:
    """The current key of a form."""
    from itembank import database, forms, terminal

    with database.reading() as session:
        rows = forms.key_sheet(session, forms.form_of(session, form))
    names = ["position", "item", "version", "type", "key", "key_version", "points"]
    terminal.emit_rows(rows, names, format_of(format, json))


@app.command("new")
def new() -> None:
    """Print a blueprint to change."""
    from itembank import blueprint, terminal

    terminal.emit(blueprint.TEMPLATE.rstrip())
    terminal.next_step("itembank forms assemble blueprint.yaml")


@app.command("check")
def check(
    form: FormName,
    blueprint: Annotated[Path, typer.Argument(help="The blueprint it should keep.")],
    format: Format = "table",
    json: Json = False,
) -> None:
    """Whether a frozen form keeps every rule of a blueprint."""
    from itembank import blueprint as blueprints
    from itembank import candidates, database, forms, terminal
    from itembank.errors import HasFindings

    wanted = blueprints.read(blueprint)
    with database.reading() as session:
        lines = forms.lines(session, forms.form_of(session, form))
        known = candidates.of_versions(session, wanted, [line.version_id for line in lines])
    found = blueprints.violations(wanted, [(known[line.version_id], line.section) for line in lines])
    if format_of(format, json) == "json":
        terminal.show_findings(found, "json")
        found = [f for f in found if f.severity == "error"]
        if found:
            raise HasFindings("rules-broken", f"{form} breaks {len(found)} rules of {wanted.id}.")
    elif found:
        raise HasFindings("rules-broken", f"{form} breaks {len(found)} rules of {wanted.id}.", "", found)
    terminal.say(f"{form} keeps all {len(wanted.rules)} rules of {wanted.id}.")
    terminal.next_step(f"itembank forms booklet {form}")
