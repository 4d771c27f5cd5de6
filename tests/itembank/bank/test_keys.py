"""Answers by value, keys as rules, corrections as joint decisions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from itembank import authoring, correction, database, decisions, keys, people
from itembank.answers import letters_of, same_text, value_of
from itembank.errors import Conflict, ItembankError, NotPermitted
from itembank.models import KeyVersion


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", "2"), ("-0.5", "-1/2"), (".5", "1/2"), ("0,5", "1/2"), ("5.", "5"), ("1/2", "1/2"), ("2/4", "1/2"),
        ("2 1/2", "5/2"), ("-2 1/2", "-5/2"), ("2-1/2", "5/2"), ("½", "1/2"), ("2½", "5/2"), ("2 ½", "5/2"),
        ("50%", "1/2"), ("$12.50", "25/2"), ("-$3", "-3"), ("= 4", "4"), ("1,000", "1000"), ("1,250.5", "2501/2"),
        ("0,500", "1/2"), ("1,5", "3/2"), ("−3", "-3"), ("–3", "-3"), ("1.5e3", "1500"), ("1/-2", "-1/2"),
        ("-1/-2", "1/2"), ("1⁄2", "1/2"), ("1.5/3", "1/2"), (" 7 ", "7"), ("+7", "7"), ("007", "7"),
    ],
)  # fmt: skip
def test_numbers_are_read_by_value(text, value):
    assert value_of(text) == Fraction(value)


@pytest.mark.parametrize(
    "text", ["", "abc", "1/0", "2 1/0", "1 2", "3 cm", "1..2", "--3", "1,00,0.5.", "e5", "9" * 80, "٣x"]
)
def test_what_is_no_number_is_text(text):
    assert value_of(text) is None


@given(st.fractions(max_denominator=500).filter(lambda f: abs(f) < 10**6))
def test_every_spelling_of_a_number_is_the_same_number(number):
    sign, whole, rest = ("-" if number < 0 else ""), abs(number) // 1, abs(number) % 1
    assert value_of(f"{number.numerator}/{number.denominator}") == number
    assert value_of(f"{sign}{whole} {rest.numerator}/{rest.denominator}") == number
    assert value_of(f"{number.numerator * 3}/{number.denominator * 3}") == number


@given(st.decimals(-1000, 1000, places=3))
def test_decimal_point_and_comma_are_the_same(number):
    text = f"{number:.3f}"
    assert value_of(text) == Fraction(text)
    if text.lstrip("-").startswith("0"):  # "1,000" is a thousand; with a leading zero the comma is decimal
        assert value_of(text.replace(".", ",")) == Fraction(text)


@given(st.text(max_size=30))
def test_no_text_crashes_the_readers(text):
    value_of(text)
    same_text(text)
    letters_of(text, frozenset("ABCD"))
    for rule in RULES.values():
        points = keys.points_of(rule, text)
        assert points is None or 0 <= points <= 2


RULES = {
    "choice": {"type": "choice", "max": 1, "labels": ["A", "B", "C"], "credit": {"B": 1}},
    "multi": {"type": "multi-select", "max": 1, "labels": ["A", "B", "C", "D"], "key": ["A", "C"]},
    "multi2": {"type": "multi-select", "max": 2, "labels": ["A", "B", "C", "D"], "key": ["A", "C"]},
    "numeric": {"type": "numeric", "max": 1, "accepted": [{"answer": "1/2", "points": 1}]},
    "near": {"type": "numeric", "max": 1, "accepted": [{"answer": "3.14", "tolerance": "0.01", "points": 1}]},
    "text": {"type": "short-text", "max": 1, "accepted": [{"answer": "Rhombus", "points": 1}]},
    "match": {"type": "match", "max": 1, "labels": ["P", "N"], "rows": {"1": ["P"], "2": ["N"], "3": ["P"]}},
    "match2": {"type": "match", "max": 2, "labels": ["P", "N"], "rows": {"1": ["P"], "2": ["N"]}},
    "rubric": {"type": "rubric", "max": 2},
    "everybody": {"type": "everybody", "max": 1},
    "dropped": {"type": "dropped", "max": 0},
}


@pytest.mark.parametrize(
    ("rule", "answer", "points"),
    [
        ("choice", "B", 1), ("choice", "b", 1), ("choice", "A", 0), ("choice", "E", None), ("choice", "1", None),
        ("multi", "AC", 1), ("multi", "C;A", 1), ("multi", "c, a", 1), ("multi", "A", 0), ("multi", "ACD", 0),
        ("multi", "AE", None), ("multi2", "A", 1), ("multi2", "AC", 2), ("multi2", "AB", 0), ("multi2", "ABCD", 0),
        ("numeric", "0.5", 1), ("numeric", ".5", 1), ("numeric", "0,5", 1), ("numeric", "2/4", 1),
        ("numeric", "0.51", 0), ("numeric", "half", 0), ("near", "3.15", 1), ("near", "3.13", 1), ("near", "3.151", 0),
        ("text", " rhombus. ", 1), ("text", "RHOMBUS", 1), ("text", "square", 0),
        ("match", "1P 2N 3P", 1), ("match", "PNP", 1), ("match", "P,N,P", 1), ("match", "1:P; 2:N; 3:N", 0),
        ("match", "1X", None), ("match2", "1P 2P", 1), ("match2", "PN", 2),
        ("rubric", "2", 2), ("rubric", "2.0", 2), ("rubric", "3", None), ("rubric", "x", None),
        ("everybody", "anything", 1), ("dropped", "A", None),
    ],
)  # fmt: skip
def test_rules_give_points(rule, answer, points):
    assert keys.points_of(RULES[rule], answer) == points


@pytest.mark.parametrize(
    ("type", "key"), [("choice", ""), ("choice", "BB!"), ("numeric", "half"), ("multi-select", ""), ("match", "1P")]
)
def test_keys_that_do_not_fit_are_refused(type, key):
    with pytest.raises(ItembankError) as refused:
        keys.rule_from_text(type, key, 1)
    assert refused.value.exit_code == 3


def load_three(run, tmp_path):
    (tmp_path / "r.csv").write_text("student,Q1,Q2,Q3,Q4,Q5\n1,B,1/2,AC,2,rhombus\n2,C,.5,A,0,kite\n3,C,1,AC,1,\n")
    code, _, err = run("responses", "load", "r.csv", "--district", "A")
    assert code == 0, err


def test_a_correction_is_shown_then_agreed_by_both_then_in_force(any_furnished, run, tmp_path):
    load_three(run, tmp_path)
    code, out, _ = run("keys", "correct", "Q1", "--key", "C", "--reason", "C is right", "--as", "leadA", "--dry-run")
    assert code == 0
    assert "2 gain, 1 lose" in out
    assert run("decisions", "list", "--json")[1].strip() == "[]"
    assert run("keys", "correct", "Q1", "--key", "C", "--reason", "C is right", "--as", "authorA")[0] == 4
    assert run("keys", "correct", "Q1", "--key", "C", "--reason", "C is right", "--as", "leadA")[0] == 0
    assert run("decisions", "agree", "1", "--as", "leadA")[0] == 4  # proposed it
    assert run("decisions", "agree", "1", "--as", "authorA")[0] == 0
    assert " B " in run("keys", "show", "Q1")[1]  # one district is not enough
    assert run("decisions", "agree", "1", "--as", "authorA")[0] == 6  # the district has spoken
    assert run("decisions", "agree", "1", "--as", "leadB")[0] == 0
    assert " C " in run("keys", "show", "Q1")[1]
    assert run("decisions", "agree", "1", "--as", "leadB")[0] == 6
    history = run("keys", "history", "Q1", "--format", "csv")[1].splitlines()
    assert len(history) == 3
    assert "C is right" in history[2]


def test_drop_everybody_and_further_answers(furnished):
    choice = RULES["choice"]
    assert correction.corrected_rule(choice, also=("C",))["credit"] == {"B": 1, "C": 1}
    assert choice["credit"] == {"B": 1}  # the old rule is untouched
    assert correction.corrected_rule(RULES["numeric"], also=("0.6",))["accepted"][-1] == {"answer": "0.6", "points": 1}
    assert correction.corrected_rule(choice, drop=True)["type"] == "dropped"
    assert correction.corrected_rule(choice, everybody=True) == {"type": "everybody", "max": 1}
    with pytest.raises(ItembankError):
        correction.corrected_rule(choice, key="A", drop=True)
    with pytest.raises(ItembankError):
        correction.corrected_rule(choice, also=("E",))


@pytest.mark.parametrize("gone", [{"drop": True}, {"everybody": True}])
@pytest.mark.parametrize("kind", [k for k in RULES if k not in keys.WITHOUT_ANSWERS])
def test_what_was_dropped_or_credited_to_everybody_comes_back(kind, gone):
    rule = RULES[kind]
    after = correction.corrected_rule(rule, **gone)
    assert correction.corrected_rule(after, restore=True, before=rule) == rule
    if kind == "choice":
        assert correction.corrected_rule(after, key="C", before=rule) == {**rule, "credit": {"C": 1}}
        assert correction.corrected_rule(after, also=("C",), before=rule)["credit"] == {"B": 1, "C": 1}
        with pytest.raises(ItembankError, match="no option"):
            correction.corrected_rule(after, also=("E",), before=rule)
    if kind in ("rubric", "match"):
        with pytest.raises(ItembankError, match=f"scored by a {kind}"):
            correction.corrected_rule(after, key="C", before=rule)
    with pytest.raises(ItembankError, match="none before it"):
        correction.corrected_rule(after, key="C")
    with pytest.raises(ItembankError, match="neither dropped"):
        correction.corrected_rule(rule, restore=True)


def test_the_key_before_a_drop_is_the_one_that_comes_back(furnished, run, tmp_path):
    load_three(run, tmp_path)

    def agreed(number, *how):
        assert run("keys", "correct", "Q1", *how, "--reason", "why", "--as", "leadA")[0] == 0
        for voter in ("authorA", "leadB"):
            assert run("decisions", "agree", str(number), "--as", voter)[0] == 0

    agreed(1, "--key", "C")
    agreed(2, "--drop")
    code, out, _ = run("keys", "correct", "Q1", "--restore", "--reason", "counts", "--as", "leadA", "--dry-run")
    assert code == 0
    assert "dropped: not scored becomes C" in out  # not the first key, B
    agreed(3, "--restore")
    assert run("keys", "history", "Q1", "--format", "csv")[1].splitlines()[-1].startswith("Q1,1,4,C,1,")
    code, _, err = run("keys", "correct", "Q1", "--restore", "--reason", "again", "--as", "leadA")
    assert code == 2
    assert "neither dropped nor" in err


def test_two_corrections_at_once_do_not_overwrite_each_other(furnished):
    """The second to be agreed was proposed on a key that has changed since."""
    with database.writing() as session:
        lead, other = people.person_of(session, "leadA"), people.person_of(session, "authorA")
        version = authoring.version_of(session, "Q1")
        rule = keys.current(session, [version.id])[version.id].rule
        for who, key in ((lead, "C"), (other, "D")):
            decisions.propose(
                session, "key correction", f"item:Q1:{key}", key, "why", who,
                payload={"item_version_id": version.id, "key": 1, "rule": correction.corrected_rule(rule, key=key)},
            )  # fmt: skip
    for number, voters in ((1, ("authorA", "leadB")),):
        for voter in voters:
            with database.writing() as session:
                decisions.vote(session, number, people.person_of(session, voter), "agree")
    with database.writing() as session:
        decisions.vote(session, 2, people.person_of(session, "leadA"), "agree")
    with pytest.raises(Conflict), database.writing() as session:
        decisions.vote(session, 2, people.person_of(session, "leadB"), "agree")
    with database.reading() as session:
        assert decisions.decision_of(session, 2).status == "open"  # the refused vote left nothing
        assert len(session.exec(select(KeyVersion).where(KeyVersion.item_version_id == version.id)).all()) == 2


def test_who_may_not_decide(furnished):
    with database.writing() as session:
        people.add_person(session, "clerk", "Clerk", "B", "coordinator")
        decisions.propose(session, "release", "item:Q1", "release", "why", people.person_of(session, "leadA"))
    with pytest.raises(NotPermitted), database.writing() as session:
        decisions.vote(session, 1, people.person_of(session, "leadA"), "agree")
    with pytest.raises(ItembankError), database.writing() as session:
        decisions.vote(session, 1, people.person_of(session, "leadB"), "decline")  # without saying why
    with database.writing() as session:
        stands = decisions.vote(session, 1, people.person_of(session, "leadB"), "decline", "not yet")
    assert stands.decision.status == "declined"
    with pytest.raises(Conflict), database.writing() as session:
        decisions.vote(session, 1, people.person_of(session, "authorA"), "agree")
    with database.writing() as session:
        lead = people.person_of(session, "leadA")
        again = decisions.propose(session, "release", "item:Q1", "release", "why", lead)
        assert decisions.vote(session, again.id, lead, "decline", "too early").decision.status == "withdrawn"
