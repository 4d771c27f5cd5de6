"""No file that a person may hand in makes a reader crash: it reads it, or refuses it with a sentence."""

import contextlib
import csv
import io
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from itembank import answer_sheets, concepts, forms, item_import, rosters, rubric_scoring, tickets, uploads
from itembank.errors import ItembankError
from itembank.sheets import Layout
from itembank.tabular import parse_table

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
SIGNS = st.text(alphabet="ab09:-{}[]()\"'\n\t,;=@+|&*!#%\u00e9\ufeff\x00 ", max_size=120)
YAML = [b"id: f\nitems: [Q1, Q2@2]\n", b"sections:\n  - name: one\n    items: [Q1]\n"]
FRAMEWORK = [b"- id: ratios\n  title: Ratios\n- id: lines\n  title: Lines\n  prerequisites: [ratios]\n"]
ITEM_TABLE = [
    b"id,title,grade,concepts,type,stem,A,B,C,D,key\nG7-X-001,T,7,ratios,choice,What?,1,2,3,4,A\n",
    b"id;title;concepts;type;key\nQ1;T;ratios;choice;A\n",
]
SCANS = [b"ticket,Q1,Q2\n2222-2222,A,B\n", b"ticket;Q1\n22222222;A\n"]
READINGS = [b"paper,item,points,score\nP1,Q4,0-2,2\nP2,Q4,0-2,1\n"]


def changed(data, raw):
    """The bytes with a few pieces cut, doubled or replaced."""
    for _ in range(data.draw(st.integers(1, 4))):
        a = data.draw(st.integers(0, max(len(raw) - 1, 0)))
        b = data.draw(st.integers(a, min(len(raw), a + 30)))
        new = data.draw(st.one_of(st.binary(max_size=8), SIGNS.map(str.encode), st.just(raw[a:b] * 3)))
        raw = raw[:a] + new + raw[b:]
    return raw


@pytest.mark.parametrize(
    ("name", "seeds", "read"),
    [
        ("plan.yaml", YAML, forms.read_plan),
        ("concepts.yaml", FRAMEWORK, concepts.read_framework),
        ("concepts.json", [b'[{"id": "ratios", "title": "Ratios"}]'], concepts.read_framework),
        ("concepts.csv", [b"id,title\nratios,Ratios\n"], concepts.read_framework),
        ("items.csv", ITEM_TABLE, lambda path: item_import.gather([path])),
        ("package.zip", [b"PK\x05\x06" + b"\0" * 18], lambda path: item_import.gather([path])),
        ("scans.csv", SCANS, lambda path: tickets.redeem(path, path.with_name("tickets.csv"))),
    ],
)
@FEW
@given(data=st.data())
def test_a_changed_file_is_read_or_refused(tmp_path_factory, name, seeds, read, data):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "tickets.csv").write_text("ticket,student,school,class,form\n22222222,9,S,C,F\n")
    path = folder / name
    path.write_bytes(changed(data, data.draw(st.sampled_from(seeds))))
    with contextlib.suppress(ItembankError):
        read(path)


RESULTS = [
    b'<assessmentResult xmlns="http://www.imsglobal.org/xsd/imsqti_result_v2p2"><context sourcedId="9"/><testResult '
    b'identifier="T-F" datestamp="2026-05-04T09:00:00"/><itemResult identifier="I-Q1" datestamp="2026-05-04T09:00:00" '
    b'sequenceIndex="1" sessionStatus="final"><responseVariable identifier="RESPONSE" cardinality="multiple" '
    b'baseType="directedPair"><candidateResponse><value>R1 S</value></candidateResponse></responseVariable>'
    b'<outcomeVariable identifier="SCORE" cardinality="single" baseType="float"><value>1.0</value></outcomeVariable>'
    b"</itemResult></assessmentResult>",
]
ANALYSES = [
    b"name,id,sis_id,submitted,attempt,101: What? [Q1],1.0,102: Match [Q2],1.0,n correct,n incorrect,score\n"
    b'A,1,9,2026-05-04 16:20:11 UTC,1,B) 2,1.0,"1) a\\, b=>S) c,2) d=>D) e",1.0,2,0,2.0\n',
]
PROFILES = [b'{"reader": "canvas", "columns": {"student": "ID"}, "items": {"101": "Q1"}, "cells": "scores"}']
KINDS = {"Q1": "choice", "Q2": "match", "Q3": "rubric"}


