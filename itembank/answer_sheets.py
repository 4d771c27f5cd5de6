"""Pre-filled answer sheets: a ticket on each, in the order in which they are handed out, by school and class.

Names are read from the roster while the class lists are written, and forgotten. A sheet shows neither a name nor a
number of a student. The body of a sheet is drawn once per form; a copy costs a head and a reference to it.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itembank import tickets
from itembank.booklet.columns import columns
from itembank.errors import Rejected
from itembank.item_model import Item
from itembank.mathwriters import quoted
from itembank.rosters import Roster
from itembank.tabular import parse_table
from itembank.terminal import neutralised

WORDS = {
    "en": {
        "form": "Form", "page": "page", "name": "Name", "class": "Class", "date": "Date", "ticket": "Ticket",
        "number": "No.", "present": "Present", "version": "Version", "student": "Student number",
        "fill": "Fill the circle of your answer completely. Where there are squares, mark all that are right. "
        "Write a number in the boxes of its grid, then fill the circle of each sign.",
        "check": "The letter of the version is the same on your booklet.",
        "alt": "Circles to fill for each question of the booklet.",
        "private": "Keep with the district. This list alone says whose ticket it is.",
        "makeup": "Make-up sheet", "makeup-list": "Students who used a make-up sheet:",
        "in-booklet": "write in the booklet", "in-grid": "use its number grid",
    },
    "es": {
        "form": "Forma", "page": "página", "name": "Nombre", "class": "Clase", "date": "Fecha", "ticket": "Boleto",
        "number": "Núm.", "present": "Presente", "version": "Versión", "student": "Número de estudiante",
        "fill": "Llena por completo el círculo de tu respuesta. Donde hay cuadros, marca todos los correctos. "
        "Escribe cada número en las casillas de su tabla y llena el círculo de cada signo.",
        "check": "La letra de la versión es la misma en tu cuadernillo.",
        "alt": "Círculos para llenar en cada pregunta del cuadernillo.",
        "private": "Se queda en el distrito. Solo esta lista dice de quién es cada boleto.",
        "makeup": "Hoja de reposición", "makeup-list": "Estudiantes que usaron una hoja de reposición:",
        "in-booklet": "escribe en el cuadernillo", "in-grid": "usa su tabla de números",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its ticket, place and form; the student it belongs to ("" for a make-up sheet) and their name."""

    ticket: str
    school: str
    class_: str
    form: str
    student: str = ""
    name: str = ""


def names(path: Path, identifier: str = "identifier") -> dict[str, str]:
    """Student's identifier -> "Family, Given" of a OneRoster package; read to be printed at once, never stored."""
    from itembank.exchange import safe

    if path.is_dir():
        raw = (path / "users.csv").read_bytes() if (path / "users.csv").is_file() else b""
    else:
        try:
            raw = safe.unzipped(path.read_bytes(), path.name).get("users.csv", b"")
        except OSError:
            raise Rejected("no-file", f"There is no file {path}.", "Check the path.") from None
    table = parse_table(raw, "users.csv", [identifier, "givenName", "familyName"])
    return {r[identifier]: f"{r['familyName']}, {r['givenName']}" for r in table.records()}


def planned(roster: Roster, called: Mapping[str, str], forms: Sequence[str], blank: int = 0) -> list[Sheet]:
    """One sheet per student of the roster, by school, class and name; forms in turn within a class.

    Args:
        roster: of one district. A student of several classes gets a sheet in the first of them only.
        called: identifier -> name.
        forms: names of the forms.
        blank: make-up sheets per school, at its end.
    """
    places = sorted((*min(p.places), called.get(p.identifier, ""), p.identifier) for p in roster.pupils)
    schools = sorted({school for school, *_ in places})
    made = iter(tickets.fresh(len(places) + blank * len(schools)))
    sheets: list[Sheet] = []
    for school in schools:
        own = [p for p in places if p[0] == school]
        turn: dict[str, int] = {}
        for _, class_, name, student in own:
            n = turn.get(class_, 0)
            turn[class_] = n + 1
            sheets.append(Sheet(next(made), school, class_, forms[n % len(forms)], student, name or student))
        sheets += [Sheet(next(made), school, "", forms[n % len(forms)]) for n in range(blank)]
    return sheets


