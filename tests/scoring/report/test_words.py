"""The sentences say what the tables say, in plain words."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from scoring.analysis.result import Notice
from scoring.report import words

TECHNICAL = re.compile(
    r"\b(theta|θ|DIF\b|differential|PRMSE|confidence interval|significan|standard error|p-value|p value|cut score|"
    r"posterior|discrimination|pooled|plausible value|mean\b|standard deviation|reliability|clustered)",
    re.IGNORECASE,
)


def test_headline_says_who_is_ahead_where(make):
    found = words.standing(make())
    assert found.headline == (
        "District A is ahead in expressions and equations; proportional relationships, while District B is ahead in "
        "geometry and measurement; in 2 of 5 concepts we cannot say. The largest gap is 9 of 100 students, in "
        "expressions and equations."
    )
    assert len(found.ahead["District A"]) == 2
    first = "Expressions and equations: District A 36, District B 27. Gap 9, likely 4 to 14"
    assert found.ahead["District A"][0] == first
    assert found.cannot_say[1].startswith("Statistics and probability")


def test_a_small_assessment_says_why_nothing_is_sure_and_how_large_the_gap_is(make):
    """Four schools a side: no shares, no ranges; the page says so once, in words, and speaks of no levels."""
    analysis = make()
    status = "fewer than 5 schools: no mastery; fewer than 5 schools: no interval"
    nothing = {c: float("nan") for c in ("difference", "se", "low", "high", "p_value", "p_adjusted")}
    means = analysis.mean_contrasts.assign(low=float("nan"), high=float("nan"), difference=0.3421)
    small = replace(
        analysis,
        contrasts=analysis.contrasts.assign(verdict="not enough evidence", reason=status, **nothing),
        mastery=analysis.mastery.assign(shown=False, reason="fewer than 5 schools"),
        mean_contrasts=means.assign(status="fewer than 5 schools: no interval"),
    )
    found = words.standing(small)
    assert found.headline == (
        "How many students have mastered a concept is not compared: fewer than 5 schools, too few for comparing "
        "shares or a likely range. Over all items, District A’s average in these answers is above District B’s by "
        "0.34 of the students’ spread, without a likely range (fewer than 5 schools): it may be chance."
    )
    assert not any("Read the differences" in line for line in found.caution)
    assert all(": no " not in line for line in found.cannot_say)


def test_reasons_are_said_once_and_in_words():
    both = "fewer than 4 items and fewer than 5 schools: no mastery; fewer than 5 schools: no interval"
    assert words.plain_reason(both) == (
        "fewer than 4 items and fewer than 5 schools, too few for comparing shares; fewer than 5 schools, too few "
        "for a likely range"
    )
    assert words.plain_reason("what we see may be chance") == "what we see may be chance"
    assert words.plain_reason("") == ""


def test_behind_is_told_from_the_side_that_is_ahead(make):
    analysis = make()
    turned = analysis.contrasts.assign(
        group=analysis.contrasts["other"],
        other=analysis.contrasts["group"],
        difference=-analysis.contrasts["difference"],
        low=-analysis.contrasts["high"],
        high=-analysis.contrasts["low"],
        verdict=analysis.contrasts["verdict"].replace({"ahead": "behind", "behind": "ahead"}),
    )
    assert words.standing(make(contrasts=turned)).ahead == words.standing(analysis).ahead


@pytest.mark.parametrize(
    ("verdict", "start"),
    [
        ("cannot say", "No difference between District A and District B"),
        ("ahead", "District A is ahead in every concept"),
    ],
)
def test_headline_of_the_extremes(make, verdict, start):
    analysis = make()
    found = words.standing(make(contrasts=analysis.contrasts.assign(verdict=verdict)))
    assert found.headline.startswith(start)


def test_without_groups_nothing_is_compared(make):
    empty = pd.DataFrame()
    found = words.standing(make(groups=(), contrasts=empty, mastery=empty))
    assert "nothing is compared" in found.headline


def test_a_failed_gate_comes_first_in_what_not_to_conclude(make):
    gate = pd.DataFrame([("keys", "failed", "the keys changed after scoring")], columns=["check", "state", "detail"])
    assert words.cautions(make(gate=gate))[0] == "These results are not comparable yet: the keys changed after scoring."


def test_five_plain_sentences(make):
    sentences = words.five_sentences(make())
    assert len(sentences) == 5
    assert "simulated" in sentences[0]
    assert "expressions and equations" in sentences[2]
    assert "G7-00 and G7-01" in sentences[4]
    for sentence in sentences:
        assert not TECHNICAL.search(sentence), sentence


@pytest.mark.parametrize(
    ("rate", "told"),
    [(0.0, "fewer than 1 of 100"), (0.004, "fewer than 1 of 100"), (0.5, "50 of 100"), (0.999, "more than 99 of 100")],
)
def test_shares_are_never_sharper_than_whole_students(rate, told):
    assert words.of_hundred(rate) == told


def test_items_that_were_left_out_are_not_counted_as_answered(make):
    name, count = str(make().items.index[0]), len(make().items)
    left_out = Notice("constant-item", "warning", f"{name} has no answers; it is left out of the estimation.")
    assert f"answered {count} items" in words.five_sentences(make())[0]
    assert f"answered {count - 1} items" in words.five_sentences(make(notices=(left_out,)))[0]
