"""How the comparison of groups of students names them, and on how many students it rests."""

from dataclasses import replace

import pandas as pd
import pytest

from scoring.analysis.result import TOTAL
from scoring.report.subgroups import _contrast, _counted
from tests.scoring.report.conftest import example


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("no - yes in District A", "“no” minus “yes” in District A"),
        ("District A - District B in no", "District A minus District B among “no”"),
        ("(no - yes): District A - District B", "(“no” minus “yes”): District A minus District B"),
        ("ever EL - never EL in North", "ever English learners minus never English learners in North"),
        ("female - male", "female minus male"),
    ],
)
def test_a_bare_yes_or_no_is_quoted(stored, shown):
    assert _contrast(stored) == shown


def test_groups_are_counted_for_the_districts_own_eyes_and_small_ones_not_at_all():
    rows = [("District A / yes", 1387), ("District A / no", 10)]
    levels = pd.DataFrame(
        [{"by": "district x lunch", "group": g, "concept": TOTAL, "measure": "mean", "students": n} for g, n in rows]
    )
    analysis = replace(example(), levels=levels)
    assert _counted(analysis, "lunch") == "District A / yes 1,387"
    assert _counted(analysis, "sex") == ""
    for edition in ("public", "draft"):
        assert _counted(replace(analysis, provenance={"edition": edition}), "lunch") == ""
