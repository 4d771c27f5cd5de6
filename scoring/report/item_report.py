"""Reports for math experts: one concept with its items, and one item with its history."""

from typing import Any

import pandas as pd

from scoring.analysis import cells as at
from scoring.analysis.result import Analysis
from scoring.report import blocks, item_parts, words
from scoring.report.blocks import Card, Cell, Page, Section, Table, columns
from scoring.report.comparison import footer, is_internal, provenance, stamps
from scoring.report.words import of_hundred


def concept_page(found: Any, concept: str, public: bool = False) -> Page:
    """One concept for math experts: where it stands, its misconceptions, each item as typeset with its curve.

    Args:
        found: `scoring.runs.reporting.Reported`; with `public` its analysis is the public edition.
        concept: its code.
        public: only released items are shown as examples, and no statistics of single items.
    """
    a: Analysis = found.analysis
    row = a.concepts.loc[concept]
    names = dict(a.concepts["name"])
    items = [str(i) for i in a.items.index[a.items["concept"] == concept]]
    name = str(row["name"])
    lead, lines = _said(a, concept)
    beside = [] if public else words.different_items(a, concept)
    shown = [r for r in a.mastery[a.mastery["concept"] == concept].itertuples() if r.shown]
    stand = [_stands(r) for r in shown]
    cards = (
        Card("Where it stands", tuple(stand) or ("Shares are not shown.",)),
        Card("What can be said of the difference", tuple(lines) or ("Nothing is compared.",)),
        *(Card("What not to conclude", (line,), style="not") for line in beside),
        Card("What it rests on", (_counted(row), *([str(row["advice"])] if row["advice"] else []), RANGE)),
    )  # fmt: skip
    sections = [_misconceptions(a, concept)]
    if public:
        released = [i for i in items if found.texts.get(i, ("", None))[0] == "released"][:3]
        sections.append(Section("examples", "Example items", tuple(_texts(found, released, keys=False))))
    else:
        sections.append(_table(a, items))
        sections += [_item(found, item, k) for k, item in enumerate(items)]
    return Page(
        title=f"{name}: report for math experts",
        kicker=f"{a.title} · concept report",
        lead=lead or f"{name}: {len(items)} items.",
        stamps=tuple(stamps(a)),
        cards=cards,
        sections=tuple(s for s in sections if s.parts),
        footer=footer(a),
        provenance=f"concept: {names.get(concept, concept)} · {provenance(a)}",
        addresses=is_internal(a),
    )


def _stands(r: Any) -> str:
    """A group's share of a concept, with its likely range and how many students it rests on."""
    span = f", likely {100 * r.low:.0f} to {100 * r.high:.0f}" if r.low == r.low else ""
    who = f" ({int(r.n):,} students)" if r.n == r.n else ""
    return f"{r.group}: {of_hundred(float(r.rate))} have mastered it{span}{who}"


def _points(row: Any, share: float) -> str:
    """A share of an item's points in words; of an item of one point it is a share of the students."""
    return f"{of_hundred(share)} got it right" if int(row["points"]) == 1 else f"{of_hundred(share)} of the points"


def _counted(row: Any) -> str:
    """How many items and points a concept has, with the right plurals."""
    items, points = int(row["items"]), int(row["points"])
    return f"{items} item{'' if items == 1 else 's'}, {points} point{'' if points == 1 else 's'}"


def _said(a: Analysis, concept: str) -> tuple[str, list[str]]:
    """Who is ahead in one concept, in a sentence; and how large each gap is, and how sure."""
    mine = a.contrasts[a.contrasts["concept"] == concept] if len(a.contrasts) else a.contrasts
    shares, leads, lines = words.sizes(a), [], []
    for r in mine.itertuples():
        sure = r.verdict in ("ahead", "behind")
        first, second = (str(r.other), str(r.group)) if r.verdict == "behind" else (str(r.group), str(r.other))
        pair = "" if len(a.groups) == 2 else f"{first} and {second}: "
        if sure:
            leads.append(f"{first} is ahead: {words.pair_told(shares, concept, first, second)}.")
        else:
            why = words.plain_reason(str(r.reason or ""))
            leads.append(f"{pair}We cannot say who is ahead{f': {why}' if why else ''}.")
        if r.low != r.low:
            continue
        difference = words.printed(shares, concept, str(r.group), str(r.other), float(r.difference))
        if sure:
            low, high = sorted((abs(round(100 * r.low)), abs(round(100 * r.high))))
            gap = abs(round(100 * difference))
            lines.append(f"{pair}The gap is {gap} of 100 students, likely between {low} and {high}.")
        else:
            lines.append(
                f"{first} minus {second}: {blocks.signed(difference, ' in 100')}, likely {blocks.signed(r.low)} to "
                f"{blocks.signed(r.high)}; there may be no gap."
            )
    return (leads[0] if len(leads) == 1 else " ".join(leads[:3])), lines


