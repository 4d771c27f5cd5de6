"""`itembank doctor`: check this installation."""

import typer

from itembank.commands.options import Json

app = typer.Typer()


@app.command()
def doctor(json: Json = False) -> None:
    """Check this installation and the bank, and say what to mend."""
    from itembank import health, terminal
    from itembank.errors import HasFindings

    checks = health.examine()
    if json:
        terminal.emit_json([c.as_dict() for c in checks])
    else:
        for c in checks:
            terminal.emit(f"{c.state:8} {c.name:14} {c.said}")
            if c.hint:
                terminal.emit(f"{'':8} {'':14} -> {c.hint}")
    bad = [c for c in checks if c.state == "wrong"]
    if bad:
        raise HasFindings("unwell", f"{len(bad)} thing{'s' if len(bad) > 1 else ''} to mend.", bad[0].hint)
    terminal.say("All is well.")
    terminal.next_step(next((c.hint for c in checks if c.name == "bank" and c.hint), "itembank bank status"))
