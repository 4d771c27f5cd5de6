"""What scoring reads from the bank and stores there: keyed responses in, runs with provenance out."""

import numpy as np
import pandas as pd
import pytest

from itembank import administrations, correction, database, decisions, people, responses, tabular
from itembank.errors import Rejected
from itembank.sheets import Layout
from scoring import bank as gate
from scoring.data import ANSWERED, INVALID, NOT_ADMINISTERED, NOT_REACHED, OMITTED

FILE = """student,school,EL,date,Q1,Q2,Q3,Q4,Q5
1,N,Y,2026-05-04,B,1/2,AC,2,rhombi
2,N,N,2026-05-05,A,0.6,CA,0,
3,M,N,2026-05-05,M,,,,
"""


@pytest.fixture
def loaded(furnished):
    layout = Layout(attributes=("EL",), fixed={"district": "A", "grade": "7"})
    with database.writing() as session:
        table = tabular.parse_table(FILE.encode(), "r.csv")
        responses.load(session, administrations.administration_of(session), table, layout)
        table = tabular.parse_table(b"student,Q1,Q2,Q3,Q4,Q5\n1,1,0,1,2,O\n", "s.csv")
        layout = Layout(fixed={"district": "B"}, cells="scores")
        responses.load(session, administrations.administration_of(session), table, layout)


def test_responses_are_keyed_when_read(loaded):
    with gate.reading() as session:
        data = gate.scored_responses(session)
    assert data.items.index.tolist() == ["Q1", "Q2", "Q3", "Q4", "Q5"]
    assert data.concepts == {"Q1": "ratios", "Q2": "ratios", "Q3": "numbers", "Q4": "numbers", "Q5": "geometry"}
    assert data.items["points"].tolist() == [1, 1, 1, 2, 1]
    assert data.scores.tolist() == [[1, 1, 1, 2, 1], [0, 0, 1, 0, 0], [0, 0, -1, -1, -1], [1, 0, 1, 2, 0]]
    a, o, r = ANSWERED, OMITTED, NOT_REACHED
    assert data.status.tolist() == [[a] * 5, [a, a, a, a, o], [INVALID, o, r, r, r], [a, a, a, a, o]]
    assert data.persons["district"].tolist() == ["A", "A", "A", "B"]
    assert data.persons["school"].astype(object).where(data.persons["school"].notna(), "").tolist() == [
        "A-N",
        "A-N",
        "A-M",
        "",
    ]
    assert data.persons["EL"].tolist()[:3] == ["Y", "N", "N"]
    assert data.persons["grade"].tolist()[:3] == ["7"] * 3
    assert str(data.persons["tested_on"].iloc[0])[:10] == "2026-05-04"


def test_not_reached_follows_the_rule_of_the_run(loaded):
    with gate.reading() as session:
        data = gate.scored_responses(session)
    assert np.isnan(data.frame().loc[3].to_numpy()).tolist() == [False, False, True, True, True]
    assert data.frame("zero").loc[3].tolist() == [0, 0, 0, 0, 0]
    assert data.responses().items == tuple(data.items.index)


def test_answers_are_read_back_as_given(loaded):
    with gate.reading() as session:
        raw = gate.raw_responses(session)
    assert raw["Q2"].astype(object).where(raw["Q2"].notna(), None).tolist() == ["1/2", "0.6", None, "0"]
    assert raw["Q3"].tolist()[:2] == ["AC", "CA"]


def correct(rule):
    with database.writing() as session:
        decision, _ = correction.propose(session, "Q1", rule, "why", people.person_of(session, "leadA"))
    for voter in ("authorA", "leadB"):
        with database.writing() as session:
            decisions.vote(session, decision.id, people.person_of(session, voter), "agree")


