"""Responses out of an LMS: QTI results and Canvas' Student Analysis become the same sittings as a table; profiles."""

import csv
import io
import json
import zipfile

import pytest

from itembank import database, uploads
from itembank.errors import Rejected
from itembank.exchange import canvas_answers, results
from itembank.sheets import Layout

KINDS = {"Q1": "choice", "Q2": "numeric", "Q3": "multi-select", "Q4": "rubric", "Q5": "short-text", "Q6": "match"}
NAMESPACES = (
    "http://www.imsglobal.org/xsd/imsqti_result_v2p1",
    "http://www.imsglobal.org/xsd/imsqti_result_v2p2",
    "http://www.imsglobal.org/xsd/imsqti_result_v3p0",
    "",
)


def variable(base, *values, cardinality="single", identifier="RESPONSE"):
    inside = "".join(f"<value>{v}</value>" for v in values)
    return (
        f'<responseVariable identifier="{identifier}" cardinality="{cardinality}" baseType="{base}"><correctResponse>'
        f"<value>WRONG</value></correctResponse><candidateResponse>{inside}</candidateResponse></responseVariable>"
    )


def item(name, inside, at="2026-05-04T09:00:00", index="1", status="final"):
    return (
        f'<itemResult identifier="I-{name}" datestamp="{at}" sequenceIndex="{index}" sessionStatus="{status}">'
        f'<responseVariable identifier="numAttempts" cardinality="single" baseType="integer"><candidateResponse>'
        f"<value>1</value></candidateResponse></responseVariable>{inside}</itemResult>"
    )


def score(points):
    return (
        '<outcomeVariable identifier="SCORE" cardinality="single" baseType="float">'
        f"<value>{points}</value></outcomeVariable>"
    )


def document(student="S-1", items=None, namespace=NAMESPACES[0], form="T-F1", prefix=""):
    if items is None:
        items = [
            item("Q1", variable("identifier", "B")),
            item("Q2", variable("float", "0.5")),
            item("Q3", variable("identifier", "C", "A", cardinality="multiple")),
            item("Q4", variable("string", "Because") + score("2.0")),
            item("Q5", variable("string", "rhombus")),
        ]
    body = (
        f'<context sourcedId="{student}"/><testResult identifier="{form}" datestamp="2026-05-04T09:40:00Z"/>'
        + "".join(items)
    )
    if prefix:
        import re

        body = re.sub(r"<(/?)(\w)", rf"<\1{prefix}:\2", body)
        return f'<{prefix}:assessmentResult xmlns:{prefix}="{namespace}">{body}</{prefix}:assessmentResult>'
    space = f' xmlns="{namespace}"' if namespace else ""
    return f"<assessmentResult{space}>{body}</assessmentResult>"


def zip_of(files):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


WANTED = {"student": "S-1", "date": "2026-05-04", "form": "F1", "Q1": "B", "Q2": "0.5", "Q3": "A,C", "Q4": "2",
          "Q5": "rhombus"}  # fmt: skip


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_results_are_a_row_per_student_in_every_spelling(namespace):
    table = results.read(document(namespace=namespace).encode(), "r.xml", KINDS)
    assert table.records() == [WANTED]
    if namespace:
        assert results.read(document(namespace=namespace, prefix="q").encode(), "r.xml", KINDS).records() == [WANTED]
    kebab = document(namespace=namespace).replace("assessmentResult", "qti-assessment-result")
    kebab = kebab.replace("candidateResponse", "qti-candidate-response").replace("sourcedId", "sourced-id")
    kebab = kebab.replace("itemResult", "qti-item-result").replace("responseVariable", "qti-response-variable")
    assert results.read(kebab.encode(), "r.xml", KINDS).records() == [WANTED]
    utf16 = ("<?xml version='1.0' encoding='utf-16'?>" + document(namespace=namespace)).encode("utf-16")
    assert results.read(utf16, "r.xml", KINDS).records() == [WANTED]


def test_the_latest_attempt_counts_and_matches_are_read_row_by_row():
    pairs = variable("directedPair", "R1 S", "R2 D", cardinality="multiple")
    items = [
        item("Q1", variable("identifier", "A"), "2026-05-05T08:00:00", "2"),
        item("Q1", variable("identifier", "B"), "2026-05-04T08:00:00", "1"),
        item("Q6", pairs),
        item("Q4", variable("string", "Because"), status="pendingExternalScoring"),
        item("Q5", variable("string")),
    ]
    table = results.read(document(items=items).encode(), "r.xml", KINDS)
    assert table.records() == [
        {"student": "S-1", "date": "2026-05-05", "form": "F1", "Q1": "A", "Q6": "1S 2D", "Q4": "", "Q5": ""}
    ]
    assert [f.code for f in table.findings] == ["several-attempts"]


