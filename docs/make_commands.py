"""Write docs/commands.md from the commands themselves: `python docs/make_commands.py` (a test compares)."""

import inspect
import re
from pathlib import Path
from typing import Any

import typer

import cli

HEAD = """# Every command

Written by `python docs/make_commands.py` from the commands themselves.
`--bank FILE_OR_URL` may stand anywhere (also `ITEMBANK_URL`, or `itembank.toml`).

Exit codes: 0 done, 1 findings, 2 usage, 3 data rejected, 4 not permitted,
5 not converged, 6 conflict or stale, 130 interrupted.
"""


def reference() -> str:
    """The whole reference as Markdown."""
    command = typer.main.get_command(cli.build(everything=True))
    parts = [HEAD]
    for name, sub in sorted_commands(command):
        if getattr(sub, "hidden", False):
            continue
        verbs = getattr(sub, "commands", None)
        if verbs is None:
            parts.append(f"\n## {name}\n" + described(f"itembank {name}", sub))
            continue
        parts.append(f"\n## {name}\n\n{cli.NOUNS[name][1]}\n")
        parts.extend(
            f"\n### {name} {verb}\n" + described(f"itembank {name} {verb}", found)
            for verb, found in sorted(verbs.items())
        )
    return "".join(parts)


def sorted_commands(command: Any) -> list[tuple[str, Any]]:
    return [(name, command.commands[name]) for name in cli.NOUNS if name in command.commands]


def described(usage: str, command: Any) -> str:
    """Usage line, help and a table of arguments and options."""
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    shown = " ".join(f"[{p.name.upper()}]" if not p.required else p.name.upper() for p in arguments)
    lines = ["", "```", f"{usage} {shown}".strip() + (" [OPTIONS]" if options else ""), "```", ""]
    lines.append(re.sub(r"\s*\n\s*\n\s*", "\n\n", inspect.cleandoc(command.help or "")))
    lines.append("")
    if arguments or options:
        lines += ["| | |", "| --- | --- |"]
        for p in arguments:
            lines.append(f"| `{p.name.upper()}` | {cell(getattr(p, 'help', '') or '')} |")
        for p in options:
            default = "" if p.default in (None, "", False, (), []) or callable(p.default) else f" (default {p.default})"
            lines.append(f"| `{', '.join([*p.opts, *p.secondary_opts])}` | {cell((p.help or '') + default)} |")
        lines.append("")
    return "\n".join(lines)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    Path(__file__).with_name("commands.md").write_text(reference(), encoding="utf-8")
