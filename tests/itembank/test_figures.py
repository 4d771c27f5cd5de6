# ruff: noqa: E501
"""Figures: drawn from data, accessible, and refused with a sentence where the data make no figure."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from itembank import figures, item_file
from itembank.figures import charts
from itembank.figures.svg import written
from itembank.item_model import Data, Figure

SVG = "{http://www.w3.org/2000/svg}"


def tree(kind: str, **data: Data) -> etree._Element:
    name = data.pop("figure", "f") if isinstance(data.get("figure"), str) else "f"
    drawn = figures.draw(
        Figure(str(name), kind, 'What is <seen> & "said".', {k.replace("_", "-"): v for k, v in data.items()})
    )
    return etree.fromstring(drawn)


def words(root: etree._Element) -> list[str]:
    return [t.text or "" for t in root.iter(SVG + "text") if t.get("aria-hidden") is None]


def numbers(root: etree._Element, tag: str, *names: str) -> list[tuple[float, ...]]:
    return [tuple(float(e.get(n, "nan")) for n in names) for e in root.iter(SVG + tag)]


GOOD: list[tuple[str, Mapping[str, Data]]] = [
    ("number-line", {"from": "-2", "to": "2", "step": "1/4", "label-every": "4", "points": {"P": "3/4"}}),
    ("number-line", {"from": "0", "to": "10", "ranges": ({"from": "3", "from-open": "yes"}, {"to": "2"}), "label": "x"}),
    ("grid", {"x": ("-5", "5"), "y": ("-5", "5"), "points": {"A": ("2", "3")}, "x-label": "x", "y-label": "y"}),
    ("grid", {"x": ("0", "10"), "y": ("0", "100"), "x-step": "1", "y-step": "10", "x-label": "Hours", "y-label": "Miles",
              "lines": ({"through": (("0", "0"), ("2", "20"))}, {"slope": "5", "intercept": "40"}), "dots": (("1", "10"), ("2", "30"))}),
    ("grid", {"x": ("-4", "4"), "y": ("-4", "4"), "functions": {"f": "x^2 - 3"}, "polygons": ((("0", "0"), ("3", "0"), ("0", "4")),),
              "segments": ((("0", "0"), ("3", "4")),)}),
    ("grid", {"x": ("-4", "4"), "y": ("-4", "4"), "lines": {"through": (("2", "0"), ("2", "3"))}, "points": '[(1, 2), (3, 4)]'}),
    ("bar", {"bars": {"Mon": "3", "Tue": "5"}, "y-label": "Count", "x-label": "Day", "show-values": "yes"}),
    ("bar", {"bars": {"0 to 9": "3", "10 to 19": "5"}, "touching": "yes", "max": "8", "step": "2"}),
    ("dot", {"values": ("2", "3", "3", "5"), "label": "Pets"}),
    ("dot", {"plots": {"A": ("2", "3"), "B": ("4", "4")}}),
    ("box", {"boxes": {"A": ("2", "4", "5", "8", "10")}}),
    ("box", {"values": {"A": ("3", "5", "5", "9")}, "from": "0", "to": "12", "step": "2"}),
    ("box", {"values": "[3, 5, 5, 9]"}),
    ("fraction-bar", {"bars": ({"parts": "4", "shaded": "3", "label": "Ana"}, {"parts": "8", "shaded": "0"})}),
    ("triangle", {"corners": ("A", "B", "C"), "right-angle": "B", "sides": {"AB": "3", "BC": "4", "CA": "x"}}),
    ("triangle", {"corners": {"A": ("0", "0"), "B": ("6", "0"), "C": ("6", "3"), "D": ("0", "3")}, "right-angles": ("A", "B"),
                  "sides": {"AB": "6 cm"}, "shaded": "yes", "extra": {"E": ("3", "3")}, "segments": {"AE": "$d$"}, "angles": {"C": "90°"}}),
    ("circle", {"radius": "5 cm", "center": "O", "sector": "120", "label": "Pond"}),
    ("circle", {"diameter": "10 cm", "radius": "r", "shaded": "yes"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "data"), GOOD, ids=lambda v: v if isinstance(v, str) else "")
def test_a_figure_says_what_it_shows(kind: str, data: Mapping[str, Data]) -> None:
    root = etree.fromstring(figures.draw(Figure("f", kind, 'What is <seen> & "said".', data), "page"))
    title, desc = root[0], root[1]
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert title.text == figures.NAMES[kind]
    assert desc.text == 'What is <seen> & "said".'
    assert {e.tag.removeprefix(SVG) for e in root.iter()} <= {
        "svg", "title", "desc", "line", "polygon", "polyline", "rect", "circle", "path", "text"}  # fmt: skip
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    for x, y in numbers(root, "text", "x", "y"):
        assert 0 <= x <= width
        assert 0 <= y <= height


def test_every_kind_is_tried() -> None:
    assert {k for k, _ in GOOD} == set(figures.KINDS)


def test_points_of_a_number_line_lie_where_they_should() -> None:
    root = tree("number-line", **{"from": "-2", "to": "2", "points": {"P": "1", "Q": "-2", "R": "1/2"}})
    p, q, r = (x[0] for x in numbers(root, "circle", "cx"))
    labels = {t.text: float(t.get("x", "0")) for t in root.iter(SVG + "text")}
    assert p == pytest.approx(labels["1"])
    assert q == pytest.approx(labels["−2"])
    assert r == pytest.approx((labels["0"] + labels["1"]) / 2)


def test_points_of_a_grid_lie_where_they_should() -> None:
    root = tree("grid", x=("-5", "5"), y=("-5", "5"), points={"A": ("2", "3"), "O": ("0", "0"), "B": ("-4", "-1")})
    (ax, ay), (ox, oy), (bx, by) = numbers(root, "circle", "cx", "cy")
    unit = (ax - ox) / 2
    assert unit > 0
    assert oy - ay == pytest.approx(3 * unit)
    assert (ox - bx, by - oy) == (pytest.approx(4 * unit), pytest.approx(unit))


def test_a_name_of_a_point_is_not_crossed_by_a_line() -> None:
    where = {}
    for slope in ("1", "-1"):
        root = tree(
            "grid", x=("-5", "5"), y=("-5", "5"), points={"P": ("2", slope.replace("1", "2"))}, lines={"slope": slope}
        )
        ((cx, _),) = numbers(root, "circle", "cx", "cy")
        name = next(t for t in root.iter(SVG + "text") if t.text == "P")
        where[slope] = (float(name.get("x", "0")) > cx, name.get("text-anchor", "start"))
    assert where["-1"][0]  # a falling line leaves the corner above to the right free
    assert not where["1"][0]  # a rising one does not


def test_words_in_a_figure_have_a_translation() -> None:
    data: dict[str, figures.Data] = {"x": ("0", "5"), "y": ("0", "5"), "y-label": "Miles"}
    data |= {"x-label": "Hours", "x-label-es": "Horas"}
    figure = Figure("f", "grid", "A grid.", data, alt_es="Una cuadrícula.")
    assert figures.problems(figure) == []
    english, spanish = figures.draw(figure), figures.draw(figure, alt=figure.description("es"), language="es")
    assert "Hours" in english
    assert "Horas" not in english
    assert "Horas" in spanish
    assert "Hours" not in spanish
    assert "Miles" in spanish  # what has no translation stays
    assert "Cuadrícula de coordenadas" in spanish
    lost = Figure("f", "grid", "A grid.", {"x": ("0", "5"), "y": ("0", "5"), "label-es": "Horas"})
    assert "label-es" in figures.problems(lost)[0].message


def test_bars_are_as_tall_as_their_numbers() -> None:
    root = tree("bar", bars={"a": "2", "b": "6", "c": "3"})
    heights = [h[0] for h in numbers(root, "rect", "height")]
    assert heights[1] / heights[0] == pytest.approx(3, rel=1e-3)
    assert heights[2] / heights[0] == pytest.approx(1.5, rel=1e-3)


def test_a_dot_for_every_value_and_a_box_of_five_numbers() -> None:
    root = tree("dot", values=("2", "3", "3", "5"))
    places = numbers(root, "circle", "cx", "cy")
    assert len(places) == len(set(places)) == 4
    from fractions import Fraction

    assert charts.five_numbers([Fraction(n) for n in (1, 2, 3, 4, 5, 6, 9)]) == [1, 2, 4, 6, 9]
    box = tree("box", boxes={"A": ("0", "25", "50", "75", "100")})
    (x, width) = numbers(box, "rect", "x", "width")[0]
    labels = {t.text: float(t.get("x", "0")) for t in box.iter(SVG + "text")}
    assert x == pytest.approx(labels["0"] + (labels["100"] - labels["0"]) / 4, abs=0.05)
    assert width == pytest.approx((labels["100"] - labels["0"]) / 2, abs=0.05)


def test_a_line_and_a_function_through_the_same_points() -> None:
    drawn = tree("grid", x=("-3", "3"), y=("-3", "3"), lines={"slope": "2", "intercept": "-1"})
    line = list(drawn.iter(SVG + "line"))[-1]
    curve = next(tree("grid", x=("-3", "3"), y=("-3", "3"), functions={"f": "2x - 1"}).iter(SVG + "polyline"))
    first, last = (
        tuple(map(float, p.split(",")))
        for p in (curve.get("points", "").split()[0], curve.get("points", "").split()[-1])
    )
    assert first == pytest.approx((float(line.get("x1", "0")), float(line.get("y1", "0"))), abs=2.5)
    assert last == pytest.approx((float(line.get("x2", "0")), float(line.get("y2", "0"))), abs=2.5)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("number-line", {}),
        ("number-line", {"from": "0", "to": "0"}),
        ("number-line", {"from": "0", "to": "1000", "step": "1"}),
        ("number-line", {"from": "0", "to": "5", "step": "0"}),
        ("number-line", {"from": "0", "to": "5", "points": {"P": "9"}}),
        ("number-line", {"from": "0", "to": "5", "ranges": ({},)}),
        ("number-line", {"from": "0", "to": "5", "ranges": ({"from": "4", "to": "2"},)}),
        ("number-line", {"from": "zero", "to": "5"}),
        ("number-line", {"from": "0", "to": "5", "point": {"P": "1"}}),
        ("grid", {"x": ("5", "-5"), "y": ("-5", "5")}),
        ("grid", {"x": ("-5", "5")}),
        ("grid", {"x": ("-5", "5"), "y": ("-5", "5"), "points": {"A": ("9", "9")}}),
        ("grid", {"x": ("-5", "5"), "y": ("-5", "5"), "points": {"A": "nine"}}),
        ("grid", {"x": ("-5", "5"), "y": ("-5", "5"), "functions": ("__import__('os')",)}),
        ("grid", {"x": ("-5", "5"), "y": ("-5", "5"), "functions": ("x + 100",)}),
        ("grid", {"x": ("-5", "5"), "y": ("-5", "5"), "lines": ({"through": (("1", "1"), ("1", "1"))},)}),
        ("grid", {"x": ("-5", "5"), "y": ("-5", "5"), "lines": ({"slope": "0", "intercept": "50"},)}),
        ("grid", {"x": ("0", "1"), "y": ("0", "1"), "step": "1/1000"}),
        ("bar", {}),
        ("bar", {"bars": {"a": "-1"}}),
        ("bar", {"bars": {"a": "9"}, "max": "5"}),
        ("bar", {"bars": {"a": "1"}, "step": "0"}),
        ("bar", {"bars": {"a": "0"}, "max": "0"}),
        ("dot", {"values": ("1", "2"), "step": "0"}),
        ("box", {"values": ("1", "2"), "step": "-1"}),
        ("dot", {"values": ()}),
        ("dot", {"values": ("1", "2"), "from": "2"}),
        ("box", {"boxes": {"A": ("1", "2", "3")}}),
        ("box", {"boxes": {"A": ("5", "4", "3", "2", "1")}}),
        ("fraction-bar", {"bars": ({"parts": "4", "shaded": "5"},)}),
        ("fraction-bar", {"bars": ({"parts": "0", "shaded": "0"},)}),
        ("triangle", {"corners": {"A": ("0", "0"), "B": ("1", "0")}}),
        ("triangle", {"corners": {"A": ("0", "0"), "B": ("0", "0"), "C": ("0", "0")}}),
        ("triangle", {"corners": ("A", "B", "C"), "sides": {"AX": "3"}}),
        ("triangle", {"corners": {"A": ("0", "0"), "B": ("4", "0"), "C": ("1", "3")}, "right-angle": "A"}),
        ("circle", {"sector": "400"}),
        ("circle", {"radus": "4"}),
        ("file", {"file": "x.svg"}),
    ],
)
def test_what_cannot_be_drawn_is_refused(kind: str, data: Mapping[str, Data]) -> None:
    with pytest.raises(figures.FigureError) as error:
        figures.draw(Figure("f", kind, "alt", data))
    assert error.value.message


def test_numbers_on_axes() -> None:
    from fractions import Fraction

    given_ = {"-3": "−3", "1/4": "1/4", "5/2": "2 1/2", "-5/4": "−1 1/4", "0.1": "0.1", "1500": "1,500"}
    assert {k: written(Fraction(k)) for k in given_} == given_


VALUE = st.recursive(
    st.one_of(
        st.sampled_from(["0", "1", "-5", "5", "1/2", "yes", "x", "", "1e9", "(1, 2)", "[1, 2]", "A", "9^99", "pi"]),
        st.text(max_size=4),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(
            st.sampled_from(["A", "AB", "from", "to", "parts", "shaded", "through", "slope"]), inner, max_size=3
        ),
    ),
    max_leaves=8,
)
KEYS = ["from", "to", "step", "points", "ranges", "x", "y", "bars", "values", "plots", "boxes", "corners", "sides", "angles", "sector", "lines", "functions", "polygons", "label"]  # fmt: skip


@given(st.sampled_from(sorted(figures.KINDS)), st.dictionaries(st.sampled_from(KEYS), VALUE, max_size=5))
@settings(max_examples=200, deadline=None)
def test_any_data_is_a_figure_or_a_refusal(kind: str, data: dict[str, Data]) -> None:
    try:
        etree.fromstring(figures.draw(Figure("f", kind, "alt", data)))
    except figures.FigureError:
        return


def test_a_figure_survives_the_file_format() -> None:
    text = "---\nid: X\ntitle: t\ngrade: 7\nconcepts: [a]\ntype: rubric\nfigures:\n  - kind: grid\n    alt: A grid with a point.\n    x: [-5, 5]\n    y: [-5, 5]\n    points: {A: (2, 3)}\n---\n\ns\n\n## Rubric\n\n- 1: x\n- 0: y\n"
    item = item_file.read_text(text.replace("(2, 3)", '"(2, 3)"')).item
    assert item is not None
    assert figures.problems(item.figures[0]) == []
    broken = item_file.read_text(text).item
    assert broken is not None
    assert figures.problems(broken.figures[0])