@pytest.mark.parametrize(
    ("rule", "points"),
    [
        ({"type": "choice", "max": 1, "labels": ["A", "B", "C", "D"], "credit": {"A": 1}}, [0, 1, 0, 1]),
        ({"type": "everybody", "max": 1}, [1, 1, 1, 1]),
        ({"type": "dropped", "max": 0, "score_max": 1}, [-1, -1, -1, -1]),
    ],
)
def test_a_corrected_key_rescores_without_a_new_upload_and_makes_runs_stale(loaded, rule, points):
    with gate.writing() as session:
        before = gate.scored_responses(session)
        run = gate.store_run(session, "calibrate", before.administration, {}, before.inputs, before.input_hash)
        after_it = gate.store_run(session, "score", before.administration, {}, [("run", run.id)])
    with gate.reading() as session:
        assert gate.stale_reasons(session, gate.run_of(session, after_it.id)) == []
    correct(rule)
    with gate.reading() as session:
        now = gate.scored_responses(session)
        assert now.scores[:, 0].tolist() == points
        assert (now.scores[:, 1:] == before.scores[:, 1:]).all()
        assert now.input_hash != before.input_hash
        assert gate.stale_reasons(session, gate.run_of(session, run.id)) == ["1 key has changed since"]
        assert gate.stale_reasons(session, gate.run_of(session, after_it.id)) == [f"run {run.id} is stale"]
        keys_then = {
            int(before.items.loc[i, "version_id"]): int(before.items.loc[i, "key_id"]) for i in before.items.index
        }
        again = gate.scored_responses(session, key_versions=keys_then)
        assert again.input_hash == before.input_hash
        assert (again.scores == before.scores).all()


def test_responses_loaded_later_make_a_run_stale(loaded):
    with gate.writing() as session:
        data = gate.scored_responses(session)
        run = gate.store_run(session, "calibrate", data.administration, {}, data.inputs, data.input_hash)
        table = tabular.parse_table(b"student,Q1\n9,A\n", "t.csv")
        responses.load(session, data.administration, table, Layout(fixed={"district": "B"}))
    with gate.reading() as session:
        reasons = gate.stale_reasons(session, gate.run_of(session, run.id))
        assert [(r.code, r) for r in reasons] == [("responses", "responses were loaded since")]
        assert gate.runs_table(session)["stale"].tolist() == ["responses were loaded since"]


def test_a_run_and_its_results_come_back_as_stored(loaded):
    with gate.writing() as session:
        data = gate.scored_responses(session)
        run = gate.store_run(
            session, "calibrate", data.administration, {"model": "2pl", "nodes": np.int64(61)}, data.inputs,
            data.input_hash, seed=7, converged=True, log_likelihood=-12.5, details={"bad": float("nan")},
        )  # fmt: skip
        table = pd.DataFrame(
            {
                "model": ["2pl"] * 4 + ["gpcm"],
                "n": 4.0,
                "a": 1.25,
                "b": -0.5,
                "d": 0.625,
                "g": np.nan,
                "d1": [np.nan] * 4 + [0.5],
            },
            index=data.items.index,
        )
        gate.store_item_parameters(session, run, table, data.items)
        groups = pd.DataFrame(
            {"n": [3, 1], "mean": [0.1, -0.1], "sd": [1.0, 0.9], "se_mean": [0.1, np.nan]}, index=["A", "B"]
        )
        gate.store_group_parameters(session, run, groups)
        gate.store_array(session, run, "covariance", np.eye(2) / 3, ["a", "b"])
        scores = pd.DataFrame(
            {
                "theta": [0.5, -0.5, np.nan, 0.1],
                "se": [0.3, 0.3, np.nan, 0.4],
                "status": ["scored"] * 2 + ["no answers", "scored"],
            },
            index=data.persons.index,
        )
        gate.store_scores(session, run, {"ratios": scores}, data.persons)
        rows = [{"concept": "ratios", "contrast": "A-B", "statistic": "mastery", "estimate": 0.1, "reasons": ["few"]}]
        gate.store_comparison(session, run, pd.DataFrame(rows))
        gate.store_table(session, run, "extra", pd.DataFrame({"x": [1.5, None]}, index=pd.Index(["u", "v"], name="k")))
    with gate.reading() as session:
        back = gate.run_of(session, kind="calibrate")
        assert (back.seed, back.converged, back.log_likelihood, back.details) == (7, True, -12.5, {"bad": None})
        assert back.options == {"model": "2pl", "nodes": 61}
        assert {"itembank", "numpy", "python"} <= set(back.software)
        items = gate.read_item_parameters(session, back)
        assert items["a"].tolist() == [1.25] * 5
        assert items["d1"].dropna().to_dict() == {"Q5": 0.5}
        assert items["g"].isna().all()
        found = gate.read_group_parameters(session, back)
        assert found.loc["B", "mean"] == -0.1
        assert np.isnan(found.loc["B", "se_mean"])
        array, labels = gate.read_array(session, back, "covariance")
        assert labels == ["a", "b"]
        assert (array == np.eye(2) / 3).all()
        read = gate.read_scores(session, back, "ratios")
        assert read["theta"].tolist()[:2] == [0.5, -0.5]
        assert np.isnan(read["theta"].iloc[2])
        assert read["status"].tolist()[2] == "no answers"
        row = gate.read_comparison(session, back).iloc[0]
        assert (row["scale"], row["estimate"], row["reasons"]) == ("ratios", 0.1, ["few"])
        assert gate.read_table(session, back, "extra")["x"].isna().tolist() == [False, True]
        assert set(gate.audit_heads(session)) == {"A", "B", "joint"}


