"""The Typst source of a booklet: items in, markup and picture files out."""

from collections.abc import Mapping, Sequence
from typing import Literal

from itembank.booklet.answer_sheet import sheet
from itembank.booklet.keys import key
from itembank.booklet.questions import Booklet
from itembank.booklet.words import WORDS
from itembank.booklet.writer import Writer, block
from itembank.errors import Rejected, UsageFault
from itembank.item_model import Item
from itembank.mathwriters import quoted

Edition = Literal["booklet", "answer-sheet", "key"]
EDITIONS: tuple[Edition, ...] = ("booklet", "answer-sheet", "key")
BOTH = "both"


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
    *,
    large: bool = False,
    version: str = "",
    sections: Sequence[tuple[Sequence[str], int]] = (),
) -> tuple[str, dict[str, bytes]]:
    """(main file, picture files by name) of one edition; arguments as for `compiled`."""
    if large and language == BOTH and edition == "booklet":
        raise UsageFault(
            "large-print",
            "Two languages side by side leave no room for large print.",
            "print two booklets: --large-print --language en, and --large-print --language es",
        )
    if language == BOTH:
        writers = [Writer("en", prefix="en-"), Writer("es", prefix="es-")]
    else:
        writers = [Writer(language, misconceptions, concepts)]
    first = writers[0].labels
    page = first["page"] if len(writers) == 1 else "{0} / {1}"
    named = " / ".join(dict.fromkeys(w.labels[edition] for w in writers)) if edition != "booklet" else ""
    versioned = " / ".join(dict.fromkeys(w.labels["version"] for w in writers))
    parts = [
        '#import "booklet.typ": *',
        f"#show: booklet.with(title: {quoted(f'{title}: {named}' if named else title)}, "
        f"subtitle: {block(subtitle) if subtitle else 'none'}, footer: {block(footer or title)}, "
        f"language: {quoted(writers[0].language if language == BOTH else language)}, page-words: {quoted(page)}, "
        f"large: {str(large).lower()}, wide: {str(language == BOTH and edition == 'booklet').lower()}, "
        f"version: {quoted(version)}, version-words: {block(versioned)})",
    ]
    if edition == "booklet":
        parts += Booklet(writers, items, sections, large).parts(instructions)
    elif edition == "answer-sheet":
        parts += sheet(writers, items, large)
    else:
        parts += key(writers[0], items)
    findings = [f for w in writers for f in w.findings]
    if findings:
        raise Rejected("figures", "Some figures cannot be drawn.", "itembank items check", findings)
    return "\n\n".join(parts) + "\n", {name: content for w in writers for name, content in w.files.items()}


__all__ = ["BOTH", "EDITIONS", "WORDS", "Edition", "source"]