def test_every_bad_document_of_a_package_is_named_and_no_student_is():
    raw = zip_of({
        "a.xml": document(),
        "b.xml": "<assessmentResult><context",
        "c.xml": "<other/>",
        "d.xml": '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        "e.xml": document(items=[item("Q1", variable("string", "A") + variable("string", "B", identifier="R2"))]),
        "imsmanifest.xml": "<manifest/>",
        "notes.txt": "nothing",
    })  # fmt: skip
    with pytest.raises(Rejected) as refused:
        results.read(raw, "r.zip", KINDS)
    found = [(f.source, f.code) for f in refused.value.findings]
    assert found == [("r.zip/b.xml", "bad-xml"), ("r.zip/c.xml", "not-a-result"), ("r.zip/d.xml", "xml-doctype"),
                     ("r.zip/e.xml", "several-responses")]  # fmt: skip
    assert "S-1" not in str([str(f) for f in refused.value.findings])


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (zip_of({"../a.xml": document()}), "path-outside"),
        (zip_of({"a.xml": "0" * 20_000_000}), "zip-bomb"),
        (zip_of({"a.xml": "<a>" * 101 + "</a>" * 101}), "bad-results"),
        (zip_of({}), "bad-results"),
        (b"<assessmentItem/>", "bad-results"),
        (
            b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><assessmentResult>&a;</assessmentResult>',
            "bad-results",
        ),
    ],
)
def test_hostile_results_are_refused(raw, code):
    with pytest.raises(Rejected) as refused:
        results.read(raw, "r", KINDS)
    assert refused.value.code == code


QUESTIONS = (
    "101: Point  is reflected.\nWhere? [Q1]", "102: How much? [Q2]", "103: Which? [Q3]", "104: Explain [Q4]",
    "105: Name it [Q5]", "106: Match, please [Q6]",
)  # fmt: skip
HEAD = ["name", "id", "sis_id", "section", "section_id", "section_sis_id", "submitted", "attempt"]
ROW = ["Ann Example", "77", "S-1", "Period 1", "5", "x", "2026-05-04 16:20:11 UTC", "1", "B) (3, 2)", "1.0", "0.5",
       "1.0", "A) one\\, two,C) three", "0.5", "Because, yes", "2.0", "rhombus", "1.0",
       "1) First\\, x=>S) same,2) Second=>D) not", "1.0", "4", "2", "6.5"]  # fmt: skip


def analysis(*rows, head=HEAD, questions=QUESTIONS):
    held = io.StringIO(newline="")
    writer = csv.writer(held)
    writer.writerow([*head, *[c for q in questions for c in (q, "1.0")], "n correct", "n incorrect", "score"])
    writer.writerows(rows)
    return held.getvalue()


def test_a_student_analysis_is_a_row_per_student_without_names():
    raw = analysis(ROW)
    assert canvas_answers.is_canvas(raw)
    table = canvas_answers.read(raw.encode("utf-8-sig"), "c.csv", KINDS, {})
    assert table.records() == [
        {"student": "S-1", "date": "2026-05-04", "Q1": "B", "Q2": "0.5", "Q3": "A,C", "Q4": "2", "Q5": "rhombus",
         "Q6": "1S 2D"}
    ]  # fmt: skip
    assert "Ann" not in str(table.records())
    cells = dict(zip(range(len(ROW)), ROW, strict=True)) | {8: "", 12: "", 14: "", 15: "", 18: "1) First=>,2) Second=>"}
    (blank,) = canvas_answers.read(analysis(list(cells.values())).encode(), "c.csv", KINDS, {}).records()
    assert [blank[q] for q in ("Q1", "Q3", "Q4", "Q6")] == ["", "", "", ""]


def test_the_last_attempt_counts_and_other_quizzes_are_mapped_by_number():
    later = [*ROW[:7], "2", "C) no", *ROW[9:]]
    table = canvas_answers.read(analysis(later, ROW).encode(), "c.csv", KINDS, {})
    assert [r["Q1"] for r in table.records()] == ["C"]
    assert [f.code for f in table.findings] == ["several-attempts"]
    plain = analysis(ROW, questions=[q.partition("[")[0] for q in QUESTIONS])
    with pytest.raises(Rejected) as refused:
        canvas_answers.read(plain.encode(), "c.csv", KINDS, {})
    assert [(f.code, f.column) for f in refused.value.findings] == [("no-item-code", str(n)) for n in range(101, 107)]
    mapped = {str(101 + i): f"Q{i + 1}" for i in range(6)}
    assert canvas_answers.read(plain.encode(), "c.csv", KINDS, mapped).records()[0]["Q6"] == "1S 2D"
    with pytest.raises(Rejected) as refused:
        canvas_answers.read(plain.encode(), "c.csv", KINDS, dict.fromkeys(mapped, "Q1"))
    assert {f.code for f in refused.value.findings} == {"duplicate-item"}


