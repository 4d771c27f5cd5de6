"""From the entries of a front matter to typed fields; every problem becomes a finding."""

import difflib
import re
from collections.abc import Callable, Sequence
from typing import Any

from itembank import standards
from itembank.findings import Finding
from itembank.front_matter import Entry
from itembank.item_model import (
    CALCULATOR,
    CLAIMS,
    DOKS,
    GRADES,
    LANGUAGES,
    PRACTICES,
    TYPES,
    Author,
    Data,
    Expression,
    Figure,
    Verify,
)

SLUG = re.compile(r"^[a-z0-9][a-z0-9-]*$")
ITEM_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_]*$")
FIGURE_KINDS = ("number-line", "grid", "bar", "box", "dot", "fraction-bar", "triangle", "circle", "file")
RESERVED = ("key", "given", "let", "variables", "statements", "rows", "compare", "none")


class Schema:
    """Types the entries of one file."""

    def __init__(self, source: str, first_line: int) -> None:
        self.source, self.first = source, first_line
        self.findings: list[Finding] = []
        self.fields: dict[str, Any] = {}

    def note(self, line: int, code: str, message: str, hint: str = "", column: str = "") -> None:
        self.findings.append(Finding(self.source, line, code, "error", message, hint, column))

    def read(self, entries: dict[str, Entry]) -> dict[str, Any]:
        for key, entry in entries.items():
            reader = READERS.get(key.strip().lower())
            if reader is None:
                close = difflib.get_close_matches(key.lower(), READERS, 1, 0.6)
                hint = f"did you mean `{close[0]}`?" if close else "the keys are " + ", ".join(READERS)
                self.note(entry.line, "unknown-key", f"the key `{key[:40]}` is not known", hint, key[:40])
            else:
                reader(self, key.strip().lower(), entry)
        for key in REQUIRED:
            if key not in entries:
                self.note(self.first, "missing-key", f"the front matter lacks `{key}`", f"add a line `{key}: ...`", key)
        return self.fields

    # one reader for each shape of value

    def text(self, key: str, entry: Entry) -> None:
        if entry.items is not None or entry.pairs is not None:
            self.note(entry.line, "not-text", f"`{key}` is one line of text", "put the value in quotes", key)
        else:
            self.fields[key] = " ".join(entry.text.split())

    def item_id(self, key: str, entry: Entry) -> None:
        self.text(key, entry)
        if not ITEM_ID.match(self.fields.get(key, "")):
            hint = "letters, digits, `-`, `_`, `.`; at most 64"
            self.note(entry.line, "item-id", f"`{entry.text[:40]}` cannot be an item's id", hint, key)

    def grade(self, key: str, entry: Entry) -> None:
        text = entry.text.strip().lower().removeprefix("grade").strip(" -").lstrip("0")
        algebra = text in ("a1", "algebra-1", "algebra 1", "algebra1", "alg1", "hs", "9")
        self.one_of(key, Entry(entry.line, "A1" if algebra else text), GRADES)

    def one_of(self, key: str, entry: Entry, allowed: Sequence[str]) -> None:
        value = entry.text.strip()
        match = next((a for a in allowed if a.lower() == value.lower()), None)
        if match is None:
            close = difflib.get_close_matches(value.lower(), allowed, 1, 0.6)
            hint = f"did you mean `{close[0]}`?" if close else "one of " + ", ".join(allowed)
            self.note(entry.line, "bad-value", f"`{key}: {value[:40]}` is not known", hint, key)
        else:
            self.fields[key] = match

    def words(self, key: str, entry: Entry) -> list[Entry]:
        """A list, or one value standing for a list of one, or values with commas."""
        if entry.pairs is not None:
            self.note(entry.line, "not-a-list", f"`{key}` is a list", f"write `{key}: [one, two]`", key)
            return []
        if entry.items is None:
            return [Entry(entry.line, w.strip()) for w in entry.text.split(",") if w.strip()]
        flat = [e for e in entry.items if e.items is None and e.pairs is None and e.text]
        if len(flat) != len(entry.items):
            self.note(entry.line, "not-a-list", f"`{key}` is a list of words", f"write `{key}: [one, two]`", key)
        return flat

    def slugs(self, key: str, entry: Entry) -> None:
        found: list[str] = []
        for word in self.words(key, entry):
            if not SLUG.match(word.text):
                hint = "ids are small letters, digits and hyphens"
                self.note(word.line, "bad-id", f"`{word.text[:40]}` is not an id", hint, key)
            elif word.text in found:
                self.note(word.line, "listed-twice", f"`{word.text}` is listed twice", "", key)
            else:
                found.append(word.text)
        self.fields[key] = tuple(found)

    def enemies(self, key: str, entry: Entry) -> None:
        self.fields[key] = tuple(dict.fromkeys(w.text for w in self.words(key, entry)))

    def standards(self, key: str, entry: Entry) -> None:
        found: list[str] = []
        for word in self.words(key, entry):
            code = standards.normalised(word.text)
            if code is None:
                close = difflib.get_close_matches(word.text.upper(), standards.known_codes(), 1, 0.6)
                hint = f"did you mean {close[0]}?" if close else "for example 7.RP.A.2a"
                self.note(word.line, "unknown-standard", f"the standard `{word.text[:40]}` is not known", hint, key)
            elif code not in found:
                found.append(code)
        self.fields[key] = tuple(found)

    def practices(self, key: str, entry: Entry) -> None:
        found: list[str] = []
        for word in self.words(key, entry):
            text = word.text.upper().replace(".", "").replace(" ", "").removeprefix("SMP").removeprefix("MP")
            if f"MP{text}" in PRACTICES:
                found.append(f"MP{text}")
            else:
                self.note(word.line, "bad-value", f"the practice `{word.text[:40]}` is not known", "MP1 to MP8", key)
        self.fields[key] = tuple(dict.fromkeys(found))

    def points(self, key: str, entry: Entry) -> None:
        if entry.text.isascii() and entry.text.isdigit() and 1 <= int(entry.text[:6]) <= 20:
            self.fields[key] = int(entry.text)
        else:
            self.note(entry.line, "bad-value", f"`{key}: {entry.text[:40]}` is not a number of points", "1 to 20", key)

    def share(self, key: str, entry: Entry) -> None:
        text = entry.text.strip()
        if not re.fullmatch(r"(0?\.\d+|\d{1,2}\s*%|0|1(\.0*)?)", text):
            hint = "the share of students who get it right, such as 0.60"
            self.note(entry.line, "bad-value", f"`{key}: {text[:40]}` is not a share", hint, key)
            return
        self.fields[key] = float(text.rstrip("% ")) / (100 if "%" in text else 1)

    def authors(self, key: str, entry: Entry) -> None:
        found: list[Author] = []
        people = entry.items if entry.items is not None else (entry,)
        for person in people:
            if person.pairs is None:
                if person.text:
                    found.append(Author(person.text))
                continue
            for word in person.pairs:
                if word not in ("name", "district"):
                    self.note(person.line, "unknown-key", f"an author has no `{word[:40]}`", "name and district", key)
            name = person.pairs.get("name")
            if name is None or not name.text:
                self.note(person.line, "author", "an author without a name", "{name: ..., district: ...}", key)
            else:
                district = person.pairs.get("district")
                found.append(Author(name.text, district.text if district else ""))
        self.fields[key] = tuple(found)

    def figures(self, key: str, entry: Entry) -> None:
        found: list[Figure] = []
        for number, part in enumerate(entry.items if entry.items is not None else (entry,), 1):
            if part.pairs is None:
                hint = "a list of `- kind: number-line` with indented keys"
                self.note(part.line, "figure", "a figure is a mapping", hint, key)
                continue
            values = {k: v for k, v in part.pairs.items() if k not in ("name", "kind", "alt", "alt-es")}
            kind = part.pairs.get("kind", part.pairs.get("type", Entry(part.line))).text or (
                "file" * ("file" in values)
            )
            if kind not in FIGURE_KINDS:
                close = difflib.get_close_matches(kind, FIGURE_KINDS, 1, 0.5)
                hint = f"did you mean `{close[0]}`?" if close else "one of " + ", ".join(FIGURE_KINDS)
                self.note(part.line, "figure-kind", f"the kind of figure `{kind[:40]}` is not known", hint, key)
                continue
            values.pop("type", None)
            name = part.pairs["name"].text if "name" in part.pairs else str(number)
            if any(f.name == name for f in found):
                self.note(part.line, "figure-name", f"a second figure `{name[:40]}`", "give each its own name", key)
                continue
            alt = part.pairs.get("alt", Entry(part.line)).text
            alt_es = part.pairs.get("alt-es", Entry(part.line)).text
            found.append(
                Figure(
                    name,
                    kind,
                    " ".join(alt.split()),
                    {k: data(v) for k, v in values.items()},
                    part.line,
                    " ".join(alt_es.split()),
                )
            )
        self.fields[key] = tuple(found)

    def verify(self, key: str, entry: Entry) -> None:
        if entry.pairs is None:
            if entry.text or entry.items:
                self.note(entry.line, "verify", "`verify` is a mapping", "see Verify in items/README.md", key)
            return
        parts: dict[str, dict[str, Expression]] = {k: {} for k in ("given", "let", "statements", "rows")}
        expressions: dict[str, Expression] = {}
        variables: tuple[str, ...] = ()
        compare, reason = "value", ""
        for name, value in entry.pairs.items():
            if name in parts:
                parts[name] = self.expressions(name, value)
            elif name == "variables":
                variables = tuple(w.text for w in self.words(name, value))
            elif name == "compare":
                compare = value.text
                if compare not in ("value", "form"):
                    self.note(value.line, "bad-value", "`compare` is `value` or `form`", "", "verify")
            elif name == "none":
                reason = value.text
            elif name == "statement":
                self.note(value.line, "unknown-key", "`verify` has no `statement`", "did you mean `statements`?", key)
            else:
                if not (len(name) == 1 and name.isalpha()) and not SLUG.match(name):
                    hint = "an option's letter, `key`, a misconception's id, or " + ", ".join(RESERVED)
                    self.note(value.line, "unknown-key", f"`verify` has no `{name[:40]}`", hint, key)
                    continue
                if expression := self.expression(name, value):
                    expressions[name.upper() if len(name) == 1 else name] = expression
        for part in ("given", "let"):
            for name, expression in parts[part].items():
                if not NAME.match(name):
                    hint = "letters, digits and `_`, a letter first"
                    self.note(expression.line, "given-name", f"`{name[:40]}` cannot be a name", hint, key)
        statements = {k.upper(): v for k, v in parts["statements"].items()}
        self.fields[key] = Verify(
            parts["given"], parts["let"], variables, expressions, statements, parts["rows"], compare, reason, entry.line
        )

    def expressions(self, name: str, entry: Entry) -> dict[str, Expression]:
        if entry.pairs is None:
            self.note(entry.line, "verify", f"`{name}` is a mapping", f"write `{name}: {{name: value}}`", "verify")
            return {}
        found = ((k, self.expression(k, v)) for k, v in entry.pairs.items())
        return {k: e for k, e in found if e is not None}

    def expression(self, name: str, entry: Entry) -> Expression | None:
        if entry.pairs is not None or entry.empty:
            hint = "inside { } a comma ends a value: put it on its own line, or the expression in quotes"
            self.note(entry.line, "verify", f"`{name[:40]}` in `verify` has no expression", hint, "verify")
            return None
        return Expression(entry.raw, entry.line)


def data(entry: Entry) -> Data:
    """An entry as plain text, tuples and mappings."""
    if entry.items is not None:
        return tuple(data(e) for e in entry.items)
    if entry.pairs is not None:
        return {k: data(v) for k, v in entry.pairs.items()}
    return entry.text


def choice(allowed: Sequence[str]) -> Callable[[Schema, str, Entry], None]:
    return lambda schema, key, entry: schema.one_of(key, entry, allowed)


REQUIRED = ("id", "title", "grade", "concepts", "type")
READERS: dict[str, Callable[[Schema, str, Entry], None]] = {
    "id": Schema.item_id,
    "title": Schema.text,
    "title-es": Schema.text,
    "grade": Schema.grade,
    "concepts": Schema.slugs,
    "standards": Schema.standards,
    "claim": choice(CLAIMS),
    "dok": choice(DOKS),
    "practices": Schema.practices,
    "type": choice(TYPES),
    "calculator": choice(CALCULATOR),
    "points": Schema.points,
    "language": choice(LANGUAGES),
    "authors": Schema.authors,
    "difficulty": Schema.share,
    "why": Schema.text,
    "enemies": Schema.enemies,
    "stimulus": Schema.text,
    "figures": Schema.figures,
    "verify": Schema.verify,
}
