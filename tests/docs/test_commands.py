"""The command reference says what the commands are, and the command line keeps its promises."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import cli

ROOT = Path(__file__).resolve().parents[2]


def generator():
    spec = importlib.util.spec_from_file_location("make_commands", ROOT / "docs" / "make_commands.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_commands_say():
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == generator().reference(), (
        "run: python docs/make_commands.py"
    )


def test_every_command_and_option_has_a_help_text():
    silent = []
    for name, sub in typer.main.get_command(cli.build(everything=True)).commands.items():
        for verb, command in getattr(sub, "commands", {"": sub}).items():
            if not command.help:
                silent.append(f"{name} {verb}")
            silent += [f"{name} {verb} {p.name}" for p in command.params if p.name != "help" and not p.help]
    assert silent == []


def test_commands_named_in_the_readme_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    command = typer.main.get_command(cli.build(everything=True))
    for noun, verb in re.findall(r"`itembank ([a-z]+)(?: ([a-z]+))?", text):
        found = command.commands[noun]
        if verb and hasattr(found, "commands"):
            assert verb in found.commands, f"{noun} {verb}"


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--version"], 0), (["--help"], 0), (["nosuch"], 2), (["analyze"], 2), (["analyze", "nosuch.csv"], 3)],
)
def test_exit_codes_without_a_bank(words, code, tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *words], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unexpected_fault_shows_its_place_and_no_value(capsys):
    from itembank import terminal

    try:
        raise ValueError("Maria Lopez answered B")
    except ValueError as error:
        code = terminal.explain(error)
    said = capsys.readouterr().err
    assert code == 70
    assert "Maria" not in said
    assert "test_an_unexpected_fault" in said


def test_every_noun_of_the_help_has_its_module():
    for name, (modules, _) in cli.NOUNS.items():
        for module in modules:
            assert importlib.util.find_spec(module) is not None, (name, module)


def test_help_needs_nothing_heavy():
    heavy = ("pandas", "numpy", "sqlmodel", "altair")
    script = f"import sys, cli; cli.build(None); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"