def test_what_is_not_there_is_refused(furnished):
    with gate.reading() as session:
        for wanted in (
            lambda: gate.scored_responses(session),
            lambda: gate.scored_responses(session, "autumn"),
            lambda: gate.run_of(session, 5),
        ):
            with pytest.raises(Rejected):
                wanted()


def test_misconceptions_are_counted_by_district(furnished):
    """Typed answers count by value: 0.25 given as 1/4 shows the same misconception."""
    from itembank import authoring, forms
    from tests.itembank.bank.test_workflow import item

    parsed, text = item()
    with database.writing() as session:
        authoring.store_item(session, parsed, text, create_concepts=True)
        forms.freeze(session, "F2", [("T-1", "")])
        window = (administrations.day("2026-05-01", "from"), administrations.day("2026-05-02", "to"))
        adm = administrations.open_administration(session, "fall", ["F2"], ["A", "B"], *window, "online")
        for district, answers in (("A", "ABBB"), ("B", "ABCO")):
            rows = "".join(f"{i},{a}\n" for i, a in enumerate(answers))
            table = tabular.parse_table(f"student,T-1\n{rows}".encode(), f"{district}.csv")
            responses.load(session, adm, table, Layout(fixed={"district": district}))
    with gate.reading() as session:
        table = gate.misconception_choices(session, gate.scored_responses(session, "fall"))
    found = table.set_index(["misconception", "group"])
    assert found.loc[("rate-inverted", "A"), ["chosen", "answered"]].tolist() == [3, 4]
    assert found.loc[("rate-inverted", "B"), ["chosen", "answered"]].tolist() == [1, 3]
    assert found.loc[("rate-multiplied", "B"), "chosen"] == 1


def test_not_administered_is_no_score(furnished):
    with database.writing() as session:
        table = tabular.parse_table(b"student,Q1\n1,B\n", "r.csv")
        adm = administrations.administration_of(session)
        responses.load(session, adm, table, Layout(fixed={"district": "A"}))
    with gate.reading() as session:
        data = gate.scored_responses(session)
    assert data.scores.tolist() == [[1, -1, -1, -1, -1]]
    assert data.status.tolist() == [[ANSWERED] + [NOT_ADMINISTERED] * 4]
