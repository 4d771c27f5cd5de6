"""The Typst source of a booklet: items in, markup and picture files out."""

from collections.abc import Mapping, Sequence
from typing import Literal

from itembank import figures, mathtext, presentation, typeset
from itembank.booklet.words import WORDS
from itembank.errors import Rejected
from itembank.findings import Finding
from itembank.item_model import Item
from itembank.mathwriters import quoted
from itembank.presentation import Words

Edition = Literal["booklet", "answer-sheet", "key"]
EDITIONS: tuple[Edition, ...] = ("booklet", "answer-sheet", "key")


def source(
    items: Sequence[Item],
    title: str,
    edition: Edition,
    language: str,
    subtitle: str,
    instructions: str,
    misconceptions: Mapping[str, str],
    concepts: Mapping[str, str],
    footer: str,
) -> tuple[str, dict[str, bytes]]:
    """(main file, picture files by name) of one edition."""
    writer = _Writer(language, misconceptions, concepts)
    labels = WORDS.get(language, WORDS["en"])
    heading = title if edition == "booklet" else f"{title}: {labels[edition]}"
    parts = [
        '#import "booklet.typ": *',
        f"#show: booklet.with(title: {quoted(heading)}, subtitle: {_block(subtitle) if subtitle else 'none'}, "
        f"footer: {_block(footer or title)}, language: {quoted(language)}, page-words: {quoted(labels['page'])})",
    ]
    if edition == "booklet":
        parts += writer.booklet(items, instructions)
    elif edition == "answer-sheet":
        parts += writer.sheet(items)
    else:
        parts += writer.key(items)
    if writer.findings:
        raise Rejected("figures", "Some figures cannot be drawn.", "itembank items check", writer.findings)
    return "\n\n".join(parts) + "\n", writer.files


def _block(text: str) -> str:
    return f"[{typeset.typst_text(text)}]"


