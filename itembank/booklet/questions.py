"""The students' booklet: parts, shared texts and questions, in one language or in two side by side."""

from collections.abc import Mapping, Sequence

from itembank import mathtext, presentation, typeset
from itembank.booklet.writer import Writer, block, name_fields
from itembank.item_model import Item
from itembank.mathwriters import quoted
from itembank.presentation import Words

# longest option (characters) that stands four, or two, in a row
ROOM = {False: (12, 34), True: (6, 20)}


class Booklet:
    """Questions of a form.

    Args:
        writers: one language, or the left and the right one of a booklet in two.
        items: in the order of the form.
        sections: (names by writer, number of items) of its parts; empty without parts.
        large: large print.
    """

    def __init__(
        self,
        writers: Sequence[Writer],
        items: Sequence[Item],
        sections: Sequence[tuple[Sequence[str], int]] = (),
        large: bool = False,
    ) -> None:
        self.writers, self.items, self.large = writers, items, large
        self.narrow = large or len(writers) > 1
        self.starts: dict[int, tuple[Sequence[str], Sequence[Item]]] = {}
        first = 0
        for names, size in sections if len(sections) > 1 else ():
            self.starts[first] = (names, items[first : first + size])
            first += size
        self.ways = _both if len(writers) > 1 else _one

    def said(self, key: str, *values: object) -> str:
        """A fixed word, in both languages where there are two."""
        return " / ".join(dict.fromkeys(w.labels[key].format(*values) for w in self.writers))

    def parts(self, instructions: str) -> list[str]:
        """Everything below the title."""
        rules = _rules(self.items)
        parts = [name_fields(self.writers, self.large), f"#instructions({self._instructions(instructions, rules)})"]
        shared = [[presentation.words(i, w.language).stimulus for w in self.writers] for i in self.items]
        rule = rules
        for number, item in enumerate(self.items, 1):
            if number - 1 in self.starts:
                rule = _rules(self.starts[number - 1][1])
                parts.append(self._part(number, rule))
            if shared[number - 1][0] and (number == 1 or shared[number - 2] != shared[number - 1]):
                last = number
                while last < len(self.items) and shared[last] == shared[number - 1]:
                    last += 1
                lead = self.said("stimulus" if last > number else "stimulus-one", number, last)
                texts = [w.text(t, {}) for w, t in zip(self.writers, shared[number - 1], strict=True)]
                parts.append(f"#stimulus({block(lead)}, [{self.ways(self.writers, texts, '')}])")
            parts.append(self._question(number, item, len(rule) > 1))
        return parts

    def _instructions(self, given: str, rules: set[str]) -> str:
        texts = []
        for w in self.writers:
            words = given or w.labels["instructions"]
            if len(self.writers) > 1:
                words += " " + w.labels["two-languages"]
            if not self.starts:
                said = _calculator(rules)
                words += f" {w.labels[said]}" if said else ""
            texts.append(w.text(words, {}))
            if given:
                break
        return f"[{self.ways(self.writers, texts, '')}]"

    def _part(self, number: int, rules: set[str]) -> str:
        names, own = self.starts[number - 1]
        place = list(self.starts).index(number - 1)
        if names[0].startswith("Block ") and names[0][6:].isdecimal():  # of a booklet design: nothing to a student
            names = [w.labels["part"].format(place + 1) for w in self.writers]
        said = _calculator(rules)
        rule = block(self.said(said)) if said else "none"
        turns = place > 0 and rules != _rules(list(self.starts.values())[place - 1][1])
        line = self.said("questions", number, number + len(own) - 1)
        page = "#pagebreak(weak: true)\n" if turns else ""  # calculators are handed out, or put away, between the parts
        return f"{page}#part({block(' / '.join(dict.fromkeys(names)))}, {block(line)}, {rule})"

    def _end(self, number: int) -> str:
        """What stands below the last question of a part after which students wait, and of the test."""
        if number == len(self.items):
            said = "end"
        elif number in self.starts and _rules(self.starts[number][1]) != _rules(self._part_of(number - 1)):
            said = "stop"
        else:
            return ""
        return f'#v(1.2em);\n#align(center, text(size: 0.875em, style: "italic", {block(self.said(said))}));'

    def _part_of(self, index: int) -> Sequence[Item]:
        return self.starts[max(s for s in self.starts if s <= index)][1]

    def _question(self, number: int, item: Item, mixed: bool) -> str:
        speaking = [w for w in self.writers if presentation.words(item, w.language).whole] or self.writers[:1]
        columns = self._columns(item, speaking)
        sides = [f"[{self._side(w, number, item, mixed, columns)}]" for w in speaking]
        below = "\n\n".join(b for b in (self._below(item, speaking), self._end(number)) if b)
        # what ends the test stands in its last block, so that it is never alone on a page
        inner = (
            self.ways(speaking, sides, below) if len(speaking) == len(self.writers) else _one(speaking, sides, below)
        )
        return f"#question([{number}.], [{inner}])"

    def _columns(self, item: Item, speaking: Sequence[Writer]) -> int:
        """How many options stand in a row, the same in both languages."""
        texts = [t for w in speaking for t in presentation.words(item, w.language).options.values()]
        longest = max((len(mathtext.plain(t)) for t in texts), default=0)
        four, two = ROOM[self.narrow and len(speaking) == len(self.writers)]
        if longest <= four and len(item.options) == 4:
            return 4
        return 2 if longest <= two or any("[figure:" in t for t in texts) else 1

    def _side(self, writer: Writer, number: int, item: Item, mixed: bool, columns: int) -> str:
        """Everything of a question that is in one language."""
        words = presentation.words(item, writer.language)
        drawn = writer.figures(item, f"q{number}")
        called = presentation.called(item, [words.stem, *words.options.values(), *words.rows.values()])
        body = [typeset.typst(words.stem, drawn)]
        after = [code for name, code in drawn.items() if name not in called]
        body += after if len(after) < 2 else ["#item-figures(" + "".join(f"[{code}]," for code in after) + ");"]
        note = _note(writer, item, mixed)
        if note:
            body.append(f'#text(style: "italic", size: 0.92em, {block(note)});')
        body.append(self._choices(writer, item, words, drawn, columns))
        text = "\n\n".join(b for b in body if b)
        return text if words.language == writer.language else f"#text(lang: {quoted(words.language)})[{text}]"

    def _choices(self, writer: Writer, item: Item, words: Words, drawn: Mapping[str, str], columns: int) -> str:
        """What there is to mark."""
        if item.options:
            entries = "".join(f"({quoted(k)}, {writer.text(t, drawn)})," for k, t in words.options.items())
            square = "true" if item.type == "multi-select" else "false"
            return f"#options({square}, {columns}, {entries})"
        if item.type == "match":
            head = "".join(f"({quoted(k)}, {writer.text(t, drawn)})," for k, t in words.columns.items())
            rows = "".join(f"({quoted(k)}, {writer.text(t, drawn)})," for k, t in words.rows.items())
            square = "true" if any(len(r.keys) != 1 for r in item.rows) else "false"
            return f"#match-table(({head}), ({rows}), square: {square})"
        return ""

    def _below(self, item: Item, speaking: Sequence[Writer]) -> str:
        """Where there is to write, once for both languages."""
        if item.type in ("numeric", "short-text"):
            width = "5cm" if item.type == "numeric" else "11cm"
            words = " / ".join(w.labels["answer"].rstrip(":") for w in speaking) + ":"
            return f"#answer-line({block(words)}, width: {width})"
        if item.type == "rubric":
            return f"#work-space({min(3 + 1.3 * item.points, 10):g}cm)"
        return ""


