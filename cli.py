"""The composition root: mounts the commands lazily and turns refusals into messages and exit codes."""

import gc
import importlib
import sys
from typing import Any

import typer

from itembank import __version__, terminal

# noun or command -> (modules that hold its verbs, one line of help). Imported only when called.
NOUNS: dict[str, tuple[tuple[str, ...], str]] = {
    "demo": (("scoring.commands.demo",), "Make two simulated districts and run the whole job on them."),
    "analyze": (("scoring.commands.analyze",), "Analyse a bare file of responses, without a bank."),
    "doctor": (("itembank.commands.doctor",), "Check this installation and say what to mend."),
    "why": (("scoring.commands.why",), "Trace a number of a report to everything it rests on."),
    "init": (("itembank.commands.init",), "Create a bank."),
    "upgrade": (("itembank.commands.upgrade",), "Bring a bank to this version's tables."),
    "people": (("itembank.commands.people",), "Who works in the bank, for which district."),
    "decisions": (("itembank.commands.decisions",), "What both districts decide together."),
    "concepts": (("itembank.commands.concepts", "scoring.commands.concepts"), "What is measured, and the standards."),
    "items": (("itembank.commands.items", "scoring.commands.items"), "Write, check, import and find items."),
    "reviews": (("itembank.commands.reviews",), "Review items of both districts."),
    "forms": (("itembank.commands.forms", "scoring.commands.forms"), "Forms: assemble, freeze, print."),
    "rosters": (("itembank.commands.rosters",), "Schools, classes and students from a roster."),
    "students": (("itembank.commands.students",), "Erase a student's data."),
    "administrations": (("itembank.commands.administrations",), "Open and follow an administration."),
    "responses": (("itembank.commands.responses",), "Check and load students' responses."),
    "keys": (("itembank.commands.keys", "scoring.commands.keys"), "Answer keys and their versions."),
    "calibrate": (("scoring.commands.calibrate",), "Estimate item parameters from both districts together."),
    "score": (("scoring.commands.score",), "Score students in batch."),
    "compare": (("scoring.commands.compare",), "Compare the districts' mastery of concepts."),
    "diagnose": (("scoring.commands.diagnose",), "Item fit, model fit, DIF, unusual answer patterns."),
    "cuts": (("scoring.commands.cuts",), "Where mastery begins: ratings and cuts."),
    "link": (("scoring.commands.link",), "Keep the scale from year to year."),
    "indicators": (("scoring.commands.indicators",), "Yearly indicators and targets."),
    "actions": (("scoring.commands.actions",), "What the districts agreed to try."),
    "report": (
        tuple(f"scoring.commands.report{part}" for part in ("", "_pages", "_packet", "_access")),
        "Reports to read and print.",
    ),
    "bank": (("itembank.commands.bank",), "Status, backup, export, verification of the bank."),
    "simulate": (("scoring.commands.simulate",), "Simulated responses and recovery studies."),
}

ABOUT = "The common assessment of two districts, from the item a teacher writes to the number a leader acts on."
STYLE: dict[str, Any] = {
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


def sub_app(name: str) -> typer.Typer:
    """The verbs of a noun, from all its modules together."""
    modules, help_text = NOUNS[name]
    merged = typer.Typer(help=help_text, no_args_is_help=True, **STYLE)
    for part in (importlib.import_module(m).app for m in modules):
        merged.registered_commands.extend(part.registered_commands)
        merged.registered_groups.extend(part.registered_groups)
    return merged


def build(only: str | None = None, everything: bool = False) -> typer.Typer:
    """The Typer app. `only` mounts that noun's modules; the others stay names with a line of help.

    With `everything` all are mounted: for the command reference and the tests.
    """
    app = typer.Typer(name="itembank", help=ABOUT, **STYLE)

    @app.callback(invoke_without_command=True)
    def root(
        ctx: typer.Context,
        bank: str = typer.Option("", help="The bank: a file or a URL. Also ITEMBANK_URL, itembank.toml."),
        version: bool = typer.Option(False, "--version", help="Print the version and stop."),
    ) -> None:
        if version:
            print(f"itembank {__version__}")
        elif ctx.invoked_subcommand is None:
            print(ctx.get_help())

    for name, (_, help_text) in NOUNS.items():
        part = sub_app(name) if everything or name == only else None
        if part is None:
            app.command(name, help=help_text)(nothing)
        elif len(part.registered_commands) == 1 and part.registered_commands[0].name is None:
            app.command(name, help=help_text)(part.registered_commands[0].callback or nothing)
        else:
            app.add_typer(part, name=name)
    return app


def nothing() -> None:
    """Stands for a noun whose module was not asked for."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command; every refusal becomes a sentence, a hint and an exit code, never a traceback."""
    # rows by the hundred thousand are no cycles of garbage: a tenth of a command's time went into looking for them
    gc.set_threshold(500_000, 20, 20)
    words = terminal.with_bank(sys.argv[1:] if arguments is None else arguments)
    terminal.prepare()
    noun = next((w for w in words if not w.startswith("-")), None)
    code = terminal.run(lambda: build(noun)(words, prog_name="itembank"))
    if arguments is None:
        terminal.leave(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
