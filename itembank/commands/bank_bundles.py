"""The verbs of `itembank bank` for districts without a common server: export and merge."""

from pathlib import Path
from typing import Annotated

import typer

from itembank.commands.options import As, DryRun, DryRunEnd, Format, Json, format_of

app = typer.Typer()


@app.command("export")
def export(
    target: Annotated[Path, typer.Argument(help="A new .zip, or a folder (a git work tree, say).")],
    district: Annotated[str, typer.Option(help="Whose bundle; by default that of --as.")] = "",
    item: Annotated[list[str] | None, typer.Option(help="Only this item; give it for each.")] = None,
    as_: As = "",
    dry_run: DryRun = False,
) -> None:
    """Write your district's items, reviews and votes as files, signed with your district's key. No student data."""
    import contextlib

    from itembank import authoring, bundles, database, identity, people, signing, terminal
    from itembank.errors import UsageFault
    from itembank.models import District

    with contextlib.suppress(DryRunEnd), database.writing() as session:
        person = people.acting(session, as_)
        home = session.get(District, person.district_id) if person else None
        chosen = people.district_of(session, district) if district else home
        if chosen is None:
            raise UsageFault("who", "Say whose bundle it is.", "--as PERSON, or --district CODE")
        for code in item or ():
            authoring.latest_version(session, code)
        had_key = (identity.folder() / f"{chosen.code}.key").is_file()
        if dry_run and not had_key:
            terminal.say(
                f"Would make a key for district {chosen.code} first, then write {target}; nothing was written."
            )
            raise DryRunEnd
        files = bundles.export(session, chosen, person, item or ())
        key = signing.public_key(signing.seed_of(identity.district_key(session, chosen)))
        count = sum(f.startswith("items/") and f.endswith(".json") for f in files)
        said = f"{count} items, {sum(f.startswith('reviews/') for f in files)} with reviews or votes"
        if dry_run:
            terminal.say(f"Would write {said} to {target}; nothing was written.")
            raise DryRunEnd
        bundles.write(files, target)
        if not had_key:
            terminal.say(f"Made the key of district {chosen.code} in {identity.folder()}: back it up, apart.")
        terminal.emit(str(target))
        terminal.say(f"{said}, signed with key {signing.fingerprint(key)}.")
        terminal.say("The first time, read that key out to the other district by telephone.")
        terminal.next_step(f"in the other district: itembank bank merge {target}")


@app.command("merge")
def merge(
    bundle: Annotated[Path, typer.Argument(help="The other district's bundle: .zip or folder.")],
    trust: Annotated[str, typer.Option(help="The key that the other district read out; the first time only.")] = "",
    conflicts: Annotated[Path, typer.Option(help="Where texts go that could not be merged.")] = Path("conflicts"),
    all_: Annotated[bool, typer.Option("--all", help="Also what was here already.")] = False,
    as_: As = "",
    dry_run: DryRun = False,
    format: Format = "table",
    json: Json = False,
) -> None:
    """Take in the other district's items, reviews and votes. What cannot be merged is listed, and kept as files."""
    import contextlib
    from collections import Counter
    from dataclasses import asdict

    from itembank import bundles, database, identity, merging, people, terminal
    from itembank.errors import Conflict

    kind = format_of(format, json)
    read = bundles.read(bundle)
    key_file = identity.folder() / f"{read.district}.public"
    trusted_before = key_file.is_file()
    done = None
    try:
        with contextlib.suppress(DryRunEnd), database.writing() as session:
            done = merging.merge(session, read, trust, people.acting(session, as_))
            if dry_run:
                raise DryRunEnd
    finally:
        if not trusted_before and (done is None or dry_run):
            key_file.unlink(missing_ok=True)  # nothing was merged: the key is not trusted yet either
    assert done is not None
    rows = [asdict(x) for x in done.lines if all_ or x.outcome != "known"]
    terminal.emit_rows(rows, ("what", "item", "version", "outcome", "detail"), kind)
    counts = Counter(x.outcome for x in done.lines)
    said = ", ".join(f"{counts[k]} {k}" for k in ("merged", "kept", "known", "conflict") if counts[k]) or "nothing"
    terminal.say(f"{'Would merge' if dry_run else 'Merged'} the bundle of district {read.district}: {said}.")
    if dry_run:
        return
    for name, text in done.texts.items():
        conflicts.mkdir(parents=True, exist_ok=True)
        (conflicts / name).write_text(text, "utf-8")
    if counts["conflict"]:
        where = f" Their texts are in {conflicts}." if done.texts else ""
        first = next((n for n in done.texts if n.endswith(".md")), "")
        hint = f"itembank items diff {first.partition('@')[0]} {conflicts / first}" if first else "see the list above"
        raise Conflict(
            "not-merged", f"{counts['conflict']} parts were not merged; nothing was overwritten.{where}", hint
        )
    terminal.next_step("itembank reviews queue --as PERSON")
