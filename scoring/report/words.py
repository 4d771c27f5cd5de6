"""The findings in plain sentences: what a leader reads, without the field's vocabulary.

docs/words.md lists the plain word for each technical one; a test looks for the technical ones in what is made here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from scoring.analysis.result import TOTAL, Analysis


@dataclass(frozen=True)
class Standing:
    """Where the groups stand, concept by concept, in sentences.

    Attributes:
        headline: the finding in one sentence.
        ahead: group -> sentences, one per concept in which it is ahead of another group.
        cannot_say: concepts where the data do not decide, with the reason.
        caution: what not to conclude.
    """

    headline: str
    ahead: dict[str, list[str]]
    cannot_say: list[str]
    caution: list[str]


def listed(words: Iterable[str], last: str = "and") -> str:
    """One, two and three; with semicolons where the parts hold commas or "and" themselves."""
    parts = list(words)
    if len(parts) < 2:
        return "".join(parts)
    if any(", " in part or " and " in part for part in parts):
        return "; ".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def of_hundred(rate: float) -> str:
    """A share as people say it: never sharper than whole students of a hundred."""
    if rate < 0.005:
        return "fewer than 1 of 100"
    if rate > 0.995:
        return "more than 99 of 100"
    return f"{100 * rate:.0f} of 100"


def students_of(analysis: Analysis) -> int:
    """How many students a page speaks of: those with a score, or all who took part where that is not said."""
    part = analysis.participation
    if not len(part):
        return len(analysis.scores)
    return int(part["students" if part["scored"].isna().any() else "scored"].sum())


def concept_name(analysis: Analysis, concept: str) -> str:
    if concept == TOTAL or concept not in analysis.concepts.index:
        return concept
    return str(analysis.concepts.at[concept, "name"])


def standing(analysis: Analysis) -> Standing:
    """Sort the contrasts into what can be said and what cannot."""
    ahead: dict[str, list[str]] = {group: [] for group in analysis.groups}
    short: dict[str, list[str]] = {group: [] for group in analysis.groups}
    unsure: list[str] = []
    shares = sizes(analysis)
    rows = analysis.contrasts
    if len(rows):  # the largest gap first
        rows = rows.sort_values("difference", key=lambda d: -d.abs(), kind="stable", na_position="last")
    for row in rows.itertuples():
        if row.concept == TOTAL:
            continue
        name = concept_name(analysis, str(row.concept))
        if row.verdict in ("ahead", "behind"):
            first, second = (row.group, row.other) if row.verdict == "ahead" else (row.other, row.group)
            text = f"{name}: {_pair_short(shares, str(row.concept), str(first), str(second))}"
            if row.low == row.low:
                low, high = sorted((abs(row.low), abs(row.high)))
                gap = abs(round(100 * printed(shares, str(row.concept), str(first), str(second), row.difference)))
                text += f". Gap {gap}, likely {100 * low:.0f} to {100 * high:.0f}"
            ahead[str(first)].append(text if len(analysis.groups) == 2 else f"{text}, compared with {second}")
            short[str(first)].append(name)
        else:
            pair = "" if len(analysis.groups) == 2 else f" ({row.group} and {row.other})"
            reason = plain_reason(str(row.reason or ""))
            unsure.append(f"{name}{pair}: {reason}" if reason else f"{name}{pair}")
    return Standing(_headline(analysis, short, unsure), ahead, unsure, cautions(analysis))


def plain_reason(reason: str) -> str:
    """Why nothing is said, once and without what the program calls it."""
    found: dict[str, list[str]] = {}
    for part in (p.strip() for p in reason.split(";")):
        why, _, what = part.partition(": no ")
        found.setdefault(why, []).extend([LACKING[what]] if what in LACKING else [f"no {what}"] if what else [])
    return "; ".join(f"{why}, too few for {listed(what, 'or')}" if what else why for why, what in found.items())


LACKING = {"mastery": "comparing shares", "interval": "a likely range"}


def sizes(analysis: Analysis) -> dict[tuple[str, str], float]:
    """(concept, group) -> share of students who have mastered it, where it is shown."""
    shown = analysis.mastery[analysis.mastery["shown"]] if len(analysis.mastery) else analysis.mastery
    return {(str(r.concept), str(r.group)): float(r.rate) for r in shown.itertuples()}


def _pair_short(shares: dict[tuple[str, str], float], concept: str, first: str, second: str) -> str:
    """Both shares with their owners, who is ahead first."""
    if (concept, first) not in shares or (concept, second) not in shares:
        return "shares not shown"
    sides = (first, second)
    return ", ".join(f"{group} {of_hundred(shares[concept, group]).removesuffix(' of 100')}" for group in sides)


def printed(shares: dict[tuple[str, str], float], concept: str, first: str, second: str, difference: float) -> float:
    """The difference of the two shares as they are printed beside it, so that a reader's own subtraction agrees.

    Args:
        shares: of `sizes`; where one is not shown, it is the difference itself.
        difference: first minus second; missing stays missing.
    """
    if difference != difference or (concept, first) not in shares or (concept, second) not in shares:
        return float(difference)
    return (round(100 * shares[concept, first]) - round(100 * shares[concept, second])) / 100


def pair_told(shares: dict[tuple[str, str], float], concept: str, first: str, second: str) -> str:
    if (concept, first) not in shares or (concept, second) not in shares:
        return "shares not shown"
    a, b = shares[concept, first], shares[concept, second]
    return f"{of_hundred(a)} students have mastered it, in {second} {100 * b:.0f}"


def _headline(analysis: Analysis, short: dict[str, list[str]], unsure: Sequence[str]) -> str:
    groups = [g for g in analysis.groups if short.get(g)]
    if len(analysis.groups) < 2:
        if len(analysis.subgroups):
            return " ".join(between_students(analysis))
        return "No groups were named, so nothing is compared: this report describes the students and the items."
    n = len({str(c) for c in analysis.contrasts["concept"]}) if len(analysis.contrasts) else 0
    if n == 0:
        return f"The items carry no concepts, so only the score over all items is compared: {overall(analysis)}"
    if not groups:
        thin = (analysis.contrasts["verdict"] == "not enough evidence").all()
        text = f"No difference between {listed(analysis.groups)} is large enough to be sure of, in any concept."
        if thin:
            why = {plain_reason(str(r)) for r in analysis.contrasts["reason"]}
            because = f": {why.pop()}" if len(why) == 1 else ""
            text = f"How many students have mastered a concept is not compared{because}."
        return f"{text} Over all items, {overall(analysis)}"
    if len(analysis.groups) > 2:
        return "Some groups differ in what their students have mastered; the lists below say which, and where."
    parts = []
    for group in groups:
        names = list(dict.fromkeys(short[group]))
        which = "every concept" if len(names) == n and n > 1 else listed(_lower(name) for name in names)
        if len(names) > 2 and len(names) < n:
            which = f"{len(names)} of {n} concepts"
        parts.append(f"{group} is ahead in {which}")
    text = ", ".join(parts[:-1]) + (", while " if len(parts) > 1 else "") + parts[-1]
    if unsure:
        text += f"; in {len(unsure)} of {n} concepts we cannot say"
    return f"{text}.{_largest_gap(analysis)}"


def _largest_gap(analysis: Analysis) -> str:
    """The size of the largest clear gap, for the headline; nothing where no gap is shown."""
    found = _clear(analysis)
    found = found[found["low"].notna()] if len(found) else found
    if not len(found):
        return ""
    shares = sizes(analysis)
    gaps = [
        printed(shares, str(r.concept), str(r.group), str(r.other), float(r.difference)) for r in found.itertuples()
    ]
    place = max(range(len(gaps)), key=lambda k: abs(gaps[k]))
    where = _lower(concept_name(analysis, str(found["concept"].iloc[place])))
    size = f"{abs(round(100 * gaps[place]))} of 100 students"
    return f" The gap is {size}." if len(gaps) == 1 else f" The largest gap is {size}, in {where}."


def overall(analysis: Analysis) -> str:
    """The score over all items, in a clause: who is ahead and by how much of the students' spread."""
    found = analysis.mean_contrasts
    found = found[found["concept"] == TOTAL] if len(found) else found
    if len(found) != 1:
        return "the report gives the average scores of the groups."
    row = found.iloc[0]
    if row["low"] != row["low"]:
        if row["difference"] != row["difference"]:
            return "the averages are not compared."
        ahead, behind = (row["group"], row["other"]) if row["difference"] > 0 else (row["other"], row["group"])
        why = str(row["status"] or "").partition(":")[0]
        return (
            f"{ahead}’s average in these answers is above {behind}’s by {abs(row['difference']):.2f} of the students’ "
            f"spread, without a likely range{f' ({why})' if why else ''}: it may be chance."
        )
    if row["low"] <= 0 <= row["high"]:
        return f"the averages of {listed(analysis.groups)} are too close to tell apart."
    ahead, behind = (row["group"], row["other"]) if row["difference"] > 0 else (row["other"], row["group"])
    low, high = sorted((abs(float(row["low"])), abs(float(row["high"]))))
    return (
        f"{ahead}’s average is above {behind}’s by {abs(row['difference']):.2f} of the students’ spread "
        f"(likely {low:.2f} to {high:.2f})."
    )


