"""Triangles and other polygons, circles."""

import math
from collections.abc import Mapping
from fractions import Fraction

from itembank.figures.reading import FigureError, Reader, label, to_point
from itembank.figures.svg import SHADE, Drawing, fixed

ROOM, MARGIN = 250.0, 46.0
_USUAL = {  # three corners without places: a right angle where one is named, else a plain scalene triangle
    "right": (("0", "0"), ("4", "0"), ("0", "3")),
    "plain": (("0", "0"), ("5", "0"), ("1.7", "3")),
}


def polygon(data: Reader) -> Drawing:
    """Keys: corners {A: [x, y], ...} or [A, B, C], sides {AB: label}, angles {A: label}, right-angles [A], segments
    {AD: label} (dashed, between corners or `extra` points), extra {D: [x, y]}, shaded."""
    right = _words(data, "right-angles") + _words(data, "right-angle")
    corners = _corners(data, right)
    extra = {n: to_point(v, "extra") for n, v in data.named("extra")}
    names = list(corners)
    if not 3 <= len(names) <= 12:
        raise FigureError("a polygon has 3 to 12 corners", "corners: {A: [0, 0], B: [4, 0], C: [0, 3]}")
    everything = {**corners, **extra}
    xs, ys = [p[0] for p in everything.values()], [p[1] for p in everything.values()]
    span = max(max(xs) - min(xs), max(ys) - min(ys))
    if span == 0:
        raise FigureError("all corners lie on one point")
    scale = ROOM / float(span)
    picture = Drawing(2 * MARGIN + float(max(xs) - min(xs)) * scale, 2 * MARGIN + float(max(ys) - min(ys)) * scale)
    at = {
        n: (MARGIN + float(x - min(xs)) * scale, MARGIN + float(max(ys) - y) * scale)
        for n, (x, y) in everything.items()
    }
    picture.polygon([at[n] for n in names], SHADE if data.yes("shaded") else "none", 1.8)
    center = (sum(at[n][0] for n in names) / len(names), sum(at[n][1] for n in names) / len(names))
    for key, words in data.named("segments"):
        a, b = _ends(key, at)
        picture.line(*at[a], *at[b], 1.2, dash="5 4")
        _beside(picture, at[a], at[b], center, label(str(words)))
    for key, words in data.named("sides"):
        a, b = _ends(key, at)
        _beside(picture, at[a], at[b], center, label(str(words)))
    if not data.yes("hide-names"):
        for name in everything:
            x, y = at[name]
            away = _unit(x - center[0], y - center[1])
            picture.text(x + away[0] * 16, y + away[1] * 16 + 5, name, size=15, italic=len(name) == 1)
    for name in right:
        _square(picture, at, names, name)
    for name, words in data.named("angles"):
        if name not in names:
            raise FigureError(f"`angles`: there is no corner {name[:20]}")
        _angle(picture, at, names, name, label(str(words)))
    return picture


def _words(data: Reader, key: str) -> list[str]:
    value = data.get(key)
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(v) for v in value]


def _corners(data: Reader, right: list[str]) -> dict[str, tuple[Fraction, Fraction]]:
    value = data.get("corners")
    if isinstance(value, Mapping):
        return {label(k): to_point(v, "corners") for k, v in value.items()}
    names = [str(v) for v in value] if isinstance(value, tuple) else ["A", "B", "C"]
    if len(names) != 3 or len(set(names)) != 3:
        raise FigureError(
            "corners without places are three different names", "corners: {A: [0, 0], B: [4, 0], C: [0, 3]}"
        )
    if right and right[0] in names:
        names = names[names.index(right[0]) :] + names[: names.index(right[0])]
    places = _USUAL["right" if right else "plain"]
    return {n: (Fraction(x), Fraction(y)) for n, (x, y) in zip(names, places, strict=True)}


def _ends(key: str, at: Mapping[str, tuple[float, float]]) -> tuple[str, str]:
    for i in range(1, len(key)):
        if key[:i] in at and key[i:].lstrip("- ") in at:
            return key[:i], key[i:].lstrip("- ")
    raise FigureError(f"`{key[:20]}` does not join two corners", "sides: {AB: 5 cm}")


def _unit(x: float, y: float) -> tuple[float, float]:
    length = math.hypot(x, y) or 1
    return x / length, y / length


