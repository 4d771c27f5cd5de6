"""Two truths that differ only in what is hidden give the same public pages, to the byte.

This attacks whatever a page is made of at once: sentences, order of rows, axes and marks of charts, texts for screen
readers, values to sort by.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from scoring.report.blocks import render
from scoring.report.comparison import comparison_page
from scoring.report.editions import public_edition
from scoring.report.item_report import concept_page
from scoring.report.packet import packet
from scoring.report.words import five_sentences
from scoring.runs.meeting_public import public_changes, stayers, told_stayers
from scoring.trends import cohorts
from tests.scoring.trends.conftest import changes_by_hand, meeting

from .conftest import GROUPS, NAMES, example
from .test_editions import with_groups

FIRST = next(iter(NAMES))


class Found:
    """What a concept report reads."""

    def __init__(self, analysis):
        self.analysis, self.texts, self.misconceptions = analysis, {}, {}
        self.curves = pd.DataFrame()


def extreme(share: float):
    """District A's share of the first concept is near its end; everything that hangs on it moves with it."""
    a = example()
    here = (a.mastery["concept"] == FIRST) & (a.mastery["group"] == GROUPS[0])
    mastery = a.mastery.assign(rate_lower_cut=a.mastery["rate"] + 0.03, rate_higher_cut=a.mastery["rate"] - 0.03)
    mastery.loc[here, ["rate", "se", "low", "high"]] = [share, 1 - share, 2 * share - 1, 1.0]
    mastery.loc[here, ["rate_lower_cut", "rate_higher_cut"]] = [(1 + share) / 2, 2 * share - 1]
    other = float(mastery.loc[(mastery["concept"] == FIRST) & ~here, "rate"].iloc[0])
    contrasts = a.contrasts.copy()
    gap, one = share - other, contrasts["concept"] == FIRST
    contrasts.loc[one, ["difference", "se", "low", "high"]] = [gap, 1 - share, gap - 0.01 - share / 10, gap + 0.02]
    contrasts.loc[one, ["p_value", "p_adjusted"]] = [1e-3 * (1 - share), 2e-3 * (1 - share)]
    means = a.means.copy()
    if len(means):
        means.loc[means["group"] == GROUPS[0], "mean"] += 10 * share
    items = a.items.assign(**{f"share_correct: {GROUPS[0]}": share})
    return replace(a, mastery=mastery, contrasts=contrasts, means=means, items=items)


def pages(analysis) -> list[str]:
    public = public_edition(analysis).analysis
    return [comparison_page(public), render(concept_page(Found(public), FIRST, True)), *five_sentences(public)]


def test_a_coded_share_leaves_no_trace_in_any_page():
    """99.1 and 99.9 of 100 are both "99 or more"; the internal page tells them apart."""
    one, two = extreme(0.991), extreme(0.999)
    assert comparison_page(one) != comparison_page(two)
    assert "99 of 100 or more" in pages(one)[0]
    assert pages(one) == pages(two)


def few(small: int):
    """A group of `small` students in District A, the others of the group that is hidden beside it."""
    a = with_groups()
    sizes = {"079": small, "076": 180 + 7 - small}
    levels = a.levels.copy()
    for level, n in sizes.items():
        levels.loc[levels["group"] == f"{GROUPS[0]} / {level}", "students"] = n
        both = (levels["group"].str.endswith(f"/ {level}")) & (levels["by"] == "district x ethnicity")
        for concept in NAMES:
            total = levels.loc[both & (levels["concept"] == concept), "students"].sum()
            levels.loc[(levels["group"] == level) & (levels["concept"] == concept), "students"] = total
    levels.loc[levels["group"] == f"{GROUPS[0]} / 076", "estimate"] *= 1 - small / 100
    return replace(a, levels=levels)


def test_the_size_of_a_small_group_leaves_no_trace():
    assert pages(few(4)) == pages(few(7))


def test_likely_ranges_and_differences_say_no_more_than_the_printed_share():
    """Shares that print alike, with ranges as wide, print alike altogether, though the ranges' middles differ."""

    def moved(by: float):
        a = example()
        mastery, contrasts = a.mastery.copy(), a.contrasts.copy()
        mine = mastery["group"] == GROUPS[0]
        mastery.loc[mine, ["rate", "low", "high"]] += by
        contrasts[["difference", "low", "high"]] += by
        told = a.misconceptions.copy()
        told[["share", "low", "high"]] += by
        return replace(a, mastery=mastery, contrasts=contrasts, misconceptions=told)

    one, two = pages(moved(0.0004)), pages(moved(0.0041))
    assert comparison_page(moved(0.0004)) != comparison_page(moved(0.0041))
    assert one == two


def over_time(last: float, students: float = 500.0):
    """A public meeting in which District A's stayers end at the share `last`."""
    table = changes_by_hand()
    here = (table["concept"] == FIRST) & (table["group"] == GROUPS[0])
    change = last - 0.4
    table.loc[here, ["rate_2", "everybody_2"]] = last
    table.loc[here, ["change", "low", "high"]] = [change, change - (1 - last), change + (1 - last)]
    table.loc[here, ["everybody_change", "everybody_low", "everybody_high"]] = [change, change - 0.1, change + 0.1]
    table.loc[here, ["growth", "growth_low", "growth_high"]] = [10 * last, 9 * last, 11 * last]
    table.loc[table["group"] == GROUPS[0], "students"] = students
    table = cohorts.standing_out(table.drop(columns=["p_value", "p_adjusted", "stands_out"]))
    given = meeting("public")
    also = stayers(table, set(GROUPS))
    editions = {o.code: public_edition(o.analysis, draft=True, beside=also[o.code]) for o in given.held}
    told = {code: told_stayers(e.disclosure.tables) for code, e in editions.items()}
    held = [replace(o, analysis=editions[o.code].analysis) for o in given.held]
    return replace(given, held=held, changes=public_changes(table, set(GROUPS), held, told))


def test_a_coded_share_of_a_cohort_leaves_no_trace_in_packet_and_dashboard():
    one, two = over_time(0.991), over_time(0.999)
    assert {str(r.concept) for r in one.changes.itertuples() if r.group == GROUPS[1]} >= {FIRST}
    assert render(packet(one)) == render(packet(two))
    assert one.changes.equals(two.changes)  # with the administrations' pages all that a dashboard is made of
    for first, second in zip(one.held, two.held, strict=True):
        assert first.analysis.mastery.equals(second.analysis.mastery)


def test_a_few_who_left_are_not_counted_by_subtraction():
    """Of District A's 2,715 with a score all but three stayed: the page gives one of the two numbers, not both."""
    few_left = over_time(0.6, 2715 - 3)
    scored = few_left.held[0].analysis.participation["scored"]
    stayed = few_left.changes.loc[few_left.changes["group"] == GROUPS[0], "students"]
    assert scored.isna().all() != (len(stayed) == 0)
    page = render(packet(few_left))
    assert ("2,715" in page) + ("2,712" in page) == 1
    assert f"{int(few_left.held[0].analysis.participation['students'].sum()):,}" in page


def test_a_few_without_a_score_are_not_counted_by_subtraction():
    a = example()
    n = a.participation["students"].to_numpy()
    page = comparison_page(public_edition(replace(a, participation=a.participation.assign(scored=n - 4))).analysis)
    assert f"{n.sum():,} simulated students" in page
    assert f"{n[0] - 4:,}" not in page
    assert f"{(n - 4).sum():,}" not in page
    many = comparison_page(public_edition(replace(a, participation=a.participation.assign(scored=n - 40))).analysis)
    assert f"{n[0] - 40:,}" in many
    assert np.all(n > 400)
