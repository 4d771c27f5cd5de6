"""Course access: counted by hand, ready by a stated rule, small groups not shown."""

import numpy as np
import pandas as pd
import pytest

from scoring.irt.errors import DesignError
from scoring.runs.accessing import access_table
from scoring.trends.access import COUNTS, ReadyRule, course_access, ready, safe

RULE = ReadyRule("2026-1", "A mark of 2 or more in grade 7.", "prior >= 2")


def people(n=60):
    index = [f"s{k}" for k in range(n)]
    return pd.DataFrame(
        {"district": "A", "school": ["N" if k < 40 else "S" for k in range(n)],
         "language": ["EL" if k % 2 else "EO" for k in range(n)]}, index=index,
    )  # fmt: skip


def test_counts_by_hand():
    students = people()
    taken = pd.DataFrame({"student": [f"s{k}" for k in range(20)], "course": "ALG1", "mark": [1.0] * 15 + [3.0] * 5})
    needs = pd.DataFrame({"course": ["ALG1", "ALG1H"], "requirement": "Algebra 1"})
    facts = pd.DataFrame({"prior": [3.0] * 30 + [1.0] * 29 + [np.nan]}, index=students.index)
    found = course_access(students, taken, needs, ready(RULE, facts), passing=2, by=("language",))
    whole = found[(found["school"] == "all") & (found["by"] == "all")].iloc[0]
    assert whole[list(COUNTS)].tolist() == [60, 20, 30, 20, 10, 5]
    assert whole["share_ready_enrolled"] == pytest.approx(2 / 3)
    learners = found[(found["subgroup"] == "EL") & (found["school"] == "all")].iloc[0]
    assert (learners["students"], learners["enrolled"], learners["ready_not_enrolled"]) == (30, 10, 5)
    assert found[(found["by"] == "all") & (found["school"] != "all")]["enrolled"].sum() == 20
    without = course_access(students, taken, needs)
    assert without[["ready", "completed"]].isna().all(axis=None)


def test_a_rule_is_read_by_our_own_arithmetic_and_checked():
    facts = pd.DataFrame({"prior": [3.0, 1.0, np.nan]}, index=["a", "b", "c"])
    assert ready(RULE, facts).tolist() == [True, False, None]
    for rule in (
        ReadyRule("", "words", "prior >= 2"),
        ReadyRule("1", "words", "__import__('os') >= 2"),
        ReadyRule("1", "words", "other >= 2"),
        ReadyRule("1", "words", "prior + 1"),
    ):
        with pytest.raises(DesignError):
            ready(rule, facts)


def test_small_groups_carry_no_numbers_and_cannot_be_subtracted():
    students = people(60)
    students["language"] = ["EL"] * 5 + ["EO"] * 40 + ["RFEP"] * 15
    taken = pd.DataFrame({"student": [f"s{k}" for k in range(30)], "course": "ALG1"})
    found = safe(
        course_access(students, taken, pd.DataFrame({"course": ["ALG1"], "requirement": "A"}), by=("language",))
    )
    district = found[(found["school"] == "all") & (found["by"] == "language")].set_index("subgroup")
    assert np.isnan(district.at["EL", "students"])
    assert np.isnan(district.at["RFEP", "students"])  # the total less EO and RFEP would give EL away
    assert district.at["EO", "students"] == 40
    assert found.loc[~found["shown"], "enrolled"].isna().all()


def test_no_hidden_count_is_the_rest_of_a_sum():
    """Whatever is drawn: what the rows shown leave of the district's count is 0 or no small group."""
    rng = np.random.default_rng(3)
    hidden = 0
    for _ in range(25):
        n = int(rng.integers(60, 300))
        students = pd.DataFrame(
            {"district": "A", "school": rng.choice(list("NSTU"), n, p=[0.5, 0.3, 0.15, 0.05]),
             "language": rng.choice(["EO", "EL", "RFEP", "IFEP"], n, p=[0.6, 0.3, 0.07, 0.03])},
            index=[f"s{k}" for k in range(n)],
        )  # fmt: skip
        chosen = rng.random(n) < rng.uniform(0.05, 0.9)
        taken = pd.DataFrame({"student": students.index[chosen], "course": "ALG1", "mark": 3.0})
        is_ready = pd.Series(rng.random(n) < 0.4, index=students.index, dtype="object")
        needs = pd.DataFrame({"course": ["ALG1"], "requirement": "A"})
        if not chosen.any():
            continue
        found = safe(course_access(students, taken, needs, is_ready, 2, ("language",)))
        whole = found[(found["school"] == "all") & (found["by"] == "all")].iloc[0]
        for part in (found[found["by"] == "language"], found[found["school"] != "all"]):
            for count in COUNTS:
                if np.isnan(whole[count]):
                    continue
                hidden += int(part[count].isna().any())
                rest = whole[count] - part[count].sum()
                # a single row may stay hidden only where every other one is
                assert rest == 0 or rest >= 11 or part[count].notna().sum() == 0, (count, rest)
    assert hidden > 20


def test_from_rosters(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    files = {
        "orgs": "sourcedId,name,type,identifier\no1,North,school,N",
        "users": "sourcedId,role,identifier,grades,enabledUser\n"
        + "\n".join(f"u{k},student,1{k:03d},08,true" for k in range(30)),
        "courses": "sourcedId,title,courseCode\nx1,Algebra 1,ALG1\nx2,Math 8,M8",
        "classes": "sourcedId,title,courseSourcedId,schoolSourcedId\nc1,Alg,x1,o1\nc2,M8,x2,o1",
        "enrollments": "sourcedId,classSourcedId,schoolSourcedId,userSourcedId,role\n"
        + "\n".join(f"e{k},{'c1' if k < 12 else 'c2'},o1,u{k},student" for k in range(30)),
    }  # fmt: skip
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text + "\n")
    (tmp_path / "req.csv").write_text("course,requirement\nALG1,Algebra 1\n")
    (tmp_path / "marks.csv").write_text(
        "student,course,mark\n" + "".join(f"1{k:03d},ALG1,{k % 2 * 4}\n" for k in range(12))
    )
    found = access_table({"A": folder}, tmp_path / "req.csv", {"A": tmp_path / "marks.csv"}, passing=2)
    whole = found[found["school"] == "all"].iloc[0]
    assert (whole["students"], whole["enrolled"], whole["completed"]) == (30, 12, 6)
    assert not found.astype(str).isin(["1000", "1001"]).any(axis=None)
