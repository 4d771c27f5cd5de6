"""An item as typeset, for screen and paper, with who chose what; and its curves."""

from html import escape
from typing import Any

import altair as alt
import pandas as pd

from itembank import presentation, typeset
from itembank.item_model import Item
from scoring.analysis.cells import address
from scoring.analysis.result import Analysis
from scoring.report.blocks import Cell, Table, columns, percent, table, with_sign
from scoring.report.charts import NARROW, SCORE, SIGNED, WIDE, Chart, _colour, _score_axis, _shape, _svg


def item_part(item: Item, misconceptions: dict[str, str], prefix: str, keys: bool = True) -> dict[str, Any]:
    """The item as students saw it; with `keys` the right option is marked and each wrong one named.

    Args:
        item: its text. misconceptions: id -> name. prefix: makes ids on the page unique.
        keys: whether the key and the misconceptions are shown.
    """
    words = presentation.words(item, item.language)
    svgs = {f.name: presentation.svg(f, prefix, item.language) for f in item.figures}
    drawn = {f.name: presentation.html_figure(f, prefix, item.language) for f in item.figures}
    called = presentation.called(item, [words.stem, *words.options.values()])
    html = [typeset.html(words.stem, drawn), *(drawn[f.name] for f in item.figures if f.name not in called)]
    files = {f"{prefix}-{n}.svg".replace(" ", "-"): s.encode() for n, s in svgs.items() if s}
    place = {
        f.name: f'#image("{prefix}-{f.name}.svg", alt: {_string(f.alt)}, width: 45%);'.replace(" .svg", ".svg")
        for f in item.figures
        if svgs[f.name]
    }
    typst = [typeset.typst(words.stem, place), *(place.get(f.name, "") for f in item.figures if f.name not in called)]
    if item.options:
        typst.append("#parbreak()")
        lines = []
        for option in item.options:
            mark = " <strong>(key)</strong>" if keys and option.key else ""
            why = f" <em>{escape(misconceptions.get(option.misconception, option.misconception))}</em>" if keys else ""
            text = typeset.html(words.options[option.letter], drawn, inline=True)
            lines.append(f"<li><strong>{option.letter}</strong> {text}{mark}{'' if option.key else why}</li>")
            paper = typeset.typst(words.options[option.letter], place)
            told = misconceptions.get(option.misconception, option.misconception)
            note = " #strong[(key)]" if keys and option.key else f" #emph[{typeset.typst_text(told)}]" if keys else ""
            typst.append(f"#strong[{option.letter}] {paper}{note} #linebreak();")
        html.append(f'<ul class="options">{"".join(lines)}</ul>')
    body = "\n".join(typst)
    return {"kind": "item", "html": "\n".join(html), "typst": f"#item-box[{body}]", "files": files}


def _string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def option_part(analysis: Analysis, item: str, misconceptions: dict[str, str]) -> Any:
    """Who chose what: a row per option, a column per group; None without options."""
    options, groups = analysis.options, analysis.groups
    mine = options[options["item"] == item] if len(options) else options
    if not len(mine):
        return None
    shares = {(str(r.option), str(r.group)): float(r.share) for r in mine.itertuples()}
    shown = [g for g in groups if (mine["group"] == g).any()] or ["all"]
    ordered = mine.drop_duplicates("option").sort_values("option", key=_in_order, kind="stable")
    rows = tuple(
        (
            Cell(str(r.option)),
            Cell("key" if r.is_key else misconceptions.get(str(r.misconception or ""), str(r.misconception or ""))),
            *(percent(shares.get((str(r.option), g), float("nan"))) for g in shown),
        )
        for r in ordered.itertuples()
    )
    why = tuple(a for o in ordered["option"] if (a := address(analysis, "options", item, o)))
    typed = any(len(str(o)) != 1 or not str(o).isalpha() for o in mine["option"])
    heads = columns("Answer" if typed else "Option", "What it stands for", *(f"#{g}" for g in shown))
    said = "who answered what (of those who answered)" if typed else "who chose what (of those who answered)"
    return table(Table(f"{item}: {said}", heads, rows, why=why))


def _in_order(options: pd.Series) -> pd.Series:
    """Letters in the order of the alphabet; typed answers stay as they come, after them."""
    return options.astype(str).map(lambda o: o if len(o) == 1 and o.isalpha() else "~")


