"""Figures from the data of a front matter, as accessible SVG: what is drawn is what `verify` reads.

`draw(figure)` gives the SVG, `problems(figure)` what keeps it from being drawn. Black on white with one grey, 300 to
480 units wide, so that a photocopy still shows everything.
"""

from collections.abc import Callable, Mapping

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
NAMES_ES = {
    "number-line": "Recta numérica",
    "grid": "Cuadrícula de coordenadas",
    "bar": "Gráfica de barras",
    "dot": "Diagrama de puntos",
    "box": "Diagrama de caja",
    "fraction-bar": "Barras de fracciones",
    "triangle": "Polígono",
    "circle": "Círculo",
    "file": "Figura",
}
__all__ = ["KINDS", "NAMES", "Data", "FigureError", "draw", "problems"]


def draw(figure: Figure, prefix: str = "figure", alt: str = "", language: str = "en") -> str:
    """The SVG of a figure drawn from data.

    Args:
        figure: any kind but "file".
        prefix: makes the ids of title and description unique within a page.
        alt: a description in another language; the figure's own by default.
        language: of the words in the figure: `x-label-es` stands in the place of `x-label` in Spanish.

    Raises:
        FigureError: the data cannot be drawn; its message is for the author.
    """
    if figure.kind not in KINDS:
        raise FigureError(f"a figure of kind {figure.kind} is not drawn from data")
    reader = Reader(_in_language(figure.data, language))
    drawing = KINDS[figure.kind](reader)
    reader.finish()
    names = NAMES_ES if language == "es" and figure.alt_es else NAMES
    return drawing.svg(names[figure.kind], alt or figure.alt, f"{prefix}-{figure.name}")


def _in_language(data: Mapping[str, Data], language: str) -> dict[str, Data]:
    """The data with the words of one language; a translation of a key that is not there stays, as an unknown key."""
    found = {k: v for k, v in data.items() if not (k.endswith("-es") and k[:-3] in data)}
    if language == "es":
        found |= {k: data[f"{k}-es"] for k in found if f"{k}-es" in data}
    return found


def problems(figure: Figure) -> list[FigureError]:
    """What keeps a figure from being drawn; empty where nothing does."""
    if figure.kind == "file":
        return []
    try:
        draw(figure)
        draw(figure, language="es")
    except FigureError as error:
        return [error]
    return []
