"""Cohorts: the same students, the same grade, and what is not growth."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from scoring.irt.errors import DesignError
from scoring.trends import cohorts
from tests.scoring.trends.conftest import changes_by_hand


def simulated(rng, schools=20, size=40, drop=-0.3):
    """Two occasions of the same students: abilities, a posterior of known error, and the chance to be above 0."""
    school = np.repeat(np.arange(schools), size)
    base = 0.3 * rng.standard_normal(schools)[school] + 0.8 * rng.standard_normal(school.size)
    p = []
    for shift in (0.0, drop):
        theta = base + shift + 0.3 * rng.standard_normal(school.size)
        error = 0.4
        # a flat prior: the posterior is centred on what was measured
        p.append(norm.sf(0, theta + error * rng.standard_normal(school.size), error))
    return school, p


def test_the_same_students_are_narrower_than_different_ones_and_cover_the_truth():
    rng = np.random.default_rng(7)
    inside, se, apart = 0, [], []
    for _ in range(200):
        school, p = simulated(rng)
        rates = [float(x.mean()) for x in p]
        errors = [
            float(np.sqrt(np.bincount(school, x - x.mean()).var() * 20 / x.size**2 + (x * (1 - x)).sum() / x.size**2))
            for x in p
        ]
        found = cohorts.cohort_change(tuple(rates), tuple(errors), tuple(p), tuple(p), school)
        inside += found.low <= (norm.cdf(-0.3 / np.sqrt(0.09 + 0.64 + 0.09 + 0.32)) - 0.5) <= found.high
        se.append(found.se)
        apart.append(float(np.hypot(*errors)))
        assert found.students == 800
    # nominal 95 %; two binomial standard errors of 200 replications below it are 92 %; wider is allowed
    assert inside / 200 >= 0.92
    assert np.mean(se) < np.mean(apart)


def test_matched_students_move_the_rate_and_the_link_widens_it():
    p = np.array([0.9] * 50 + [0.1] * 50)
    stay = p[:50]
    school = np.arange(50) % 10
    found = cohorts.cohort_change((0.5, 0.5), (0.03, 0.03), (p, p), (stay, stay), school)
    assert found.rate_1 == pytest.approx(0.9)
    wider = cohorts.cohort_change((0.5, 0.5), (0.03, 0.03), (p, p), (stay, stay), school, linking=0.05)
    assert wider.se == pytest.approx(np.hypot(found.se, 0.05))
    with pytest.raises(DesignError):
        cohorts.cohort_change((0.5, 0.5), (0.1, 0.1), (p, p), (p[:0], p[:0]), school[:0])


def test_the_model_case_stands_out_with_its_uncertainty():
    """53 of 100 proficient in grade 5, 38 of the same cohort three years later."""
    rows = [("grade5_math", "2005-06", 53.0), ("grade8_math", "2008-09", 38.0), ("grade8_math", "2005-06", 40.0)]
    values = pd.DataFrame(
        [{"indicator": i, "district": "B", "school": "", "subgroup": "all", "period": y, "value": v, "n": 6500.0,
          "se": np.nan} for i, y, v in rows]
    )  # fmt: skip
    found = cohorts.published_cohorts(values, design_effect=4.0)
    assert len(found) == 1
    row = found.iloc[0]
    assert (row["first"], row["second"]) == ("grade 5, 2005-06", "grade 8, 2008-09")
    assert row["change"] == pytest.approx(-0.15)
    assert row["se"] == pytest.approx(np.sqrt(4 * (0.53 * 0.47 + 0.38 * 0.62) / 6500))
    assert row["verdict"] == "fell"
    unknown = cohorts.published_cohorts(values.assign(n=np.nan))
    assert unknown["verdict"].item() == "fell, uncertainty not known"


def test_the_concept_that_fell_stands_out_and_no_other():
    found = changes_by_hand()
    assert set(found.loc[found["stands_out"], "concept"]) == {"rational-numbers"}
    assert found["stands_out"].sum() == 2
    # against the other four concepts: -.19 - .05, with the variance of one and a quarter of the mean of four
    row = found[(found["concept"] == "rational-numbers") & (found["group"] == "District A")].iloc[0]
    assert row["apart"] == pytest.approx(-0.24)
    assert row["apart_se"] == pytest.approx(0.025 * np.sqrt(1.25))


def test_nothing_stands_out_where_everything_fell_alike():
    table = changes_by_hand().assign(change=-0.1, low=-0.15, high=-0.05)
    assert not cohorts.standing_out(table)["stands_out"].any()


def test_the_link_counts_drift_and_sampling():
    index = [f"i{k}" for k in range(8)]
    first = pd.DataFrame({"b": np.linspace(-1, 1, 8), "se_b": 0.1}, index=index)
    same = cohorts.rate_linking(first, first, 0.5)
    assert same == pytest.approx(np.sqrt(8 * 0.02 / 64) * norm.pdf(0))  # no drift: the sampling of the mean alone
    moved = first.assign(b=first["b"] + 0.3)
    assert cohorts.rate_linking(first, moved, 0.5) == pytest.approx(same)  # a shift of all is the change, not drift
    drift = first.assign(b=first["b"] + np.array([0.5, -0.5] * 4))
    assert cohorts.rate_linking(first, drift, 0.5) == pytest.approx(np.sqrt(8 / 7 * 0.25 / 8) * norm.pdf(0))
    assert np.isnan(cohorts.rate_linking(first.iloc[:1], first, 0.5))


def test_growth_across_grades_is_refused_without_off_grade_anchors():
    six, seven, eight = ({f"{g}-{k}" for k in range(30)} for g in (6, 7, 8))
    with pytest.raises(DesignError) as refused:
        cohorts.require_vertical_scale({"6": six, "7": seven | set(sorted(six)[:8]), "8": eight})
    assert any("7 and 8 share 0 items" in p for p in refused.value.details)
    assert not any("6 and 7" in p for p in refused.value.details)
    cohorts.require_vertical_scale({"6": six, "7": seven | set(sorted(six)[:8])})
