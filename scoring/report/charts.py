"""Charts as SVG, drawn with Altair, each in a wide and a narrow version with a text that says the same.

Colour never stands alone: groups differ in shape and fill as well, and every chart has a table beneath it.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from scoring.report.blocks import with_sign

#: Okabe-Ito, told apart by people with any colour vision, dark enough on white (3:1 and more).
COLOURS = ("#0072B2", "#B34700", "#00795A", "#7A4A8C", "#5A5A5A", "#8A6D00")
SHAPES = ("circle", "diamond", "square", "triangle-up", "cross", "triangle-down")
FONT = "'Source Sans 3', 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
WIDE, NARROW = 720, 300


@dataclass(frozen=True)
class Chart:
    """One chart in two widths.

    Attributes:
        wide, narrow: SVG text.
        alt: what it shows, built from the numbers.
    """

    wide: str
    narrow: str
    alt: str

    def html(self) -> str:
        """A <picture> that holds both versions; no script, no request."""
        return (
            f'<picture><source media="(max-width: 640px)" srcset="{_uri(self.narrow)}">'
            f'<img src="{_uri(self.wide)}" alt="{escape(self.alt, quote=True)}"></picture>'
        )


def _uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _svg(chart: Any) -> str:
    styled = chart.configure(font=FONT, background="white").configure_view(stroke=None)
    styled = styled.configure_axis(
        labelFontSize=13,
        titleFontSize=13,
        titleFontWeight="normal",
        labelColor="#222",
        titleColor="#222",
        gridColor="#ddd",
    ).configure_legend(labelFontSize=13, titleFontSize=13, symbolSize=120, labelColor="#222", titleColor="#222")
    # every mark and channel was checked when it was made; checking the whole again takes longer than drawing
    return _drawn(styled.to_json(validate=False, indent=None))


@lru_cache(maxsize=256)
def _drawn(specification: str) -> str:
    """The drawing of a chart; pages made twice, as a draft and as agreed, hold the same charts."""
    return str(vl_convert.vegalite_to_svg(specification, vl_version="5.20"))


def _colour(groups: Sequence[str], legend: Any = alt.Undefined) -> Any:
    return alt.Color("group:N", scale=alt.Scale(domain=list(groups), range=list(COLOURS)), title=None, legend=legend)


def _shape(groups: Sequence[str], legend: Any = alt.Undefined) -> Any:
    return alt.Shape("group:N", scale=alt.Scale(domain=list(groups), range=list(SHAPES)), title=None, legend=legend)


def _score_axis(ends: float) -> Any:
    """Whole numbers along a score, so that the middle is among them; zero without a sign."""
    return alt.Axis(values=list(range(-int(ends), int(ends) + 1)), labelExpr=SIGNED)


#: What an axis of differences writes: a sign before everything but zero.
SIGNED = "datum.value == 0 ? '0' : format(datum.value, '+')"
SCORE = "Score (0 is the middle of all, 1 their spread)"


def _in_lines(text: str, width: int) -> str:
    """Break a label at spaces, the lines joined by a bar, which the axis turns into lines."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "|".join([*lines, line])


def mastery_dots(mastery: pd.DataFrame, groups: Sequence[str], names: dict[str, str]) -> Chart:
    """Share of students who reached each concept's cut, by group, with intervals.

    Args:
        mastery: columns concept, group, rate, low, high (shares); rows that are hidden are left out by the caller.
        groups: order of the groups.
        names: concept -> name to show.
    """
    data = mastery.assign(name=mastery["concept"].map(names), end=mastery["high"].fillna(mastery["rate"]))
    order = list(dict.fromkeys(data["name"]))
    sentences = []
    for name, part in data.groupby("name", sort=False):
        told = ", ".join(
            f"{r.group} {100 * r.rate:.0f} of 100"
            + (f" ({100 * r.low:.0f} to {100 * r.high:.0f})" if r.low == r.low else "")
            for r in part.itertuples()
        )
        sentences.append(f"{name}: {told}.")

    def draw(width: int, wrap: int) -> str:
        rows = data.assign(label=[_in_lines(str(n), wrap) for n in data["name"]])
        labels = [_in_lines(n, wrap) for n in order]
        y = alt.Y(
            "label:N",
            sort=labels,
            title=None,
            axis=alt.Axis(labelExpr="split(datum.label, '|')", labelLimit=0, ticks=False, domain=False, labelPadding=8),
            scale=alt.Scale(paddingInner=0.35),
        )
        offset = alt.YOffset("group:N", sort=list(groups))
        x_axis = alt.Axis(format=".0%", tickCount=5 if width < 500 else 10, grid=True)
        title = "Students who have mastered the concept"
        base = alt.Chart(rows).encode(y=y, yOffset=offset)
        legend = alt.Legend(orient="top", direction="horizontal", columns=1 if width < 500 else 0)
        bars = base.mark_rule(strokeWidth=2.5).encode(
            x=alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), axis=x_axis, title=title),
            x2="high:Q",
            color=_colour(groups, legend),
        )
        dots = base.mark_point(filled=True, size=110, opacity=1).encode(
            x="rate:Q", color=_colour(groups, legend), shape=_shape(groups, legend)
        )
        values = base.mark_text(align="left", dx=7, fontSize=12, color="#222").encode(
            x="end:Q", text=alt.Text("rate:Q", format=".0%")
        )
        height = alt.Step(19 if len(groups) < 3 else 15)
        return _svg((bars + dots + values).properties(width=width - (240 if wrap > 20 else 120), height=height))

    return Chart(
        draw(WIDE, 30),
        draw(NARROW + 40, 16),
        "Share of students who have mastered each concept. " + " ".join(sentences),
    )


