"""The chart of a number over time: told apart without colour, with its ranges, in pictures and in words."""

import re

from scoring.report.trend_charts import frame, series

ROWS = [
    {"group": group, "period": period, "value": value, "low": value - 2, "high": value + 3}
    for group, values in (("Oak", (40.0, 46.0)), ("Elm", (30.0, 33.0)))
    for period, value in zip(("2026-10", "2027-10"), values, strict=True)
]


def test_the_legend_names_every_group_with_its_own_mark():
    drawn = series(frame(ROWS), frame([]), ["Oak", "Elm"], "Ratios", "of 100 students")
    for svg in (drawn.wide, drawn.narrow):
        legend = svg[svg.index("role-legend") :]
        assert re.findall(r">(Oak|Elm)</text>", legend) == ["Oak", "Elm"]
        symbols = re.findall(r'role-legend-symbol.*?<path[^>]* d="([^"]+)"', legend, re.DOTALL)
        assert len(symbols) == len(set(symbols)) == 2  # a circle and a diamond, nothing laid over them


def test_likely_ranges_are_drawn_and_said():
    drawn = series(frame(ROWS), frame([]), ["Oak", "Elm"], "Ratios", "of 100 students")
    assert len(re.findall(r'aria-roledescription="rule mark"', drawn.wide)) == 4
    assert "Oak: 2026-10 40 (38 to 43), 2027-10 46 (44 to 49)" in drawn.alt
    bare = [{k: v for k, v in row.items() if k not in ("low", "high")} for row in ROWS]
    without = series(frame(bare), frame([]), ["Oak", "Elm"], "Ratios", "of 100 students")
    assert 'aria-roledescription="rule mark"' not in without.wide
    assert "Oak: 2026-10 40, 2027-10 46" in without.alt


def test_a_target_says_whose_it_is():
    goals = [{"group": group, "period": "2028-10", "value": value} for group, value in (("Oak", 50.0), ("Elm", 40.0))]
    apart = series(frame(ROWS), frame(goals), ["Oak", "Elm"], "Ratios", "of 100 students")
    assert {"target, Oak", "target, Elm"} <= set(re.findall(r">([^<]+)</text>", apart.wide))
    same = series(frame(ROWS), frame([{**g, "value": 50.0} for g in goals]), ["Oak", "Elm"], "Ratios", "")
    assert "target, Oak and Elm" in re.findall(r">([^<]+)</text>", same.wide)
