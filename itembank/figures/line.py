"""Number lines."""

from fractions import Fraction

from itembank.figures.reading import FigureError, Reader, to_number
from itembank.figures.svg import Drawing, written

WIDTH, MARGIN = 480, 34


def ticks(low: Fraction, high: Fraction, step: Fraction, most: int = 80) -> list[Fraction]:
    """low, low + step, ... up to high."""
    if step <= 0:
        raise FigureError("`step` is not above 0")
    if high <= low:
        raise FigureError("`to` is not above `from`")
    count = int((high - low) / step)
    if count > most:
        raise FigureError(f"{count} marks do not fit", "take a larger `step`")
    return [low + i * step for i in range(count + 1)]


def number_line(data: Reader) -> Drawing:
    """Keys: from, to, step, label-every, points {name: number}, ranges [{from, to, from-open, to-open}], label."""
    low, high = data.number("from"), data.number("to")
    step = data.number("step", Fraction(1))
    every = data.number("label-every", Fraction(1))
    marks = ticks(low, high, step)
    if every < 1 or every.denominator != 1:
        raise FigureError("`label-every` is a whole number of marks")
    points, ranges, words = data.named("points"), data.parts("ranges"), data.text("label")
    show = not data.yes("hide-labels")
    base = 62 if ranges else 44
    picture = Drawing(WIDTH, base + 34 + (20 if words else 0))

    def x(value: Fraction) -> float:
        if not low <= value <= high:
            raise FigureError(f"{written(value)} lies outside of the number line")
        return MARGIN + float((value - low) / (high - low)) * (WIDTH - 2 * MARGIN)

    picture.arrow(WIDTH / 2, base, WIDTH - 6, base)
    picture.arrow(WIDTH / 2, base, 6, base)
    for i, mark in enumerate(marks):
        named = i % int(every) == 0
        picture.line(x(mark), base - (7 if named else 4), x(mark), base + (7 if named else 4))
        if named and show:
            picture.text(x(mark), base + 24, written(mark))
    for part in ranges:
        start = part.number("from", low) if part.get("from") is not None else None
        end = part.number("to", high) if part.get("to") is not None else None
        left, right = (x(start) if start is not None else 12), (x(end) if end is not None else WIDTH - 12)
        y = base - 22
        if start is None and end is None:
            raise FigureError("a range has `from`, `to` or both")
        if left >= right:
            raise FigureError("a range runs from the smaller to the larger number")
        if end is None:
            picture.arrow(left, y, right, y, 3, 10)
        elif start is None:
            picture.arrow(right, y, left, y, 3, 10)
        else:
            picture.line(left, y, right, y, 3)
        for place, spot, key in ((left, start, "from-open"), (right, end, "to-open")):
            open_ = part.yes(key)
            if spot is not None:
                picture.line(place, y, place, base, 0.8, dash="2 2")
                picture.circle(place, y, 5, "#ffffff" if open_ else "#111111", 2)
        part.finish()
    for name, value in points:
        place = x(to_number(value, "points"))
        picture.circle(place, base, 4.5)
        if name:
            picture.text(place, base - 12, name, italic=len(name) == 1)
    if words:
        picture.text(WIDTH / 2, base + 48, words)
    return picture