def _fairness(judged: str) -> str:
    """What the table of differences at equal ability says of the item, as a sentence."""
    if "easier in" in judged:
        return f"This item is {judged}."
    if judged.startswith("works alike"):
        rest = judged.removeprefix("works alike")
        return f"This item works alike for students of equal ability in the two places{rest}."
    return "Whether this item works alike for students of equal ability in the two places could not be judged."


def item_page(found: Any, item: str, history: pd.DataFrame) -> Page:
    """One item: as typeset, who chose what, its curve in each district, its history."""
    a: Analysis = found.analysis
    row = a.items.loc[item]
    by_group = [f"{g}: {_points(row, float(row[f'share_correct: {g}']))}" for g in a.groups]
    by_group = by_group or [_points(row, float(row["share_correct"]))]
    numbers = [f"difficulty {_with_error(row['b'], row['se_b'], blocks.with_sign(row['b']))}",
               f"steepness {_with_error(row['a'], row['se_a'], blocks.without_sign(row['a']))}",
               f"goes with the rest: {blocks.without_sign(row['item_rest'])}"]  # fmt: skip
    cards = [
        Card("How many got it", (*by_group, f"{int(row['n']):,} students answered it")),
        Card("Where it stands on the scale", tuple(numbers)),
    ]
    if str(row["flags"] or ""):
        cards.append(Card("To look at", (str(row["flags"]),), style="not"))
    differs = str(a.dif.at[item, "words"]) if item in a.dif.index else "not judged"
    if gap := _equal_ability(a, item):
        cards.append(Card("At equal ability", (gap,), style="not" if a.dif.at[item, "ets_class"] == "C" else ""))
    sections = [_item(found, item, 0)]
    if len(history):
        rows = tuple(
            (
                Cell(str(r.run)), Cell(str(r.administration)), Cell(str(r.at)), Cell(f"version {r.version}"),
                Cell(str(r.model).upper()), blocks.count(r.n if r.n == r.n and r.n is not None else float("nan")),
                blocks.number(r.b, signed=True), blocks.number(r.se_b), blocks.number(r.a),
            )
            for r in history.itertuples()
        )  # fmt: skip
        heads = columns(
            "Run", "Administration", "Day", "Text", "Model", "#Students", "#Difficulty", "#Its error", "#Steepness"
        )
        said = "Every calibration; the error is the standard error of the difficulty, students taken one by one"
        why = tuple(at.join(r.run, "items", item) for r in history.itertuples())
        sections.append(Section("history", "History", (blocks.table(Table(said, heads, rows, why=why)),)))
    return Page(
        title=f"{item}: {row['title']}",
        kicker=f"{a.title} · item report",
        lead=_fairness(differs),
        stamps=tuple(stamps(a)),
        cards=tuple(cards),
        sections=tuple(sections),
        footer=footer(a),
        provenance=f"item: {item} · {provenance(a)}",
    )


#: What the expert pages say of their ranges.
RANGE = "Likely ranges are made so that 95 of 100 hold the true value."


def _with_error(value: float, error: float, told: str) -> str:
    """A parameter with its standard error and 95 % interval."""
    if error != error:
        return told
    return f"{told} (standard error {error:.2f}; 95 %: {value - 1.96 * error:.2f} to {value + 1.96 * error:.2f})"


def _equal_ability(a: Analysis, item: str) -> str:
    """How far apart equally able students of the two groups are on an item, with its range; empty where not judged."""
    if item not in a.dif.index or a.dif.at[item, "effect"] != a.dif.at[item, "effect"] or len(a.groups) != 2:
        return ""
    row = a.dif.loc[item]
    span = "" if row["low"] != row["low"] else f", likely {blocks.signed(row['low'])} to {blocks.signed(row['high'])}"
    sides = f"{a.groups[0]} minus {a.groups[1]}"
    size = {"A": "small", "B": "moderate", "C": "large"}.get(str(row["ets_class"]), "size not judged")
    return f"{sides}: {blocks.signed(row['effect'], ' in 100')} of the points{span} ({size}). {RANGE}"


