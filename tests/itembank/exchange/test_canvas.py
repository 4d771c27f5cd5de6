"""The package for Canvas: structure, answers by an independent reader, pictures, and the list of what Canvas loses."""

import csv
import html
import io
import os
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from itembank import authoring, item_file, keys, mathtext
from itembank.answers import value_of
from itembank.exchange import canvas, canvas_losses, safe

ROOT = Path(__file__).parents[3]
STEP = 1 if os.environ.get("ITEMBANK_ALL_ITEMS") else 4  # the whole joint bank where that is wanted
PATHS = sorted((ROOT / "tests/itembank/items").glob("X-*.md")) + sorted((ROOT / "items").glob("*/*-*.md"))[::STEP]
ITEMS = [item_file.read(p).item for p in PATHS]
Q = "{http://www.imsglobal.org/xsd/ims_qtiasiv1p2}"
CC = "{http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1}"


@pytest.fixture(scope="module")
def made():
    raw, losses = canvas.package(ITEMS, "All <items> & more", "All items")
    return safe.unzipped(raw), losses


@pytest.fixture(scope="module")
def questions(made):
    root = ElementTree.fromstring(made[0]["quiz-All-items/quiz-All-items.xml"])
    return {node.get("ident"): node for node in root.iter(f"{Q}item")}


def fields(node):
    pairs = ((f.find(f"{Q}fieldlabel").text, f.find(f"{Q}fieldentry").text) for f in node.iter(f"{Q}qtimetadatafield"))
    return dict(pairs)


def score(node, given):
    """Points in a hundred, by the conditions as they stand: {response: set of given values}."""

    def holds(test):
        tag = test.tag.removeprefix(Q)
        if tag in ("and", "conditionvar"):
            return any(map(holds, test)) if tag == "conditionvar" else all(map(holds, test))
        if tag == "or":
            return any(map(holds, test))
        if tag == "not":
            return not holds(test[0])
        if tag == "other":
            return False
        values = given.get(test.get("respident"), set())
        if tag == "varequal":
            return any(v.casefold() == test.text.casefold() for v in values)
        number = next((value_of(v) for v in values), None)
        limit = value_of(test.text)
        return number is not None and (number >= limit if tag == "vargte" else number <= limit)

    total = 0.0
    for condition in node.iter(f"{Q}respcondition"):
        setting = condition.find(f"{Q}setvar")
        if setting is not None and holds(condition.find(f"{Q}conditionvar")):
            total = total + float(setting.text) if setting.get("action") == "Add" else float(setting.text)
    return total


def labels(node, place="response1"):
    """What a student sees of each option -> its id."""
    response = next(r for r in node.iter(f"{Q}response_lid") if r.get("ident") == place)
    return {
        label.find(f"{Q}material/{Q}mattext").text.partition(")")[0]: label.get("ident")
        for label in response.iter(f"{Q}response_label")
    }


def test_every_resource_is_there_and_every_identifier_is_one_thing(made):
    files, _ = made
    manifest = ElementTree.fromstring(files["imsmanifest.xml"])
    resources = list(manifest.iter(f"{CC}resource"))
    named = [r.get("identifier") for r in resources]
    assert len(set(named)) == len(named)
    hrefs = [f.get("href") for f in manifest.iter(f"{CC}file")]
    assert sorted([*hrefs, "imsmanifest.xml"]) == sorted(files)
    assert {d.get("identifierref") for d in manifest.iter(f"{CC}dependency")} <= set(named)
    assert Counter(r.get("type") for r in resources)["imsqti_xmlv1p2"] == 1
    meta = ElementTree.fromstring(files["quiz-All-items/assessment_meta.xml"])
    said = {node.tag.partition("}")[2]: node.text for node in meta}
    assert said["title"] == "All <items> & more"
    assert float(said["points_possible"]) == sum(i.points for i in ITEMS)
    assert (said["show_correct_answers"], said["hide_results"], said["shuffle_answers"]) == ("false", "always", "false")
    assert canvas.package(ITEMS[:3], "T", "t") == canvas.package(ITEMS[:3], "T", "t")


def test_questions_are_of_their_types_with_ids_of_their_own(questions):
    assert list(questions) == [i.id for i in ITEMS]
    kinds = {i: fields(node)["question_type"] for i, node in questions.items()}
    expected = {"choice": {"multiple_choice_question"}, "multi-select": {"multiple_answers_question"},
                "numeric": {"numerical_question", "short_answer_question"}, "short-text": {"short_answer_question"},
                "match": {"matching_question", "multiple_answers_question"}, "rubric": {"essay_question"}}  # fmt: skip
    assert all(kinds[i.id] in expected[i.type] for i in ITEMS)
    assert all(float(fields(questions[i.id])["points_possible"]) == i.points for i in ITEMS)
    answers = [a for node in questions.values() for a in (fields(node)["original_answer_ids"] or "").split(",") if a]
    assert len(answers) == len(set(answers))
    for node in questions.values():
        responses = [r.get("ident") for r in node.iter() if r.tag in (f"{Q}response_lid", f"{Q}response_str")]
        asked = {t.get("respident") for t in node.iter() if t.get("respident")}
        assert asked <= set(responses)
        assert len(set(responses)) == len(responses) > 0


