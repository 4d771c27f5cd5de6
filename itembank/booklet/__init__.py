"""Paper: the students' booklet, the answer sheet and the teacher's key, typeset with Typst.

No item is split between two pages. The same items and title give the same bytes. The files ask for no network and
carry PDF/UA-1 tags: headings, reading order, language, and the alt text of every figure.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from itembank.booklet.source import BOTH, EDITIONS, Edition, source
from itembank.errors import Rejected
from itembank.item_model import Item

__all__ = ["BOTH", "EDITIONS", "Edition", "compiled", "render", "source"]


def compiled(
    items: Sequence[Item],
    title: str,
    edition: Edition = "booklet",
    language: str = "en",
    subtitle: str = "",
    instructions: str = "",
    misconceptions: Mapping[str, str] | None = None,
    concepts: Mapping[str, str] | None = None,
    footer: str = "",
    *,
    large: bool = False,
    version: str = "",
    sections: Sequence[tuple[Sequence[str], int]] = (),
) -> bytes:
    """The PDF of one edition.

    Args:
        items: in the order of the form.
        title, subtitle: of the first page; footer: small print of every page (form and version).
        edition: "booklet", "answer-sheet" or "key" (for teachers: keys, misconceptions, solutions).
        language: "en", "es", or "both" (English and Spanish side by side, not for the key); an item without that
            variant stays in its own language.
        instructions: Markdown; a usual text by default.
        misconceptions, concepts: id -> name, for the key.
        large: large print: text of 18 points, pictures up to twice as large.
        version: its letter, printed on every page; "" without versions.
        sections: (its name in each language of the booklet, number of items) of each part; none where there is one.

    Raises:
        Rejected: a figure cannot be drawn or has no alt text.
    """
    import tempfile

    import typst

    text, files = source(
        items,
        title,
        edition,
        language,
        subtitle,
        instructions,
        misconceptions or {},
        concepts or {},
        footer,
        large=large,
        version=version,
        sections=sections,
    )
    template = Path(__file__).with_name("booklet.typ").read_bytes()
    compile_: Callable[..., object] = typst.compile  # its stub knows no files by name
    with tempfile.TemporaryDirectory(prefix="itembank-") as folder:  # pictures in memory would have to be text
        for name, content in {"main.typ": text.encode(), "booklet.typ": template, **files}.items():
            (Path(folder) / name).write_bytes(content)
        try:
            pdf = compile_(
                str(Path(folder) / "main.typ"),
                format="pdf",
                ignore_system_fonts=True,
                pdf_standards=["ua-1"],
                timestamp=0,
            )
        except typst.TypstError as error:
            raise Rejected("booklet", f"The booklet cannot be typeset: {error}.", "itembank items check") from error
    assert isinstance(pdf, bytes)
    return pdf


def render(items: Sequence[Item], title: str, path: Path, *args: Any, **kwargs: Any) -> None:
    """Write the PDF of one edition to `path`; further arguments as for `compiled`."""
    path.write_bytes(compiled(items, title, *args, **kwargs))