def _beside(
    picture: Drawing, a: tuple[float, float], b: tuple[float, float], center: tuple[float, float], words: str
) -> None:
    """A label beside the middle of a side, away from the center."""
    if not words:
        return
    middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
    normal = _unit(-(b[1] - a[1]), b[0] - a[0])
    if normal[0] * (middle[0] - center[0]) + normal[1] * (middle[1] - center[1]) < 0:
        normal = (-normal[0], -normal[1])
    anchor = "middle" if abs(normal[0]) < 0.5 else "start" if normal[0] > 0 else "end"
    distance = 9 if anchor != "middle" else 14
    picture.text(
        middle[0] + normal[0] * distance,
        middle[1] + normal[1] * distance + 5,
        words,
        anchor,
        15,
        len(words) == 1,
        halo=True,
    )


def _square(picture: Drawing, at: Mapping[str, tuple[float, float]], names: list[str], name: str) -> None:
    if name not in names:
        raise FigureError(f"`right-angle`: there is no corner {name[:20]}")
    i = names.index(name)
    x, y = at[name]
    u, v = (_unit(at[other][0] - x, at[other][1] - y) for other in (names[i - 1], names[(i + 1) % len(names)]))
    if abs(u[0] * v[0] + u[1] * v[1]) > 0.02:
        raise FigureError(f"the angle at {name} is drawn as a right angle, but its corners make another one")
    s = 14
    picture.polyline(
        [(x + u[0] * s, y + u[1] * s), (x + (u[0] + v[0]) * s, y + (u[1] + v[1]) * s), (x + v[0] * s, y + v[1] * s)],
        1.2,
    )


def _angle(picture: Drawing, at: Mapping[str, tuple[float, float]], names: list[str], name: str, words: str) -> None:
    i = names.index(name)
    x, y = at[name]
    u, v = (_unit(at[o][0] - x, at[o][1] - y) for o in (names[i - 1], names[(i + 1) % len(names)]))
    radius = 24
    sweep = 1 if u[0] * v[1] - u[1] * v[0] > 0 else 0
    start, end = (x + u[0] * radius, y + u[1] * radius), (x + v[0] * radius, y + v[1] * radius)
    picture.path(
        f"M{fixed(start[0])},{fixed(start[1])} A{radius},{radius} 0 0 {sweep} {fixed(end[0])},{fixed(end[1])}", width=1
    )
    middle = _unit(u[0] + v[0], u[1] + v[1])
    away = radius + 12 + 3 * max(0, len(words) - 2)
    picture.text(x + middle[0] * away, y + middle[1] * away + 5, words, size=13, halo=True)


def circle(data: Reader) -> Drawing:
    """Keys: radius, diameter (labels), center (its name), sector (degrees shaded), label, shaded."""
    radius_words, diameter_words, name = data.text("radius"), data.text("diameter"), data.text("center")
    sector = data.get("sector")
    words = data.text("label")
    radius = 100.0
    picture = Drawing(260, 250 + (22 if words else 0))
    x, y = 130.0, 122.0
    picture.circle(x, y, radius, SHADE if data.yes("shaded") else "none", 1.8)
    if sector is not None:
        degrees = data.number("sector")
        if not 0 < degrees < 360:
            raise FigureError("`sector` is the number of degrees shaded, between 0 and 360")
        turn = math.radians(float(degrees))
        ex, ey = x + radius * math.cos(turn), y - radius * math.sin(turn)
        large = 1 if degrees > 180 else 0
        picture.path(
            f"M{fixed(x)},{fixed(y)} L{fixed(x + radius)},{fixed(y)} A100,100 0 {large} 0 {fixed(ex)},{fixed(ey)} Z",
            SHADE,
        )
    if diameter_words:
        picture.line(x - radius, y, x + radius, y, 1.6)
        picture.text(x, y - 9, diameter_words, size=15, italic=len(diameter_words) == 1, halo=True)
    if radius_words:
        angle = math.radians(-35 if diameter_words else 0)
        picture.line(x, y, x + radius * math.cos(angle), y - radius * math.sin(angle), 1.6)
        mx, my = x + radius / 2 * math.cos(angle), y - radius / 2 * math.sin(angle)
        picture.text(mx, my - 8, radius_words, size=15, italic=len(radius_words) == 1, halo=True)
    if name or radius_words or diameter_words:
        picture.circle(x, y, 3)
    if name:
        picture.text(x - 8, y + 18, name, size=15, italic=True)
    if words:
        picture.text(x, 250, words, size=15)
    return picture
