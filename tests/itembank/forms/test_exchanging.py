"""The exchange file: nothing of a student in it, no rare combination, the same scores on the other side."""

import csv
import io
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from itembank import exchanging
from tests.itembank.bank.conftest import bank, furnish, furnished, migrated, run

__all__ = ["bank", "furnished", "migrated", "run"]


@given(
    st.integers(2, 6),
    st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz"), st.sampled_from("01")), min_size=6, max_size=60),
)
def test_every_combination_is_shared(least, facts):
    kept, blanked = exchanging.coarsened(facts, least)
    assert min(Counter(map(tuple, kept)).values()) >= least
    for before, after in zip(facts, kept, strict=True):
        assert all(b in ("", a) for a, b in zip(before, after, strict=True))
    assert blanked == [sum(a[j] != b[j] for a, b in zip(facts, kept, strict=True)) for j in range(3)]
    counts = Counter(facts)
    if min(counts.values()) >= least:
        assert kept == [list(f) for f in facts]  # what is common already stays


@pytest.fixture
def loaded(furnished, run, tmp_path, monkeypatch):
    monkeypatch.setenv("ITEMBANK_PERSON", "leadA")
    rng = np.random.default_rng(3)
    lines = ["student,school,EL,Q1,Q2,Q3,Q4,Q5"]
    for i in range(60):
        typed = ["0.5", "1/2", "0,50", "2", "Maria Lopez"][rng.integers(5)] if i != 7 else "my name is Pat"
        name = "rhombus" if i % 2 else "Rhombi"
        lines.append(f'9{i:05d},{"NM"[i % 2]},{"Y" if i < 3 else "N"},{"ABCD"[i % 4]},"{typed}",AC,{i % 3},{name}')
    (tmp_path / "r.csv").write_text("\n".join(lines) + "\n")
    code, _, err = run("responses", "load", "r.csv", "--district", "A", "--attribute", "EL", "--form", "F1")
    assert code == 0, err
    return lines


def test_nothing_of_a_student_crosses(loaded, run, tmp_path):
    code, out, err = run(
        "responses", "export", "--exchange", "--district", "A", "--column", "school", "--column", "EL", "-o", "x.csv"
    )
    assert code == 0, err
    text = (tmp_path / "x.csv").read_text()
    assert "9000" not in text
    assert "my name is Pat" not in text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len({r["student"] for r in rows}) == 60
    assert min(Counter((r["school"], r["EL"]) for r in rows).values()) >= 10
    assert {r["school"] for r in rows} == {"S1", "S2"}
    assert {r["EL"] for r in rows} == {""}  # 2 and 1 of the schools' students: the column goes, the schools stay
    manifest = json.loads((tmp_path / "x.manifest.json").read_text())
    assert manifest == json.loads(out)
    assert manifest["rows"] == 60
    assert manifest["smallest_combination"] >= 10
    assert manifest["typed_answers_withheld"] >= 1
    assert run("responses", "export", "--exchange", "--district", "A", "--column", "shoe")[0] == 2
    assert run("responses", "export", "--district", "A")[0] == 2
    code, _, err = run("responses", "export", "--exchange", "--district", "B")
    assert code == 3
    assert "too few" in err


def test_the_partner_scores_it_alike(loaded, run, tmp_path, monkeypatch, migrated):
    import shutil

    from scoring import bank as gate

    def totals():
        with gate.reading() as session:
            return sorted(map(tuple, gate.scored_responses(session).scores.tolist()))

    here = totals()
    assert run("responses", "export", "--exchange", "--district", "A", "-o", "x.csv")[0] == 0
    shutil.copy(migrated, tmp_path / "other.db")
    monkeypatch.setenv("ITEMBANK_URL", str(tmp_path / "other.db"))
    monkeypatch.setenv("ITEMBANK_KEYS", str(tmp_path / "other-keys"))
    monkeypatch.setenv("ITEMBANK_PERSON", "leadB")
    furnish(tmp_path)
    monkeypatch.setenv("ITEMBANK_PERSON", "leadA")
    code, _, err = run("responses", "load", "x.csv", "--district", "A")
    assert code == 0, err
    assert totals() == here


def test_calibration_accepts_the_file_and_finds_the_same(bank, run, tmp_path, monkeypatch, migrated):
    """Estimates from the exchange file and from the bank agree to 1e-8: only the order of the sums differs."""
    import shutil

    from itembank import database
    from scoring import bank as gate

    rng = np.random.default_rng(5)
    items = [f"Q{j:02d}" for j in range(8)]
    (tmp_path / "items.csv").write_text(
        "id,title,concepts,type,key,points,options\n" + "".join(f"{i},{i},ratios,choice,B,1,A;B;C;D\n" for i in items)
    )
    for district, shift in (("A", -0.3), ("B", 0.3)):
        theta = rng.normal(shift, 1, 250)
        right = rng.random((250, 8)) < 1 / (1 + np.exp(-(theta[:, None] - np.linspace(-1, 1, 8))))
        cells = np.where(right, "B", rng.choice(["A", "C", "D", "O"], right.shape))
        lines = [f"{district}{i:04d},{i % 5},{','.join(row)}" for i, row in enumerate(cells)]
        (tmp_path / f"{district}.csv").write_text(f"student,school,{','.join(items)}\n" + "\n".join(lines) + "\n")

    def furnished_with(*files):
        for words in (
            ("init", "--district", "A=A", "--district", "B=B"),
            ("people", "add", "lead", "--name", "Lead", "--district", "A", "--role", "admin"),
            ("concepts", "add", "ratios", "--title", "Ratios", "--grade", "7"),
            ("items", "import", tmp_path / "items.csv", "--as", "lead"),
            ("forms", "freeze", *items, "--id", "F"),
            ("administrations", "open", "spring", "--form", "F", "--district", "A", "--district", "B", "--from",
             "2026-05-01", "--to", "2026-05-15", "--mode", "paper"),
            *(("responses", "load", tmp_path / f, "--district", f[0], "--as", "lead") for f in files),
            ("calibrate", "run", "--as", "lead"),
        ):  # fmt: skip
            code, _, err = run(*words)
            assert code == 0, err

    def estimates():
        with gate.reading() as session:
            found = gate.run_of(session, kind="calibrate")
            table = gate.read_item_parameters(session, found).sort_index()
            groups = gate.read_group_parameters(session, found).sort_index()
            return found.log_likelihood, table[["a", "b", "se_a", "se_b"]], groups[["mean", "sd", "se_mean", "se_sd"]]

    furnished_with("A.csv", "B.csv")
    whole, table, groups = estimates()
    code, _, err = run("responses", "export", "--exchange", "--district", "A", "-o", "A-x.csv", "--as", "lead")
    assert code == 0, err
    (tmp_path / "partner").mkdir()
    monkeypatch.setenv("ITEMBANK_URL", str(shutil.copy(migrated, tmp_path / "partner" / "bank.db")))
    monkeypatch.setenv("ITEMBANK_KEYS", str(tmp_path / "partner" / "keys"))
    furnished_with("A-x.csv", "B.csv")
    other, theirs, their_groups = estimates()
    assert other == pytest.approx(whole, abs=1e-8 * abs(whole))
    np.testing.assert_allclose(theirs, table, rtol=0, atol=1e-8)
    np.testing.assert_allclose(their_groups, groups, rtol=0, atol=1e-8)
    database.engine().dispose()