@pytest.mark.parametrize(
    ("seeds", "read"),
    [
        (RESULTS, lambda path: uploads.read(path, Layout(), KINDS, "qti")),
        (ANALYSES, lambda path: uploads.read(path, Layout(), KINDS, "canvas")),
        (RESULTS + ANALYSES, lambda path: uploads.read(path, Layout(), KINDS)),
        (PROFILES, uploads.read_profile),
    ],
)
@FEW
@given(data=st.data())
def test_a_changed_upload_is_read_or_refused(tmp_path_factory, seeds, read, data):
    path = tmp_path_factory.mktemp("fuzz") / "upload"
    path.write_bytes(changed(data, data.draw(st.sampled_from(seeds))))
    with contextlib.suppress(ItembankError):
        read(path)


@FEW
@given(data=st.data())
def test_a_changed_package_of_results_is_read_or_refused(tmp_path_factory, data):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as package:
        package.writestr("1.xml", changed(data, RESULTS[0]))
        package.writestr("2.xml", RESULTS[0])
    path = tmp_path_factory.mktemp("fuzz") / "results.zip"
    path.write_bytes(data.draw(st.sampled_from([held.getvalue(), changed(data, held.getvalue())])))
    with contextlib.suppress(ItembankError):
        uploads.read(path, Layout(), KINDS)


@FEW
@given(data=st.data())
def test_changed_readings_are_scores_or_findings(data):
    raw = changed(data, READINGS[0])
    with contextlib.suppress(ItembankError):
        table = parse_table(raw, "R1.csv", ["paper", "item", "score"])
        made = rubric_scoring.readings({"R1": table}, {"Q4": 2})
        assert all(0 <= r.score <= 2 for r in made)


@FEW
@given(data=st.data())
def test_a_changed_roster_is_read_or_refused(tmp_path_factory, data):
    files = {
        "orgs.csv": b"sourcedId,name,type\no1,North,school\n",
        "users.csv": b"sourcedId,role,identifier,givenName,familyName,orgSourcedIds\nu1,student,9,A,B,o1\n",
        "enrollments.csv": b"classSourcedId,schoolSourcedId,userSourcedId,role\nc1,o1,u1,student\n",
    }
    which = data.draw(st.sampled_from([*files, "zip"]))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as package:
        for name, content in files.items():
            package.writestr(name, changed(data, content) if name == which else content)
    raw = changed(data, held.getvalue()) if which == "zip" else held.getvalue()
    path = tmp_path_factory.mktemp("fuzz") / "r.zip"
    path.write_bytes(raw)
    with contextlib.suppress(ItembankError):
        rosters.read_roster(path)
    with contextlib.suppress(ItembankError):
        answer_sheets.names(path)


@pytest.mark.parametrize("word", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_export_lets_a_spreadsheet_compute(word):
    sheet = answer_sheets.Sheet("22222222", word, word, "F", word, word)
    texts = [
        answer_sheets.ticket_list([sheet]),
        rubric_scoring.sheet([word], {word: 2}),
        rubric_scoring.long_table({(word, word): 1}),
    ]
    for text in texts:
        cells = [c for line in csv.reader(io.StringIO(text, newline="")) for c in line]
        assert not any(c[:1] in ("=", "+", "@", "\t", "\r") or (c[:1] == "-" and c[1:2] == "2") for c in cells)