def between_students(analysis: Analysis) -> list[str]:
    """Where no districts are compared: a sentence on the averages of each pair of groups of students."""
    rows = analysis.subgroups
    rows = rows[(rows["measure"] == "mean") & (rows["kind"] == "gap") & (rows["concept"] == TOTAL)]
    rows = rows[rows["adjusted"].fillna("") == ""]
    out = []
    for row in rows.itertuples():
        sides = f"“{row.group}” and “{row.versus}”"
        if row.low != row.low:
            out.append(f"Over all items, {sides} cannot be compared: {row.status}.")
        elif row.low <= 0 <= row.high:
            out.append(f"Over all items, the averages of {sides} are too close to tell apart.")
        else:
            ahead, behind = (row.group, row.versus) if row.estimate > 0 else (row.versus, row.group)
            low, high = sorted((abs(float(row.low)), abs(float(row.high))))
            out.append(
                f"Over all items, the average of “{ahead}” is above that of “{behind}” by {abs(row.estimate):.2f} of "
                f"the students’ spread (likely {low:.2f} to {high:.2f})."
            )
    return out[:4]


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:] if name[1:2].islower() else name


def _bar(analysis: Analysis) -> str:
    """Why the bar is provisional."""
    concepts = analysis.concepts[analysis.concepts["cut_kind"] == "provisional"]
    rated = concepts.get("cut_basis", pd.Series(dtype=str)).fillna("").str.contains("raters")
    if len(rated) and rated.all():
        return "it rests on the word of few teachers, or of one district only"
    if rated.any():
        return "for some concepts it stands at 70 percent of the points, for others on the word of few teachers"
    return "it stands at 70 percent of the points, not yet set by teachers"