def test_canvas_own_numbers_are_warned_about_and_named_columns_are_used():
    cut = [h for h in HEAD if "sis" not in h]
    row = [v for h, v in zip(HEAD, ROW, strict=False) if "sis" not in h] + ROW[len(HEAD) :]
    table = canvas_answers.read(analysis(row, head=cut).encode(), "c.csv", KINDS, {})
    assert [f.code for f in table.findings] == ["canvas-numbers"]
    assert table.records()[0]["student"] == "77"
    assert (
        canvas_answers.read(analysis(ROW).encode(), "c.csv", KINDS, {}, "section").records()[0]["student"] == "Period 1"
    )
    with pytest.raises(Rejected) as refused:
        canvas_answers.read(analysis(ROW).encode(), "c.csv", KINDS, {}, "nowhere")
    assert [f.code for f in refused.value.findings] == ["missing-column"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_an_analysis_in_any_encoding_is_known_and_read(tmp_path, encoding):
    path = tmp_path / "c.csv"
    path.write_bytes(analysis(["Añejo", *ROW[1:]]).encode(encoding))
    assert uploads.read(path, Layout(), KINDS).records()[0]["Q6"] == "1S 2D"


def kept():
    """Student-free view of what is stored: answers by item version and code."""
    from sqlmodel import select

    from itembank.models import AnswerCode, RawResponse, Sitting

    with database.reading() as session:
        packed = sorted(bytes(r.packed) for r in session.exec(select(RawResponse)).all())
        words = sorted((a.item_version_id, a.code, a.kind, a.answer) for a in session.exec(select(AnswerCode)).all())
        return packed, words, sorted(str(s.tested_on) for s in session.exec(select(Sitting)).all())


@pytest.mark.parametrize("kind", ["qti", "canvas", "table"])
def test_every_way_in_ends_in_the_same_sittings(furnished, run, tmp_path, kind):
    files = {
        "qti": zip_of({"1.xml": document("S-1"), "2.xml": document("S-2", [item("Q1", variable("identifier", "A"))])}),
        "canvas": analysis(
            ROW[:18] + ROW[-3:],
            ["Bo", "78", "S-2", "", "", "", "2026-05-04 16:20:11 UTC", "1", "A) x", "0", *[""] * 8, "0", "5", "0"],
            questions=QUESTIONS[:5],
        ).encode(),
        "table": b'student,date,Q1,Q2,Q3,Q4,Q5\nS-1,2026-05-04,B,0.5,"A,C",2,rhombus\nS-2,2026-05-04,A,,,,\n',
    }
    path = tmp_path / f"upload.{kind}"
    path.write_bytes(files[kind])
    code, _, err = run("responses", "check", path, "--district", "A", "--save-profile", "p.json")
    assert code == 0, err
    saved = json.loads((tmp_path / "p.json").read_text())
    assert saved["fixed"] == {"district": "A"}
    code, _, err = run("responses", "load", path, "--profile", "p.json")
    assert code == 0, err
    assert "Loaded 2 sittings" in err
    packed, words, days = kept()
    assert days == ["2026-05-04"] * 2
    assert {(w[2], w[3]) for w in words} == {("answer", a) for a in ("B", "A", "0.5", "A,C", "rhombus")} | {
        ("score", "2")
    }
    assert len(packed) == 2
    code, _, err = run("responses", "load", path, "--profile", "p.json")
    assert "nothing was changed" in err


def test_faults_of_an_upload_are_named_with_row_and_column(furnished, run, tmp_path):
    good = ROW[:18] + ROW[-3:]
    bad = [*good[:2], "S-2", *good[3:8], "Z) what", *good[9:]]
    (tmp_path / "c.csv").write_text(analysis(good, bad, good, questions=QUESTIONS[:5]))
    code, _, err = run("responses", "check", "c.csv", "--district", "A", "--reader", "canvas")
    assert code == 3
    assert "c.csv:4 [Q1]: error: The cell is no option of Q1" in err  # the header takes two lines
    assert "c.csv:5 [student]: error: The student of this row stands in row 3 already." in err
    assert "Ann" not in err
    assert run("responses", "check", "c.csv", "--reader", "nothing")[0] == 2
    (tmp_path / "c.csv").write_text(analysis(good, bad, questions=QUESTIONS[:5]))
    code, _, err = run("responses", "load", "c.csv", "--district", "A", "--rejected", "again.csv")
    assert code == 0, err
    again = (tmp_path / "again.csv").read_text()
    assert "S-2" in again
    assert "Ann" not in again
    (tmp_path / "again.csv").write_text(again.replace(",Z,", ",C,"))
    code, _, err = run("responses", "load", "again.csv", "--district", "A")
    assert code == 0, err
    assert "Loaded 1 sitting" in err


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"columns": 1}',
        '{"reader": "x"}',
        '{"cells": "no"}',
        '{"what": 1}',
        '{"attributes": "a"}',
        "\x00",
    ],
)
def test_a_bad_profile_is_refused(tmp_path, text):
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(Rejected):
        uploads.read_profile(path)


def test_a_profile_keeps_a_mapping_and_flags_change_it(tmp_path):
    layout = Layout(
        columns={"student": "ID"}, items={"Response 1": "Q1"}, attributes=("el",), prefix="x", cells="scores"
    )
    uploads.write_profile(tmp_path / "p.json", layout, "table")
    back, reader = uploads.read_profile(tmp_path / "p.json")
    assert (back.as_dict(), reader) == (layout.as_dict(), "table")
    changed = uploads.merged(back, Layout(items={"Response 2": "Q2"}, fixed={"district": "A"}))
    assert changed.items == {"Response 1": "Q1", "Response 2": "Q2"}
    assert changed.cells == "scores"
