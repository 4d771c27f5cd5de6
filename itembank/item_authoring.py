"""Beginning an item: questions at a terminal, a file with an example, the author's editor."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from itembank import item_templates, standards
from itembank.errors import Conflict, UsageFault
from itembank.item_model import TYPES, ItemType
from itembank.item_schema import ITEM_ID, SLUG

FOLDERS = {"6": "grade-6", "7": "grade-7", "8": "grade-8", "A1": "algebra-1"}
_QUESTIONS = {
    "type": "What kind of item? (choice, multi-select, numeric, short-text, match, rubric)",
    "id": "Its id, such as G7-RP-014",
    "title": "A title of a few words",
    "grade": "Grade (6, 7, 8 or A1)",
    "author": "Your name",
    "district": "Your district (A or B)",
}
_USUAL = {"type": "choice", "grade": "7"}


def type_of(text: str) -> ItemType:
    """The item type of this name.

    Raises:
        UsageFault: there is none.
    """
    for known in TYPES:
        if text == known:
            return known
    raise UsageFault("unknown-type", f"There is no item type {text!r}.", "one of " + ", ".join(TYPES))


def asked(fields: dict[str, str], concepts: list[str], codes: list[str]) -> dict[str, str]:
    """The fields, with what is missing asked at a terminal; lists joined by commas.

    Raises:
        UsageFault: something needed is missing and nobody can be asked, or a value cannot be.
    """
    answers = dict(fields)
    if sys.stdin.isatty():
        import questionary

        for name, question in _QUESTIONS.items():
            if not answers[name]:
                if name == "type":
                    answers[name] = questionary.select("What kind of item?", list(TYPES)).unsafe_ask()
                else:
                    answers[name] = questionary.text(question, default=_USUAL.get(name, "")).unsafe_ask().strip()
        if not concepts:
            text = questionary.text("Concepts, the primary one first").unsafe_ask()
            concepts = [w.strip() for w in text.split(",") if w.strip()]
        if not codes:
            text = questionary.text("Standards, such as 7.RP.A.1").unsafe_ask()
            codes = [w.strip() for w in text.split(",") if w.strip()]
    for name, value in _USUAL.items():
        answers[name] = answers[name] or value
    type_of(answers["type"])
    if not ITEM_ID.match(answers["id"]):
        raise UsageFault("item-id", f"{answers['id']!r} cannot be an item's id.", "--id G7-RP-014")
    if answers["grade"] not in FOLDERS:
        raise UsageFault("grade", f"There is no grade {answers['grade']!r}.", "--grade 6, 7, 8 or A1")
    for concept in concepts:
        if not SLUG.match(concept):
            raise UsageFault("concept", f"{concept!r} cannot be a concept's id.", "see concepts.yaml")
    for code in codes:
        if standards.normalised(code) is None:
            raise UsageFault("unknown-standard", f"There is no standard {code!r}.", "for example 7.RP.A.2a")
    answers["concepts"] = ",".join(concepts)
    answers["standards"] = ",".join(standards.normalised(c) or c for c in codes)
    return answers


def begun(fields: Mapping[str, str], spanish: bool = False) -> str:
    """The text of the new file."""
    return item_templates.template(
        type_of(fields["type"]),
        fields["id"],
        fields["title"] or "Title",
        fields["grade"],
        tuple(c for c in fields["concepts"].split(",") if c),
        tuple(c for c in fields["standards"].split(",") if c),
        fields["author"],
        fields["district"],
        spanish=spanish,
    )


def place(out: Path | None, id: str, grade: str) -> Path:
    """Where the new file goes: `out`, or in it if it is a folder; else the grade's folder of items/; else here."""
    if out is not None:
        return out / f"{id}.md" if out.is_dir() or not out.suffix else out
    folder = Path("items") / FOLDERS[grade]
    return (folder if folder.is_dir() else Path(".")) / f"{id}.md"


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet.

    Raises:
        Conflict: it is there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise Conflict("file-exists", f"{path} is there already; it was left alone.", "another --id or -o") from None


def editor_command(editor: str) -> list[str]:
    """The program and its arguments: as named, $VISUAL, $EDITOR, or one of the system.

    Raises:
        UsageFault: none is found.
    """
    named = editor if editor and editor != "default" else os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    if not named:
        usual = ["notepad"] if os.name == "nt" else ["sensible-editor", "nano", "vi"]
        named = next((p for p in usual if shutil.which(p)), "")
    words = shlex.split(named, posix=os.name != "nt") if named else []
    if not words or shutil.which(words[0]) is None:
        raise UsageFault(
            "no-editor", f"There is no editor {words[0] if words else ''!r}.", "--editor PROGRAM, or set EDITOR"
        )
    return words


def open_editor(path: Path, editor: str) -> None:
    """Open a file and wait until the editor ends."""
    subprocess.run([*editor_command(editor), str(path)], check=False)