def cautions(analysis: Analysis) -> list[str]:
    """What not to conclude, the conditional sentences first."""
    out = []
    failed = analysis.gate[analysis.gate["state"] == "failed"] if len(analysis.gate) else analysis.gate
    if len(failed):
        out.append("These results are not comparable yet: " + listed(failed["detail"]) + ".")
    if analysis.provenance.get("interval") == "students like these" and len(analysis.groups) > 1:
        out.append(
            "Schools were not recorded. Children of one school resemble each other, so the true likely ranges are "
            "wider than those shown."
        )
    out += different_items(analysis)
    kinds = set(analysis.concepts.get("cut_kind", pd.Series(dtype=str)).dropna())
    levels = len(analysis.mastery) and analysis.mastery["shown"].any()
    if "provisional" in kinds and levels:
        compared = len(analysis.contrasts) and analysis.contrasts["difference"].notna().any()
        read = " Read the differences, not the levels." if compared else ""
        out.append(f"The bar for “mastered” is provisional: {_bar(analysis)}.{read}")
    if len(analysis.groups) > 1:
        word = analysis.group_word
        out.append(
            f"A difference says where students stand, not why. It is no verdict on a {word}’s teaching or its children."
        )
        if len(analysis.groups) == 2:
            out.append(f"Two {word}s cannot speak for other {word}s.")
    return out


#: So many questions that work differently are named on page 1, which is one phone screen; all stand in their section.
MOST_NAMED = 3


def different_items(analysis: Analysis, concept: str = "") -> list[str]:
    """A line on the concepts (or on one) whose gap may partly be that of a single item."""
    dif = analysis.dif
    if not len(dif) or len(analysis.groups) != 2 or analysis.provenance.get("edition") in ("public", "draft"):
        return []
    flagged = dif[(dif["ets_class"] == "C") & ((dif["concept"] == concept) | (concept == ""))]
    if not len(flagged):
        return []
    leaders = _leaders(analysis)
    told = []
    for item, row in flagged.iterrows():
        easier = analysis.groups[0] if row["effect"] > 0 else analysis.groups[1]
        name = "" if concept else f"in {_lower(concept_name(analysis, str(row['concept'])))} "
        leader = leaders.get(str(row["concept"]))
        if leader:
            change = f"{name}the real gap may be {'smaller' if leader == easier else 'larger'}"
        else:
            change = f"{name}it may hide a gap or make one"
        told.append(f"{item} for {easier} ({change})")
    which = "Question" if len(told) == 1 else "Questions"
    more = f"; and {len(told) - MOST_NAMED} more, named below" if len(told) > MOST_NAMED else ""
    return [f"{which} easier for one side at equal ability: {'; '.join(told[:MOST_NAMED])}{more}."]


