"""The audit chain exposes what was rewritten; copies are whole; the bank says what it holds."""

import json
import os
import sqlite3

import pytest
import sqlalchemy as sa
from sqlmodel import select

from itembank import audit, database, people
from itembank.models import AuditEvent


def rewrite(bank, recompute):
    """Change an event behind the bank's back; optionally make the chain fit again."""
    with database.writing() as session:
        events = session.exec(select(AuditEvent).where(AuditEvent.chain == "A").order_by(sa.asc("sequence"))).all()
        events[1].details = {"role": "admin", "forged": True}
        previous = events[0].hash
        for event in events[1:] if recompute else []:
            event.previous_hash = previous
            event.hash = previous = audit.digest(event)
        session.add_all(events)


def test_an_untouched_chain_holds_with_any_head_that_was_printed(any_furnished, run):
    with database.reading() as session:
        early = audit.head(session, "A").hash
    with database.writing() as session:
        people.add_person(session, "late", "Late", "A", "reviewer")
    assert run("bank", "verify", "--head", early)[0] == 0
    assert run("bank", "verify", "--head", early[:16])[0] == 0
    assert run("bank", "verify", "--head", early[:8])[0] == 2
    assert run("bank", "verify", "--head", "0123456789abcdef")[0] == 1


def test_a_rewritten_event_shows(furnished, run):
    rewrite(furnished, recompute=False)
    code, _, err = run("bank", "verify")
    assert code == 1
    assert "chain-broken" in err


def test_a_rewritten_and_recomputed_chain_is_exposed_by_the_printed_head(furnished, run):
    with database.reading() as session:
        printed = audit.head(session, "A").hash
    assert run("bank", "verify", "--head", printed)[0] == 0
    rewrite(furnished, recompute=True)
    assert run("bank", "verify")[0] == 0  # the chain alone cannot know
    code, _, err = run("bank", "verify", "--head", printed)
    assert code == 1
    assert "head-not-found" in err


def test_a_removed_event_shows(furnished, run):
    with database.writing() as session:
        session.execute(sa.text("DELETE FROM audit_events WHERE chain = 'A' AND sequence = 2"))
    assert "missing" in run("bank", "verify")[2]


def test_changed_forms_and_responses_show(furnished, run, tmp_path):
    (tmp_path / "r.csv").write_text("student,Q1\n1,A\n2,B\n")
    run("responses", "load", "r.csv", "--district", "A")
    assert run("bank", "verify")[0] == 0
    with database.writing() as session:
        session.execute(sa.text("UPDATE raw_responses SET packed = x'FF00000000' WHERE sitting_id = 1"))
    assert "unknown-answer" in run("bank", "verify")[2]
    with database.writing() as session:
        session.execute(sa.text("UPDATE raw_responses SET packed = x'FF' WHERE sitting_id = 1"))
        session.execute(sa.text("UPDATE form_items SET section = 'x' WHERE position = 0"))
    err = run("bank", "verify")[2]
    assert "wrong-length" in err
    assert "form-changed" in err


def test_backup_and_restore(furnished, run, tmp_path):
    with database.reading() as session:
        printed = audit.head(session, "A").hash
    assert run("bank", "backup", tmp_path / "copy.db")[0] == 0
    assert run("bank", "backup", tmp_path / "copy.db")[0] == 6
    with database.writing() as session:
        people.add_person(session, "late", "Late", "A", "reviewer")
    assert run("bank", "restore", tmp_path / "copy.db")[0] == 6
    assert run("bank", "restore", tmp_path / "copy.db", "--overwrite")[0] == 0
    assert "late" not in run("people", "list")[1]
    assert run("bank", "verify", "--head", printed)[0] == 0
    kept = list(tmp_path.glob("bank-replaced-*.db"))
    assert len(kept) == 1
    assert "late" in run("--bank", kept[0], "people", "list")[1]


def test_a_damaged_or_foreign_file_is_not_restored(furnished, run, tmp_path):
    (tmp_path / "notes.db").write_text("notes")
    assert run("bank", "restore", tmp_path / "notes.db", "--overwrite")[0] == 3
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE x (y)")
    other.close()
    assert run("bank", "restore", tmp_path / "other.db", "--overwrite")[0] == 3
    assert run("bank", "restore", tmp_path / "absent.db", "--overwrite")[0] == 3
    assert "authorA" in run("people", "list")[1]


def test_upgrade_keeps_a_copy_and_says_when_there_is_nothing_to_do(bank, run):
    code, _, err = run("upgrade")
    assert code == 0
    assert "current" in err


def test_init_twice_changes_nothing_and_knows_the_standards(bank, run):
    for _ in range(2):
        assert run("init", "--district", "A=Alpha", "--district", "B")[0] == 0
    rows = run("concepts", "list", "--standards", "--format", "csv")[1].splitlines()
    assert len(rows) == 127
    assert run("people", "add", "x", "--district", "Z", "--role", "author")[0] == 3
    assert run("people", "add", "x", "--district", "A", "--role", "king")[0] == 2
    assert run("people", "add", "x", "--district", "A", "--role", "author", "--dry-run")[0] == 0
    assert run("people", "list", "--json")[1].strip() == "[]"


def test_no_bank_is_said_with_what_to_do(tmp_path, monkeypatch, run):
    monkeypatch.setenv("ITEMBANK_URL", str(tmp_path / "none.db"))
    code, _, err = run("people", "list")
    assert code == 2
    assert "itembank init" in err
    assert not (tmp_path / "none.db").exists()