def distributions(distribution: pd.DataFrame, groups: Sequence[str], cut: float | None) -> Chart:
    """How the students of each group spread over the scale.

    Args:
        distribution: columns group, low, high (θ), share of the group's students.
        groups: order of the groups.
        cut: θ of the overall cut, drawn when given.
    """
    data = distribution.assign(middle=(distribution["low"] + distribution["high"]) / 2)
    reach = float(data["middle"].abs().max())
    told = []
    for group in groups:
        part = data[data["group"] == group]
        if len(part):
            middle = (part["middle"] * part["share"]).sum() / part["share"].sum()
            told.append(f"{group} centres at {with_sign(middle)}")

    def draw(width: int) -> str:
        legend = alt.Legend(orient="top", direction="horizontal", columns=1 if width < 500 else 0)
        lines = (
            alt.Chart(data)
            .mark_line(interpolate="monotone", strokeWidth=2.5)
            .encode(
                x=alt.X("middle:Q", title=SCORE, axis=_score_axis(reach)),
                y=alt.Y("share:Q", title="Share of students", axis=alt.Axis(format=".0%", tickCount=5)),
                color=_colour(groups, legend),
                strokeDash=alt.StrokeDash("group:N", scale=alt.Scale(domain=list(groups)), title=None, legend=legend),
            )
        )
        if cut is not None:
            mark = alt.Chart(pd.DataFrame({"cut": [cut]})).mark_rule(strokeDash=[4, 3], color="#444").encode(x="cut:Q")
            lines = lines + mark
        return _svg(lines.properties(width=width - 70, height=220))

    return Chart(draw(WIDE), draw(NARROW + 40), "How the students spread over the score: " + "; ".join(told) + ".")


def wright_map(distribution: pd.DataFrame, items: pd.DataFrame, groups: Sequence[str], names: dict[str, str]) -> Chart:
    """Students and items on one scale: students as bars above, items below at their difficulty, a row per concept.

    Args:
        distribution: as in `distributions`.
        items: index item; concept, b.
        groups, names: as above.
    """
    shown = items.dropna(subset=["b"])
    shown = shown[shown["b"].abs() < 5]
    data = shown.reset_index(names="item").assign(name=[names.get(str(c), "items") for c in shown["concept"]])
    hardest = ", ".join(data.sort_values("b")["item"].tail(3)[::-1])
    easiest = ", ".join(data.sort_values("b")["item"].head(3))
    limit = [-3.5, 3.5]

    def draw(width: int, wrap: int) -> str:
        inner = width - (240 if wrap > 20 else 120)
        people = (
            alt.Chart(distribution.assign(middle=(distribution["low"] + distribution["high"]) / 2))
            .mark_line(interpolate="monotone", strokeWidth=2)
            .encode(
                x=alt.X(
                    "middle:Q",
                    scale=alt.Scale(domain=limit, clamp=True),
                    title=None,
                    axis=alt.Axis(labels=False, ticks=False, values=list(range(-3, 4))),
                ),
                y=alt.Y("share:Q", title="Students", axis=alt.Axis(labels=False, ticks=False, grid=False)),
                color=_colour(
                    groups, alt.Legend(orient="top", direction="horizontal", columns=1 if width < 500 else 0)
                ),
                strokeDash=alt.StrokeDash("group:N", scale=alt.Scale(domain=list(groups)), title=None),
            )
            .properties(width=inner, height=110)
        )
        rows = data.assign(label=[_in_lines(str(n), wrap) for n in data["name"]])
        ticks = (
            alt.Chart(rows)
            .mark_tick(thickness=3, size=18, color="#222")
            .encode(
                x=alt.X(
                    "b:Q",
                    scale=alt.Scale(domain=limit, clamp=True),
                    axis=_score_axis(3),
                    title="Easier items  ...  harder items",
                ),
                y=alt.Y(
                    "label:N",
                    title=None,
                    axis=alt.Axis(labelExpr="split(datum.label, '|')", labelLimit=0, ticks=False, domain=False),
                ),
            )
            .properties(width=inner, height=alt.Step(14 + 12 * max(label.count("|") + 1 for label in rows["label"])))
        )
        return _svg(alt.vconcat(people, ticks, spacing=4).resolve_scale(x="shared"))

    alt_text = f"Items and students on one scale. Hardest: {hardest}. Easiest: {easiest}."
    return Chart(draw(WIDE, 30), draw(NARROW + 40, 16), alt_text)