def test_answers_earn_there_what_they_earn_here(questions):
    """All points and none agree; shares in between are named as losses."""
    for item in ITEMS:
        node, rule = questions[item.id], authoring.rule_of(item)
        if item.type in ("choice", "multi-select"):
            ids = labels(node)
            assert list(ids) == [o.letter for o in item.options]
            wrong = [o.letter for o in item.options if not o.key]
            for chosen in (item.keys, wrong[:1], [*item.keys, *wrong[:1]]):
                if item.type == "choice" and len(chosen) > 1:
                    continue
                full = keys.points_of(rule, "".join(sorted(chosen))) == item.points
                assert (score(node, {"response1": {ids[c] for c in chosen}}) == 100) == full, item.id
        elif item.type in ("numeric", "short-text"):
            for answer in item.answers:
                typed = mathtext.typed(answer.text)
                there = score(node, {"response1": {typed}})
                assert (there == 100) == (keys.points_of(rule, typed) == item.points), (item.id, typed)
        elif item.type == "match" and fields(node)["question_type"] == "matching_question":
            places = {
                r.find(f"{Q}material/{Q}mattext").text.partition(")")[0]: r.get("ident")
                for r in node.iter(f"{Q}response_lid")
            }
            given = {places[r.id]: {labels(node, places[r.id])[r.keys[0]]} for r in item.rows}
            assert score(node, given) == pytest.approx(100, abs=0.05)  # shares are written with two decimals
            assert score(node, {}) == 0
        elif item.type == "match":
            right = {
                ident for mark, ident in labels(node).items() if mark in {r.id + k for r in item.rows for k in r.keys}
            }
            assert score(node, {"response1": right}) == 100
        else:
            assert score(node, {"response1": {"anything"}}) == 0


def test_pictures_have_their_text_and_formulas_their_latex(made, questions):
    files, _ = made
    for item in ITEMS:
        texts = [n.text or "" for n in questions[item.id].iter(f"{Q}mattext")]
        page = " ".join(texts)
        assert f"[{item.id}]" in texts[0]
        shown = [(html.unescape(a), s) for s, a in re.findall(r'<img src="([^"]*)" alt="([^"]*)"', page)]
        assert [a for a, _ in shown] == [f.alt for f in item.figures], item.id
        for _, source in shown:
            assert files[source.removeprefix(canvas.FILES)].startswith(b"\x89PNG")
        held = {html.unescape(s) for s in re.findall(r'data-equation-content="([^"]*)"', page)}
        assert {s.text for s in mathtext.split(item.stem).segments if s.math} <= held, item.id
        assert "<math" not in page
        assert not any(m in page for m in item.misconceptions)


def test_each_loss_is_named_for_its_item(made):
    _, losses = made
    parts = {item.id: {f.column for f in losses if f.source == item.id} for item in ITEMS}
    assert all(f.code == "qti-loss" and f.column for f in losses)
    for item in ITEMS:
        here = parts[item.id]
        assert ("misconceptions" in here) == bool(item.misconceptions)
        assert ("rubric" in here) == (item.type == "rubric")
        assert ("partial credit" in here) == (item.type in ("multi-select", "match"))
        assert ("spelling" in here) == (item.type in ("numeric", "short-text"))
        assert ("calculator" in here) == (item.calculator != "neutral")
        assert ("language" in here) == bool(item.variants)
        assert {"tags"} <= here
    rows = list(csv.DictReader(io.StringIO(canvas_losses.table(losses))))
    assert len(rows) == len(losses)
    assert tuple(rows[0]) == canvas_losses.COLUMNS


def test_a_row_with_two_right_columns_becomes_a_list_of_pairs_and_formulas_in_tables_are_said():
    from dataclasses import replace

    item = next(i for i in ITEMS if i.id == "X-MATCH")
    first = replace(item.rows[0], keys=("S", "D"), text="$\\frac{1}{2}$ of it")
    raw, losses = canvas.package([replace(item, rows=(first, *item.rows[1:]))], "T", "t", "es")
    root = ElementTree.fromstring(safe.unzipped(raw)["quiz-t/quiz-t.xml"])
    node = next(root.iter(f"{Q}item"))
    ids = labels(node)
    assert list(ids) == ["1S", "1D", "2S", "2D", "3S", "3D"]
    assert score(node, {"response1": {ids[k] for k in ("1S", "1D", "2D", "3D")}}) == 100
    assert score(node, {"response1": {ids[k] for k in ("1S", "2D", "3D")}}) == 0
    assert {f.column for f in losses} >= {"interaction", "partial credit"}
    raw, losses = canvas.package([replace(item, rows=(replace(first, keys=("S",)), *item.rows[1:]))], "T", "t")
    assert "math" in {f.column for f in losses}
    assert b"1) 1/2 of it" in safe.unzipped(raw)["quiz-t/quiz-t.xml"]


def test_no_name_leads_out_of_the_package_and_no_cell_is_a_formula():
    raw, _ = canvas.package(ITEMS[:1], "=1+1", "../../etc/passwd")
    assert all(safe.inner_path(n) == n for n in safe.unzipped(raw))
    bad = [canvas_losses.loss(ITEMS[0], "=cmd", "+1+cmd|'/C calc'!A0")]
    cells = next(csv.reader(io.StringIO(canvas_losses.table(bad).split("\n", 1)[1])))
    assert not any(c[:1] in "=+@" for c in cells)
