"""The plain answer sheet: circles to mark and lines to write on, for classes whose answers a person reads."""

from collections.abc import Sequence

from itembank.booklet.columns import columns
from itembank.booklet.writer import Writer, block, name_fields
from itembank.item_model import Item
from itembank.mathwriters import quoted

# rows of a column: below the head of the first page, and on the others; usual and large print
FIRST, NEXT = {False: 24, True: 9}, {False: 30, True: 16}


def sheet(writers: Sequence[Writer], items: Sequence[Item], large: bool = False) -> list[str]:
    """The parts of the answer sheet, in one language or in two."""

    def said(key: str) -> str:
        return " / ".join(dict.fromkeys(w.labels[key] for w in writers))

    rows: list[tuple[str, float]] = []
    for number, item in enumerate(items, 1):
        if item.options:
            rows.append((_marks(str(number), item.type == "multi-select", [o.letter for o in item.options]), 1))
        elif item.type in ("numeric", "short-text"):
            rows.append((f'sheet-row("{number}", sheet-line),', 1))
        elif item.type == "match":
            square = any(len(r.keys) != 1 for r in item.rows)
            letters = [c.letter for c in item.columns]
            rows += [(_marks(f"{number}.{row.id}", square, letters), 1) for row in item.rows]
        else:
            lines = "#linebreak()".join(block(w.labels["in-booklet"])[1:-1] for w in writers)
            size = "0.83em" if len(writers) == 1 else "0.62em"
            words = f'{{ set par(leading: 0.3em); text(size: {size}, style: "italic", [{lines}]) }}'
            rows.append((f'sheet-row("{number}", {words}),', 1))
    widest = max((len(i.options) or len(i.columns) for i in items), default=0)
    number = 3 if widest <= 5 and not large else 2
    listed: list[str] = []
    height = FIRST[large]
    while rows:
        page, rows = rows[: number * height], rows[number * height :]
        listed.append("#sheet-columns(" + "".join(f"({''.join(c)})," for c in columns(page, number)) + ")")
        height = NEXT[large]
    return [
        name_fields(writers, large),
        f"#instructions({block(said('sheet-instructions'))})",
        "#v(0.6em)",
        "\n#pagebreak()\n".join(listed),
    ]


def _marks(number: str, square: bool, letters: Sequence[str]) -> str:
    listed = ", ".join(quoted(letter) for letter in letters)
    return f"sheet-row({quoted(number)}, sheet-marks({str(square).lower()}, {listed})),"
