"""Scorers' sheets, agreement and adjudication."""

import csv
import io
import json
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from itembank import rubric_scoring as rs
from itembank.errors import UsageFault
from tests.itembank.bank.conftest import bank, furnished, migrated, run

__all__ = ["bank", "furnished", "migrated", "run"]


def test_papers_are_shared_out_evenly_and_the_stated_share_is_read_twice():
    papers = [f"P{i}" for i in range(101)]
    readers = ["R1", "R2", "R3", "R4"]
    found = rs.assigned(papers, readers, 0.25, seed=1)
    times = Counter(p for own in found.values() for p in own)
    assert set(times) == set(papers)
    assert sorted(Counter(times.values()).items()) == [(1, 75), (2, 26)]  # 25.25 rounded up
    loads = [len(own) for own in found.values()]
    assert max(loads) - min(loads) <= 1
    assert all(len(set(own)) == len(own) for own in found.values())
    pairs = Counter(
        pair for p, n in times.items() if n == 2 for pair in combinations([r for r in readers if p in found[r]], 2)
    )
    assert len(pairs) == 6
    assert max(pairs.values()) - min(pairs.values()) <= 4
    assert rs.assigned(papers, readers, 0.25, seed=1) == found
    assert rs.assigned(papers, readers, 0.25) != found
    for wrong in ([], ["R1", "R1"], ["R1"]):
        with pytest.raises(UsageFault):
            rs.assigned(papers, wrong, 0.25)


def test_kappa_is_cohens_with_quadratic_weights():
    rng = np.random.default_rng(4)
    one = rng.integers(0, 5, 300)
    two = np.clip(one + rng.integers(-1, 2, 300), 0, 4)
    observed = np.zeros((5, 5))
    np.add.at(observed, (one, two), 1 / 300)
    expected = np.outer(observed.sum(1), observed.sum(0))
    weights = np.subtract.outer(np.arange(5), np.arange(5)) ** 2
    assert rs.weighted_kappa(one, two) == pytest.approx(1 - (weights * observed).sum() / (weights * expected).sum())
    assert np.isnan(rs.weighted_kappa(np.zeros(3, int), np.zeros(3, int)))


def test_readers_are_compared_and_a_strict_one_is_seen():
    made = []
    for i in range(10):
        made += [rs.Reading("R1", f"P{i}", "Q", i % 3), rs.Reading("R2", f"P{i}", "Q", max(i % 3 - 1, 0))]
    by_reader = {a.reader: a for a in rs.agreements(made)}
    assert by_reader["R2"].mean_difference == pytest.approx(-0.6)
    assert by_reader["R1"].mean_difference == pytest.approx(0.6)
    assert (by_reader[""].n, by_reader[""].exact, by_reader[""].adjacent) == (10, 0.4, 1.0)


def fill(path, score):
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    for r in rows:
        r["score"] = score(path.stem, r["paper"])
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_from_sheets_over_adjudication_to_a_file_that_loads(furnished, run, tmp_path):
    (tmp_path / "papers.csv").write_text("student\n" + "".join(f"{i}\n" for i in range(20)))
    words = ("responses", "scorers", "papers.csv", "--form", "F1", "--reader", "R1", "--reader", "R2", "--twice", "1")
    code, _, err = run(*words)
    assert code == 0, err
    assert "20 of them read twice" in err
    assert run(*words)[0] == 6
    files = [tmp_path / "scorers" / "R1.csv", tmp_path / "scorers" / "R2.csv"]
    read = ("responses", "readings", *files, "--form", "F1", "-o", "scores.csv", "--json")
    code, _, err = run(*read)
    assert code == 3
    assert "not scored yet" in err
    for file in files:
        fill(file, lambda reader, paper: 2 if reader == "R2" and paper in ("3", "7") else int(paper) % 2)
    code, out, err = run(*read)
    assert code == 1
    assert "2 of 20 answers wait" in err
    everyone = json.loads(out)[0]
    assert (everyone["reader"], everyone["n"], everyone["exact"]) == ("all", 20, 0.9)
    fill(tmp_path / "scores.adjudicate.csv", lambda *_: 2)
    code, _, err = run(*read, "--adjudicated", "scores.adjudicate.csv")
    assert code == 0, err
    scores = {r["student"]: r["score"] for r in csv.DictReader(io.StringIO((tmp_path / "scores.csv").read_text()))}
    assert scores["3"] == "2"
    assert scores["5"] == "1"
    code, _, err = run("responses", "check", "scores.csv", "--cells", "scores", "--form", "F1", "--district", "A")
    assert code == 0, err
