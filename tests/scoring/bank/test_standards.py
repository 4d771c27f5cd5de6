"""Ratings, cuts and scales on SQLite and on PostgreSQL: what reviews brought counts, and agreement is what sets."""

import pandas as pd
import pytest
from sqlmodel import select

from itembank import database, decisions, people
from itembank.models import Item, ItemVersion, Review, now
from scoring import bank as gate
from scoring.runs import cutting, scale_run


def test_ratings_of_reviews_and_of_panels_make_one_cut(any_furnished):
    with database.writing() as session:
        version = session.exec(select(ItemVersion).join(Item).where(Item.code == "Q1")).one()
        person = people.person_of(session, "leadB")
        facts = {"verdict": "approve", "angoff": 0.6, "submitted_at": now(), "district_id": person.district_id}
        session.add(Review(item_version_id=version.id, person_id=person.id, **facts))
    given = pd.DataFrame(
        [("Q1", "leadA", 50), ("Q4", "leadA", 1.5), ("Q4", "leadB", 1)], columns=["item", "rater", "rating"]
    )
    with gate.writing() as session:
        cutting.store_ratings(session, given, gate.person_of(session, "leadA"))
        rated = cutting.concept_ratings(session).set_index(["item", "rater"])
        assert rated["share"].to_dict() == {
            ("Q1", "leadA"): 0.5,
            ("Q1", "leadB"): 0.6,
            ("Q4", "leadA"): 0.75,  # of two points
            ("Q4", "leadB"): 0.5,
        }
        assert rated.loc[("Q1", "leadB"), "source"] == "review"
        cuts = cutting.make_cuts(session)
        assert [(c.concept, c.status) for c in cuts] == [("numbers", "provisional"), ("ratios", "provisional")]
        _, decision = cutting.propose_cuts(session, cuts, "First.", "authorA")
        number = decision.id
    with database.writing() as session:
        for code in ("leadA", "leadB"):
            assert gate.in_force(session, "cut") == {}
            decisions.vote(session, number, people.person_of(session, code), "agree")
        agreed = cutting.agreed_cuts(session)
        assert {c: k.version for c, k in agreed.items()} == {"numbers": 1, "ratios": 1}
        assert agreed["numbers"].items.keys() == {"Q4"}
        assert agreed["numbers"].ratings["share"].tolist() == [0.75, 0.5]


def test_a_declined_scale_is_never_in_force(any_furnished):
    with gate.writing() as session:
        _, _, decision = scale_run.propose_scale(session, "dist", 100, 500, 200, 800, 0, "First.", "authorA")
        number = decision.id
    with database.writing() as session:
        decisions.vote(session, number, people.person_of(session, "leadB"), "decline", "Too coarse.")
        assert scale_run.agreed_scale(session) is None
        assert scale_run.scales_table(session)[["version", "status", "in_force"]].to_numpy().tolist() == [
            [1, "declined", False]
        ]
        with pytest.raises(Exception, match="no agreed scale"):
            scale_run.agreed_scale(session, "dist")
