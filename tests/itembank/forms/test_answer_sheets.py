"""Answer sheets: tickets that show every misreading, no student on a sheet, order by class, scans joined again."""

import csv
import io
import stat
import zipfile
from pathlib import Path

import pytest

from itembank import administrations, answer_sheets, database, forms, item_file, people, tickets
from itembank.errors import Rejected
from tests.itembank.bank.conftest import bank, migrated, run

__all__ = ["bank", "migrated", "run"]
ITEMS = Path(__file__).parents[1] / "items"


def test_one_wrong_sign_or_two_swapped_are_always_noticed():
    for ticket in tickets.fresh(20):
        assert tickets.is_ticket(tickets.shown(ticket).lower())
        for i, sign in enumerate(ticket):
            assert not any(tickets.is_ticket(ticket[:i] + c + ticket[i + 1 :]) for c in tickets.SIGNS if c != sign)
            swapped = ticket[:i] + ticket[i : i + 2][::-1] + ticket[i + 2 :]
            assert swapped == ticket or not tickets.is_ticket(swapped)


def test_every_bar_code_sign_has_three_wide_of_nine_and_its_own_pattern():
    import re

    text = (Path(answer_sheets.__file__).parent / "booklet" / "sheets.typ").read_text("utf-8")
    signs = dict(re.findall(r'"(.)": "([01]{9})"', text))
    assert set(tickets.SIGNS) | {"*"} <= set(signs)
    assert len(set(signs.values())) == len(signs)
    assert all(p.count("1") == 3 for p in signs.values())


def roster_zip(path):
    users = "sourcedId,status,enabledUser,orgSourcedIds,role,identifier,givenName,familyName,password\n" + "".join(
        f"u{i},,true,o1,student,90{i:03d},Given{i},{'ZYXWV'[i % 5]}amily{i},hunter2\n" for i in range(10)
    )
    enrolled = "sourcedId,classSourcedId,schoolSourcedId,userSourcedId,role\n" + "".join(
        f"e{i},c{i % 2},o1,u{i},student\n" for i in range(10)
    )
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("orgs.csv", "sourcedId,name,type,identifier\no1,North School,school,N1\n")
        package.writestr("users.csv", users)
        package.writestr("classes.csv", "sourcedId,title,schoolSourcedId\nc0,Period 1,o1\nc1,Period 2,o1\n")
        package.writestr("enrollments.csv", enrolled)


@pytest.fixture
def printed(bank, run, tmp_path):
    from datetime import date

    assert run("items", "import", ITEMS, "--create-concepts")[0] == 0
    codes = sorted(p.stem for p in ITEMS.glob("X-*.md"))
    with database.writing() as session:
        people.add_district(session, "A")
        forms.freeze(session, "F1", [(c, "") for c in codes])
        forms.freeze(session, "F2", [(c, "") for c in codes[:3]])
        administrations.open_administration(
            session, "spring", ["F1", "F2"], ["A"], date(2026, 5, 1), date(2026, 5, 15), "paper"
        )
    roster_zip(tmp_path / "r.zip")
    code, _, err = run("administrations", "sheets", "spring", "--names", "r.zip", "--blank", "2", "-o", "out")
    assert code == 0, err
    return tmp_path / "out"


def test_sheets_are_written_in_hand_out_order_without_a_student_on_them(printed):
    rows = list(csv.DictReader(io.StringIO((printed / "tickets.csv").read_text())))
    assert len(rows) == 12
    assert len({r["ticket"] for r in rows}) == 12
    assert [r["class"] for r in rows] == ["c0"] * 5 + ["c1"] * 5 + [""] * 2
    first = [int(r["student"]) - 90000 for r in rows[:5]]
    assert first == sorted(first, key=lambda i: f"{'ZYXWV'[i % 5]}amily{i}")
    assert [r["form"] for r in rows[:5]] == ["F1", "F2", "F1", "F2", "F1"]
    for path in printed.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {p.name for p in printed.iterdir()} == {"tickets.csv", "N1-sheets.pdf", "N1-classes.pdf"}
    pages = text_of(printed / "N1-sheets.pdf")
    assert all(tickets.shown(r["ticket"]) in pages for r in rows)
    assert not any(word in pages for word in ("amily", "Given", "9000", "hunter2"))
    lists = text_of(printed / "N1-classes.pdf")
    assert all(f"Given{i}" in lists for i in range(10))
    assert "hunter2" not in lists
    assert "90000" not in lists


def text_of(pdf):
    import shutil
    import subprocess

    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext")
    return subprocess.run(["pdftotext", pdf, "-"], capture_output=True, text=True, check=True).stdout


def test_sheets_are_never_overwritten(printed, run):
    code, _, err = run("administrations", "sheets", "spring", "--names", "r.zip", "-o", "out")
    assert code == 6
    assert "tickets would be lost" in err


