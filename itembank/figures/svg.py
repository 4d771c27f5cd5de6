"""A small drawing surface: shapes in, accessible SVG text out. Every word is escaped."""

from collections.abc import Sequence
from fractions import Fraction
from html import escape

Number = float | Fraction | int
FONT = "'Libertinus Serif', 'Liberation Serif', Georgia, 'Times New Roman', serif"
INK, SHADE = "#111111", "#c9d4e0"


def fixed(value: Number) -> str:
    text = f"{float(value):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def written(value: Fraction) -> str:
    """A number on an axis: whole, short decimal, or fraction; with a true minus sign."""
    if value.denominator == 1:
        text = f"{value.numerator:,}"
    elif value.denominator in (5, 10, 20, 25, 50, 100):
        text = f"{float(value):g}"
    else:
        whole, rest = divmod(abs(value.numerator), value.denominator)
        text = ("-" if value < 0 else "") + (f"{whole} " if whole else "") + f"{rest}/{value.denominator}"
    return text.replace("-", "−")


class Drawing:
    """Collects shapes; y grows downward, as in SVG."""

    def __init__(self, width: Number, height: Number) -> None:
        self.width, self.height = width, height
        self.shapes: list[str] = []

    def line(
        self, x1: Number, y1: Number, x2: Number, y2: Number, width: float = 1.2, color: str = INK, dash: str = ""
    ) -> None:
        more = f' stroke-dasharray="{dash}"' if dash else ""
        self.shapes.append(
            f'<line x1="{fixed(x1)}" y1="{fixed(y1)}" x2="{fixed(x2)}" y2="{fixed(y2)}" '
            f'stroke="{color}" stroke-width="{width:g}"{more}/>'
        )

    def arrow(self, x1: Number, y1: Number, x2: Number, y2: Number, width: float = 1.4, size: float = 7) -> None:
        """A line with a head at its second end."""
        dx, dy = float(x2) - float(x1), float(y2) - float(y1)
        length = (dx * dx + dy * dy) ** 0.5 or 1
        ux, uy = dx / length, dy / length
        bx, by = float(x2) - ux * size, float(y2) - uy * size
        self.line(x1, y1, bx, by, width)
        half = size * 0.45
        self.polygon([(x2, y2), (bx - uy * half, by + ux * half), (bx + uy * half, by - ux * half)], fill=INK, width=0)

    def polygon(
        self, points: Sequence[tuple[Number, Number]], fill: str = "none", width: float = 1.4, color: str = INK
    ) -> None:
        where = " ".join(f"{fixed(x)},{fixed(y)}" for x, y in points)
        stroke = f'stroke="{color}" stroke-width="{width:g}" stroke-linejoin="round"' if width else 'stroke="none"'
        self.shapes.append(f'<polygon points="{where}" fill="{fill}" {stroke}/>')

    def polyline(self, points: Sequence[tuple[Number, Number]], width: float = 1.6, color: str = INK) -> None:
        where = " ".join(f"{fixed(x)},{fixed(y)}" for x, y in points)
        self.shapes.append(
            f'<polyline points="{where}" fill="none" stroke="{color}" stroke-width="{width:g}" '
            'stroke-linejoin="round"/>'
        )

    def rectangle(
        self, x: Number, y: Number, width: Number, height: Number, fill: str = "none", stroke: float = 1.2
    ) -> None:
        self.shapes.append(
            f'<rect x="{fixed(x)}" y="{fixed(y)}" width="{fixed(width)}" height="{fixed(height)}" fill="{fill}" '
            f'stroke="{INK}" stroke-width="{stroke:g}"/>'
        )

    def circle(self, x: Number, y: Number, radius: float, fill: str = INK, stroke: float = 1.4) -> None:
        self.shapes.append(
            f'<circle cx="{fixed(x)}" cy="{fixed(y)}" r="{radius:g}" fill="{fill}" stroke="{INK}" '
            f'stroke-width="{stroke:g}"/>'
        )

    def path(self, d: str, fill: str = "none", width: float = 1.4) -> None:
        self.shapes.append(f'<path d="{d}" fill="{fill}" stroke="{INK}" stroke-width="{width:g}"/>')

    def text(
        self,
        x: Number,
        y: Number,
        words: str,
        anchor: str = "middle",
        size: float = 14,
        italic: bool = False,
        turn: bool = False,
        halo: bool = False,
    ) -> None:
        style = ' font-style="italic"' if italic else ""
        style += f' transform="rotate(-90 {fixed(x)} {fixed(y)})"' if turn else ""
        at = f'x="{fixed(x)}" y="{fixed(y)}" font-size="{size:g}" text-anchor="{anchor}"'
        if halo:  # a white edge keeps a label readable on grid lines
            self.shapes.append(
                f'<text {at} fill="#fff" stroke="#fff" stroke-width="4" stroke-linejoin="round"{style} '
                f'aria-hidden="true">{escape(words)}</text>'
            )
        self.shapes.append(f'<text {at} fill="{INK}"{style}>{escape(words)}</text>')

    def svg(self, title: str, description: str, prefix: str) -> str:
        key = "".join(c if c.isalnum() or c == "-" else "-" for c in prefix)
        width, height = fixed(self.width), fixed(self.height)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" aria-labelledby="{key}-title {key}-desc" font-family="{FONT}">'
            f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-desc">{escape(description)}</desc>'
            + "".join(self.shapes)
            + "</svg>"
        )
