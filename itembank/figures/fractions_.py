"""Fraction bars."""

from itembank.figures.reading import FigureError, Reader
from itembank.figures.svg import SHADE, Drawing

WIDTH, BAR = 400, 34


def fraction_bars(data: Reader) -> Drawing:
    """Keys: bars [{parts, shaded, label}], one above the other, each of the same length."""
    rows = data.parts("bars")
    if not rows or len(rows) > 12:
        raise FigureError("`bars` has 1 to 12 bars", "bars: [{parts: 4, shaded: 3}]")
    read = [(r.number("parts"), r.number("shaded"), r.text("label")) for r in rows]
    for row in rows:
        row.finish()
    left = 10 if not any(words for _, _, words in read) else 10 + 8 * max(len(words) for _, _, words in read)
    picture = Drawing(left + WIDTH + 10, 12 + len(read) * (BAR + 14))
    for i, (parts, shaded, words) in enumerate(read):
        if parts.denominator != 1 or not 1 <= parts <= 60 or shaded.denominator != 1 or not 0 <= shaded <= parts:
            raise FigureError("a bar has 1 to 60 `parts`, and no more of them `shaded`", "{parts: 4, shaded: 3}")
        y = 8 + i * (BAR + 14)
        for k in range(int(parts)):
            width = WIDTH / int(parts)
            picture.rectangle(left + k * width, y, width, BAR, SHADE if k < shaded else "#ffffff", 1.4)
        if words:
            picture.text(left - 6, y + BAR / 2 + 5, words, "end")
    return picture
