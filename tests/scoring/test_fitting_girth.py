"""girth agrees where it may be asked, and is not asked elsewhere."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring.engines.girth import estimate_with_girth, girth_input, second_opinion
from scoring.irt.curves import ItemParameters
from scoring.irt.simulate import draw_responses


def data(model: str, n: int = 800) -> pd.DataFrame:
    random = np.random.default_rng(11)
    steps = 2 if model == "grm" else 1
    d = np.linspace(1.2, -1.2, 8)[:, None] + np.array([0.7, -0.7])[:steps]
    a = np.full(8, 1.3) if model in ("rasch", "1pl") else np.linspace(0.8, 1.7, 8)
    items = ItemParameters(
        tuple(f"i{j}" for j in range(8)), (model,) * 8, a, d, np.zeros(8), np.full(8, steps + 1)
    )  # fmt: skip
    return pd.DataFrame(draw_responses(items, random.standard_normal(n), random), columns=list(items.names))


# girth stops when parameters move by less than .001, on the same grid: it is a check to two digits
@pytest.mark.parametrize(("model", "close"), [("rasch", 0.01), ("2pl", 0.01), ("grm", 0.02)])
def test_girth_agrees_on_complete_single_group_data(model: str, close: float) -> None:
    responses = data(model)
    table = second_opinion(responses, scoring.calibrate(responses, model))
    assert len(table) == 8 * (3 if model == "grm" else 2)
    assert table["difference"].abs().max() < close
    assert table["difference"].abs().is_monotonic_decreasing


def test_of_booklets_and_groups_girth_gets_the_part_it_can_do() -> None:
    responses = data("2pl").astype(float)
    responses.iloc[:300, 0] = np.nan
    group = pd.Series(np.arange(len(responses)) % 2)
    fit = scoring.calibrate(responses, {"i1": "1pl", "i2": "3pl"}, groups=group)
    table = second_opinion(responses, fit)
    assert table.attrs == {"students": 500, "items": 6}
    assert not table["item"].isin(["i1", "i2"]).any()
    assert table["difference"].abs().max() < 0.01


def test_girth_is_not_asked_for_what_it_cannot_do() -> None:
    responses = data("grm")
    with pytest.raises(scoring.DesignError, match="girth has no gpcm"):
        second_opinion(responses, scoring.calibrate(responses, "gpcm"))
    responses = data("2pl").astype(float)
    scattered = responses.where(np.random.default_rng(1).random(responses.shape) < 0.7)
    with pytest.raises(scoring.DesignError, match="The largest booklet has"):
        second_opinion(scattered, scoring.calibrate(scattered))


def test_girth_gets_what_it_silently_needs() -> None:
    scores = data("2pl").to_numpy(dtype=np.int8)
    given = girth_input(scores)
    assert given.dtype == np.int64
    assert given.shape == (8, 800)
    assert given.flags["C_CONTIGUOUS"]


def test_girth_is_biased_where_a_group_did_not_see_an_item() -> None:
    """Why girth is not the engine: a weak and a strong group, items that only one of them saw (docs/girth.md)."""
    import girth

    from scoring.recovery import Design, on_pooled_scale, simulate_districts, true_items

    design = Design("bias", "2pl", students=2000, common=10, own=5)
    items = true_items(design, 3)
    frame, district, _ = simulate_districts(design, items, np.random.default_rng(3))
    truth = on_pooled_scale(items, True)[0].b[:, 0]
    ours = scoring.calibrate(frame, groups=district).items["b"].to_numpy() - truth
    coded = np.where(frame.isna(), -1, frame).T.astype(np.int64)
    theirs = girth.twopl_mml(girth.tag_missing_data(np.ascontiguousarray(coded), [0, 1]))["Difficulty"] - truth
    only_weak, only_strong = slice(10, 15), slice(15, 20)
    for block in (only_weak, only_strong):
        assert abs(ours[block].mean()) < 0.1
    assert theirs[only_strong].mean() - theirs[only_weak].mean() < -0.5


@pytest.mark.reference
def test_girth_on_published_data(reference_data: Path) -> None:
    responses = pd.read_csv(reference_data / "LSAT7" / "data.csv")
    table = second_opinion(responses, scoring.calibrate(responses))
    assert table["difference"].abs().max() < 0.005


def test_estimates_come_in_the_order_of_the_items() -> None:
    scores = data("2pl").to_numpy(dtype=np.int8)
    a, b = estimate_with_girth(scores, "2pl", np.linspace(-6, 6, 61))
    assert a.shape == (8,)
    assert (np.diff(b[:, 0]) > -0.3).all()
