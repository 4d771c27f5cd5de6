"""Charts of what changes over time: changes with their likely ranges, and series with targets."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from scoring.report.blocks import with_sign
from scoring.report.charts import COLOURS, NARROW, SIGNED, WIDE, Chart, _colour, _in_lines, _shape, _svg

#: How the lines of groups are broken, in their order.
DASHES = ([1, 0], [4, 2], [2, 1], [1, 1], [7, 2], [3, 3])


def frame(rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    """Rows as what `series` takes, also when there are none."""
    return pd.DataFrame(list(rows), columns=["group", "period", "value", "low", "high"])


def change_dots(changes: pd.DataFrame, groups: Sequence[str], names: dict[str, str], what: str) -> Chart:
    """Changes of shares by concept and group, with intervals about a line at no change.

    Args:
        changes: columns concept, group, change, low, high (shares).
        groups: order of the groups. names: concept -> name. what: the axis in words.
    """
    data = changes.assign(name=changes["concept"].map(lambda c: names.get(c, c)))
    data = data.assign(**{c: 100 * data[c] for c in ("change", "low", "high")})
    order = list(dict.fromkeys(data.sort_values("change", kind="stable")["name"]))
    told = []
    for name in order:
        part = data[data["name"] == name]
        said = ", ".join(
            f"{r.group} {with_sign(r.change, 0)} ({with_sign(r.low, 0)} to {with_sign(r.high, 0)})"
            for r in part.itertuples()
        )
        told.append(f"{name}: {said}.")
    reach = max(5.0, float(data[["low", "high"]].abs().max().max()))

    def draw(width: int, wrap: int) -> str:
        rows = data.assign(label=[_in_lines(str(n), wrap) for n in data["name"]])
        labels = [_in_lines(n, wrap) for n in order]
        axis = alt.Axis(labelExpr="split(datum.label, '|')", labelLimit=0, ticks=False, domain=False, labelPadding=8)
        y = alt.Y("label:N", sort=labels, title=None, axis=axis, scale=alt.Scale(paddingInner=0.35))
        legend = alt.Legend(orient="top", direction="horizontal", columns=1 if width < 500 else 0)
        base = alt.Chart(rows).encode(y=y, yOffset=alt.YOffset("group:N", sort=list(groups)))
        title = what if width > 500 else _in_lines(what, 26).split("|")
        x = alt.X(
            "low:Q", scale=alt.Scale(domain=[-reach, reach]), title=title, axis=alt.Axis(labelExpr=SIGNED, tickCount=5)
        )
        bars = base.mark_rule(strokeWidth=2.5).encode(x=x, x2="high:Q", color=_colour(groups, legend))
        dots = base.mark_point(filled=True, size=110, opacity=1).encode(
            x="change:Q", color=_colour(groups, legend), shape=_shape(groups, legend)
        )
        none = alt.Chart(pd.DataFrame({"x": [0]})).mark_rule(color="#444", strokeDash=[4, 3]).encode(x="x:Q")
        return _svg((none + bars + dots).properties(width=width - (240 if wrap > 20 else 130), height=alt.Step(19)))

    return Chart(draw(WIDE, 30), draw(NARROW + 40, 16), f"{what}. " + " ".join(told))


def _told(r: Any) -> str:
    return f"{r.period} {r.value:.3g}" + (f" ({r.low:.3g} to {r.high:.3g})" if r.low == r.low else "")


def series(values: pd.DataFrame, goals: pd.DataFrame, groups: Sequence[str], title: str, unit: str) -> Chart:
    """An indicator over its periods, a line per group with its likely ranges, targets as black bars.

    Args:
        values: of `frame`: group, period, value; low and high where a likely range is known. goals: the same.
        groups: order of the groups. title: of the indicator. unit: "percent" or another word for the axis.
    """
    told = []
    for group in groups:
        part = values[values["group"] == group].sort_values("period")
        if len(part):
            told.append(f"{group}: " + ", ".join(_told(r) for r in part.itertuples()))
    for r in goals.itertuples():
        told.append(f"target of {r.group} in {r.period}: {r.value:.3g}")
    periods = sorted({*values["period"], *goals["period"]})
    ranged = values.dropna(subset=["low", "high"])
    everything = [*values["value"], *goals["value"], *ranged["low"], *ranged["high"]]
    low, high = min(everything), max(everything)
    pad = max(2.0, 0.15 * (high - low))

    def draw(width: int) -> str:
        legend = alt.Legend(orient="top", direction="horizontal", columns=1 if width < 500 else 0)
        x = alt.X("period:O", sort=periods, title=None, axis=alt.Axis(labelAngle=0 if len(periods) < 6 else -40))
        bottom, top = (max(0.0, low - pad), min(100.0, high + pad)) if unit == "percent" else (low - pad, high + pad)
        look: dict[str, Any] = {"title": unit, "scale": alt.Scale(domain=[bottom, top], nice=True)}
        look["axis"] = alt.Axis(tickCount=5)
        y = alt.Y("value:Q", **look)
        base = alt.Chart(values).encode(x=x, y=y)
        # lines of fixed looks: a line that shared the marks' scale would draw itself into their legend
        layers: list[Any] = []
        for k, group in enumerate(groups):
            own = alt.Chart(values[values["group"] == group]).encode(x=x, y=y)
            layers.append(
                own.mark_line(strokeWidth=2, color=COLOURS[k % len(COLOURS)], strokeDash=DASHES[k % len(DASHES)])
            )
        if len(ranged):
            bars = alt.Chart(ranged).mark_rule(strokeWidth=1.5)
            layers.append(bars.encode(x=x, y=alt.Y("low:Q", **look), y2="high:Q", color=_colour(groups, legend)))
        marks = base.mark_point(filled=True, size=90, opacity=1)
        layers.append(marks.encode(shape=_shape(groups, legend), color=_colour(groups, legend)))
        if len(goals):
            layers.append(alt.Chart(goals).mark_tick(thickness=3, size=28, color="#222").encode(x=x, y=y))
            whose = goals.groupby(["period", "value"], as_index=False)["group"].agg(" and ".join)
            name = alt.Chart(whose.assign(told="target, " + whose["group"])).mark_text(dy=-9, fontSize=11, color="#222")
            layers.append(name.encode(x=x, y=y, text="told:N"))
        return _svg(alt.layer(*layers).properties(width=width - 70, height=190))

    return Chart(draw(WIDE), draw(NARROW + 40), f"{title}. " + "; ".join(told) + ".")