def test_scans_find_their_students_again(printed, run, tmp_path):
    rows = list(csv.DictReader(io.StringIO((printed / "tickets.csv").read_text())))
    scans = "ticket,X-CHOICE\n" + "".join(f"{tickets.shown(r['ticket']).lower()},A\n" for r in rows[:3])
    (tmp_path / "scans.csv").write_text(scans)
    words = ("administrations", "sheets", "spring", "--redeem", "scans.csv", "--tickets", "out/tickets.csv")
    code, _, err = run(*words, "-o", "answers.csv")
    assert code == 0, err
    found = list(csv.DictReader(io.StringIO((tmp_path / "answers.csv").read_text())))
    assert [r["student"] for r in found] == [r["student"] for r in rows[:3]]
    assert [r["form"] for r in found] == ["F1", "F2", "F1"]
    wrong = "A" if rows[0]["ticket"][0] != "A" else "B"
    (tmp_path / "scans.csv").write_text(
        f"ticket,Q\n{wrong}{rows[0]['ticket'][1:]},A\n{tickets.fresh(1)[0]},B\n{rows[1]['ticket']},A\n"
        f"{rows[1]['ticket']},A\n{rows[-1]['ticket']},C\n"
    )
    with pytest.raises(Rejected) as refused:
        tickets.redeem(tmp_path / "scans.csv", printed / "tickets.csv")
    found = [(f.line, f.code) for f in refused.value.findings]
    assert found == [(2, "bad-ticket"), (3, "unknown-ticket"), (5, "duplicate-ticket"), (6, "blank-ticket")]


def test_parts_never_split_a_class():
    made = [answer_sheets.Sheet(str(i), "S", f"C{i // 30}", "F", str(i)) for i in range(100)]
    packs = [pack for _, pack in answer_sheets.parts(made, 70)]
    assert [len(p) for p in packs] == [60, 40]
    assert [s for p in packs for s in p] == made


def test_the_body_of_a_sheet_is_the_same_every_time():
    items = [item_file.read(p).item for p in sorted(ITEMS.glob("X-*.md"))]
    one, two = answer_sheets.bodies(items), answer_sheets.bodies(items)
    assert one == two
    assert all(page.startswith(b"\x89PNG") for page in one)


def test_every_question_keeps_its_place_and_columns_are_as_short_as_they_can_be():
    from itertools import pairwise

    from itembank.booklet.columns import columns

    rows = [(str(n), h) for n, h in enumerate([1, 1, 4, 1, 1, 1.5, 1, 1, 1, 1, 3, 1, 1])]
    heights = dict(rows)
    found = columns(rows, 3)
    assert [r for c in found for r in c] == [r for r, _ in rows]
    cuts = [(i, j) for i in range(len(rows) + 1) for j in range(i, len(rows) + 1)]
    best = min(max(sum(h for _, h in rows[a:b]) for a, b in pairwise((0, *cut, len(rows)))) for cut in cuts)
    assert max(sum(heights[r] for r in c) for c in found) <= best + 0.1  # the bisection stops there
    assert columns([], 4) == [[], [], [], []]
    items = [item_file.read(p).item for p in sorted(ITEMS.glob("X-*.md"))]
    for n, item in enumerate(items, 1):
        assert f'"{n}"' in answer_sheets._row(n, item, answer_sheets.WORDS["en"]), item.type


def test_what_is_to_be_filled_is_black_and_large_enough():
    import re

    text = (
        (Path(answer_sheets.__file__).parent / "booklet" / "sheets.typ").read_text("utf-8").partition("// Code 39")[0]
    )
    assert "luma(" not in text  # a printer without grey would dither it
    strokes = [float(w) for w in re.findall(r"stroke: ([\d.]+)mm", text)]
    assert strokes
    assert min(strokes) >= 0.2
    circles = [float(w) for w in re.findall(r"box\(\s*width: ([\d.]+)mm", text)]
    assert min(circles) >= 4


def test_the_letter_of_the_version_is_on_every_sheet():
    items = [item_file.read(p).item for p in sorted(ITEMS.glob("X-*.md"))]
    body = answer_sheets.bodies(items)
    made = [answer_sheets.Sheet("AAAA2222", "S", "C", f"F-v{v}", "1") for v in "AB"]
    areas = {"F-vA": body, "F-vB": body}
    names = ({"S": "North"}, {("S", "C"): "Period 1"})
    pdf = answer_sheets.pdf(made, areas, "T", *names, versions={"F-vA": "A", "F-vB": "B"})
    assert pdf == answer_sheets.pdf(made, areas, "T", *names, versions={"F-vA": "A", "F-vB": "B"})
    assert b"pdfuaid" in pdf
    alone = answer_sheets.pdf(made[:1], {"F-vA": body}, "T", *names, versions={"F-vA": "A"})
    assert len(pdf) - len(alone) < 0.3 * len(alone)  # the circles of both versions are held once


def test_a_class_without_a_roster_gets_sheets_with_a_place_for_the_name(printed, run, tmp_path):
    code, _, err = run("forms", "booklet", "F1", "--edition", "bubble-sheet", "-o", "b.pdf")
    assert code == 0, err
    pages = text_of(tmp_path / "b.pdf")
    assert "Name" in pages
    assert "Date" in pages
    assert run("forms", "booklet", "F1", "--edition", "bubble-sheet", "--language", "both")[0] == 2
    assert run("forms", "booklet", "F1", "--edition", "key", "--large-print")[0] == 2


def test_a_booklet_holds_pictures_that_are_no_text():
    import base64
    import struct
    import zlib
    from dataclasses import replace

    from itembank import booklet
    from itembank.item_model import Figure

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(bytes(6))) + chunk(b"IEND", b"")
    item = item_file.read(ITEMS / "X-NUMERIC.md").item
    figure = Figure("a", "file", "A dot.", {"file": "a.png"}, 0, "", base64.b64encode(png).decode())
    assert b"/Image" in booklet.compiled([replace(item, figures=(figure,))], "T")
