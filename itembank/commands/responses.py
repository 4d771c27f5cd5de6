"""`itembank responses`: check and load what students answered."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from itembank.commands import responses_export, responses_rubrics
from itembank.commands.options import As, DryRun, DryRunEnd, Format, Json, format_of, pairs

if TYPE_CHECKING:
    from itembank.sheets import Layout

app = typer.Typer()
app.registered_commands.extend(responses_export.app.registered_commands)
app.registered_commands.extend(responses_rubrics.app.registered_commands)

File = Annotated[
    str, typer.Argument(help="CSV, wide or long; Canvas' Student Analysis; QTI results (XML or zip); - is stdin.")
]
Administration = Annotated[str, typer.Option(help="Name; may be left away when there is one.")]
District = Annotated[str, typer.Option(help="District of the whole file.")]
Form = Annotated[str, typer.Option(help="Form of the whole file.")]
School = Annotated[str, typer.Option(help="School of the whole file.")]
Grade = Annotated[str, typer.Option(help="Grade of the whole file.")]
Date = Annotated[str, typer.Option(help="Test date of the whole file, 2026-05-04.")]
Column = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        help="ROLE=COLUMN where the name is not usual: student, district, school, form, grade, date, item, response, "
        "attendance.",
    ),
]
Attribute = Annotated[
    list[str] | None, typer.Option("--attribute", help="Column that describes students; give it for each.")
]
Map = Annotated[list[str] | None, typer.Option("--map", help="COLUMN=ITEM where they differ; give it for each.")]
Prefix = Annotated[str, typer.Option(help="Text before the item's code in column names.")]
Ignore = Annotated[list[str] | None, typer.Option("--ignore", help="Column to leave out; give it for each.")]
LayoutName = Annotated[str, typer.Option("--layout", help="auto, wide or long.")]
Cells = Annotated[str, typer.Option(help="auto, answers (letters, numbers) or scores.")]
Omit = Annotated[list[str] | None, typer.Option("--omit", help="Code of an omitted answer (O).")]
NotReached = Annotated[list[str] | None, typer.Option("--not-reached", help="Code of an item not reached (R).")]
Invalid = Annotated[list[str] | None, typer.Option("--invalid", help="Code of multiple or invalid marks (M).")]
NotGiven = Annotated[list[str] | None, typer.Option("--not-administered", help="Code of an item not given.")]
Empty = Annotated[
    str,
    typer.Option(help="What an empty cell of an item on the form is: by-position, omitted or not-administered."),
]
Reader = Annotated[str, typer.Option(help="What the file is: auto, table, canvas (Student Analysis), qti (results).")]
Profile = Annotated[Path | None, typer.Option(help="A saved mapping; other flags change it.")]
SaveProfile = Annotated[Path | None, typer.Option(help="Write the mapping of these flags to a file.")]


def layout_from(
    district: str,
    form: str,
    school: str,
    grade: str,
    date: str,
    column: list[str] | None,
    attribute: list[str] | None,
    map: list[str] | None,
    prefix: str,
    ignore: list[str] | None,
    layout: str,
    cells: str,
    omit: list[str] | None,
    not_reached: list[str] | None,
    invalid: list[str] | None,
    not_given: list[str] | None,
    empty: str,
) -> "Layout":
    """The flags as a layout."""
    from itembank.errors import UsageFault
    from itembank.sheets import USUAL, Layout

    for value, allowed, flag in (
        (layout, ("auto", "wide", "long"), "--layout"),
        (cells, ("auto", "answers", "scores"), "--cells"),
        (empty, ("by-position", "omitted", "not-administered"), "--empty"),
    ):
        if value not in allowed:
            raise UsageFault("bad-option", f"{flag} {value!r} is unknown.", f"{flag} " + ", ".join(allowed))
    roles = dict(pairs(column or [], "--column"))
    for role in roles:
        if role not in USUAL:
            raise UsageFault("bad-option", f"There is no role {role!r}.", "--column ROLE=COLUMN: " + ", ".join(USUAL))
    codes: dict[str, str] = {}
    for given, usual, meaning in (
        (omit, "O", "omitted"),
        (not_reached, "R", "not reached"),
        (invalid, "M", "invalid"),
        (not_given, "", "not administered"),
    ):
        for code in given if given is not None else [usual]:
            if code:
                codes[code] = meaning
    fixed = {"district": district, "form": form, "school": school, "grade": grade, "date": date}
    return Layout(
        columns=roles,
        fixed={k: v for k, v in fixed.items() if v},
        attributes=tuple(attribute or ()),
        items=dict(pairs(map or [], "--map")),
        prefix=prefix,
        ignore=tuple(ignore or ()),
        layout=layout,  # type: ignore[arg-type]
        cells=cells,  # type: ignore[arg-type]
        codes=codes,
        empty=empty.replace("-", " "),  # type: ignore[arg-type]
    )


@app.command("check")
def check(
    file: File,
    administration: Administration = "",
    district: District = "",
    form: Form = "",
    school: School = "",
    grade: Grade = "",
    date: Date = "",
    column: Column = None,
    attribute: Attribute = None,
    map: Map = None,
    prefix: Prefix = "",
    ignore: Ignore = None,
    layout: LayoutName = "auto",
    cells: Cells = "auto",
    omit: Omit = None,
    not_reached: NotReached = None,
    invalid: Invalid = None,
    not_given: NotGiven = None,
    empty: Empty = "by-position",
    reader: Reader = "",
    profile: Profile = None,
    save_profile: SaveProfile = None,
    json: Json = False,
) -> None:
    """Find everything that is wrong with a file of responses; store nothing."""
    plan = layout_from(
        district, form, school, grade, date, column, attribute, map, prefix, ignore, layout, cells, omit, not_reached,
        invalid, not_given, empty,
    )  # fmt: skip
    plan, reader = _profiled(plan, reader, profile, save_profile)
    _check(file, administration, plan, reader, json)


def _profiled(plan: "Layout", reader: str, profile: Path | None, save: Path | None) -> "tuple[Layout, str]":
    """The mapping that the flags and a profile make together, saved where that is wanted."""
    from itembank import uploads
    from itembank.errors import UsageFault

    if reader and reader not in uploads.READERS:
        raise UsageFault("bad-option", f"--reader {reader!r} is unknown.", "--reader " + ", ".join(uploads.READERS))
    if profile is not None:
        base, usual = uploads.read_profile(profile)
        plan, reader = uploads.merged(base, plan), reader or usual
    if save is not None:
        uploads.write_profile(save, plan, reader or "auto")
    return plan, reader or "auto"


def _check(file: str, administration: str, plan: "Layout", reader: str, json: bool) -> None:
    from itembank import administrations, database, responses, storing, terminal, uploads
    from itembank.errors import Rejected

    with database.reading() as session:
        adm = administrations.administration_of(session, administration)
        table = uploads.read(file, plan, uploads.kinds(session, adm), reader)
        if already := responses.loaded_on(session, adm, table):
            if json:
                terminal.show_findings([], "json")
            terminal.say(f"{table.source} was loaded on {already}: to load it again changes nothing.")
            return
        checked = responses.check(session, adm, table, uploads.plan(plan, table))
        if not checked.refused:
            storing.find_stored(session, adm, checked)
    if json:
        terminal.show_findings(checked.findings, "json")
    if checked.refused:
        raise Rejected(
            "bad-responses",
            f"{table.source} cannot be loaded as it is.",
            "Mend the rows and check it again.",
            () if json else checked.findings,
        )
    if not json:
        terminal.show_findings(checked.findings)
    away = "" if checked.away is None else f", {checked.away.sittings} absent or exempt students"
    warned = sum(f.severity == "warning" for f in checked.findings)
    doubts = "" if not warned else f"; look at the {'warning' if warned == 1 else f'{warned} warnings'} first"
    sittings = "1 sitting" if checked.sittings == 1 else f"{checked.sittings:,} sittings"
    terminal.say(f"{table.source}: {sittings}{away}, nothing in the way{doubts}.")
    terminal.next_step("itembank responses load with the same flags")


@app.command("load")
def load(
    file: File,
    administration: Administration = "",
    district: District = "",
    form: Form = "",
    school: School = "",
    grade: Grade = "",
    date: Date = "",
    column: Column = None,
    attribute: Attribute = None,
    map: Map = None,
    prefix: Prefix = "",
    ignore: Ignore = None,
    layout: LayoutName = "auto",
    cells: Cells = "auto",
    omit: Omit = None,
    not_reached: NotReached = None,
    invalid: Invalid = None,
    not_given: NotGiven = None,
    empty: Empty = "by-position",
    rejected: Annotated[
        Path | None, typer.Option(help="New file for the rows with faults; the others are loaded.")
    ] = None,
    reader: Reader = "",
    profile: Profile = None,
    save_profile: SaveProfile = None,
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Load a file of responses: the whole file, or nothing of it. The same file again changes nothing."""
    from itembank import administrations, database, people, responses, terminal, uploads
    from itembank.commands.options import write_private
    from itembank.errors import Conflict

    plan = layout_from(
        district, form, school, grade, date, column, attribute, map, prefix, ignore, layout, cells, omit, not_reached,
        invalid, not_given, empty,
    )  # fmt: skip
    plan, reader = _profiled(plan, reader, profile, save_profile)
    if dry_run:
        _check(file, administration, plan, reader, False)
        return
    if rejected is not None and rejected.exists():
        raise Conflict("file-exists", f"{rejected} is there already.", "--rejected ANOTHER")
    with database.reading() as session:
        adm = administrations.administration_of(session, administration)
        table = uploads.read(file, plan, uploads.kinds(session, adm), reader)
    plan = uploads.plan(plan, table)
    with database.writing() as session:
        adm = administrations.administration_of(session, administration)
        done = responses.load(session, adm, table, plan, people.acting(session, as_), rejected is not None)
        if rejected is not None and done.rejected:  # before the rows are stored for good: none is lost in between
            write_private(rejected, done.rejected.encode())
    terminal.show_findings(done.findings)
    if done.already:
        terminal.say(f"{table.source} was loaded on {done.already}; nothing was changed.")
    else:
        terminal.say(
            f"Loaded {_counted(done.sittings, 'sitting')} of {table.source} into {adm.code} "
            f"({_counted(done.students, 'new student')}, {_counted(done.schools, 'new school')})."
        )
    if done.away:
        terminal.say(f"Recorded {_counted(done.away, 'absent or exempt student')}.")
    if done.rejected_rows:
        terminal.say(f"Set {_counted(done.rejected_rows, 'row')} aside in {rejected}: mend there and load that file.")
    terminal.next_step(f"itembank calibrate run --administration {adm.code}")


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


