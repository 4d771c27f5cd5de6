"""The gate stamps what is not on record, concepts not taught are not compared, subgroups are compared properly."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from scoring.analysis import gate
from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.result import TOTAL
from scoring.analysis.run import analyse
from scoring.analysis.subgroups import ASSOCIATION, Asked
from scoring.comparison.gates import EL_NOTE, NOT_YET_TAUGHT, GateFacts
from scoring.demo.world import DISTRICTS, DemoItem, simulate_districts
from scoring.irt.errors import DesignError

CONCEPTS = ("geometry", "ratios", "statistics")
ITEMS = [
    DemoItem(f"{c[:2]}{k}", c, float(s), "A", {"B": "", "C": ""})
    for c in CONCEPTS
    for k, s in enumerate(np.linspace(0.35, 0.75, 6))
]


def given(**changes) -> AnalysisInput:
    world = simulate_districts(ITEMS, 1600, seed=5, dif=0)
    people = world.persons.loc[world.answers.index]
    schools = people["school"].str[-1].astype(int) % 2
    form = pd.DataFrame(
        [(i.name, i.concept, i.kind, i.points, i.key) for i in ITEMS],
        columns=["title", "concept", "type", "points", "key"],
        index=[i.name for i in ITEMS],
    )
    data = AnalysisInput(
        "test", world.scored, form, groups=people["district"], group_order=DISTRICTS, group_word="district",
        clusters=people["school"],
        persons=people[["language", "lunch"]].assign(program=np.where(schools == 1, "new", "old")),
        facts=GateFacts(windows_recorded=True, modes_recorded=True), in_bank=True,
        taught=pd.DataFrame("yes", index=list(CONCEPTS), columns=list(DISTRICTS)),
        concept_names={c: c.capitalize() for c in CONCEPTS},
    )  # fmt: skip
    return replace(data, **changes)


@pytest.fixture(scope="module")
def found():
    taught = given().taught.copy()
    taught.loc["geometry", "District B"] = "no"
    taught.loc["ratios", "District A"] = "partly"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asked = Asked(("language", "program"), adjust=("lunch",))
        return analyse(given(taught=taught), asked=asked).analysis


def test_what_is_on_record_passes(found):
    assert found.stamp == "comparable"
    states = found.gate.set_index("check")["state"]
    assert (states.loc[list(gate.CHECKS.values())] == "passed").all()


@pytest.mark.parametrize("name", ["windows_recorded", "modes_recorded", "keys_current", "responses_current"])
def test_what_failed_stamps_the_comparison_with_its_reason(name):
    data = given()
    data = replace(data, facts=replace(data.facts, **{name: False}))
    table, stamp = gate.gate_table(data, pd.DataFrame({"ets_class": ["A"]}), True)
    assert stamp == "not comparable"
    row = table[table["check"] == gate.CHECKS[name]].iloc[0]
    assert row["state"] == "failed"
    assert len(row["detail"]) > 20


def test_no_record_fails_in_a_bank_and_is_only_listed_for_a_bare_file():
    for in_bank, stamp, state in ((True, "not comparable", "failed"), (False, "comparable", "not recorded")):
        table, got = gate.gate_table(given(facts=None, in_bank=in_bank), pd.DataFrame({"ets_class": ["A"]}), True)
        assert got == stamp
        assert set(table.loc[table["check"].isin(["testing window", "paper or screen"]), "state"]) == {state}


def test_districts_without_a_common_item_are_not_on_one_scale():
    data = given()
    scored = data.scored.copy()
    first = np.asarray(data.groups == DISTRICTS[0])
    scored.loc[first, scored.columns[9:]] = np.nan
    scored.loc[~first, scored.columns[:9]] = np.nan
    apart = replace(data, scored=scored)
    assert gate.connection(apart) == (False, 0)
    _, stamp = gate.gate_table(apart, pd.DataFrame({"ets_class": ["A"]}), True)
    assert stamp == "not comparable"
    scored.loc[scored.index[-1], scored.columns[0]] = 1  # one student of the second who took an item of the first
    assert gate.connection(replace(data, scored=scored)) == (True, 1)


def test_a_bank_that_moved_on_fails_the_stored_gate(found):
    reasons = [("key", "1 key has changed since"), ("responses", "responses were loaded since")]
    later = gate.with_stale(found.gate, reasons)
    failed = later.loc[later["state"] == "failed", "check"]
    assert set(failed) == {gate.CHECKS["keys_current"], gate.CHECKS["responses_current"]}
    assert gate.with_stale(found.gate, []) is found.gate
    # the words of a reason decide nothing: "key" is in the name of this concept
    cut = gate.with_stale(found.gate, [("cut", "a cut was agreed since for monkeys")])
    assert set(cut.loc[cut["state"] == "failed", "check"]) == {gate.CHECKS["parameters_current"]}


def test_a_concept_not_taught_is_not_compared_as_mastery(found):
    row = found.contrasts.set_index("concept").loc["geometry"]
    assert row["verdict"] == NOT_YET_TAUGHT
    assert row["reason"] == "not yet taught in District B"
    assert row[["difference", "se", "low", "high", "p_adjusted"]].isna().all()
    shown = found.mastery.set_index(["concept", "group"])["shown"]
    assert not shown["geometry", "District B"]
    assert shown["geometry", "District A"]
    others = found.contrasts[found.contrasts["concept"] != "geometry"]
    assert others["p_adjusted"].notna().all()
    means = found.mean_contrasts.set_index("concept")["difference"]
    assert np.isfinite(means["geometry"])  # averages stay, they are no claim about mastery
    sub = found.subgroups[(found.subgroups["concept"] == "geometry") & (found.subgroups["measure"] == "mastery")]
    assert len(sub)
    assert sub["estimate"].isna().all()
    assert (sub["stamp"] == NOT_YET_TAUGHT).all()
    notes = found.gate.set_index("check").loc["taught before the test"]
    assert notes["state"] == "noted"
    assert "partly taught in District A" in notes["detail"]


def test_english_learners_come_with_reclassified_and_ever_el(found):
    by = set(found.subgroups["by"])
    assert {"el_status", "ever_el", "program", "district"} == by
    notes = found.subgroups.groupby("by")["note"].first()
    assert notes["el_status"] == notes["ever_el"] == EL_NOTE
    assert notes["program"] == ASSOCIATION
    assert notes["district"] == ""


def test_planted_subgroup_gap_is_inside_and_not_shrunk(found):
    rows = found.subgroups
    gap = rows[
        (rows["by"] == "el_status") & (rows["measure"] == "mean") & (rows["contrast"].str.startswith("EL - nev"))
    ]
    gap = gap[(gap["kind"] == "gap") & (gap["adjusted"] == "") & (gap["concept"] != TOTAL)]
    assert len(gap) == 2 * len(CONCEPTS)
    truth = -0.45 * np.sqrt((1 - 0.35**2 / 4) / 1.06)  # EL_SHIFT in pooled SDs, as the simulation scales it
    assert ((gap["low"] - 0.05 <= truth) & (truth <= gap["high"] + 0.05)).all()
    assert abs(gap["estimate"].mean() - truth) < 0.12  # six gaps with SEs near .1 that hang together


def test_adjusted_rows_follow_unadjusted_ones_and_move_with_the_mix(found):
    rows = found.subgroups[(found.subgroups["by"] == "district") & (found.subgroups["concept"] == TOTAL)]
    plain, adjusted = rows[rows["adjusted"] == ""].iloc[0], rows[rows["adjusted"] == "lunch"].iloc[0]
    # District A has more students with reduced lunch (80 against 68 of 100), who are .3 lower: with a common mix
    # District A gains .12 * .3 on District B, up to the drawn students
    assert adjusted["estimate"] - plain["estimate"] == pytest.approx(0.036, abs=0.02)


def test_schools_are_shrunken_and_carry_no_rank(found):
    assert set(found.schools["concept"]) == {TOTAL, *CONCEPTS}
    assert found.schools["shrinkage"].between(0, 1).all()
    assert "rank" not in found.schools.columns


def test_coverage_counts_everybody_once_per_table(found):
    cover = found.coverage
    total = int(cover.loc[cover["group"] == "all", "students"].iloc[0])
    for by in ("district", "district / school", "program"):
        assert cover.loc[cover["by"] == by, "students"].sum() == total


def test_unknown_attributes_are_named_together():
    with pytest.raises(DesignError) as refused:
        analyse(given(), asked=Asked(("height", "weight")))
    assert [d.split(":")[0] for d in refused.value.details] == ["height", "weight"]
    assert "lunch" in str(refused.value.hint)
