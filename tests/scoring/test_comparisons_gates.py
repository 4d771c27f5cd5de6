"""Stamps, opportunity to learn, participation, English learners."""

import numpy as np
import pandas as pd
import pytest

from scoring.comparisons import (
    GateFacts,
    comparability,
    english_learner_groups,
    opportunity_to_learn,
    participation,
    stamp_comparison,
)
from scoring.irt.errors import DesignError

ALL_WELL = GateFacts(True, True, True, True, True, True, True, shared_items=12)


def test_everything_on_record_is_comparable() -> None:
    gate = comparability(ALL_WELL)
    assert (gate.stamp, gate.reasons, gate.notes, gate.stale) == ("comparable", (), (), False)


@pytest.mark.parametrize(
    "fact",
    ["connected", "windows_recorded", "modes_recorded", "district_dif_run", "keys_current", "parameters_current"],
)
def test_each_failure_stamps_with_its_reason(fact: str) -> None:
    failed = comparability(GateFacts(**{**ALL_WELL.__dict__, fact: False}))
    assert failed.stamp == "not comparable"
    assert len(failed.reasons) == 1
    assert failed.stale == fact.endswith("_current")


def test_not_recorded_fails_with_a_bank_and_is_listed_without_one() -> None:
    nothing = comparability(GateFacts(), recorded_bank=False)
    assert nothing.stamp == "comparable"
    assert len(nothing.not_recorded) == 7
    assert comparability(GateFacts()).stamp == "not comparable"
    few = comparability(GateFacts(**{**ALL_WELL.__dict__, "shared_items": 3, "assumptions": ("random booklets",)}))
    assert few.notes == ("random booklets", "only 3 items were answered in both districts")
    assert few.stamp == "comparable"


def test_opportunity_to_learn_takes_mastery_out_and_leaves_means() -> None:
    taught = pd.DataFrame({"A": ["Yes", "partly", None], "B": ["no", "yes", "yes"]}, index=["c0", "c1", "c2"])
    stamps = opportunity_to_learn(taught)
    assert stamps["stamp"].tolist() == ["not yet taught there", "", ""]
    assert stamps["where"].tolist() == ["B", "", ""]
    assert stamps["note"].tolist() == ["", "partly taught in A", "not recorded for A"]
    table = pd.DataFrame(
        {"concept": ["c0", "c0", "c1"], "measure": ["mean", "mastery", "mastery"], "estimate": [0.1, 0.2, 0.3]}
    )
    stamped = stamp_comparison(table, stamps)
    assert stamped["estimate"].iloc[0] == 0.1
    assert np.isnan(stamped["estimate"].iloc[1])
    assert stamped["estimate"].iloc[2] == 0.3
    with pytest.raises(DesignError) as refusal:
        opportunity_to_learn(pd.DataFrame({"A": ["sometimes"]}, index=["c0"]))
    assert refusal.value.details == ("c0 in A",)


def test_participation_counts_everybody_once() -> None:
    persons = pd.DataFrame({"district": list("AAABB"), "school": [1, 1, 2, 3, 3], "el": ["EL", "EO", None, "EL", "EO"]})
    scored = pd.Series([True, False, None, True, True], dtype="boolean")
    table = participation(persons, scored, ["district", ("district", "el")], enrolled=pd.Series({"A": 10}))
    rows = table.set_index("group")
    assert rows.loc["all", ["students", "sat", "scored", "schools"]].tolist() == [5, 4, 3, 3]
    assert rows.loc["A", ["students", "sat", "scored"]].tolist() == [10, 2, 1]
    assert rows.loc["A", "share_scored"] == pytest.approx(0.1)
    assert rows.loc["A / (not recorded)", "sat"] == 0


def test_english_learners_reclassified_and_ever() -> None:
    status = pd.Series(["EL", "RFEP", "IFEP", "EO", "", None, "ADEL", " EL "], index=list("abcdefgh"))
    groups = english_learner_groups(status)
    assert groups["el_status"].tolist() == [
        "EL", "RFEP", "never EL", "never EL", "(not recorded)", "(not recorded)", "EL", "EL",
    ]  # fmt: skip
    assert groups["ever_el"].tolist() == [
        "ever EL", "ever EL", "never EL", "never EL", "(not recorded)", "(not recorded)", "ever EL", "ever EL",
    ]  # fmt: skip
    assert groups.index.tolist() == list("abcdefgh")
    with pytest.raises(DesignError) as refusal:
        english_learner_groups(pd.Series(["XX", "EL"]))
    assert refusal.value.details == ("XX",)
