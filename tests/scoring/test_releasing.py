"""A public edition needs both districts, is logged once, and the log is enough to attack it again."""

import shutil

import pytest

from itembank import database, decisions, people
from itembank.errors import Conflict, NotPermitted
from scoring import bank
from scoring.runs import releasing
from tests.itembank.bank.conftest import furnish
from tests.scoring.report.test_editions import with_groups


@pytest.fixture
def compared(tmp_path, monkeypatch):
    """A bank with two districts and a comparison; returns the comparison's number."""
    file = tmp_path / "bank.db"
    monkeypatch.setenv("ITEMBANK_URL", str(file))
    monkeypatch.setenv("ITEMBANK_KEYS", str(tmp_path / "keys"))
    monkeypatch.delenv("ITEMBANK_PERSON", raising=False)
    monkeypatch.chdir(tmp_path)
    database.migrate(str(file))
    furnish(tmp_path)
    with bank.writing() as session:
        number = bank.store_run(session, "compare", bank.administration_of(session, "spring")).id
    yield number
    shutil.rmtree(tmp_path, ignore_errors=True)


def agree(session, number):
    for code in ("leadA", "leadB"):
        decisions.vote(session, number, people.require(session, "decisions", code), "agree")


def test_from_proposal_to_attack(compared):
    analysis = with_groups()
    with bank.writing() as session:
        run = bank.run_of(session, compared)
        with pytest.raises(NotPermitted):
            releasing.released(session, run, analysis)
        decision = releasing.propose_edition(session, run, "the boards meet", "authorA")
        with pytest.raises(NotPermitted):  # proposed is not agreed
            releasing.released(session, run, analysis)
        assert releasing.draft(session, run, analysis).analysis.provenance["edition"] == "draft"
        assert releasing.log_entries(session, run) == []
        agree(session, decision.id)
        first, entry = releasing.released(session, run, analysis)
        with pytest.raises(Conflict):
            releasing.propose_edition(session, run, "again", "authorA")
    with bank.writing() as session:
        again, same = releasing.released(session, bank.run_of(session, compared), analysis)
        assert same.id == entry.id
        assert again.analysis.mastery.equals(first.analysis.mastery)
    with bank.reading() as session:
        log = releasing.log_table(session)
        assert list(log["of"]) == [compared]
        assert log["hidden_small"].iloc[0] == 1
        assert not set(log.columns) & {"group", "groups_named", "percent"}
        _, facts, rows = releasing.attack(session, None)
        told = first.disclosure.log() | {"tables": 4}  # the tables of differences hold no group of their own
        assert facts == told
        assert len(rows)
        assert rows["protected"].all()
        _, _, bare = releasing.attack(session, None, complementary=False)
        assert not bare["protected"].all()
        assert len(releasing.earlier(session, bank.run_of(session, compared))) == 1