class _Writer:
    def __init__(self, language: str, misconceptions: Mapping[str, str], concepts: Mapping[str, str]) -> None:
        self.language = language
        self.labels = WORDS.get(language, WORDS["en"])
        self.misconceptions, self.concepts = misconceptions, concepts
        self.files: dict[str, bytes] = {}
        self.findings: list[Finding] = []

    # pieces

    def figures(self, item: Item, prefix: str) -> dict[str, str]:
        """Name -> Typst code of each figure of an item."""
        found: dict[str, str] = {}
        for i, figure in enumerate(item.figures):
            problem, name = "", f"{prefix}-{i}.svg"
            if not figure.alt:
                problem = "no alt text"
            elif figure.kind == "file":
                content = presentation.file_bytes(figure)
                if content is None:
                    problem = "its file cannot be read"
                else:
                    name = f"{prefix}-{i}{content[1]}"
                    self.files[name] = content[0]
            else:
                try:
                    alt = figure.description(self.language)
                    self.files[name] = figures.draw(figure, prefix, alt, self.language).encode()
                except figures.FigureError as error:
                    problem = error.message
            if problem:
                message = f"figure `{figure.name}`: {problem}"
                self.findings.append(Finding(item.source or item.id, figure.line, "figure", "error", message))
                continue
            found[figure.name] = (
                f"#item-figure(image({quoted(name)}, alt: {quoted(figure.description(self.language))}));"
            )
        return found

    def text(self, words: str, drawn: Mapping[str, str], inline: bool = True) -> str:
        return f"[{typeset.typst(words, drawn, inline)}]"

    def note(self, item: Item, mixed: bool) -> str:
        notes = []
        if item.type == "multi-select":
            notes.append(self.labels["multi-select"])
        if item.type == "match":
            notes.append(self.labels["match-many" if any(len(r.keys) != 1 for r in item.rows) else "match"])
        if item.type == "rubric":
            notes.append(self.labels["rubric"])
        if mixed and item.calculator == "yes":
            notes.append(self.labels["calculator"])
        return _block(" ".join(notes)) if notes else "none"

    def fields(self) -> str:
        """Where the student's name, class and the date go."""
        name, group, date = (_block(self.labels[k]) for k in ("name", "class", "date"))
        return f"#fields(({name}, 2.4fr), ({group}, 1fr), ({date}, 1fr))"

    # the booklet

    def booklet(self, items: Sequence[Item], instructions: str) -> list[str]:
        labels = self.labels
        rules = {i.calculator for i in items if i.calculator != "neutral"}
        mixed = len(rules) > 1
        text = instructions or labels["instructions"]
        if mixed:
            text += " " + labels["some-calculator"]
        if rules == {"no"}:
            text += " " + labels["no-calculator"]
        if rules == {"yes"}:
            text += " " + labels["calculator"]
        parts = [
            self.fields(),
            f"#instructions({self.text(text, {}, False)})",
        ]
        shared = [presentation.words(i, self.language).stimulus for i in items]
        for number, item in enumerate(items, 1):
            text = shared[number - 1]
            if text and (number == 1 or shared[number - 2] != text):
                last = number
                while last < len(items) and shared[last] == text:
                    last += 1
                lead = labels["stimulus" if last > number else "stimulus-one"].format(number, last)
                parts.append(f"#stimulus({_block(lead)}, {self.text(text, {}, False)})")
            parts.append(self.question(number, item, mixed, number == len(items)))
        return parts

    def question(self, number: int, item: Item, mixed: bool, last: bool) -> str:
        words = presentation.words(item, self.language)
        drawn = self.figures(item, f"q{number}")
        called = presentation.called(item, [words.stem, *words.options.values(), *words.rows.values()])
        body = [typeset.typst(words.stem, drawn)]
        after = [code for name, code in drawn.items() if name not in called]
        body += after if len(after) < 2 else ["#item-figures(" + "".join(f"[{code}]," for code in after) + ");"]
        note = self.note(item, mixed)
        if note != "none":
            body.append(f'#text(style: "italic", size: 11pt, {note});')
        body.append(self.room(item, words, drawn))
        if last:  # in its block, so that it never stands alone on a page
            end = _block(self.labels["end"])
            body.append(f'#v(1.2em);\n#align(center, text(size: 10.5pt, style: "italic", {end}));')
        inner = "\n\n".join(b for b in body if b)
        return f"#question([{number}.], [{inner}])"

    def room(self, item: Item, words: Words, drawn: Mapping[str, str]) -> str:
        """Where the student answers."""
        if item.options:
            longest = max(len(mathtext.plain(t)) for t in words.options.values())
            figures_inside = any("[figure:" in t for t in words.options.values())
            columns = 4 if longest <= 12 and len(item.options) == 4 else 2 if longest <= 34 or figures_inside else 1
            entries = "".join(f"({quoted(k)}, {self.text(t, drawn)})," for k, t in words.options.items())
            square = "true" if item.type == "multi-select" else "false"
            return f"#options({square}, {columns}, {entries})"
        if item.type in ("numeric", "short-text"):
            width = "5cm" if item.type == "numeric" else "11cm"
            return f"#answer-line({_block(self.labels['answer'])}, width: {width})"
        if item.type == "match":
            head = "".join(f"({quoted(k)}, {self.text(t, drawn)})," for k, t in words.columns.items())
            rows = "".join(f"({quoted(k)}, {self.text(t, drawn)})," for k, t in words.rows.items())
            square = "true" if any(len(r.keys) != 1 for r in item.rows) else "false"
            return f"#match-table(({head}), ({rows}), square: {square})"
        return f"#work-space({min(3 + 1.3 * item.points, 10):g}cm)"

    # the answer sheet

    def sheet(self, items: Sequence[Item]) -> list[str]:
        labels = self.labels
        rows: list[str] = []
        for number, item in enumerate(items, 1):
            if item.options:
                square = "true" if item.type == "multi-select" else "false"
                marks = " #h(0.5em) ".join(f"#bubble({quoted(o.letter)}, square: {square})" for o in item.options)
                rows.append(f"#sheet-row([{number}], [{marks}])")
            elif item.type in ("numeric", "short-text"):
                rows.append(f"#sheet-row([{number}], box(width: 4.2cm, height: 1.5em, stroke: (bottom: 0.7pt)))")
            elif item.type == "match":
                square = "true" if any(len(r.keys) != 1 for r in item.rows) else "false"
                for row in item.rows:
                    marks = " #h(0.5em) ".join(f"#bubble({quoted(c.letter)}, square: {square})" for c in item.columns)
                    rows.append(f"#sheet-row([{number}.{typeset.typst_text(row.id)}], [{marks}])")
            else:
                rows.append(
                    f'#sheet-row([{number}], text(size: 10pt, style: "italic", {_block(labels["in-booklet"])}))'
                )
        return [
            self.fields(),
            f"#instructions({_block(labels['sheet-instructions'])})",
            "#v(0.6em)",
            "#columns(3, gutter: 1.2em)[\n" + "\n".join(rows) + "\n]",
        ]

    # the key

    def key(self, items: Sequence[Item]) -> list[str]:
        labels = self.labels
        parts = [f"#instructions({_block(labels['key-note'])})"]
        for number, item in enumerate(items, 1):
            words = presentation.words(item, self.language)
            drawn = self.figures(item, f"k{number}")
            right, wrong = self.right_and_wrong(item, words, drawn)
            concepts = ", ".join(self.concepts.get(c, c) for c in item.concepts)
            points = f"{labels['points'].lower()}: {item.points}"
            facts = " · ".join(x for x in (words.title, points, concepts, ", ".join(item.standards)) if x)
            entries = "".join(f"({a}, {b})," for a, b in wrong)
            solution = self.text(words.solution, drawn, False) if words.solution else "none"
            parts.append(
                f"#key-entry([{number}], {_block(item.id)}, {_block(facts)}, {right}, {_block(labels['wrong'])}, "
                f"({entries}), {_block(labels['solution'])}, {solution})"
            )
        return parts

    def named(self, misconception: str) -> str:
        return _block(self.misconceptions.get(misconception, misconception))

    def right_and_wrong(self, item: Item, words: Words, drawn: Mapping[str, str]) -> tuple[str, list[tuple[str, str]]]:
        label = typeset.typst_text(self.labels["right"])
        wrong: list[tuple[str, str]] = []
        if item.options:
            right = [(k, typeset.typst(words.options[k], drawn, True)) for k in item.keys]
            for o in item.options:
                if not o.key:
                    wrong.append(
                        (
                            f"[#strong[{o.letter}]; #h(0.3em) {typeset.typst(words.options[o.letter], drawn, True)}]",
                            self.named(o.misconception),
                        )
                    )
            lines = " #linebreak(); ".join(f"#strong[{label}: {k}]; #h(0.6em) {text}" for k, text in right)
            return f"[{lines}]", wrong
        if item.answers:
            keys = ", ".join(
                typeset.typst(a.text + (f" ± {a.tolerance}" if a.tolerance else "")) for a in item.answers if a.key
            )
            wrong = [(f"[{typeset.typst(a.text)}]", self.named(a.misconception)) for a in item.answers if not a.key]
            return f"[#strong[{label}:]; {keys}]", wrong
        if item.rows:
            said = {c: typeset.typst(t, drawn, True) for c, t in words.columns.items()}
            rows = "; ".join(f"{typeset.typst_text(r.id)}: {', '.join(said[k] for k in r.keys)}" for r in item.rows)
            for r in item.rows:
                wrong += [(f"[{typeset.typst_text(r.id)}: {said[c]}]", self.named(m)) for c, m in r.misconceptions]
            return f"[#strong[{label}:]; {rows}]", wrong
        levels = " #linebreak(); ".join(
            f"#strong[{p}:]; {typeset.typst(t, drawn, True)}" for p, t in words.levels.items()
        )
        wrong = [(self.named(e.misconception), f"[{typeset.typst(e.text, drawn, True)}]") for e in item.errors]
        return f"[{levels}]", wrong