@app.command("list")
def list_(administration: Administration = "", format: Format = "table", json: Json = False) -> None:
    """The files that were loaded."""
    from itembank import administrations, database, terminal

    with database.reading() as session:
        adm = administrations.administration_of(session, administration) if administration else None
        rows = administrations.imports(session, adm)
    names = [
        "import",
        "administration",
        "file",
        "layout",
        "rows",
        "sittings",
        "away",
        "set aside",
        "by",
        "loaded",
        "sha256",
    ]
    terminal.emit_rows(rows, names, format_of(format, json))
    if not rows:
        terminal.next_step("itembank responses load FILE --administration NAME --district CODE")


@app.command("withdraw")
def withdraw(
    number: Annotated[int, typer.Argument(metavar="IMPORT", help="Number from `responses list`.")],
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Take a loaded file back: its sittings, responses and scores."""
    import contextlib

    from itembank import database, people, students, terminal

    with contextlib.suppress(DryRunEnd), database.writing() as session:
        done = students.withdraw_import(session, number, people.require(session, "responses", as_))
        if dry_run:
            raise DryRunEnd
    counts = ", ".join(f"{n} {what}" for what, n in done.items())
    terminal.say(f"{'Would withdraw' if dry_run else 'Withdrew'} {counts}.")
    terminal.next_step("itembank responses list")
