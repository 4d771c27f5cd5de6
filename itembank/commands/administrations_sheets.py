"""`itembank administrations sheets`: pre-filled answer sheets and class lists, and scans joined to students again."""

from pathlib import Path
from typing import Annotated

import typer

from itembank.commands.options import DryRun, write_private

app = typer.Typer()


@app.command("sheets")
def sheets(
    name: Annotated[str, typer.Argument(help="Name of the administration.")],
    names: Annotated[Path | None, typer.Option(help="OneRoster package of one district; read, not stored.")] = None,
    out: Annotated[
        Path, typer.Option("-o", "--out", help="New folder of the district (or, for scans, a file).")
    ] = Path("sheets"),
    form: Annotated[list[str] | None, typer.Option(help="Forms to hand out in turn; all by default.")] = None,
    blank: Annotated[int, typer.Option(help="Make-up sheets for each school.")] = 10,
    identifier: Annotated[str, typer.Option(help="Column of users.csv that response files use.")] = "identifier",
    language: Annotated[str, typer.Option(help="en or es.")] = "en",
    redeem: Annotated[Path | None, typer.Option(help="Scans with a column `ticket`: put the students in.")] = None,
    tickets: Annotated[Path | None, typer.Option(help="The tickets.csv that was written with the sheets.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Answer sheets with a ticket in the student's place, by school and class, with class lists for the district."""
    import os
    import time

    from itembank import administrations, answer_sheets, database, form_paper, rosters, terminal
    from itembank import tickets as ticketing
    from itembank.errors import Conflict, Rejected, UsageFault

    if redeem is not None or tickets is not None:
        if redeem is None or tickets is None:
            raise UsageFault("redeem", "Scans are joined with their tickets.", "--redeem SCANS --tickets tickets.csv")
        text, rows = ticketing.redeem(redeem, tickets)
        if not dry_run:
            write_private(out, text.encode())
        terminal.say(f"{'Would write' if dry_run else 'Wrote'} {out}: {rows} sheets with their students.")
        terminal.next_step(f"itembank responses check {out} --administration {name} --district CODE")
        return
    if names is None:
        raise UsageFault("no-roster", "The sheets need a roster.", "--names ROSTER.zip")
    if language not in answer_sheets.WORDS:
        raise UsageFault("language", f"There is no language {language!r}.", "--language en or es")
    if not 0 <= blank <= 1000:
        raise UsageFault("blank", "Make-up sheets are 0 to 1000.", "--blank 10")
    began = time.perf_counter()
    with database.reading() as session:
        adm = administrations.administration_of(session, name)
        title, adm_code, opens = adm.title, adm.code, adm.opens_on
        own = [f.code for f in administrations.forms(session, adm)]
        strange = [f for f in form or [] if f not in own]
        if strange:
            raise Rejected("unknown-form", f"{name} has no form {strange[0]!r}.", "--form " + " or ".join(own))
        papers = {f: form_paper.paper(session, f) for f in form or own}
    titles = dict.fromkeys(p.title_in(language) for p in papers.values())
    if title in ("", adm_code) and len(titles) == 1:  # nobody named the administration: the form's title says more
        title = next(iter(titles))
    areas = {f: answer_sheets.bodies(p.items, language) for f, p in papers.items()}
    versions = {f: p.version for f, p in papers.items()}
    roster = rosters.read_roster(names, opens, identifier)
    made = answer_sheets.planned(roster, answer_sheets.names(names, identifier), list(areas), blank)
    terminal.show_findings(roster.findings)
    if dry_run:
        terminal.say(f"Would write {len(made)} sheets of {len(roster.schools)} schools in {out}.")
        return
    if (out / "tickets.csv").exists():
        raise Conflict("sheets-exist", f"{out} holds sheets already; their tickets would be lost.", "-o ANOTHER")
    out.mkdir(parents=True, exist_ok=True)
    os.chmod(out, 0o700)
    write_private(out / "tickets.csv", answer_sheets.ticket_list(made).encode())
    files = 1
    for part, pack in answer_sheets.parts(made):
        pdf = answer_sheets.pdf(pack, areas, title, roster.schools, roster.classes, language, versions)
        write_private(out / f"{part}-sheets.pdf", pdf)
        if any(s.student for s in pack):
            lists = answer_sheets.class_lists(pack, title, roster.schools, roster.classes, language)
            write_private(out / f"{part}-classes.pdf", lists)
        files += 2
    taken = time.perf_counter() - began
    speed = len(made) / max(taken, 1e-9)
    terminal.say(f"Wrote {len(made)} sheets in {out}: {taken:.1f} s, {speed:.0f} a second.")
    terminal.say("tickets.csv and the class lists alone say whose ticket it is: keep them with the district.")
    terminal.next_step(f"itembank administrations sheets {name} --redeem SCANS.csv --tickets {out}/tickets.csv -o FILE")