def bodies(items: Sequence[Item], language: str = "en") -> list[bytes]:
    """The answer area of a form, a PNG of 300 dots per inch per page: a PDF holds it once, a drawing on every sheet."""
    words = WORDS[language]
    rows = [(_row(n, item, words), _height(item)) for n, item in enumerate(items, 1)]
    grids = "".join(f'number-grid("{n}"),' for n, item in enumerate(items, 1) if item.type == "numeric")
    widest = max((len(i.options) or len(i.columns) for i in items), default=0)
    number = 4 if widest <= 5 else 3 if widest <= 7 else 2
    listed = "".join(f"({''.join(c)})," for c in columns(rows, number))
    text = f'#import "sheets.typ": *\n#show: body-page\n#answer-area(({listed}), ({grids}))\n'
    pages = _typeset(text, "png", {})
    return pages if isinstance(pages, list) else [pages]


def _height(item: Item) -> float:
    """Of its place in the list, in rows of 6.3 mm."""
    return len(item.rows) or (9.3 / 6.3 if item.type == "short-text" else 1)


def _row(number: int, item: Item, words: Mapping[str, str]) -> str:
    if item.options:
        square = "true" if item.type == "multi-select" else "false"
        marks = "".join(f"bubble({quoted(o.letter)}, square: {square})," for o in item.options)
        return f'row("{number}", ({marks})),'
    if item.type == "match":
        square = "true" if any(len(r.keys) != 1 for r in item.rows) else "false"
        marks = "".join(f"bubble({quoted(c.letter)}, square: {square})," for c in item.columns)
        lines = "".join(f"({quoted(f'.{r.id}')}, ({marks}))," for r in item.rows)
        return f'rows-of("{number}", ({lines})),'
    if item.type == "short-text":
        return f'written("{number}"),'
    return f'elsewhere("{number}", {quoted(words["in-booklet" if item.type == "rubric" else "in-grid"])}),'


def _typeset(text: str, format: str, files: Mapping[str, bytes], standards: Sequence[str] = ()) -> Any:
    """Compile in a folder of its own: pictures in memory would have to be text."""
    import tempfile

    import typst

    template = (Path(__file__).parent / "booklet" / "sheets.typ").read_bytes()
    compile_: Callable[..., Any] = typst.compile
    more = {"pdf_standards": list(standards), "timestamp": 0} if format == "pdf" else {"ppi": 300.0}
    with tempfile.TemporaryDirectory(prefix="itembank-") as folder:
        for name, content in {"main.typ": text.encode(), "sheets.typ": template, **files}.items():
            (Path(folder) / name).write_bytes(content)
        try:
            return compile_(str(Path(folder) / "main.typ"), format=format, ignore_system_fonts=True, **more)
        except typst.TypstError as error:
            raise Rejected("sheets", f"The sheets cannot be typeset: {error}.", "itembank doctor") from error


