"""Reading responses: scores, codes, what is missing, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from scoring.data import ANSWERED, INVALID, NOT_ADMINISTERED, NOT_REACHED, OMITTED, read_responses
from scoring.irt.errors import DesignError


def test_scores_codes_and_blanks() -> None:
    data = read_responses(pd.DataFrame({"x": [1, "O", "R", "M", None, "", "2"], "y": [0, 1, np.nan, 1, 0, 1, 1]}))
    assert data.scores[:, 0].tolist() == [1, 0, -1, 0, -1, -1, 2]
    assert data.status[:, 0].tolist() == [
        ANSWERED, OMITTED, NOT_REACHED, INVALID, NOT_ADMINISTERED, NOT_ADMINISTERED, ANSWERED
    ]  # fmt: skip
    assert data.scores[:, 1].tolist() == [0, 1, -1, 1, 0, 1, 1]


def test_not_reached_counts_as_wrong_only_when_asked() -> None:
    frame = pd.DataFrame({"x": ["R", "1"]})
    assert read_responses(frame).scores[:, 0].tolist() == [-1, 1]
    assert read_responses(frame, not_reached="zero").scores[:, 0].tolist() == [0, 1]
    with pytest.raises(DesignError):
        read_responses(frame, not_reached="half")


def test_own_codes_also_as_numbers() -> None:
    frame = pd.DataFrame({"x": [1, 9, 8, 0]})
    data = read_responses(frame, {"9": "omitted", "8": "not administered"})
    assert data.scores[:, 0].tolist() == [1, 0, -1, 0]
    assert data.status[:, 0].tolist() == [ANSWERED, OMITTED, NOT_ADMINISTERED, ANSWERED]


@pytest.mark.parametrize("kind", ["int8", "int64", "float64", "Int64", "bool", "string"])
def test_every_type_of_column_reads_the_same(kind: str) -> None:
    values = np.random.default_rng(1).integers(0, 2, (50, 4))
    frame = pd.DataFrame(values, columns=list("abcd"))
    data = read_responses(frame.astype(kind) if kind != "string" else frame.astype(str))
    assert (data.scores == values).all()
    assert (data.status == ANSWERED).all()
    assert data.scores.dtype == np.int8


@pytest.mark.parametrize("bad", [-1, 1.5, "x", 101, np.inf])
def test_impossible_cells_are_named_by_place_not_by_content(bad: object) -> None:
    frame = pd.DataFrame({"good": [0, 1, 1], "wrong": pd.Series([1, bad, 0], dtype=object)})
    with pytest.raises(DesignError) as refusal:
        read_responses(frame)
    assert refusal.value.details == ("wrong: 1 cells, first in rows 2",)
    assert str(bad) not in refusal.value.sentence
    if isinstance(bad, int):
        with pytest.raises(DesignError):
            read_responses(pd.DataFrame({"wrong": [1, bad, 0]}))


def test_empty_and_doubled_tables_are_refused() -> None:
    with pytest.raises(DesignError, match="no responses"):
        read_responses(pd.DataFrame())
    with pytest.raises(DesignError, match="two columns"):
        read_responses(pd.DataFrame([[1, 2]], columns=["x", "x"]))
