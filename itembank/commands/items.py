"""`itembank items`: write, check and see item files. What needs a bank is in items_bank.py."""

from pathlib import Path
from typing import Annotated

import typer

from itembank.commands import items_bank
from itembank.commands.options import DryRun, Format, Json, format_of

app = typer.Typer()
app.registered_commands.extend(items_bank.app.registered_commands)

ITEM_FILES = "Name an item file (.md) or a folder of them."
Paths = Annotated[list[Path] | None, typer.Argument(help="Item files and folders; the folder items/ by default.")]


def existing(paths: list[Path] | None) -> list[Path]:
    """The paths, or items/; all must exist."""
    from itembank.errors import UsageFault

    paths = paths or [Path("items")]
    for path in paths:
        if not path.exists() and str(path) != "-":
            raise UsageFault("no-such-file", f"There is no {path}.", ITEM_FILES)
    return paths


@app.command("check")
def check(
    paths: Paths = None,
    format: Format = "table",
    json: Json = False,
    strict: Annotated[bool, typer.Option("--strict", help="Notices fail the check too.")] = False,
) -> None:
    """Check items: format, tags, math, misconceptions, and the key recomputed from the stem's numbers."""
    from itembank import item_folder, terminal
    from itembank.errors import UsageFault

    chosen = existing(paths)
    checked = item_folder.check(chosen)
    if not checked.files:
        raise UsageFault("no-such-file", f"There is no item file in {' '.join(map(str, chosen))}.", ITEM_FILES)
    kind = format_of(format, json)
    if kind == "json":
        terminal.emit_json([f.as_dict() for f in checked.findings])
    elif kind == "csv":
        columns = ("source", "line", "code", "severity", "message", "hint", "column")
        terminal.emit_rows([f.as_dict() for f in checked.findings], columns, "csv")
    else:
        for finding in checked.findings:
            terminal.emit(str(finding))
    counts = {s: sum(f.severity == s for f in checked.findings) for s in ("error", "warning", "notice")}
    said = ", ".join(f"{n} {s}{'' if n == 1 else 's'}" for s, n in counts.items() if n)
    files = f"{checked.files} file{'' if checked.files == 1 else 's'}"
    terminal.say(f"{files}, {_items(len(checked.items))}: {said or 'no findings'}.")
    bad = counts["error"] + counts["warning"] + (counts["notice"] if strict else 0)
    where = " ".join(map(str, chosen))
    terminal.next_step(
        f"mend them, then itembank items check {where}" if bad else f"itembank items preview {where} -o items.html"
    )
    if bad:
        raise typer.Exit(1)


@app.command("duplicates")
def duplicates(
    paths: Paths = None,
    all_: Annotated[bool, typer.Option("--all", help="Also the pairs that are named as intended.")] = False,
    format: Format = "table",
    json: Json = False,
) -> None:
    """Items like each other: same words, same numbers in other words, same computation with other numbers."""
    from dataclasses import asdict

    from itembank import item_file, item_folder, likeness, terminal

    chosen = existing(paths)
    checked = item_folder.check(chosen)
    folder = Path(checked.items[0].source).parent if checked.items else Path(".")
    named = likeness.intended_pairs(item_file.bank_root(folder) / likeness.FILE)
    found = likeness.pairs(checked.items, named)
    open_ = [p for p in found if not p.intended]
    shown = [asdict(p) for p in (found if all_ else open_)]
    kind = format_of(format, json)
    if kind == "json":
        terminal.emit_json(shown)
    elif shown or kind == "csv":
        terminal.emit_rows(shown, ("one", "other", "kind", "share", "shared", "intended"), kind)
    terminal.say(
        f"{len(checked.items)} items: {len(found)} pairs are alike, {len(open_)} of them not named as intended."
    )
    where = " ".join(map(str, chosen))
    if open_:
        terminal.next_step(f"name each pair in `enemies` or in {likeness.FILE}, then itembank items duplicates {where}")
        raise typer.Exit(1)
    terminal.next_step(f"itembank items preview {where} -o items.html")