def item_curve(curves: pd.DataFrame, item: str, groups: tuple[str, ...]) -> Chart:
    """What students did along the score (marks with 95 % bands) and what the model expects (lines), by group.

    Args:
        curves: of `scoring.item_curves`. item: its id. groups: order of the groups.
    """
    data = curves[(curves["item"] == item) & (curves["n"] >= 11)]
    data = data[data["theta"].between(-3, 3)]
    gap = float((data["observed"] - data["expected"]).abs().max()) if len(data) else 0.0
    told = []
    for group, part in data.groupby("group", sort=False):
        low, high = part.iloc[0], part.iloc[-1]
        told.append(
            f"{group}: {100 * low['observed']:.0f} of 100 at a score of {with_sign(low['theta'], 1)}, "
            f"{100 * high['observed']:.0f} at {with_sign(high['theta'], 1)}"
        )

    line = data.groupby("theta", as_index=False)["expected"].mean()
    one = float((data["expected"] - data["theta"].map(line.set_index("theta")["expected"])).abs().max() or 0.0) < 0.005

    def draw(width: int) -> str:
        legend = alt.Legend(orient="top", direction="horizontal", columns=1 if width < 500 else 0)
        base = alt.Chart(data).encode(color=_colour(groups, legend))
        x = alt.X("theta:Q", title=SCORE, scale=alt.Scale(domain=[-3, 3]), axis=_score_axis(3))
        y_axis = alt.Axis(format=".0%", tickCount=5)
        y = alt.Y("expected:Q", title="Share of the points", scale=alt.Scale(domain=[0, 1]), axis=y_axis)
        if one:  # one set of item parameters for all groups: one line, of nobody's colour
            lines = alt.Chart(line).mark_line(strokeWidth=1.5, color="#666").encode(x=x, y=y)
        else:
            dash = alt.StrokeDash("group:N", scale=alt.Scale(domain=list(groups)), title=None, legend=None)
            lines = base.mark_line(strokeWidth=2).encode(x=x, y=y, strokeDash=dash)
        bands = base.mark_rule(strokeWidth=1.5).encode(x=x, y="low:Q", y2="high:Q")
        dots = base.mark_point(filled=True, size=85, opacity=1).encode(
            x=x, y="observed:Q", shape=_shape(groups, legend)
        )
        return _svg((lines + bands + dots).properties(width=width - 70, height=230))

    text = f"{item}: share of the points along the score. {'; '.join(told)}. Largest distance of what students did "
    return Chart(draw(WIDE), draw(NARROW + 40), text + f"from what was expected: {100 * gap:.0f} in 100.")


def caterpillar(rows: pd.DataFrame, mine: str, names: dict[str, str]) -> Chart:
    """The schools of one district by name, each with its likely range; the page's own school is the blue, bold one.

    Args:
        rows: of one concept: school, effect, se (shrunken). mine: the page's school. names: school -> name shown.
    """
    data = rows.assign(
        name=[names.get(str(s), str(s)) for s in rows["school"]],
        low=rows["effect"] - 1.96 * rows["se"],
        high=rows["effect"] + 1.96 * rows["se"],
        group=["this school" if s == mine else "other schools" for s in rows["school"]],
    ).sort_values("name")
    here = data[data["group"] == "this school"].iloc[0]

    def draw(width: int) -> str:
        legend = alt.Legend(orient="top", direction="horizontal")
        groups = ["this school", "other schools"]
        ink = alt.Scale(domain=groups, range=["#0072B2", "#767676"])
        colour = alt.Color("group:N", scale=ink, title=None, legend=legend)
        base = alt.Chart(data).encode(
            y=alt.Y("name:N", sort=list(data["name"]), title=None, axis=alt.Axis(labelLimit=0)), color=colour
        )
        zero = alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(strokeDash=[4, 3], color="#444").encode(x="zero:Q")
        axis = alt.Axis(labelExpr=SIGNED, tickCount=7)
        title = "Below or above expected, in spreads"
        bars = base.mark_rule().encode(
            x=alt.X("low:Q", title=title, axis=axis),
            x2="high:Q",
            strokeWidth=alt.condition(alt.datum.group == "this school", alt.value(4), alt.value(1.5)),
        )
        dots = base.mark_point(filled=True, size=80, opacity=1).encode(x="effect:Q", shape=_shape(groups, legend))
        return _svg((zero + bars + dots).properties(width=width - 170, height=alt.Step(20)))

    inside = "holds" if here["low"] <= 0 <= here["high"] else "does not hold"
    text = (
        f"Schools by name, in the order of the alphabet. {here['name']}: {with_sign(here['effect'])} spreads from "
        f"what is expected of its students, likely {with_sign(here['low'])} to {with_sign(here['high'])}; the range "
        f"{inside} zero."
    )
    return Chart(draw(WIDE), draw(NARROW + 40), text)