def test_doctor_names_what_is_wrong(bank, run, tmp_path, monkeypatch):
    run("init", "--district", "A", "--district", "B")
    code, out, _ = run("doctor", "--json")
    assert code == 0
    assert {c["name"] for c in json.loads(out)} >= {"python", "packages", "linear algebra", "bank", "browser"}
    monkeypatch.setenv("ITEMBANK_URL", str(tmp_path / "none.db"))
    code, out, err = run("doctor")
    assert code == 1
    assert "itembank init" in err


def test_privacy_and_status_count_without_naming(furnished, run, tmp_path):
    (tmp_path / "r.csv").write_text("student,EL,Q1\nS-77,Y,A\n")
    run("responses", "load", "r.csv", "--district", "A", "--attribute", "EL")
    out = run("bank", "privacy", "--json")[1]
    assert "S-77" not in out
    assert json.loads(out)[0]["recorded"] == "EL"
    assert json.loads(run("bank", "status", "--json")[1])["sittings"] == 1


@pytest.mark.skipif(os.name != "posix", reason="permissions of files")
def test_a_key_file_that_others_can_read_is_refused(furnished, run, tmp_path):
    (tmp_path / "r.csv").write_text("student,Q1\n1,A\n")
    run("responses", "load", "r.csv", "--district", "A")
    (tmp_path / "keys" / "A.key").chmod(0o644)
    (tmp_path / "s.csv").write_text("student,Q1\n2,A\n")
    code, _, err = run("responses", "load", "s.csv", "--district", "A")
    assert code == 4
    assert "chmod 600" in err


def test_forms_refuse_unknown_repeated_and_hostile_items(furnished, run, tmp_path):
    code, _, err = run("forms", "freeze", "Q1", "Q9", "Q1", "--id", "F2")
    assert code == 3
    assert "item-twice" in err
    assert "unknown-item" in err
    assert run("forms", "freeze", "Q1", "Q2", "Q3", "Q4", "Q5", "--id", "F1")[0] == 0  # as it is
    assert run("forms", "freeze", "Q1", "--id", "F1")[0] == 6
    (tmp_path / "plan.yaml").write_text("id: F3\nsections:\n- {name: one, items: [Q1]}\n- {name: two, items: [Q2@1]}\n")
    assert run("forms", "freeze", "plan.yaml", "--dry-run")[0] == 0
    assert run("forms", "freeze", "plan.yaml")[0] == 0
    assert [r["section"] for r in json.loads(run("forms", "show", "F3", "--json")[1])] == ["one", "two"]
    (tmp_path / "bad.yaml").write_text("items: {a: [}")
    assert run("forms", "freeze", "bad.yaml", "--id", "F4")[0] == 3


def test_administrations_refuse_impossible_windows(furnished, run):
    words = ("--form", "F1", "--district", "A", "--mode", "paper")
    assert run("administrations", "open", "x", *words, "--from", "2026-05-09", "--to", "2026-05-01")[0] == 2
    assert run("administrations", "open", "x", *words, "--from", "9/5/26", "--to", "2026-05-01")[0] == 2
    good = ("--from", "2026-05-01", "--to", "2026-05-02")
    assert run("administrations", "open", "spring", *words, *good)[0] == 6
    assert run("administrations", "open", "x", *words, *good, "--taught", "A:nothing=no")[0] == 3
    assert run("administrations", "open", "x", *words, *good, "--taught", "A:geometry=maybe")[0] == 2
    assert run("administrations", "open", "x", *words, *good, "--language", "fr")[0] == 2
    offered = ("--language", "en", "--language", "es", "--accommodation", "text to speech")
    assert run("administrations", "open", "offers", *words, *good, *offered)[0] == 0
    said = run("administrations", "status", "offers")[2]
    assert "Languages: en, es. Accommodations: text to speech." in said
    assert run("administrations", "open", "x", *words, *good, "--expected", "A=100", "--dry-run")[0] == 0
    assert run("administrations", "open", "x", *words, *good, "--expected", "A=100")[0] == 0
    rows = json.loads(run("administrations", "status", "x", "--json")[1])
    assert rows[0]["expected"] == 100


def test_concepts_at_the_command_line(furnished, run, tmp_path):
    (tmp_path / "c.csv").write_text(
        "id,name,grades,standards,prerequisites\nbase,Base,6;7,6.RP.A.1,\ntop,Top,7,7rp2a,base\n"
    )
    assert run("concepts", "import", "c.csv", "--dry-run")[0] == 0
    assert run("concepts", "show", "top")[0] == 3
    assert run("concepts", "import", "c.csv")[0] == 0
    assert "0 new and 0 changed" in run("concepts", "import", "c.csv")[2]
    facts = json.loads(run("concepts", "show", "top", "--json")[1])
    assert (facts["standards"], facts["prerequisites"]) == (["7.RP.A.2a"], ["base"])
    (tmp_path / "bad.csv").write_text("id,standards,prerequisites\nz,9.XX.1,nothing\n")
    code, _, err = run("concepts", "import", "bad.csv")
    assert code == 3
    assert "unknown-standard" in err
    assert "unknown-concept" in err
    assert run("concepts", "add", "low", "--parent", "top")[0] == 0
    assert run("concepts", "add", "low")[0] == 6
    assert "  low" in run("concepts", "tree")[1]
    rows = json.loads(run("concepts", "coverage", "--json")[1])
    assert {r["concept"]: r["items"] for r in rows if r["items"]} == {"geometry": 1, "numbers": 2, "ratios": 2}
    assert [r["items"] for r in rows if r["concept"] == "top"] == [0]
