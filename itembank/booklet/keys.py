"""The teachers' key: keys, what each wrong answer tells, and worked solutions."""

from collections.abc import Mapping, Sequence

from itembank import presentation, typeset
from itembank.booklet.writer import Writer, block
from itembank.item_model import Item
from itembank.presentation import Words


def key(writer: Writer, items: Sequence[Item]) -> list[str]:
    """The parts of the key."""
    labels = writer.labels
    parts = [f"#instructions({block(labels['key-note'])})"]
    for number, item in enumerate(items, 1):
        words = presentation.words(item, writer.language)
        drawn = writer.figures(item, f"k{number}")
        right, wrong = _right_and_wrong(writer, item, words, drawn)
        concepts = ", ".join(writer.concepts.get(c, c) for c in item.concepts)
        points = f"{labels['points'].lower()}: {item.points}"
        facts = " · ".join(x for x in (words.title, points, concepts, ", ".join(item.standards)) if x)
        entries = "".join(f"({a}, {b})," for a, b in wrong)
        solution = writer.text(words.solution, drawn) if words.solution else "none"
        parts.append(
            f"#key-entry([{number}], {block(item.id)}, {block(facts)}, {right}, {block(labels['wrong'])}, "
            f"({entries}), {block(labels['solution'])}, {solution})"
        )
    return parts


def _named(writer: Writer, misconception: str) -> str:
    return block(writer.misconceptions.get(misconception, misconception))


def _right_and_wrong(
    writer: Writer, item: Item, words: Words, drawn: Mapping[str, str]
) -> tuple[str, list[tuple[str, str]]]:
    label = typeset.typst_text(writer.labels["right"])
    wrong: list[tuple[str, str]] = []
    if item.options:
        right = [(k, typeset.typst(words.options[k], drawn)) for k in item.keys]
        for o in item.options:
            if not o.key:
                wrong.append(
                    (
                        f"[#strong[{o.letter}]; #h(0.3em) {typeset.typst(words.options[o.letter], drawn)}]",
                        _named(writer, o.misconception),
                    )
                )
        lines = " #linebreak(); ".join(f"#strong[{label}: {k}]; #h(0.6em) {text}" for k, text in right)
        return f"[{lines}]", wrong
    if item.answers:
        keys = ", ".join(
            typeset.typst(a.text + (f" ± {a.tolerance}" if a.tolerance else "")) for a in item.answers if a.key
        )
        wrong = [(f"[{typeset.typst(a.text)}]", _named(writer, a.misconception)) for a in item.answers if not a.key]
        return f"[#strong[{label}:]; {keys}]", wrong
    if item.rows:
        said = {c: typeset.typst(t, drawn) for c, t in words.columns.items()}
        rows = "; ".join(f"{typeset.typst_text(r.id)}: {', '.join(said[k] for k in r.keys)}" for r in item.rows)
        for r in item.rows:
            wrong += [(f"[{typeset.typst_text(r.id)}: {said[c]}]", _named(writer, m)) for c, m in r.misconceptions]
        return f"[#strong[{label}:]; {rows}]", wrong
    levels = " #linebreak(); ".join(f"#strong[{p}:]; {typeset.typst(t, drawn)}" for p, t in words.levels.items())
    wrong = [(_named(writer, e.misconception), f"[{typeset.typst(e.text, drawn)}]") for e in item.errors]
    return f"[{levels}]", wrong
