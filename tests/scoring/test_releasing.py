"""A public edition needs both districts, is logged once, and the log is enough to attack it again."""

import shutil

import pytest

from itembank import database, decisions, people
from itembank.errors import Conflict, NotPermitted
from scoring import bank
from scoring.comparison.disclosing import MARK
from scoring.report.editions import public_edition
from scoring.runs import releasing
from scoring.runs.meeting_public import stayers, told_stayers
from tests.itembank.bank.conftest import furnish
from tests.scoring.report.conftest import GROUPS, example
from tests.scoring.report.test_editions import with_groups
from tests.scoring.trends.conftest import changes_by_hand


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


@pytest.mark.parametrize("packet_first", [False, True])
def test_those_who_sat_twice_are_protected_with_what_the_log_holds(compared, packet_first):
    """All but three of those with a score sat again: of the two numbers one may be public, whatever came first."""
    analysis = example()
    scored = int(analysis.participation["scored"].iloc[0])
    changes = changes_by_hand()
    changes.loc[changes["group"] == GROUPS[0], "students"] = float(scored - 3)
    also = stayers(changes, set(GROUPS))["autumn-2026"]
    told = {}
    with bank.writing() as session:
        run = bank.run_of(session, compared)
        decision = releasing.propose_edition(session, run, "the boards meet", "authorA")
        agree(session, decision.id)
        for report in ("packet", "comparison") if packet_first else ("comparison", "packet"):
            if report == "comparison":
                told[report], _ = releasing.released(session, run, analysis)
            else:
                told[report], own = releasing.edition(session, run, analysis, also, as_draft=False)
                assert own is None
                what = {"report": report, "version": "v", "decision": decision.id}
                releasing.enter(session, run, told[report], own, what)
    tables = [t for release in told.values() for t in release.disclosure.tables.values() if "n" in t]
    numbers = {str(n) for table in tables for (d, *_), n in table["n"].items() if d == GROUPS[0]}
    assert not {str(scored), str(scored - 3)} <= numbers
    kept = told_stayers(told["packet"].disclosure.tables)
    stayed = {d: any(shown for (_, where, _), shown in kept.items() if where == d) for d in GROUPS}
    assert stayed[GROUPS[1]]  # of District B 500 of 3,110 sat twice: nobody to protect
    # one of the two is out: the log's order says which, where one edition alone could choose
    assert stayed[GROUPS[0]] == (str(scored) not in numbers)
    if not packet_first:
        assert str(scored) in numbers
        sizes = told["packet"].disclosure.tables["also autumn-2027"].loc[GROUPS[0], "n"]
        assert (sizes == MARK).all()
    elif stayed[GROUPS[0]]:
        assert told["comparison"].analysis.participation["scored"].isna().all()
        assert str(scored) in public_edition(analysis).disclosure.tables["scored"]["n"].tolist()  # without the log
    with bank.reading() as session:
        for number in releasing.log_table(session)["release"]:
            _, _, rows = releasing.attack(session, int(number))
            assert rows["protected"].all()
        again, own = releasing.edition(session, bank.run_of(session, compared), analysis, also)
        assert own.options["report"] == "packet"
        assert told_stayers(again.disclosure.tables) == kept