@app.command("preview")
def preview(
    paths: Paths = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="The HTML page (or .pdf).")] = Path("preview.html"),
    pdf: Annotated[bool, typer.Option("--pdf", help="Also the booklet and the teachers' key as PDF.")] = False,
    language: Annotated[str, typer.Option(help="Language of the PDF: en or es.")] = "en",
    watch: Annotated[bool, typer.Option("--watch", help="Write it again at each save, until Ctrl-C.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Items as typeset: a page that needs no network, and with --pdf on paper."""
    from itembank import terminal
    from itembank.errors import UsageFault

    chosen = existing(paths)
    if out.suffix.lower() not in (".html", ".htm", ".pdf"):
        raise UsageFault("out", f"{out} is neither a page nor a PDF.", f"-o {out.with_suffix('.html')}")
    count = _write_preview(chosen, out, pdf, language, watch)
    made = [str(_page(out))]
    if (pdf or _is_pdf(out)) and count:
        made += [f"{out.with_suffix('.pdf')} (for students)", f"{out.with_name(out.stem + '-key.pdf')} (for teachers)"]
    terminal.say(f"{_items(count)} in {', '.join(made)}.")
    if open_ or watch:
        import webbrowser

        webbrowser.open(_page(out).resolve().as_uri())
    if watch:
        import time

        terminal.say("Watching; Ctrl-C ends it.")
        before = _saved(chosen)
        while True:
            time.sleep(0.4)
            now = _saved(chosen)
            if now != before:
                before = now
                terminal.say(f"{_items(_write_preview(chosen, out, pdf, language, True))} written again.")
    terminal.next_step("itembank items import " + " ".join(map(str, chosen)))


def _items(count: int) -> str:
    return f"{count} item{'' if count == 1 else 's'}"


def _is_pdf(out: Path) -> bool:
    return out.suffix.lower() == ".pdf"


def _page(out: Path) -> Path:
    """The page of a preview: beside the PDF, where that was named."""
    return out.with_suffix(".html") if _is_pdf(out) else out


def _saved(paths: list[Path]) -> list[tuple[str, int]]:
    from itembank import item_folder

    return [(str(p), p.stat().st_mtime_ns) for p in item_folder.item_files(paths) if p.exists()]


def _write_preview(paths: list[Path], out: Path, pdf: bool, language: str, reload: bool) -> int:
    from itembank import booklet, catalogue, item_file, item_folder, terminal
    from itembank import preview as pages
    from itembank.errors import Rejected

    checked = item_folder.check(paths)
    folder = Path(checked.items[0].source).parent if checked.items else Path(".")
    known = catalogue.read(item_file.bank_root(folder))
    misconceptions = {k: e.name for k, e in (known.misconceptions or {}).items()}
    concepts = {k: e.name for k, e in (known.concepts or {}).items()}
    title = "Items" if len(checked.items) != 1 else checked.items[0].id
    _page(out).write_text(pages.page(checked.items, title, checked.findings, misconceptions, concepts, reload), "utf-8")
    if (pdf or _is_pdf(out)) and checked.items:
        try:
            booklet.render(checked.items, title, out.with_suffix(".pdf"), "booklet", language)
            key = out.with_name(out.stem + "-key.pdf")
            booklet.render(checked.items, title, key, "key", language, misconceptions=misconceptions, concepts=concepts)
        except Rejected as error:
            if not reload:
                raise
            terminal.say(f"no PDF: {error.sentence}")
    return len(checked.items)


@app.command("new")
def new(
    type: Annotated[str, typer.Option("--type", help="choice, multi-select, numeric, short-text, match, rubric.")] = "",
    id: Annotated[str, typer.Option("--id", help="The item's id, such as G7-RP-014.")] = "",
    title: Annotated[str, typer.Option(help="A few words.")] = "",
    grade: Annotated[str, typer.Option(help="6, 7, 8 or A1.")] = "",
    concept: Annotated[list[str] | None, typer.Option(help="Concepts, the primary first.")] = None,
    standard: Annotated[list[str] | None, typer.Option(help="Standards in any spelling.")] = None,
    author: Annotated[str, typer.Option(help="Who writes it.")] = "",
    district: Annotated[str, typer.Option(help="The author's district.")] = "",
    spanish: Annotated[bool, typer.Option("--spanish", help="With room for the Spanish variant.")] = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File or folder; the folder of the grade.")] = None,
    editor: Annotated[str, typer.Option(help="Open it: a program, or 'default' for $EDITOR.")] = "",
    dry_run: DryRun = False,
) -> None:
    """Begin an item: asks at a terminal, or takes flags; writes a file with a worked example to write over."""
    from itembank import item_authoring, terminal

    fields = item_authoring.asked(
        {"type": type, "id": id, "title": title, "grade": grade, "author": author, "district": district},
        concept or [],
        standard or [],
    )
    text = item_authoring.begun(fields, spanish)
    path = item_authoring.place(out, fields["id"], fields["grade"])
    if dry_run:
        terminal.emit(text.rstrip("\n"))
        terminal.say(f"Would write {path}.")
        return
    item_authoring.write_new(path, text)
    terminal.say(f"Wrote {path}.")
    if editor:
        item_authoring.open_editor(path, editor)
    terminal.next_step(f"itembank items check {path}")


@app.command("template")
def template(
    type: Annotated[
        str, typer.Option("--type", help="choice, multi-select, numeric, short-text, match, rubric.")
    ] = "choice",
    spreadsheet: Annotated[
        Path | None, typer.Option(help="A spreadsheet for whole items instead: .csv or .xlsx.")
    ] = None,
    spanish: Annotated[bool, typer.Option("--spanish", help="With room for the Spanish variant.")] = False,
) -> None:
    """An example item of a type on stdout, or a spreadsheet to fill with one item per row."""
    from itembank import item_authoring, item_table, item_templates, terminal

    if spreadsheet is not None:
        if spreadsheet.suffix.lower() == ".xlsx":
            item_table.write_xlsx(spreadsheet)
        elif str(spreadsheet) == "-":
            terminal.emit(item_table.csv_template().rstrip("\n"))
            return
        else:
            spreadsheet.write_text(item_table.csv_template(), "utf-8-sig")
        terminal.say(f"Wrote {spreadsheet}: one item per row, with an example in row 2.")
        terminal.next_step(f"itembank items import {spreadsheet} --dry-run")
        return
    terminal.emit(item_templates.template(item_authoring.type_of(type), spanish=spanish).rstrip("\n"))
    terminal.next_step("save it as a file, then itembank items check FILE")
