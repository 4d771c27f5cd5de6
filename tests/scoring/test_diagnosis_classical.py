"""The table face of classical analysis and the key check."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring.diagnosis import check_keys


def simulated(n: int = 1500, n_items: int = 12, seed: int = 1) -> tuple[pd.DataFrame, dict[str, str]]:
    """Raw answers A-D: able students find the key, the others choose among the rest."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=n)
    raw, key = {}, {}
    for j in range(n_items):
        right = "ABCD"[j % 4]
        wrong = [o for o in "ABCD" if o != right]
        correct = rng.random(n) < 1 / (1 + np.exp(-(theta - (j / n_items * 3 - 1.5))))
        raw[f"Q{j + 1}"] = np.where(correct, right, rng.choice(wrong, n, p=[0.6, 0.3, 0.1]))
        key[f"Q{j + 1}"] = right
    return pd.DataFrame(raw), key


def scored(raw: pd.DataFrame, key: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame({c: (raw[c] == key[c]).astype(float) for c in raw})


@pytest.mark.reference
def test_sat12_key_check_raises_item_32_and_no_other(reference_data: Path) -> None:
    scores = pd.read_csv(reference_data / "SAT12/data.csv")
    raw = pd.read_csv(reference_data / "SAT12/data_raw.csv")
    key = pd.read_csv(reference_data / "SAT12/key.csv").set_index("item")["key"]
    found = scoring.classical(scores, raw, key, codes={"8": "omitted"})
    assert list(found.keys.index) == ["Item.32"]
    row = found.keys.loc["Item.32"]
    assert (row["key"], row["suggested"]) == ("5", "3")
    # what would change, counted by hand from the file
    assert row["gain"] == (raw["Item.32"] == 3).sum()
    assert row["lose"] == (raw["Item.32"] == 5).sum()
    assert row["alpha_suggested"] > row["alpha"]
    assert "wrong" in found.items.loc["Item.32", "flags"]
    assert found.items.loc["Item.2", "omitted"] == pytest.approx((raw["Item.2"] == 8).mean())


def test_planted_wrong_keys_are_found_before_scoring_and_named() -> None:
    raw, key = simulated()
    assert len(check_keys(raw, key)) == 0
    planted = {**key, "Q3": "A", "Q8": "B", "Q10": "C"}
    found = check_keys(raw, planted)
    assert dict(found["suggested"]) == {"Q3": key["Q3"], "Q8": key["Q8"], "Q10": key["Q10"]}
    assert (found["item_rest_suggested"] > found["item_rest"]).all()
    assert (found["p_value"] < 0.001).all()
    assert found["finding"].str.contains("probably wrong").all()


def test_tables_agree_with_counts() -> None:
    raw, key = simulated(600)
    raw = raw.astype(object)
    raw.iloc[:30, 0] = "O"
    raw.iloc[30:50, 0] = "R"
    raw.iloc[50:60, 0] = np.nan
    scores = scored(raw, key)
    scores.iloc[30:60, 0] = np.nan
    out = scoring.classical(scores, raw, key)
    first = out.items.loc["Q1"]
    assert first["n"] == 570
    assert first["omitted"] == pytest.approx(30 / 590)
    assert first["not_reached"] == pytest.approx(20 / 590)
    assert first["proportion_correct"] == pytest.approx((raw["Q1"] == "A").sum() / 570)
    options = out.options.loc["Q1"]
    assert options["n"].to_dict() == {**raw["Q1"].iloc[60:].value_counts().sort_index().to_dict(), "(omitted)": 30}
    assert options["share"].sum() == pytest.approx(1)
    assert options.index[options["is_key"]].tolist() == ["A"]
    curve = out.curves.xs("Q1")["share"].groupby("score_group").sum()
    np.testing.assert_allclose(curve, 1)
    able = out.curves.xs("Q1").xs("A")["share"]
    assert able.iloc[-1] > able.iloc[0] + 0.2


def test_flags_say_why_in_words() -> None:
    raw, key = simulated(800)
    scores = scored(raw, key)
    rng = np.random.default_rng(5)
    scores["noise"] = rng.integers(0, 2, 800)
    scores["reversed"] = 1 - scores["Q1"]
    scores["solved"] = 1.0
    out = scoring.classical(scores).items["flags"]
    assert "hardly related" in out["noise"]
    assert "check the key" in out["reversed"]
    assert "cannot tell students apart" in out["solved"]
    assert out["Q5"] == ""


def test_numbers_and_several_right_answers_are_read_alike() -> None:
    raw = pd.DataFrame({"a": [1.0, 2.0, 3.0, 2.0] * 30, "b": ["0.5", "1/2", " 0.5", "2"] * 30})
    scores = pd.DataFrame({"a": [0, 1, 0, 1] * 30, "b": [1, 1, 1, 0] * 30})
    out = scoring.classical(scores, raw, {"a": 2, "b": ["0.5", "1/2"]})
    assert out.options.loc[("a", "2"), "is_key"]
    assert out.options.loc["b"]["is_key"].to_dict() == {"0.5": True, "2": False, "1/2": True}


def test_raw_answers_that_do_not_fit_are_refused_with_every_reason() -> None:
    raw, key = simulated(50)
    with pytest.raises(scoring.DesignError) as refusal:
        scoring.classical(scored(raw, key), raw.drop(columns="Q4").iloc[:40], key)
    assert "Q4" in str(refusal.value)
    assert "40 rows" in str(refusal.value)
    with pytest.raises(scoring.DesignError, match="no key"):
        check_keys(raw, {"Q1": "A"})
