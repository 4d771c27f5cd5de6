"""What a meeting reads first, in plain sentences."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from scoring.report.blocks import Card, signed
from scoring.report.words import listed, of_hundred
from scoring.runs.meeting import Meeting
from scoring.runs.trending import SAME, Occasion


@dataclass(frozen=True)
class FirstPage:
    """The headline and the boxes beneath it."""

    headline: str
    cards: tuple[Card, ...]


def concept_names(meeting: Meeting) -> dict[str, str]:
    """Concept -> name, the newest administration's word first."""
    names: dict[str, str] = {}
    for occasion in meeting.held:
        names |= {str(k): str(v) for k, v in occasion.analysis.concepts["name"].items()}
    return names


def count_of(meeting: Meeting) -> str:
    n = len(meeting.held)
    return f"{n} administration{'' if n == 1 else 's'}" if n else "no administration compared yet"


def lower(name: str) -> str:
    return name[:1].lower() + name[1:] if name[1:2].islower() else name


def moved(r: Any) -> str:
    """A change in a clause: from so many to so many of 100, with its likely range."""
    text = f"{100 * r.rate_1:.0f} → {of_hundred(r.rate_2)}"
    if r.low == r.low:
        return f"{text} (change likely {signed(r.low)} to {signed(r.high)})"
    return f"{text} (how sure that is, is not known)"


def whole(meeting: Meeting) -> pd.DataFrame:
    """The changes of whole districts, which a first page speaks of; subgroups stand in the tables."""
    table = meeting.changes
    return table[table["group"].isin(meeting.districts.values())] if len(table) else table


def dips(meeting: Meeting) -> pd.DataFrame:
    """Concepts whose fall among the same students stands out, in the newest administration, the largest first."""
    table = whole(meeting)
    if not len(table) or not meeting.held:
        return table
    part = table[table["stands_out"].astype(bool) & (table["second"] == meeting.held[-1].code)]
    return part.sort_values("change", kind="stable")


def fell(meeting: Meeting) -> bool:
    """Whether the headline is a fall: of a concept among the same students, or of a cohort in published rates."""
    return bool(len(dips(meeting)) or _published_falls(meeting))


def first_page(meeting: Meeting) -> FirstPage:
    """The headline is a fall that stands out, where there is one; else the newest clear change; else where we are."""
    names = concept_names(meeting)
    cards = [
        _card("What changed since the last time", _changed(meeting, names), "Nothing new has been measured."),
        _card("Where the goals stand", _goals(meeting), "No targets have been set."),
        _card("To work on first", _first(meeting, names), "Nothing stands out from the rest."),
        Card("What not to conclude", tuple(_cautions(meeting)), "", "not"),
    ]
    return FirstPage(_headline(meeting, names), tuple(cards))


def _card(title: str, lines: list[str], empty: str) -> Card:
    return Card(title, tuple(lines), "" if lines else empty)


def _headline(meeting: Meeting, names: dict[str, str]) -> str:
    found = dips(meeting)
    if len(found):
        concept = found["concept"].iloc[0]
        part = found[found["concept"] == concept]
        told = listed(f"{r.group} {moved(r)}" for r in part.itertuples())
        more = [lower(names[c]) for c in found["concept"].unique() if c != concept]
        also = f" The same holds for {listed(more)}." if more else ""
        table = whole(meeting)
        rest = table[(table["second"] == part["second"].iloc[0]) & (table["kind"] == part["kind"].iloc[0])]
        rest = rest[rest["group"].isin(part["group"]) & ~rest["concept"].isin(found["concept"])]
        beside = "more than their other concepts" if (rest["verdict"] == "fell").any() else "while no other concept did"
        who = "among the same students" if part["kind"].iloc[0] == "cohort" else "in the same grade"
        return f"{names[concept]} fell {who}, {beside}: {told}.{also} Start with this concept."
    published = _published_falls(meeting)
    if published:
        return published[0]
    if not meeting.held:
        readings = meeting.indicators["reading"]
        return str(readings["sentence"].iloc[0]) if len(readings) else "There is nothing to compare over time yet."
    moved_ = whole(meeting)
    clear = moved_[moved_["verdict"].isin(["rose", "fell"])] if len(moved_) else []
    if len(clear):
        return f"{len(clear)} of {len(moved_)} changes over time are clear; no concept fell apart from the rest."
    if len(meeting.changes):
        return "No change over time is large enough to be sure of."
    return "There is one administration so far: changes are shown from the next one on."


def _published_falls(meeting: Meeting) -> list[str]:
    table = meeting.published
    fell = table[table["verdict"].astype(str).str.startswith("fell")] if len(table) else table
    out = []
    for r in fell.sort_values("change").itertuples() if len(fell) else ():
        sure = f" (change likely {signed(r.low)} to {signed(r.high)})" if r.low == r.low else ""
        out.append(
            f"{r.group}: {100 * r.rate_1:.0f} of 100 students were proficient in {r.first}; of the same cohort "
            f"{100 * r.rate_2:.0f} in {r.second}{sure}."
        )
    return out


