"""Coordinate grids: points, segments, lines, polygons and graphs of functions."""

from fractions import Fraction
from itertools import pairwise

from itembank.figures.line import ticks
from itembank.figures.reading import FigureError, Reader, to_point
from itembank.figures.svg import SHADE, Drawing, written
from itembank.verify_syntax import ExpressionError, parse
from itembank.verify_values import evaluate

SIZE = 340
LEFT, RIGHT, TOP, BOTTOM = 52, 28, 26, 44


class Plane:
    """Where numbers lie on the paper."""

    def __init__(self, x: tuple[Fraction, Fraction], y: tuple[Fraction, Fraction], square: bool) -> None:
        self.x, self.y = x, y
        wide, high = x[1] - x[0], y[1] - y[0]
        self.width = self.height = float(SIZE)
        if square and wide > 0 and high > 0:
            ratio = float(high / wide)
            if 0.4 <= ratio <= 1.6:
                self.height = SIZE * ratio if ratio <= 1 else SIZE
                self.width = SIZE if ratio <= 1 else SIZE / ratio

    def at(self, point: tuple[Fraction, Fraction]) -> tuple[float, float]:
        for value, (low, high), name in ((point[0], self.x, "x"), (point[1], self.y, "y")):
            if not low <= value <= high:
                raise FigureError(f"a point with {name} = {written(value)} lies outside of the grid")
        return self.place(float(point[0]), float(point[1]))

    def place(self, x: float, y: float) -> tuple[float, float]:
        left, right = map(float, self.x)
        low, high = map(float, self.y)
        across = LEFT + (x - left) / (right - left) * self.width
        return across, TOP + (high - y) / (high - low) * self.height


def grid(data: Reader) -> Drawing:
    """Keys: x, y [from, to], step or x-step, y-step, x-label, y-label, points {name: [x, y]}, dots [[x, y]],
    segments [[[x, y], [x, y]]], lines [{through: [...]} or {slope, intercept}], polygons [[[x, y], ...]], functions."""
    x, y = (_range(data, name) for name in ("x", "y"))
    step = data.number("step", Fraction(1))
    xs, ys = ticks(*x, data.number("x-step", step), 60), ticks(*y, data.number("y-step", step), 60)
    plane = Plane(x, y, "x-step" not in data.data and "y-step" not in data.data)
    x_label, y_label = data.text("x-label"), data.text("y-label")
    picture = Drawing(LEFT + plane.width + RIGHT, TOP + plane.height + (BOTTOM if len(x_label) > 2 else 26))
    _paper(picture, plane, xs, ys)
    zero_x, zero_y = plane.at((min(max(Fraction(0), x[0]), x[1]), min(max(Fraction(0), y[0]), y[1])))
    numbers_up = [(zero_x - 12, TOP), (zero_x - 12, TOP + plane.height)]  # where the numbers of the axes stand
    numbers_across = [(float(LEFT), zero_y + 13), (LEFT + plane.width, zero_y + 13)]
    drawn: list[list[tuple[float, float]]] = [numbers_up, numbers_across]
    for polygon in data.named("polygons"):
        corners = _points(polygon[1], "polygons")
        picture.polygon([plane.at(p) for p in corners], SHADE, 1.8)
    for segment in data.named("segments"):
        ends = _points(segment[1], "segments")
        drawn.append([plane.at(p) for p in ends])
        picture.polyline(drawn[-1], 2)
    for part in data.parts("lines"):
        drawn.append(_line(picture, plane, part))
    for name, rule in data.named("functions"):
        _function(picture, plane, str(rule), name)
    for point in data.points("dots"):
        picture.circle(*plane.at(point), 3.2)
    for name, value in data.named("points"):
        px, py = plane.at(to_point(value, "points"))
        picture.circle(px, py, 4)
        if name:
            right, above = _free_corner(plane, (px, py), name, drawn)
            picture.text(
                px + (8 if right else -8),
                py + (-7 if above else 17),
                name,
                "start" if right else "end",
                15,
                len(name) == 1,
                halo=True,
            )
    middle_y = TOP + plane.height / 2
    if x_label and len(x_label) <= 2:  # a letter stands at the arrow's head, as in a textbook
        zero = min(max(Fraction(0), y[0]), y[1])
        ex, ey = plane.at((x[1], zero))
        picture.text(ex + 16, ey + 4, x_label, italic=True)
    elif x_label:
        picture.text(LEFT + plane.width / 2, TOP + plane.height + 38, x_label)
    if y_label and len(y_label) <= 2:
        ex, ey = plane.at((min(max(Fraction(0), x[0]), x[1]), y[1]))
        picture.text(ex, ey - 13, y_label, italic=True)
    elif y_label:
        picture.text(14, middle_y, y_label, turn=True)
    return picture


def _free_corner(
    plane: Plane, at: tuple[float, float], name: str, drawn: list[list[tuple[float, float]]]
) -> tuple[bool, bool]:
    """(right, above): where a point's name is not crossed by a line; above to the right where every corner is."""
    wide = 9 * len(name)
    first = at[0] < LEFT + plane.width - 24
    corners = [(right, above) for above in (True, False) for right in (first, not first)]

    def crossed(right: bool, above: bool) -> bool:
        low_x = at[0] + (6 if right else -6 - wide)
        low_y = at[1] + (-20 if above else 4)
        for line in drawn:
            for (x1, y1), (x2, y2) in pairwise(line):
                steps = max(1, int(max(abs(x2 - x1), abs(y2 - y1)) / 3))
                for i in range(steps + 1):
                    x, y = x1 + (x2 - x1) * i / steps, y1 + (y2 - y1) * i / steps
                    if low_x <= x <= low_x + wide and low_y <= y <= low_y + 15:
                        return True
        return False

    return next((c for c in corners if not crossed(*c)), (first, True))


