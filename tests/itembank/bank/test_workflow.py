"""Two people of two districts take an item from draft to operational, on SQLite and on PostgreSQL."""

import pytest

from itembank import authoring, database, people, review
from itembank.errors import Conflict, ItembankError, NotPermitted
from itembank.item_file import read_text
from itembank.models import Item

TEXT = """---
id: T-{n}
title: Walking speed
grade: 7
concepts: [ratios]
standards: [7.RP.A.1]
claim: 1
dok: 1
type: choice
calculator: no
points: 1
authors: [{{name: Author A, district: A}}]
difficulty: 0.60
why: A unit rate from two fractions.
verify: {{given: {{miles: 1/2, hours: 1/4}}, key: miles / hours, B: hours / miles, C: miles * hours, D: miles + hours}}
---

Ana walks $\\frac{{1}}{{2}}$ mile in $\\frac{{1}}{{4}}$ hour. {more}

## Options

- A [key]: $2$ miles
- B [rate-inverted]: $\\frac{{1}}{{2}}$ mile
- C [rate-multiplied]: $\\frac{{1}}{{8}}$ mile
- D [rate-added]: $\\frac{{3}}{{4}}$ mile

## Solution

The rate is $2$ miles in one hour.
"""


def item(n=1, more="How many miles in one hour?"):
    text = TEXT.format(n=n, more=more)
    parsed = read_text(text).item
    assert parsed is not None
    return parsed, text


def store(n=1, more="How many miles in one hour?", who="authorA", based_on=None):
    parsed, text = item(n, more)
    with database.writing() as session:
        return authoring.store_item(session, parsed, text, people.person_of(session, who), based_on, "draft", True)


def status(code="T-1"):
    with database.reading() as session:
        return session.exec(authoring.select(Item).where(Item.code == code)).one().status


def test_from_draft_to_operational_as_two_people(any_furnished, run):
    store()
    assert run("reviews", "submit", "T-1", "--as", "authorB")[0] == 4  # the other district's item
    assert run("reviews", "submit", "T-1", "--as", "authorA")[0] == 0
    assert status() == "in review"
    assert run("reviews", "submit", "T-1", "--as", "authorA")[0] == 6
    assert run("reviews", "queue", "--as", "authorA", "--json")[1].strip() == "[]"  # their own work
    assert "T-1" in run("reviews", "queue", "--as", "leadB")[1]
    assert run("reviews", "review", "T-1", "--verdict", "approve", "--as", "authorA")[0] == 4
    assert run("reviews", "review", "T-1", "--verdict", "approve", "--no", "language", "--as", "leadB")[0] == 2
    yes = ("--verdict", "approve", "--yes", "all", "--angoff", "0.6")
    assert run("reviews", "review", "T-1", *yes, "--as", "leadB", "--dry-run")[0] == 0
    assert status() == "in review"
    code, _, err = run("reviews", "review", "T-1", *yes, "--as", "leadB", "--version", "1")
    assert code == 0
    assert "waits for district A" in err
    assert run("reviews", "review", "T-1", *yes, "--as", "leadB")[0] == 6  # reviewed already
    assert status() == "in review"
    assert run("reviews", "review", "T-1", *yes, "--as", "leadA")[0] == 0
    assert status() == "approved"
    for to, shown in (("field-test", "field test"), ("operational", "operational")):
        assert run("reviews", "submit", "T-1", "--to", to, "--reason", "ready", "--as", "leadA")[0] == 0
        number = run("decisions", "list", "--format", "csv")[1].splitlines()[-1].split(",")[0]
        assert run("decisions", "agree", number, "--as", "authorA")[0] == 0
        assert run("decisions", "agree", number, "--as", "leadB")[0] == 0
        assert status() == shown
    assert run("reviews", "submit", "T-1", "--to", "field-test", "--reason", "back", "--as", "leadA")[0] == 6
    assert run("bank", "verify")[0] == 0
    shown = run("reviews", "show", "T-1", "--format", "csv")[1]
    assert shown.count("approve") == 2
    assert ",0.6," in shown


