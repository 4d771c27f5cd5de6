"""`itembank people`: who works in the bank."""

from typing import Annotated

import typer

from itembank.commands.options import DryRun, DryRunEnd, Format, Json, format_of

app = typer.Typer()


@app.command("add")
def add(
    code: Annotated[str, typer.Argument(help="Short name, used with --as.")],
    district: Annotated[str, typer.Option(help="Code of the district.")],
    role: Annotated[str, typer.Option(help="author, reviewer, coordinator, analyst, leader or admin.")],
    name: Annotated[str, typer.Option(help="Full name.")] = "",
    login: Annotated[str, typer.Option(help="Their login on a shared database server.")] = "",
    joint: Annotated[bool, typer.Option("--joint", help="The login may run joint analyses of all districts.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Add somebody."""
    import contextlib

    from itembank import database, people, security, terminal

    with contextlib.suppress(DryRunEnd), database.writing() as session:
        person = people.add_person(session, code, name, district, role, login)
        if login and not security.admit(session.connection(), login, joint):
            terminal.say(f"notice: the server knows no login {login} yet. CREATE ROLE {login} LOGIN; then:")
            terminal.say(f"  GRANT {security.JOINT if joint else security.MEMBER} TO {login};")
        if dry_run:
            terminal.say(f"Would add {person.code}; nothing was stored.")
            raise DryRunEnd
    if not dry_run:
        terminal.say(f"Added {code} ({role}, district {district}).")
        terminal.next_step(f"itembank people list, or work as them: --as {code}")


@app.command("list")
def list_(format: Format = "table", json: Json = False) -> None:
    """Everybody, by district and role."""
    from itembank import database, people, terminal

    with database.reading() as session:
        rows = people.listed(session)
    terminal.emit_rows(rows, ["person", "name", "district", "role", "login", "active"], format_of(format, json))
    if not rows:
        terminal.next_step("itembank people add CODE --name NAME --district A --role author")