def pdf(
    sheets: Sequence[Sheet],
    areas: Mapping[str, Sequence[bytes]],
    title: str,
    schools: Mapping[str, str],
    classes: Mapping[tuple[str, str], str],
    language: str = "en",
    versions: Mapping[str, str] | None = None,
) -> bytes:
    """The sheets as one PDF, in order.

    Args:
        sheets: as `planned`.
        areas: form -> its pages, from `bodies`.
        title: of the administration.
        schools, classes: code -> name.
        language: "en" or "es".
        versions: form -> the letter of its version, printed large.
    """
    words = WORDS[language]
    files: dict[str, bytes] = {}
    pages: dict[str, list[str]] = {}
    held: dict[bytes, str] = {}  # versions of a form have the same circles
    for form, own in areas.items():
        for page in own:
            held.setdefault(page, f"area-{len(held)}.png")
        pages[form] = [held[page] for page in own]
        files |= {held[page]: page for page in own}
    data = [
        {
            "code": s.ticket,
            "ticket": tickets.shown(s.ticket),
            "place": f"{schools.get(s.school) or s.school}, "
            + ((classes.get((s.school, s.class_)) or s.class_) if s.student else words["makeup"]),
            "form": s.form,
            "version": (versions or {}).get(s.form, ""),
            "blank": not s.student,
            "pages": pages[s.form],
        }
        for s in sheets
    ]
    return _compiled("sheets", title, words, data, language, files)


def without_tickets(
    areas: Sequence[bytes], title: str, form: str, version: str = "", language: str = "en", copies: int = 1
) -> bytes:
    """Sheets without a ticket, with place for the student's name: for a class that no roster has."""
    files = {f"area-{n}.png": page for n, page in enumerate(areas)}
    one = {"code": "", "ticket": "", "place": "", "form": form, "version": version, "blank": True, "pages": list(files)}
    return _compiled("sheets", title, WORDS[language], [one] * copies, language, files)


def class_lists(
    sheets: Sequence[Sheet],
    title: str,
    schools: Mapping[str, str],
    classes: Mapping[tuple[str, str], str],
    language: str = "en",
) -> bytes:
    """Who has which ticket, a page per class."""
    by_class: dict[tuple[str, str], list[Sheet]] = {}
    for s in sheets:
        if s.student:
            by_class.setdefault((s.school, s.class_), []).append(s)
    data = [
        {
            "title": f"{schools.get(school) or school}, {classes.get((school, class_)) or class_}",
            "rows": [[s.name, tickets.shown(s.ticket), s.form] for s in own],
        }
        for (school, class_), own in by_class.items()
    ]
    return _compiled("class-lists", title, WORDS[language], data, language, {})


def _compiled(
    kind: str,
    title: str,
    words: Mapping[str, str],
    data: list[dict[str, Any]],
    language: str,
    files: Mapping[str, bytes],
) -> bytes:
    text = (
        f'#import "sheets.typ": *\n#{kind}(title: {quoted(title)}, language: {quoted(language)}, '
        'words: json("words.json"), data: json("data.json"))\n'
    )
    held = {"words.json": json.dumps(words).encode(), "data.json": json.dumps(data).encode()}
    found: bytes = _typeset(text, "pdf", {**held, **files}, ["ua-1"])
    return found


def ticket_list(sheets: Sequence[Sheet]) -> str:
    """tickets.csv: ticket, student, school, class, form. For the district only."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(["ticket", "student", "school", "class", "form"])
    writer.writerows([[neutralised(v) for v in (s.ticket, s.student, s.school, s.class_, s.form)] for s in sheets])
    return held.getvalue()


def parts(sheets: Sequence[Sheet], most: int = 400) -> Iterator[tuple[str, list[Sheet]]]:
    """(name of the file, its sheets): by school, and within a school at most so many, never splitting a class."""
    by_school: dict[str, list[Sheet]] = {}
    for s in sheets:
        by_school.setdefault(s.school, []).append(s)
    for school, own in by_school.items():
        packs: list[list[Sheet]] = [[]]
        for n, s in enumerate(own):
            begins = n == 0 or own[n - 1].class_ != s.class_
            size = next((k for k, o in enumerate(own[n:]) if o.class_ != s.class_), len(own) - n) if begins else 0
            if begins and packs[-1] and len(packs[-1]) + size > most:
                packs.append([])
            packs[-1].append(s)
        safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in school) or "school"
        for n, pack in enumerate(packs, 1):
            yield f"{safe}{f'-{n}' if len(packs) > 1 else ''}", pack