def _leaders(analysis: Analysis) -> dict[str, str]:
    """Concept -> the group that is clearly ahead in it, of two."""
    found = analysis.contrasts
    found = found[found["verdict"].isin(["ahead", "behind"])] if len(found) else found
    return {str(r.concept): str(r.group if r.verdict == "ahead" else r.other) for r in found.itertuples()}


def five_sentences(analysis: Analysis) -> list[str]:
    """The summary to paste into a message: five plain sentences."""
    found = standing(analysis)
    students = students_of(analysis)
    who = "simulated students" if analysis.simulated else "students"
    left_out = {n.message.split(" ")[0] for n in analysis.notices if n.code == "constant-item"}
    items = len(analysis.items) - len(left_out & set(map(str, analysis.items.index)))
    groups = f" of {listed(analysis.groups)}" if analysis.groups else ""
    first = f"{analysis.title}: {students:,} {who}{groups} answered {items} items."
    if len(analysis.groups) < 2:
        return [first, found.headline, *findings(analysis)][:5]
    if not len(analysis.contrasts):
        return [first, found.headline, *findings(analysis)][:5]
    largest = _largest(analysis)
    unsure = (
        f"We cannot say for {listed(text.split(':')[0] for text in found.cannot_say)}."
        if found.cannot_say
        else "Every concept that was compared gave a clear answer."
        if len(analysis.contrasts)
        else "No concepts were compared."
    )
    dif = analysis.dif
    flagged = dif[dif["ets_class"] == "C"] if len(dif) and "ets_class" in dif else dif
    works = (
        f"{'One item works' if len(flagged) == 1 else f'{len(flagged)} items work'} differently for students of equal "
        f"ability and want{'s' if len(flagged) == 1 else ''} a joint look: {listed(flagged.index)}."
        if len(flagged)
        else "Which items work differently is kept for the districts' experts."
        if analysis.provenance.get("edition") in ("public", "draft")
        else "No item was found to work very differently for students of equal ability."
    )
    if "Over all items" not in found.headline and len(analysis.mean_contrasts):
        first += f" Over all items, {overall(analysis)}"
    return [first, found.headline, largest, unsure, works]


def findings(analysis: Analysis) -> list[str]:
    """What stands out where nothing is compared: the hardest and easiest items, and those to look at."""
    items = analysis.items.dropna(subset=["share_correct"]).sort_values("share_correct", kind="stable")
    if not len(items):
        return []
    hard, easy = items.iloc[0], items.iloc[-1]
    flagged = items[items["flags"].fillna("") != ""].sort_values("item_rest", kind="stable")
    keys = flagged[flagged["flags"].str.contains("key", na=False)]
    out = [
        f"The hardest item is {hard.name} ({of_hundred(float(hard['share_correct']))} got it right), the easiest "
        f"{easy.name} ({of_hundred(float(easy['share_correct']))})."
    ]
    if len(keys):
        named = listed(str(i) for i in keys.index[:5])
        out.append(f"The key of {named} may be wrong: look at the reasons in the table of items.")
    if len(flagged):
        out.append(f"{len(flagged)} of {len(items)} items give a reason to look at them; the table of items says why.")
    thin = (
        analysis.concepts[analysis.concepts["evidence"] != "enough"]
        if "evidence" in analysis.concepts
        else analysis.concepts.iloc[:0]
    )
    if len(thin):
        out.append(f"Not enough items to speak of {listed(_lower(str(n)) for n in thin['name'])}.")
    return out


def _clear(analysis: Analysis) -> pd.DataFrame:
    """The differences in mastery of a concept that are clear and shown."""
    clear = analysis.contrasts
    clear = clear[clear["verdict"].isin(["ahead", "behind"]) & (clear["concept"] != TOTAL)] if len(clear) else clear
    return clear[clear["difference"].notna()] if len(clear) else clear


def _largest(analysis: Analysis) -> str:
    clear = _clear(analysis)
    if not len(clear):
        return "No concept shows a difference that we can be sure of."
    row = clear.loc[clear["difference"].abs().idxmax()]
    shares = sizes(analysis)
    first, second = (row["group"], row["other"]) if row["verdict"] == "ahead" else (row["other"], row["group"])
    name = _lower(concept_name(analysis, str(row["concept"])))
    low, high = sorted((abs(float(row["low"])), abs(float(row["high"]))))
    pair = pair_told(shares, str(row["concept"]), str(first), str(second))
    return (
        f"The largest difference is in {name}: in {first} about {pair} "
        f"(difference likely {100 * low:.0f} to {100 * high:.0f} in 100)."
    )