def _misconceptions(a: Analysis, concept: str) -> Section:
    mine = a.misconceptions[a.misconceptions["concept"] == concept] if len(a.misconceptions) else a.misconceptions
    if not len(mine):
        return Section("misconceptions", "Misconceptions")
    groups = a.groups or tuple(dict.fromkeys(mine["group"]))
    share = mine.pivot_table(index="name", columns="group", values="share", aggfunc="first")
    span = {(str(r.name), str(r.group)): (float(r.low), float(r.high)) for r in mine.itertuples(index=False)}
    rows = []
    ordered = share.assign(_all=share.mean(axis=1)).sort_values("_all", ascending=False)
    code = mine.drop_duplicates("name").set_index("name")["misconception"]
    order = [str(code[name]) for name in ordered.index]
    for name, r in ordered.iterrows():
        cells = [Cell(str(name))]
        for g in groups:
            value = float(r[g]) if g in r and r[g] == r[g] else float("nan")
            low, high = span.get((str(name), g), (float("nan"),) * 2)
            told = "–" if value != value else f"{100 * value:.0f}% ({100 * low:.0f} to {100 * high:.0f})"
            cells.append(Cell(told, None if value != value else value))
        rows.append(tuple(cells))
    heads = columns("Misconception", *(f"#{g}" for g in groups))
    caption = "How often students who could have chosen it did (likely range), the commonest first"
    why = tuple(x for name in order if (x := at.address(a, "misconceptions", concept, name)))
    part = blocks.table(Table(caption, heads, tuple(rows), True, why=why))
    return Section("misconceptions", "Misconceptions behind wrong answers", (part,))


def _table(a: Analysis, items: list[str]) -> Section:
    rows = []
    for item in items:
        r = a.items.loc[item]
        differs = str(a.dif.at[item, "words"]) if item in a.dif.index else ""
        cells = [Cell(item), Cell(str(r["title"])), *(blocks.percent(r[f"share_correct: {g}"]) for g in a.groups)]
        cells += [blocks.number(r["item_rest"]), blocks.number(r["b"], signed=True), Cell(differs)]
        rows.append(tuple(cells))
    heads = columns(
        "Item", "Title", *(f"#Share correct, {g}" for g in a.groups), "#Goes with the rest", "#Difficulty",
        "For students of equal ability",
    )  # fmt: skip
    shown = blocks.table(
        Table("Items of the concept", heads, tuple(rows), True, why=at.addresses(a, "items", a.items.loc[items]))
    )
    return Section("items", "Its items", (shown,))


def _item(found: Any, item: str, number: int) -> Section:
    parts = list(_texts(found, [item], number))
    chosen = item_parts.option_part(found.analysis, item, found.misconceptions)
    parts += [chosen] if chosen else []
    if len(found.curves) and (found.curves["item"] == item).any():
        groups = tuple(g for g in found.analysis.groups if (found.curves["group"] == g).any())
        groups = groups or tuple(dict.fromkeys(found.curves["group"]))
        drawn = item_parts.item_curve(found.curves, item, groups)
        caption = "Marks: what students did, with 95 % bands (11 students and more). Line: what the model expects."
        parts.append(blocks.figure(drawn, caption))
        parts.append(_curve_table(found.curves, item, found.calibration))
    return Section(f"item-{number}", item, tuple(parts))


def _curve_table(curves: pd.DataFrame, item: str, calibration: int | None) -> dict[str, Any]:
    mine = curves[(curves["item"] == item) & (curves["n"] >= 11)]
    rows = tuple(
        (
            Cell(blocks.with_sign(r.theta, 1), float(r.theta)), Cell(str(r.group)), blocks.percent(r.observed),
            Cell(f"{100 * r.low:.0f} to {100 * r.high:.0f}%"), blocks.percent(r.expected),
        )
        for r in mine.itertuples()
    )  # fmt: skip
    heads = columns("#Score", "Group", "#Observed", "#Band", "#Expected")
    places = mine[["item", "group", "theta"]].round({"theta": 3}).itertuples(index=False)
    why = tuple(at.join(calibration, "curves", *place) for place in places) if calibration else ()
    return blocks.table(Table(f"{item}: the curve in numbers", heads, rows, why=why), fold=True)


def _texts(found: Any, items: list[str], number: int = 0, keys: bool = True) -> list[dict[str, Any]]:
    out = []
    for k, item in enumerate(items):
        _, text = found.texts.get(item, ("", None))
        if text is None:
            out.append(blocks.text(f"{item} is only registered; its text is not in the bank."))
        else:
            out.append(item_parts.item_part(text, found.misconceptions, f"i{number}x{k}", keys))
    return out
