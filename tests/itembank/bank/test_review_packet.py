"""Reviews written on one page and imported from the file that it saves."""

import json
import re

import pytest

from itembank import database, review_packet

from .test_workflow import status, store


@pytest.fixture
def submitted(any_furnished, run):
    for n in (1, 2):
        store(n)
        assert run("reviews", "submit", f"T-{n}", "--as", "authorA")[0] == 0
    assert run("reviews", "assign", "T-2", "--to", "leadB", "--due", "2026-02-01", "--as", "leadA")[0] == 0
    return any_furnished


def answers(page, **change):
    """What the page would save: for each item an approval."""
    found = re.findall(r'data-item="(.+?)" data-version="(\d+)" data-hash="(.+?)"', page)
    filled = {"verdict": "approve", "checklist": {"mathematics": True}, "of100": 65, "comment": ""}
    reviews = [{"item": i, "version": int(v), "hash": h, **filled, **change} for i, v, h in found]
    return {"format": review_packet.FORMAT, "person": "leadB", "reviews": reviews}


def test_a_packet_holds_the_queue_and_its_file_is_stored_once(submitted, run, tmp_path):
    page_file = tmp_path / "packet.html"
    code, out, err = run("reviews", "packet", "--for", "leadB", "-o", page_file)
    assert (code, out.strip()) == (0, str(page_file))
    assert "reviews import reviews-leadB.json" in err
    page = page_file.read_text("utf-8")
    assert page.index('data-item="T-2"') < page.index('data-item="T-1"')  # the earliest date first
    assert "due on 2026-02-01" in page
    assert "100 students who just about know this" in page
    assert "<mfrac>" in page
    assert "http" not in re.sub(r'http-equiv|"http://www\.w3\.org/[^"]+"', "", page)  # works offline
    saved = tmp_path / "reviews-leadB.json"
    saved.write_text(json.dumps(answers(page)), "utf-8")
    assert run("reviews", "import", saved, "--dry-run")[0] == 0
    assert run("reviews", "import", saved, "--as", "leadA")[0] == 4
    code, _, err = run("reviews", "import", saved)
    assert code == 0, err
    assert "declared" in err
    rows = json.loads(run("reviews", "show", "T-1", "--json")[1])
    assert [(r["person"], r["verdict"], r["angoff"], r["identity"]) for r in rows] == [
        ("leadB", "approve", 0.65, "declared")
    ]
    code, _, err = run("reviews", "import", saved)
    assert code == 6
    assert "has reviewed version 1" in err
    assert run("reviews", "packet", "--for", "leadB")[0] == 2  # nothing waits any more


def test_one_item_that_moved_on_does_not_keep_the_others_out(submitted, run, tmp_path):
    run("reviews", "packet", "--for", "leadB", "-o", tmp_path / "p.html")
    saved = tmp_path / "r.json"
    told = answers((tmp_path / "p.html").read_text("utf-8"), verdict="change", comment="Which unit?")
    saved.write_text(json.dumps(told), "utf-8")
    store(2, "How far in an hour?")
    code, _, err = run("reviews", "import", saved)
    assert code == 6
    assert "T-2" in err
    assert status("T-1") == "draft"
    assert [r["comment"] for r in json.loads(run("reviews", "show", "T-1", "--json")[1])] == ["Which unit?"]


def test_a_remark_without_a_verdict_and_nothing_at_all(submitted, run, tmp_path):
    run("reviews", "packet", "--for", "leadB", "-o", tmp_path / "p.html")
    told = answers(
        (tmp_path / "p.html").read_text("utf-8"), verdict="comment", comment="Nice.", checklist={}, of100=None
    )
    told["reviews"][0] |= {"verdict": "", "comment": ""}
    (tmp_path / "r.json").write_text(json.dumps(told), "utf-8")
    assert run("reviews", "import", tmp_path / "r.json")[0] == 0
    assert [r["text"] for r in json.loads(run("reviews", "show", "T-1", "--comments", "--json")[1])] == ["Nice."]
    assert run("reviews", "import", tmp_path / "r.json")[0] == 6  # not twice
    run("reviews", "packet", "--for", "leadA", "-o", tmp_path / "q.html")
    assert "leadB: Nice." in (tmp_path / "q.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"verdict": ""}, "no-verdict"),
        ({"verdict": "maybe"}, "no-verdict"),
        ({"verdict": "change"}, "no-comment"),
        ({"checklist": {"mathematics": False}}, "checklist"),
        ({"checklist": {"mathematics": "yes"}}, "checklist"),
        ({"checklist": {"beauty": True}}, "checklist"),
        ({"of100": 101}, "angoff"),
        ({"of100": "many"}, "angoff"),
        ({"of100": True}, "angoff"),
        ({"comment": "x" * 5001}, "long-comment"),
        ({"version": "1"}, "bad-entry"),
    ],
)
def test_every_fault_of_a_file_is_named_and_nothing_is_stored(tmp_path, change, code):
    entry = {"item": "T-1", "version": 1, "hash": "x", "verdict": "approve", "checklist": {}, "of100": 5, "comment": ""}
    told = {"format": review_packet.FORMAT, "person": "leadB", "reviews": [{**entry, **change}, 5]}
    (tmp_path / "r.json").write_text(json.dumps(told), "utf-8")
    with pytest.raises(review_packet.Rejected) as refused:
        review_packet.read(tmp_path / "r.json")
    assert [(f.line, f.code) for f in refused.value.findings] == [(1, code), (2, "bad-entry")]


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 5000, '{"format": "itembank reviews 1"}', " " * 5_000_001])
def test_files_that_no_packet_saved_are_refused(bank, run, tmp_path, text):
    (tmp_path / "r.json").write_text(text, "utf-8")
    assert run("reviews", "import", tmp_path / "r.json")[0] == 3
    assert run("reviews", "import", tmp_path / "absent.json")[0] == 3


def test_nothing_of_an_item_becomes_markup_of_the_page(furnished, run, tmp_path):
    store(1, 'What is "this" </script><script>x()</script> & that?')
    run("reviews", "submit", "T-1", "--as", "authorA")
    remark = "</article><img src=x onerror=x()>"
    run("reviews", "review", "T-1", "--verdict", "comment", "--comment", remark, "--as", "leadA")
    with database.reading() as session:
        from itembank import people

        page, count = review_packet.build(session, people.person_of(session, "leadB"))
    assert count == 1
    assert page.count("<script") == 1
    assert "<img" not in page
