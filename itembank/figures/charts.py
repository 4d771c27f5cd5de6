"""Bar graphs, dot plots and box plots."""

from collections import Counter
from fractions import Fraction

from itembank.figures.line import ticks
from itembank.figures.reading import FigureError, Reader, several, to_number
from itembank.figures.svg import SHADE, Drawing, written
from itembank.verify_values import FUNCTIONS

WIDTH, LEFT, RIGHT = 440, 60, 20


def _nice_step(span: Fraction) -> Fraction:
    """About five to ten steps of 1, 2 or 5 times a power of ten."""
    step = Fraction(1, 1000)
    while True:
        for factor in (1, 2, 5):
            if span / (step * factor) <= 8:
                return step * factor
        step *= 10


def _above_zero(step: Fraction) -> None:
    if step <= 0:
        raise FigureError("`step` is not above 0")


def bars(data: Reader) -> Drawing:
    """Keys: bars {name: height}, step, max, x-label, y-label, touching (yes for a histogram), show-values."""
    named = [(name, to_number(value, "bars")) for name, value in data.named("bars")]
    if not named or len(named) > 24:
        raise FigureError("`bars` has 1 to 24 bars", "bars: {Monday: 3, Tuesday: 5}")
    if any(v < 0 for _, v in named):
        raise FigureError("a bar below 0")
    tallest = max(v for _, v in named) or Fraction(1)
    usual = _nice_step(tallest)
    step = data.number("step", max(usual, Fraction(1)) if all(v.denominator == 1 for _, v in named) else usual)
    _above_zero(step)
    top = data.number("max", -(-tallest // step) * step)
    if top < tallest or top <= 0:
        raise FigureError("a bar is taller than `max`")
    touching, values = data.yes("touching"), data.yes("show-values")
    x_label, y_label = data.text("x-label"), data.text("y-label")
    height = 220
    picture = Drawing(WIDTH, 20 + height + 30 + (22 if x_label else 0))
    base = 20 + height
    for mark in ticks(Fraction(0), top, step, 40):
        y = base - float(mark / top) * height
        picture.line(LEFT, y, WIDTH - RIGHT, y, 0.6, "#b5b5b5")
        picture.text(LEFT - 7, y + 4, written(mark), "end", 12)
    room = (WIDTH - LEFT - RIGHT) / len(named)
    size = 14 if max(len(n) for n, _ in named) * 7 < room else 11 if max(len(n) for n, _ in named) * 5.6 < room else 9
    for i, (name, value) in enumerate(named):
        width = room if touching else room * 0.62
        x = LEFT + room * i + (room - width) / 2
        tall = float(value / top) * height
        picture.rectangle(x, base - tall, width, tall, SHADE)
        picture.text(x + width / 2, base + 18, name, size=size)
        if values:
            picture.text(x + width / 2, base - tall - 5, written(value), size=12)
    picture.line(LEFT, base, WIDTH - RIGHT, base, 1.6)
    picture.line(LEFT, 20, LEFT, base, 1.6)
    if x_label:
        picture.text(LEFT + (WIDTH - LEFT - RIGHT) / 2, base + 42, x_label)
    if y_label:
        picture.text(16, 20 + height / 2, y_label, turn=True)
    return picture


def _axis(data: Reader, values: list[Fraction]) -> tuple[Fraction, Fraction, Fraction]:
    low, high = min(values), max(values)
    usual = _nice_step(high - low or Fraction(1))
    if all(v.denominator == 1 for v in values):
        usual = max(usual, Fraction(1))
    step = data.number("step", usual)
    _above_zero(step)
    start = data.number("from", (low // step) * step)
    end = data.number("to", -(-high // step) * step)
    if start > low or end < high:
        raise FigureError("a value lies outside of `from` ... `to`")
    return start, max(end, start + step), step


def _draw_axis(picture: Drawing, y: float, axis: tuple[Fraction, Fraction, Fraction], left: float) -> None:
    start, end, step = axis
    picture.line(left - 8, y, WIDTH - RIGHT + 8, y, 1.6)
    marks = ticks(start, end, step)
    skip = 1 + len(marks) // 22
    for i, mark in enumerate(marks):
        x = left + float((mark - start) / (end - start)) * (WIDTH - RIGHT - left)
        picture.line(x, y - 4, x, y + 4)
        if i % skip == 0:
            picture.text(x, y + 19, written(mark), size=12)


def dots(data: Reader) -> Drawing:
    """Keys: values [...], from, to, step, label. Several plots above each other: plots {name: [...]}."""
    plots = [(name, [to_number(v, "plots") for v in several(value, "plots")]) for name, value in data.named("plots")]
    if not plots:
        plots = [("", data.numbers("values"))]
    values = [v for _, part in plots for v in part]
    if not values:
        raise FigureError("the dot plot has no values", "values: [2, 3, 3, 5]")
    axis = _axis(data, values)
    words = data.text("label")
    start, end, _ = axis
    left = 30 if not any(n for n, _ in plots) else 100
    spacing = 13
    tallest = [max(Counter(part).values(), default=1) for _, part in plots]
    heights = [max(40, t * spacing + 14) for t in tallest]
    total = sum(h + 34 for h in heights)
    picture = Drawing(WIDTH, 10 + total + (20 if words else 0))
    y = 10.0
    for (name, part), height in zip(plots, heights, strict=True):
        base = y + height
        _draw_axis(picture, base, axis, left)
        for value, count in sorted(Counter(part).items()):
            x = left + float((value - start) / (end - start)) * (WIDTH - RIGHT - left)
            for i in range(count):
                picture.circle(x, base - 11 - i * spacing, 4.6)
        if name:
            picture.text(10, base - 8, name, "start", 14)
        y = base + 34
    if words:
        picture.text(left + (WIDTH - RIGHT - left) / 2, y + 6, words)
    return picture


def five_numbers(values: list[Fraction]) -> list[Fraction]:
    """Minimum, quartiles (medians of the halves without the middle value) and maximum."""
    if len(values) < 2:
        return values * 5
    found = [FUNCTIONS[n][0](values) for n in ("min", "q1", "median", "q3", "max")]
    return [Fraction(v) for v in found if isinstance(v, (Fraction, float))]


def boxes(data: Reader) -> Drawing:
    """Keys: boxes {name: [minimum, q1, median, q3, maximum]}, or values {name: [...]} to compute them; from, to,
    step, label."""
    named = [(name, [to_number(v, "boxes") for v in several(value, "boxes")]) for name, value in data.named("boxes")]
    raw = data.get("values")
    if raw is not None and not hasattr(raw, "items"):
        named.append(("", five_numbers(data.numbers("values"))))
    elif raw is not None:
        for name, value in data.named("values"):
            named.append((name, five_numbers([to_number(v, "values") for v in several(value, "values")])))
    if not named:
        raise FigureError("the box plot has no boxes", "boxes: {Class A: [2, 4, 5, 8, 10]}")
    for _, five in named:
        if len(five) != 5 or sorted(five) != five:
            raise FigureError("a box is five numbers in order", "[minimum, q1, median, q3, maximum]")
    axis = _axis(data, [v for _, five in named for v in five])
    words = data.text("label")
    start, end, _ = axis
    longest = max(len(n) for n, _ in named)
    left = 30 if not longest else min(30 + longest * 7.5, 150)
    row = 52
    base = 14 + row * len(named)
    picture = Drawing(WIDTH, base + 34 + (20 if words else 0))

    def x(value: Fraction) -> float:
        return left + float((value - start) / (end - start)) * (WIDTH - RIGHT - left)

    for i, (name, five) in enumerate(named):
        middle = 14 + row * i + 22
        low, q1, median, q3, high = map(x, five)
        picture.line(low, middle, q1, middle, 1.6)
        picture.line(q3, middle, high, middle, 1.6)
        picture.line(low, middle - 8, low, middle + 8, 1.6)
        picture.line(high, middle - 8, high, middle + 8, 1.6)
        picture.rectangle(q1, middle - 14, q3 - q1, 28, SHADE, 1.6)
        picture.line(median, middle - 14, median, middle + 14, 2.6)
        if name:
            picture.text(8, middle + 5, name, "start", 14)
    _draw_axis(picture, base + 6, axis, left)
    if words:
        picture.text(left + (WIDTH - RIGHT - left) / 2, base + 46, words)
    return picture
