"""Figures from the data of a front matter, as accessible SVG: what is drawn is what `verify` reads.

`draw(figure)` gives the SVG, `problems(figure)` what keeps it from being drawn. Black on white with one grey, 300 to
480 units wide, so that a photocopy still shows everything.
"""

from collections.abc import Callable

from itembank.figures import charts, fractions_, line, plane, shapes
from itembank.figures.reading import Data, FigureError, Reader
from itembank.figures.svg import Drawing
from itembank.item_model import Figure

KINDS: dict[str, Callable[[Reader], Drawing]] = {
    "number-line": line.number_line,
    "grid": plane.grid,
    "bar": charts.bars,
    "box": charts.boxes,
    "dot": charts.dots,
    "fraction-bar": fractions_.fraction_bars,
    "triangle": shapes.polygon,
    "circle": shapes.circle,
}
NAMES = {
    "number-line": "Number line",
    "grid": "Coordinate grid",
    "bar": "Bar graph",
    "box": "Box plot",
    "dot": "Dot plot",
    "fraction-bar": "Fraction bars",
    "triangle": "Polygon",
    "circle": "Circle",
    "file": "Figure",
}
__all__ = ["KINDS", "NAMES", "Data", "FigureError", "draw", "problems"]


def draw(figure: Figure, prefix: str = "figure", alt: str = "") -> str:
    """The SVG of a figure drawn from data.

    Args:
        figure: any kind but "file".
        prefix: makes the ids of title and description unique within a page.
        alt: a description in another language; the figure's own by default.

    Raises:
        FigureError: the data cannot be drawn; its message is for the author.
    """
    if figure.kind not in KINDS:
        raise FigureError(f"a figure of kind {figure.kind} is not drawn from data")
    reader = Reader(figure.data)
    drawing = KINDS[figure.kind](reader)
    reader.finish()
    return drawing.svg(NAMES[figure.kind], alt or figure.alt, f"{prefix}-{figure.name}")


def problems(figure: Figure) -> list[FigureError]:
    """What keeps a figure from being drawn; empty where nothing does."""
    if figure.kind == "file":
        return []
    try:
        draw(figure)
    except FigureError as error:
        return [error]
    return []
