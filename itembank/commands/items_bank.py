"""The verbs of `itembank items` that read or write the bank."""

from pathlib import Path
from typing import Annotated

import typer

from itembank.commands.options import As, DryRun, DryRunEnd, Format, Json, format_of

app = typer.Typer()


@app.command("import")
def import_(
    paths: Annotated[
        list[Path], typer.Argument(help="Item files, folders, spreadsheets (CSV, xlsx) or QTI (zip, xml).")
    ],
    status: Annotated[str, typer.Option(help="Of new items: draft, or released (the repository's own).")] = "draft",
    create_concepts: Annotated[bool, typer.Option("--create-concepts", help="Store unknown concepts too.")] = False,
    to: Annotated[Path | None, typer.Option(help="Write a spreadsheet's rows as item files here instead.")] = None,
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Store items: files and folders, a spreadsheet of whole items, a register (id, title, key), a QTI package."""
    import contextlib
    from collections import Counter

    from itembank import database, item_import, people, terminal
    from itembank.errors import Rejected, UsageFault
    from itembank.findings import errors

    if status not in ("draft", "released"):
        raise UsageFault("status", f"An import cannot make items {status!r}.", "--status draft or released")
    gathered = item_import.gather(paths)
    wrong = errors(gathered.findings)
    if wrong:
        where = " ".join(map(str, paths))
        raise Rejected("bad-items", "Nothing was stored.", f"mend them, then itembank items import {where}", wrong)
    terminal.show_findings([f for f in gathered.findings if f.severity == "warning" or f.source in gathered.packages])
    if to is not None:
        written = item_import.write_files(gathered, to, dry_run)
        terminal.say(f"{'Would write' if dry_run else 'Wrote'} {len(written)} item files in {to}.")
        terminal.next_step(f"itembank items check {to}")
        return
    counts: Counter[str] = Counter()
    with contextlib.suppress(DryRunEnd), database.writing() as session:
        person = people.acting(session, as_)
        counts = item_import.store(session, gathered, person, status, create_concepts)
        if dry_run:
            raise DryRunEnd
    said = ", ".join(f"{counts[k]} {k}" for k in ("new", "changed", "unchanged") if counts[k]) or "no items"
    terminal.say(f"Would store: {said}; nothing was stored." if dry_run else f"Stored: {said}.")
    terminal.next_step("itembank items list" if not dry_run else "the same without --dry-run")


Concept = Annotated[str, typer.Option(help="Its id.")]
Standard = Annotated[str, typer.Option(help="In any spelling; a domain such as 7.RP too.")]
Span = Annotated[str, typer.Option(help="LOW..HIGH, either may be left out, of the newest calibration.")]

Lowest = Annotated[float | None, typer.Option("--p-min", help="Least proportion correct, newest calibration.")]
Highest = Annotated[float | None, typer.Option("--p-max", help="Greatest proportion correct, newest calibration.")]


def _span(text: str, flag: str) -> tuple[float | None, float | None]:
    from itembank.errors import UsageFault

    if not text:
        return None, None
    low, dots, high = text.partition("..")
    try:
        if not dots:
            raise ValueError
        return (float(low) if low else None), (float(high) if high else None)
    except ValueError:
        raise UsageFault("bad-option", f"{flag} {text!r} is not LOW..HIGH.", f"for example {flag} 0.8..") from None


def _found(
    words: str, concept: str, misconception: str, standard: str, grade: str, type: str, dok: str, status: str,
    district: str, a: str, b: str, p: tuple[float | None, float | None], limit: int, format: str, json: bool,
) -> None:  # fmt: skip
    from itembank import database, item_search, terminal

    filters = item_search.Filters(
        words,
        concept,
        misconception,
        standard,
        grade,
        type,
        dok,
        status,
        district,
        _span(a, "--a"),
        _span(b, "--b"),
        p,
        limit,
    )
    with database.reading() as session:
        rows = item_search.find(session, filters)
    terminal.emit_rows(rows, item_search.COLUMNS, format_of(format, json))
    terminal.say(f"{len(rows)} item{'' if len(rows) == 1 else 's'}.")
    terminal.next_step(
        f"itembank items show {rows[0]['item']}" if rows else "fewer filters, or itembank items import items/"
    )


@app.command("list")
def list_(
    concept: Concept = "",
    misconception: Annotated[str, typer.Option(help="Its id.")] = "",
    standard: Standard = "",
    grade: Annotated[str, typer.Option(help="6, 7, 8 or A1.")] = "",
    type: Annotated[str, typer.Option(help="choice, numeric, ...")] = "",
    dok: Annotated[str, typer.Option(help="1 to 4.")] = "",
    status: Annotated[str, typer.Option(help="draft, in review, approved, ...")] = "",
    district: Annotated[str, typer.Option(help="Whose items.")] = "",
    a: Span = "",
    b: Span = "",
    p_min: Lowest = None,
    p_max: Highest = None,
    limit: Annotated[int, typer.Option(help="At most so many; 0 for all.")] = 0,
    format: Format = "table",
    json: Json = False,
) -> None:
    """The bank's items, newest version of each, with filters."""
    _found(
        "",
        concept,
        misconception,
        standard,
        grade,
        type,
        dok,
        status,
        district,
        a,
        b,
        (p_min, p_max),
        limit,
        format,
        json,
    )


@app.command("search")
def search(
    words: Annotated[list[str], typer.Argument(help="Every word must occur in stem, options, solution or tags.")],
    concept: Concept = "",
    misconception: Annotated[str, typer.Option(help="Its id.")] = "",
    standard: Standard = "",
    grade: Annotated[str, typer.Option(help="6, 7, 8 or A1.")] = "",
    type: Annotated[str, typer.Option(help="choice, numeric, ...")] = "",
    dok: Annotated[str, typer.Option(help="1 to 4.")] = "",
    status: Annotated[str, typer.Option(help="draft, in review, approved, ...")] = "",
    district: Annotated[str, typer.Option(help="Whose items.")] = "",
    a: Span = "",
    b: Span = "",
    p_min: Lowest = None,
    p_max: Highest = None,
    limit: Annotated[int, typer.Option(help="At most so many; 0 for all.")] = 50,
    format: Format = "table",
    json: Json = False,
) -> None:
    """Search the bank's items by words, with the filters of `list`."""
    text = " ".join(words)
    _found(
        text,
        concept,
        misconception,
        standard,
        grade,
        type,
        dok,
        status,
        district,
        a,
        b,
        (p_min, p_max),
        limit,
        format,
        json,
    )


@app.command("show")
def show(
    item: Annotated[str, typer.Argument(help="CODE, CODE@VERSION, or a file.")],
    source: Annotated[bool, typer.Option("--source", help="The item file itself.")] = False,
    json: Json = False,
) -> None:
    """One item: its text in plain words, or its file."""
    from itembank import item_bank, terminal

    shown = item_bank.shown(item)
    if json:
        terminal.emit_json(shown.as_dict())
    elif source:
        terminal.emit(shown.source.rstrip("\n"))
    else:
        terminal.emit(shown.plain())
    terminal.next_step(f"itembank items history {shown.item.id}")


@app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(help="CODE@VERSION or a file; CODE alone: the version before the newest.")],
    after: Annotated[str, typer.Argument(help="CODE@VERSION or a file; by default the newest version.")] = "",
    format: Format = "table",
    json: Json = False,
) -> None:
    """What changed between two versions, word by word; a formula counts as one word."""
    from dataclasses import asdict

    from itembank import item_bank, item_diff, terminal

    old, new = item_bank.pair(before, after)
    found = item_diff.changes(old.item, new.item)
    kind = format_of(format, json)
    if kind == "table":
        for change in found:
            terminal.emit(f"{change.part}:\n  " + change.shown.replace("\n", "\n  "))
    else:
        terminal.emit_rows([asdict(c) for c in found], ("part", "before", "after", "shown"), kind)
    terminal.say(
        f"{old.name} -> {new.name}: {len(found)} parts differ."
        if found
        else f"{old.name} and {new.name}: no difference."
    )
    terminal.next_step(f"itembank items history {new.item.id}")


@app.command("history")
def history(item: Annotated[str, typer.Argument(help="CODE.")], format: Format = "table", json: Json = False) -> None:
    """All versions of an item: when, by whom, and what each changed."""
    from itembank import item_bank, terminal

    rows = item_bank.history(item)
    terminal.emit_rows(
        rows, ("version", "created", "by", "status", "hash", "changed", "title"), format_of(format, json)
    )
    terminal.next_step(f"itembank items diff {item}" if len(rows) > 1 else f"itembank items show {item}")


@app.command("edit")
def edit(
    item: Annotated[str, typer.Argument(help="CODE of an item of the bank.")],
    editor: Annotated[str, typer.Option(help="A program; $EDITOR by default.")] = "default",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Where the text is kept while you write.")] = None,
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Edit an item of the bank: opens its text, checks it, stores a new version. A version stored meanwhile by
    somebody else is not overwritten: you get the difference, and your text stays in the file."""
    from itembank import item_bank, terminal

    outcome = item_bank.edit(item, editor, out, as_, dry_run)
    terminal.say(outcome)
    terminal.next_step(f"itembank items diff {item}")