def _one(writers: Sequence[Writer], texts: Sequence[str], below: str) -> str:
    return texts[0][1:-1] + (f"\n\n{below}" if below else "")


def _both(writers: Sequence[Writer], texts: Sequence[str], below: str) -> str:
    if len(texts) == 1:  # a text that somebody gave, in the language in which they gave it
        return texts[0][1:-1]
    return f"#two({texts[0]}, {texts[1]}, {quoted(writers[1].language)}, [{below}])"


def _rules(items: Sequence[Item]) -> set[str]:
    return {i.calculator for i in items if i.calculator != "neutral"}


def _calculator(rules: set[str]) -> str:
    """Which of the fixed words says what holds for calculators; "" where nothing does."""
    if len(rules) > 1:
        return "some-calculator"
    return {"no": "no-calculator", "yes": "calculator"}.get("".join(rules), "")


def _note(writer: Writer, item: Item, mixed: bool) -> str:
    notes = []
    if item.type == "multi-select":
        notes.append(writer.labels["multi-select"])
    if item.type == "match":
        notes.append(writer.labels["match-many" if any(len(r.keys) != 1 for r in item.rows) else "match"])
    if item.type == "rubric":
        notes.append(writer.labels["rubric"])
    if mixed and item.calculator == "yes":
        notes.append(writer.labels["calculator"])
    return " ".join(notes)