def test_a_change_request_sends_it_back_and_a_new_text_starts_again(any_furnished, run):
    store()
    run("reviews", "submit", "T-1", "--as", "authorA")
    assert run("reviews", "review", "T-1", "--verdict", "change", "--as", "leadB")[0] == 2  # says nothing
    assert run("reviews", "review", "T-1", "--verdict", "change", "--comment", "unit?", "--as", "leadB")[0] == 0
    assert status() == "draft"
    stored = store(more="How many miles does she walk in one hour?")
    assert (stored.outcome, stored.version.number) == ("changed", 2)
    run("reviews", "submit", "T-1", "--as", "authorA")
    assert "T-1" in run("reviews", "queue", "--as", "leadB")[1]
    approve = ("--verdict", "approve", "--yes", "all")
    assert run("reviews", "review", "T-1", *approve, "--as", "leadB", "--version", "1")[0] == 6  # read the old text
    assert run("reviews", "review", "T-1", *approve, "--as", "leadB")[0] == 0
    assert run("reviews", "review", "T-1", *approve, "--as", "leadA")[0] == 0
    assert status() == "approved"


def test_a_text_changed_in_review_withdraws_the_open_approval(furnished, run):
    store()
    run("reviews", "submit", "T-1", "--as", "authorA")
    run("reviews", "review", "T-1", "--verdict", "approve", "--as", "leadB")
    store(more="How far in an hour?")
    assert status() == "draft"
    assert run("reviews", "review", "T-1", "--verdict", "approve", "--as", "leadA")[0] == 6
    assert run("decisions", "list", "--json")[1].strip() == "[]"
    assert "withdrawn" in run("decisions", "list", "--status", "all")[1]


def test_an_editorial_fix_keeps_reviews_and_status_by_joint_decision(furnished, run):
    store()
    run("reviews", "submit", "T-1", "--as", "authorA")
    for who in ("leadA", "leadB"):
        run("reviews", "review", "T-1", "--verdict", "approve", "--as", who)
    assert status() == "approved"
    store(more="How many miles in 1 hour?")
    assert status() == "draft"
    assert run("reviews", "submit", "T-1", "--editorial", "--reason", "one as 1", "--as", "authorA")[0] == 0
    number = run("decisions", "list", "--format", "csv")[1].splitlines()[-1].split(",")[0]
    assert run("decisions", "agree", number, "--as", "authorA")[0] == 4
    assert run("decisions", "agree", number, "--as", "leadA")[0] == 0
    assert run("decisions", "agree", number, "--as", "leadB")[0] == 0
    assert status() == "approved"
    assert run("reviews", "show", "T-1", "--format", "csv")[1].count("\n2,lead") == 2


def test_storing_the_same_text_again_changes_nothing(any_furnished):
    first, again = store(), store()
    assert (first.outcome, again.outcome) == ("new", "unchanged")
    assert again.version.id == first.version.id


def test_the_second_of_two_authors_gets_a_conflict_with_a_difference(any_furnished):
    store()
    store(more="First author's words.", based_on=1)
    with pytest.raises(Conflict) as refused:
        store(more="Second author's words.", who="authorB", based_on=1)
    assert "-Ana walks $\\frac{1}{2}$ mile in $\\frac{1}{4}$ hour. First author's words." in refused.value.sentence
    assert "+Ana walks $\\frac{1}{2}$ mile in $\\frac{1}{4}$ hour. Second author's words." in refused.value.sentence
    with database.reading() as session:
        assert "First author" in authoring.latest_version(session, "T-1").source


def test_a_version_is_never_changed(furnished):
    store()
    with database.reading() as session:
        before = authoring.version_of(session, "T-1@1").source
    store(more="Other words.")
    with database.reading() as session:
        assert authoring.version_of(session, "T-1@1").source == before
        assert authoring.version_of(session, "T-1").number == 2
        with pytest.raises(ItembankError):
            authoring.version_of(session, "T-1@9")


def test_every_transition_leads_to_a_known_status_and_none_skips_the_review():
    for status_, to in review.TRANSITIONS.items():
        assert set(to) <= set(review.TRANSITIONS)
        if status_ != "in review":
            assert "approved" not in to