def _changed(meeting: Meeting, names: dict[str, str]) -> list[str]:
    out = []
    table = whole(meeting)
    if len(table) and meeting.held:
        part = table[(table["second"] == meeting.held[-1].code) & (table["kind"] == "cohort")]
        part = part if len(part) else table[table["second"] == meeting.held[-1].code]
        who = "of the same students" if len(part) and part["kind"].iloc[0] == "cohort" else "of this grade"
        for word in ("rose", "fell"):
            which: dict[tuple[str, ...], list[str]] = {}
            for group in meeting.districts.values():
                clear = part[(part["verdict"] == word) & (part["group"] == group)]
                if len(clear):
                    which.setdefault(tuple(sorted(clear["concept"])), []).append(group)
            for concepts, groups in which.items():
                where = "both districts" if len(groups) == len(meeting.districts) == 2 else listed(groups)
                more = f"More {who} have mastered it" if word == "rose" else f"Fewer {who} have mastered it"
                out.append(f"{more}, {where}: {listed(lower(names[c]) for c in concepts)}.")
        unsure = int((part["verdict"] == "cannot say").sum())
        if unsure:
            verb = "is" if unsure == 1 else "are"
            out.append(f"{unsure} of {len(part)} changes {verb} too small to be sure of.")
    for r in meeting.indicators["alerts"].itertuples():
        title = meeting.indicators["definitions"]["title"].get(r.indicator, r.indicator)
        where = meeting.districts.get(r.district, r.district)
        verb = "dipped" if r.kind == "dip" else "flattened"
        out.append(f"{lower(str(title))} {verb} in {where}: {r.first:.4g} → {r.last:.4g} ({r.before} to {r.period}).")
    return [line[:1].upper() + line[1:] for line in out[:6]]


def _goals(meeting: Meeting) -> list[str]:
    table = meeting.indicators["targets"]
    out = []
    if len(table):
        for state, group in table.groupby("state", sort=False):
            told = []
            for r in group.itertuples():
                title = meeting.indicators["definitions"]["title"].get(r.indicator, r.indicator)
                value = "" if r.value != r.value else f" {r.value:.4g} for {r.target:.4g}"
                told.append(f"{lower(str(title))}, {meeting.districts.get(r.district, r.district)}{value}")
            out.append(f"{str(state).capitalize()}: {listed(told[:3])}{' and more' if len(told) > 3 else ''}.")
    out += [str(s) for s in meeting.indicators["reading"]["sentence"]]
    return out[:5]


def _first(meeting: Meeting, names: dict[str, str]) -> list[str]:
    out = []
    found = dips(meeting)
    for concept in found["concept"].unique()[:2] if len(found) else ():
        behind = misconceptions_of(meeting.held[-1], str(concept))
        text = f"{names[concept]}: the fall stands out from the other concepts."
        if len(behind):
            told = listed(
                f"“{lower(str(n))}” ({100 * s:.0f} of 100)" for n, s, _ in behind.head(2).itertuples(index=False)
            )
            text += f" Behind wrong answers most often: {told}."
        out.append(text)
    waiting = [a for a in meeting.actions if a["status"] == "open"]
    if waiting:
        out.append(f"{len(waiting)} agreed action{'s' if len(waiting) > 1 else ''} to look at again.")
    if meeting.decisions:
        n = len(meeting.decisions)
        out.append(f"{n} joint decision{' waits' if n == 1 else 's wait'} for somebody’s word.")
    return out


def misconceptions_of(occasion: Occasion, concept: str) -> pd.DataFrame:
    """The commonest misconceptions of a concept: columns name, share (mean of the districts), misconception."""
    table = occasion.analysis.misconceptions
    if not len(table):
        return pd.DataFrame(columns=["name", "share", "misconception"])
    by = table[table["concept"] == concept].groupby("name", sort=False)
    part = by.agg(share=("share", "mean"), misconception=("misconception", "first"))
    return part.sort_values("share", ascending=False, kind="stable").reset_index()


def _cautions(meeting: Meeting) -> list[str]:
    out = []
    bars = set(meeting.changes["bar"]) if len(meeting.changes) else set()
    if any(b != SAME and "carried" not in b for b in bars):
        out.append(
            "Where the items differ between two times, each has its own bar: a change is no growth on one scale."
        )
    if len(meeting.published):
        out.append("Across grades the state’s tests and bars differ, and students move in and out.")
    kinds = {k for o in meeting.held for k in o.analysis.concepts.get("cut_kind", pd.Series(dtype=str)).dropna()}
    if "provisional" in kinds:
        out.append("The bar for “mastered” is provisional. Read the changes rather than the levels.")
    out.append(
        "A change says where students stand, not why. It is no verdict on a district’s teaching or its children."
    )
    return out