def _range(data: Reader, name: str) -> tuple[Fraction, Fraction]:
    ends = data.numbers(name)
    if len(ends) != 2 or ends[0] >= ends[1]:
        raise FigureError(f"`{name}` is the range of the axis", f"{name}: [-5, 5]")
    return ends[0], ends[1]


def _points(value: object, key: str) -> list[tuple[Fraction, Fraction]]:
    if not isinstance(value, tuple) or len(value) < 2:
        raise FigureError(f"an entry of `{key}` is a list of points", f"{key}: [[[0, 0], [3, 4]]]")
    return [to_point(v, key) for v in value]


def _paper(picture: Drawing, plane: Plane, xs: list[Fraction], ys: list[Fraction]) -> None:
    (left, right), (low, high) = plane.x, plane.y
    for mark in xs:
        a, b = plane.at((mark, low)), plane.at((mark, high))
        picture.line(*a, *b, 0.6, "#b5b5b5")
    for mark in ys:
        a, b = plane.at((left, mark)), plane.at((right, mark))
        picture.line(*a, *b, 0.6, "#b5b5b5")
    zero_x = min(max(Fraction(0), left), right)
    zero_y = min(max(Fraction(0), low), high)
    for end in ((right, zero_y), (left, zero_y)) if left < 0 else ((right, zero_y),):
        start, stop = plane.at((zero_x, zero_y)), plane.at(end)
        picture.arrow(*start, stop[0] + (10 if end[0] == right else -10), stop[1])
    for end in ((zero_x, high), (zero_x, low)) if low < 0 else ((zero_x, high),):
        start, stop = plane.at((zero_x, zero_y)), plane.at(end)
        picture.arrow(*start, stop[0], stop[1] - (10 if end[1] == high else -10))
    skip_x, skip_y = 1 + len(xs) // 13, 1 + len(ys) // 17
    for i, mark in enumerate(xs):
        if (mark != 0 or (left == 0 and low != 0)) and i % skip_x == (xs.index(Fraction(0)) % skip_x if 0 in xs else 0):
            px, py = plane.at((mark, zero_y))
            picture.text(px, py + 17, written(mark), size=12, halo=True)
    for i, mark in enumerate(ys):
        if (mark != 0 or (low == 0 and left != 0)) and i % skip_y == (ys.index(Fraction(0)) % skip_y if 0 in ys else 0):
            px, py = plane.at((zero_x, mark))
            picture.text(px - 6, py + 4, written(mark), "end", 12, halo=True)
    if left <= 0 <= right and low <= 0 <= high:
        px, py = plane.at((Fraction(0), Fraction(0)))
        picture.text(px - 6, py + 15, "0", "end", 12, halo=True)


def _line(picture: Drawing, plane: Plane, part: Reader) -> list[tuple[float, float]]:
    """A straight line across the whole grid; gives its two ends on the paper."""
    through = part.points("through")
    if through:
        if len(through) != 2 or through[0] == through[1]:
            raise FigureError("a line goes `through` two different points", "{through: [[0, 1], [2, 5]]}")
        (x1, y1), (x2, y2) = through
        part.finish()
        if x1 == x2:
            upright = [plane.at((x1, plane.y[0])), plane.at((x1, plane.y[1]))]
            picture.line(*upright[0], *upright[1], 2)
            return upright
        slope = (y2 - y1) / (x2 - x1)
        intercept = y1 - slope * x1
    else:
        slope, intercept = part.number("slope"), part.number("intercept", Fraction(0))
        part.finish()
    ends = [(x, slope * x + intercept) for x in plane.x]
    if slope:
        ends += [((y - intercept) / slope, y) for y in plane.y]
    inside = sorted({p for p in ends if plane.x[0] <= p[0] <= plane.x[1] and plane.y[0] <= p[1] <= plane.y[1]})
    if len(inside) < 2:
        raise FigureError("a line lies outside of the grid")
    ends_drawn = [plane.at(inside[0]), plane.at(inside[-1])]
    picture.line(*ends_drawn[0], *ends_drawn[1], 2)
    return ends_drawn


def _function(picture: Drawing, plane: Plane, rule: str, name: str) -> None:
    """The graph of an expression in x, in pieces where it leaves the grid."""
    try:
        tree = parse(rule.split("=")[-1])
    except ExpressionError as error:
        raise FigureError(f"`functions`: {error}", 'functions: ["x^2 - 3"]') from None
    pieces: list[list[tuple[float, float]]] = [[]]
    low, high = plane.y
    drawn = False
    for i in range(241):
        x = plane.x[0] + (plane.x[1] - plane.x[0]) * Fraction(i, 240)
        try:
            y = evaluate(tree, {"x": x})
        except ExpressionError as error:
            if "not given" in str(error) or "function" in str(error):
                raise FigureError(f"`functions`: {error}", "an expression in x") from None
            pieces.append([])
            continue
        if not isinstance(y, (Fraction, float)) or isinstance(y, bool):
            raise FigureError("`functions` holds something that is no number", "an expression in x")
        if low <= y <= high:
            pieces[-1].append(plane.place(float(x), float(y)))
            drawn = True
        else:
            pieces.append([])
    if not drawn:
        raise FigureError("a function's graph lies outside of the grid")
    for piece in pieces:
        if len(piece) > 1:
            picture.polyline(piece, 2)
    if name:
        px, py = next(p[-1] for p in reversed(pieces) if p)
        picture.text(min(px, LEFT + plane.width - 8), py - 8, name, "end", 14, len(name) == 1, halo=True)