def test_assigning_a_review_shows_in_the_queue_with_its_date(furnished, run):
    store()
    run("reviews", "submit", "T-1", "--as", "authorA")
    assert run("reviews", "assign", "T-1", "--to", "authorA", "--as", "leadA")[0] == 4
    assert run("reviews", "assign", "T-1", "--to", "authorB", "--due", "2026-02-30", "--as", "leadA")[0] == 2
    assert run("reviews", "assign", "T-1", "--to", "authorB", "--due", "2026-02-01", "--as", "leadA")[0] == 0
    assert "2026-02-01" in run("reviews", "queue", "--as", "authorB")[1]


def test_remarks_and_answers_stay_together(furnished, run):
    store()
    remark = ("reviews", "review", "T-1", "--verdict", "comment", "--comment")
    assert run(*remark, "Which unit?", "--as", "authorB")[0] == 0
    assert run(*remark, "Another thing", "--as", "leadB")[0] == 0
    assert run(*remark, "Miles", "--answer-to", "1", "--as", "authorA")[0] == 0
    assert run(*remark, "Lost", "--answer-to", "9", "--as", "authorA")[0] == 3
    assert run(*remark, " ", "--as", "authorA")[0] == 2
    assert run(*remark, "not kept", "--as", "authorA", "--dry-run")[0] == 0
    rows = run("reviews", "show", "T-1", "--comments", "--format", "csv")[1].splitlines()[1:]
    assert [r.split(",")[4] for r in rows] == ["Which unit?", "Miles", "Another thing"]


def test_nobody_and_strangers_do_not_act(furnished, run):
    assert run("reviews", "queue")[0] == 2
    assert run("reviews", "queue", "--as", "nobody")[0] == 3
    with pytest.raises(NotPermitted), database.reading() as session:
        people.require(session, "students", "authorA")


def test_items_are_registered_from_a_table_or_refused_with_every_fault(furnished, tmp_path):
    (tmp_path / "more.csv").write_text(
        "id,title,concepts,type,key,points\n"
        "R1,One,algebra;ratios,choice,3,1\nR2,Two,algebra,numeric,0.5|1/2,2\nR3,Three,ratios,rubric,,4\n"
    )
    for outcome in ("new", "unchanged"):
        with database.writing() as session:
            stored = authoring.register_items(session, tmp_path / "more.csv")
        assert [s.outcome for s in stored] == [outcome] * 3
    (tmp_path / "more.csv").write_text(
        "id;title;concepts;type;key;points\n"
        "R4;a;;choice;B;1\nR5;b;x;essay;B;1\nR6;c;x;numeric;half;1\nR7;d;x;choice;B;many\nR8;e;x;choice;;1\n"
        "R9;f;x;choice;B;1\nR9;g;x;choice;B;1\nR 10;h;x;choice;B;1\n"
    )
    with pytest.raises(ItembankError) as refused, database.writing() as session:
        authoring.register_items(session, tmp_path / "more.csv")
    assert refused.value.exit_code == 3
    assert [(f.line, f.column, f.code) for f in refused.value.findings] == [
        (2, "concepts", "no-concept"),
        (3, "type", "unknown-type"),
        (4, "key", "bad-key"),
        (5, "points", "bad-points"),
        (6, "key", "no-key"),
        (8, "id", "duplicate-item"),
        (9, "id", "bad-code"),
    ]
    with database.reading() as session, pytest.raises(ItembankError):
        authoring.version_of(session, "R9")


def test_unknown_concepts_are_refused_with_near_ones(furnished):
    parsed, text = item()
    with pytest.raises(ItembankError) as refused, database.writing() as session:
        authoring.store_item(session, _with(parsed, ("ratio",)), text)
    assert [(f.code, f.hint) for f in refused.value.findings] == [("unknown-concept", "Did you mean ratios?")]


def _with(parsed, concepts):
    from dataclasses import replace

    return replace(parsed, concepts=concepts)


def test_ratings_reach_scoring_with_rater_district_and_concept(furnished, run):
    from scoring import bank as gate

    store()
    run("reviews", "submit", "T-1", "--as", "authorA")
    run("reviews", "review", "T-1", "--verdict", "approve", "--angoff", "0.6", "--as", "leadB")
    run("reviews", "review", "T-1", "--verdict", "approve", "--as", "leadA")  # without a rating
    with gate.reading() as session:
        ratings = gate.angoff_ratings(session)
    assert ratings.to_dict("records") == [
        {"item": "T-1", "version": 1, "concept": "ratios", "rater": "leadB", "district": "B", "rating": 0.6}
    ]
