"""`itembank administrations status`: what came in, and what became of every student who was expected."""

from pathlib import Path
from typing import Annotated, Any

import typer

from itembank.commands.options import Format, Json, format_of, write_private

app = typer.Typer()


@app.command("status")
def status(
    name: Annotated[str, typer.Argument(help="May be left away when there is one.")] = "",
    by: Annotated[
        str,
        typer.Option(help="form; version (sheets that fit another than the marked one); or district, school, class."),
    ] = "form",
    list_: Annotated[
        list[str] | None,
        typer.Option(
            "--list",
            help="One row per student: missing, absent, exempt, unexplained, unknown, late, twice, elsewhere, ...",
        ),
    ] = None,
    chase: Annotated[
        Path | None, typer.Option(help="New folder: a list per school, by class, of who has still to sit.")
    ] = None,
    names: Annotated[
        Path | None, typer.Option(help="OneRoster package of --district: numbers and names are shown, not stored.")
    ] = None,
    district: Annotated[str, typer.Option(help="Only this district.")] = "",
    identifier: Annotated[str, typer.Option(help="Column of users.csv that response files use.")] = "identifier",
    format: Format = "table",
    json: Json = False,
) -> None:
    """What came in; with rosters, expected = scored + absent + exempt + missing + unexplained, and who they are."""
    from itembank import accounting, administrations, answer_sheets, database, people, terminal, version_doubts
    from itembank.errors import UsageFault

    wanted = [w.replace("-", " ") for w in list_ or []]
    strange = [w for w in wanted if w not in accounting.KINDS]
    if strange:
        raise UsageFault("bad-option", f"--list {strange[0]!r} is unknown.", "--list " + ", ".join(accounting.KINDS))
    if by not in ("form", "version", *accounting.PLACES):
        raise UsageFault("bad-option", f"--by {by!r} is unknown.", "--by form, version, district, school or class")
    if names is not None and not district:
        raise UsageFault("no-district", "Names belong to a district.", "--district CODE")
    shown: list[dict[str, Any]] = []
    columns = ["district", "form", "sittings", "students", "schools", "expected"]
    students = bool(wanted or chase) or by in accounting.PLACES
    left: list[dict[str, Any]] = []
    aside = 0
    with database.reading() as session:
        adm = administrations.administration_of(session, name)
        said = f"{adm.code}: {adm.status}, {adm.opens_on} to {adm.closes_on}, {adm.mode}."
        for what in ("languages", "accommodations"):
            said += f" {what.capitalize()}: {', '.join(adm.details[what])}." if what in adm.details else ""
        if students:
            found = accounting.accounts(session, adm)
            aside = accounting.set_aside(session, adm)
            if district:
                home = people.district_of(session, district)
                found = [a for a in found if a.place[0] == home.code]
            called = {}
            if names is not None:
                called = accounting.called_by(session, home, answer_sheets.names(names, identifier))
            if wanted:
                shown = accounting.listed(session, found, wanted, called)
                columns = list(accounting.LIST_COLUMNS)
            else:
                level = by if by in accounting.PLACES else "school"
                shown = accounting.table(found, level)
                columns = [*accounting.PLACES[: accounting.PLACES.index(level) + 1], "expected"]
                columns += [*accounting.STATES, *accounting.MARKS, "unknown"]
            if chase is not None:
                left = accounting.listed(session, found, accounting.CHASED, called)
        elif by == "version":
            shown = version_doubts.stored(session, adm)
            columns = ["district", "school", "file", "sitting", "form", "version"]
            columns += ["fits", "odds", "right", "right_if_fits"]
        else:
            shown = administrations.status(session, adm)
    terminal.say(said)
    terminal.emit_rows(shown, columns, format_of(format, json))
    if by == "version":
        terminal.say(f"{len(shown)} sheets fit another version than the marked one at least 100 times better.")
        return
    if chase is not None:
        terminal.say(f"Wrote {_chase(chase, left)} lists in {chase}: {len(left)} students, sorted by class.")
    if aside:
        terminal.say(f"{aside} rows were set aside when files were loaded: see `responses list`.")
    if by in accounting.PLACES and not wanted and not any(r["expected"] for r in shown):
        terminal.next_step("itembank rosters import PACKAGE --district CODE")
    elif students and not wanted and chase is None and any(r["missing"] for r in shown):
        terminal.next_step(f"itembank administrations status {adm.code} --chase FOLDER")
    elif not students and not any(r.get("sittings") for r in shown):
        terminal.next_step(f"itembank responses check FILE --administration {adm.code}")


def _chase(folder: Path, left: list[dict[str, Any]]) -> int:
    """Write a CSV per school; how many."""
    import csv
    import io
    import os

    from itembank.errors import Conflict
    from itembank.terminal import neutralised

    if folder.exists() and any(folder.iterdir()):
        raise Conflict("folder-in-use", f"{folder} holds something already.", "--chase ANOTHER")
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o700)
    schools: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in left:
        schools.setdefault((row["district"], row["school"]), []).append(row)
    names = ("class", "name", "student", "state", "why")
    for (district, school), rows in schools.items():
        held = io.StringIO()
        writer = csv.writer(held, lineterminator="\n")
        writer.writerow(names)
        for row in sorted(rows, key=lambda r: (r["class"], r["name"], r["student"])):
            writer.writerow([neutralised(str(row[n])) for n in names])
        safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in f"{district}-{school}")
        write_private(folder / f"{safe}.csv", held.getvalue().encode())
    return len(schools)
