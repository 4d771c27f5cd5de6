"""Changes, alerts, progress, and rates of some beside rates of all."""

import numpy as np
import pandas as pd
import pytest

from scoring.trends import targets


def series(values, se=np.nan, indicator="x"):
    periods = [f"{2005 + k}-{(6 + k):02d}" for k in range(len(values))]
    return pd.DataFrame(
        {"indicator": indicator, "district": "A", "school": "", "subgroup": "all", "period": periods,
         "value": np.asarray(values, dtype=float), "se": se}
    )  # fmt: skip


def test_a_change_adds_the_errors_and_the_link():
    found = targets.change(50, 45, 1.0, 2.0, linking=2.0)
    assert found.se == pytest.approx(3.0)  # 1 + 4 + 4
    assert (found.low, found.high) == pytest.approx((-5 - 3 * 1.959964, -5 + 3 * 1.959964))
    assert not found.clear
    assert targets.change(50, 45, 1.0, 2.0).clear  # without the link the same change would be clear


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((75.5, 79, 75.5, 71.1), "dip"),
        ((63, 69, 71, 71), "flattening"),
        ((41, 43, 49, 59), ""),
        ((57, 62, 68, 69), "flattening"),
        ((60, 59), ""),  # a point is no dip where no error is known
    ],
)
def test_alerts_of_the_published_series(values, kind):
    found = targets.alerts(series(values), {"x": "higher"})
    assert list(found["kind"]) == ([kind] if kind else [])


def test_an_alert_counts_the_error_and_which_way_is_better():
    assert not len(targets.alerts(series((60, 55), se=3.0), {"x": "higher"}))
    assert list(targets.alerts(series((60, 55), se=1.0), {"x": "higher"})["kind"]) == ["dip"]
    assert list(targets.alerts(series((10, 15), se=1.0), {"x": "lower"})["kind"]) == ["dip"]


@pytest.mark.parametrize(
    ("target", "period", "se", "state"),
    [
        (50, "2008-09", np.nan, "reached"),
        (65, "2008-09", np.nan, "not reached"),
        (60, "2008-09", 2.0, "too close to tell"),
        (69, "2010-11", np.nan, "on the way"),  # 6 points a year: 59 + 12
        (80, "2010-11", np.nan, "behind"),
        (50, "2004-05", np.nan, "no value yet"),
    ],
)
def test_progress(target, period, se, state):
    goal = pd.DataFrame(
        [
            {
                "indicator": "x",
                "district": "A",
                "school": "",
                "subgroup": "all",
                "period": period,
                "value": target,
                "reason": "",
            }
        ]
    )
    found = targets.progress(series((41, 43, 49, 59), se), goal, {"x": "higher"})
    assert found["state"].item() == state


def test_a_rising_rate_among_fewer_is_said_to_be_that():
    years = ("2005-06", "2008-09")
    first = targets.of_all("District 1", years, (38, 59), (13.68, 14.75))
    assert "13.7 → 14.8" in first.sentence
    assert first.sentence.endswith("A rising rate among fewer enrolled students is not growth.")
    assert first.share == pytest.approx((36, 25))
    second = targets.of_all("District 2", years, (67, 69), (20.77, 26.22))
    assert "20.8 → 26.2" in second.sentence
    assert "because more are enrolled" in second.sentence
    assert "not growth" not in second.sentence
    assert "not growth" not in targets.of_all("D", years, (40, 60), (20, 30)).sentence  # enrolment stayed


def test_periods_in_order():
    found = [targets.moment(p) for p in ("2005-06", "2009-10", "2026-10", "2027-01")]
    assert found == pytest.approx([2005, 2009, 2026.75, 2027])
