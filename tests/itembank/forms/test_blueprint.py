"""Blueprints: read with every problem at its line; rules counted."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itembank import blueprint
from itembank.blueprint import Candidate, Limits, Rule
from itembank.errors import Rejected


def test_the_template_is_a_blueprint():
    found = blueprint.parse(blueprint.TEMPLATE.encode())
    assert found.forms == 2
    assert found.overlap == 8
    assert found.theta == (-1, 0, 1)
    assert found.stimuli == Limits(2, 4)
    assert [s.name for s in found.sections] == ["Without a calculator", "With a calculator"]
    words = [str(r) for r in found.rules]
    assert "at least 6 points with standard 7.EE" in words
    assert "exactly 20 items in section 'Without a calculator'" in words
    assert "at least 6 and at most 9 items with concept proportional-relationships" in words


def test_every_problem_is_found_at_once():
    text = (
        b"id: x\nitems: many\nponits: 3\nforms: 0\nrules:\n  - {dok: 1, claim: 1, items: 2}\n  - {dok: 1}\n"
        b"  - {dok: 1, items: {min: 5, max: 3}}\ninformation: {at: []}\nbooklets: {blocks: 3, each: 9}\n"
    )
    with pytest.raises(Rejected) as refused:
        blueprint.parse(text)
    found = {(f.line, f.code) for f in refused.value.findings}
    assert found == {
        (2, "not-a-number"),
        (3, "unknown-key"),
        (4, "too-small"),
        (6, "bad-rule"),
        (7, "bad-rule"),
        (8, "bad-limits"),
        (9, "bad-information"),
        (10, "bad-booklets"),
    }
    assert next(f.hint for f in refused.value.findings if f.line == 3) == "did you mean points?"


@pytest.mark.parametrize(
    "text",
    [b"\xff\xfe", b"a: [", b"- 1", b"", b"a: &x [1]\nb: *x", b"id: x\n" + b"#" * 300_000, b"id: {a: b}\nitems: .nan"],
)
def test_what_is_no_blueprint_is_refused(text):
    with pytest.raises(Rejected):
        blueprint.parse(text)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="abid: {}[]-\n,0.5&*!|>items", max_size=80))
def test_no_text_crashes_the_reader(text):
    with contextlib.suppress(Rejected):
        assert blueprint.parse(text.encode()).id


def test_a_standard_counts_with_everything_below_it():
    rule = Rule("points", Limits(1), "standard", ("7.EE", "7.NS.A.1"))
    for standard, value in [("7.EE.A.1", 2), ("7.EE", 2), ("7.EEX", 0), ("7.NS.A.1a", 0), ("7.NS.A.1.a", 2)]:
        assert blueprint.counted(rule, Candidate("I", {"standard": (standard,)}, points=2)) == value


def test_a_form_is_checked_against_its_blueprint():
    bp = blueprint.parse(b"id: x\nitems: 2\nanchors: [Z]\nrules: [{dok: 2, items: {min: 1}, section: P}]")
    one = Candidate("A", {"dok": ("2",)}, enemies=("B",))
    two = Candidate("B", {"dok": ("1",)}, enemies=("A",))
    found = [f.code for f in blueprint.violations(bp, [(one, "Q"), (two, "P")])]
    assert found == ["rule-broken", "enemies", "no-anchor"]
