"""Disclosure through the DataFrame face: random linked releases, attacked; codes, contrasts, earlier releases."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from scoring.comparisons import audit, disclose
from scoring.irt.errors import DesignError


def study() -> ModuleType:
    place = Path(__file__).parents[2] / "studies" / "disclosure_audit.py"
    spec = importlib.util.spec_from_file_location("disclosure_audit", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["disclosure_audit"] = module
    spec.loader.exec_module(module)
    return module


def one_concept(seed: int) -> dict[str, pd.DataFrame]:
    """A small version of the study's releases: two or three schools per district, one concept."""
    s = study()
    return s.tables(s.students(np.random.default_rng(seed), 2 + (seed % 4 == 0), 1, 30.0))  # type: ignore[no-any-return]


def test_twenty_random_releases_stand_and_primary_suppression_alone_falls() -> None:
    """The audit finds nothing in 20 protected releases, and with small cells hidden alone (8 of them) it finds most."""
    backed_out = narrowed = small = 0
    for seed in range(20):
        tables = one_concept(seed)
        release = disclose(tables)
        assert audit(release, intervals=False)["protected"].all()
        if seed >= 8:
            continue
        naive = audit(disclose(tables, complementary=False))
        sizes = naive[naive["what"] == "size"]
        small += len(sizes)
        narrowed += int((~sizes["protected"]).sum())
        backed_out += int((sizes["high"] - sizes["low"] < 0.5).sum())
    assert narrowed > 0.5 * small
    assert backed_out > 8


def two_schools() -> pd.DataFrame:
    """Sizes 60 = 48 + 12 and 70 = 40 + 30; one school with a top rate; a small group of 4 beside 26."""
    index = pd.MultiIndex.from_tuples(
        [("A", "all"), ("A", "A1"), ("A", "A2"), ("B", "all"), ("B", "B1"), ("B", "B2"), ("all", "all")],
        names=["district", "school"],
    )
    n = [90, 60, 30, 110, 70, 40, 200]
    percent = [65.0, 60.0, 75.0, 50.0, 40.0, 67.5, 56.75]
    return pd.DataFrame({"n": n, "percent": percent, "mean": 0.123, "se": 0.05}, index=index)


def test_what_is_no_table_with_a_name_is_refused() -> None:
    for nothing in ({}, pd.DataFrame({"n": [12]}), {"rates": None}):
        with pytest.raises(DesignError, match="no tables"):
            disclose(nothing)


def test_nothing_is_hidden_without_need() -> None:
    release = disclose({"schools": two_schools()})
    table = release.tables["schools"]
    assert table["n"].tolist() == ["90", "60", "30", "110", "70", "40", "200"]
    assert table["percent"].tolist() == ["65", "60", "75", "50", "40", "68", "57"]
    assert table["mean"].tolist() == [0.123] * 7
    assert release.log()["hidden_small"] == 0
    assert release.share_published == 1.0


def test_a_coded_value_is_hidden() -> None:
    """A coded percentage takes mean and SE with it, and does not tell small from large inside its code."""
    table = two_schools()
    table["percent"] = [94.67, 97.0, 90.0, 50.0, 40.0, 67.5, 70.1]
    release = disclose({"schools": table})
    shown = release.tables["schools"]
    row = shown.loc[("A", "A1")]
    assert row["percent"] in ("≥95", "*")
    assert row["mean"] is None
    assert row["se"] is None
    assert shown.loc[("B", "B1"), "mean"] == 0.123
    assert audit(release)["protected"].all()
    assert release.log()["percentages_coded"] >= 1


def test_contrasts_of_coded_and_hidden_groups() -> None:
    groups = pd.DataFrame(
        {"n": [200, 150, 25, 8, 383], "percent": [60.2, 40.7, 96.0, 50.0, 53.0]},
        index=pd.Index(["a", "b", "c", "d", "all"], name="group"),
    )
    side = lambda g: {"group": g}  # noqa: E731
    contrasts = pd.DataFrame(
        {
            "first": [side("a"), side("c"), side("a"), side("a")],
            "second": [side("b"), side("a"), side("c"), side("d")],
            "gap": [19.5, 35.8, -35.8, 10.2], "se": 2.0, "low": 1.0, "high": 3.0,
        },
        index=pd.Index(range(4), name="row"),
    )  # fmt: skip
    shown = disclose({"groups": groups, "gaps": contrasts}).tables
    groups_out, gaps = shown["groups"], shown["gaps"]
    assert groups_out.loc["d"].tolist() == ["*", "*"]
    assert gaps["gap"].iloc[0] in ("19", "*")  # 60 - 41: of the published percentages, not of unrounded ones
    for row, group in ((1, "c"), (2, "c"), (3, "d")):
        assert gaps["se"].iloc[row] is None, group
        assert not gaps["gap"].iloc[row].lstrip("-").isdigit()
    assert gaps["gap"].iloc[3] == "*"


def test_an_earlier_release_counts() -> None:
    """First district by school, then district by program: a program of 12 hidden by nothing else stays hidden."""
    first = two_schools()[["n"]]
    programs = pd.DataFrame(
        {"n": [60, 52, 8]},
        index=pd.MultiIndex.from_tuples([("A1", "all"), ("A1", "x"), ("A1", "y")], names=["school", "program"]),
    )
    programs = pd.concat({"A": programs}, names=["district"])
    alone = disclose({"programs": programs})
    assert alone.tables["programs"].loc[("A", "A1", "y"), "n"] == "*"
    assert (alone.tables["programs"]["n"] == "*").sum() == 2  # one more cell is enough: the total or the other program
    after = disclose({"programs": programs}, earlier=[disclose({"schools": first})])
    table = after.tables["programs"]["n"]
    assert table.loc[("A", "A1", "all")] == "60"  # public before
    assert (table.loc[("A", "A1", "x")], table.loc[("A", "A1", "y")]) == ("*", "*")
    assert audit(after)["protected"].all()


def test_named_sums_link_tables_that_share_no_total() -> None:
    """Ever-EL = EL + reclassified: with all three public, a hidden EL of 7 would be a subtraction."""
    a = pd.DataFrame({"n": [7, 40, 153]}, index=pd.Index(["EL", "RFEP", "never"], name="status"))
    b = pd.DataFrame({"n": [47, 153]}, index=pd.Index(["ever", "never"], name="ever_el"))
    link = [({"ever_el": "ever"}, [{"status": "EL"}, {"status": "RFEP"}])]
    release = disclose({"status": a, "ever": b}, sums=link)
    assert audit(release)["protected"].all()
    assert (release.tables["status"]["n"] == "*").sum() == 2
    blind = disclose({"status": a, "ever": b.iloc[:1]})  # that "ever" is made of two of the levels, no table says
    assert (blind.tables["status"]["n"] == "*").sum() == 1


def sizes(entries: dict[object, int], *dimensions: str) -> pd.DataFrame:
    """A table of sizes by one or two dimensions."""
    keys = [k if isinstance(k, tuple) else (k,) for k in entries]
    columns = {name: [k[i] for k in keys] for i, name in enumerate(dimensions)}
    return pd.DataFrame(columns | {"n": list(entries.values())}).set_index(list(dimensions))


def test_overlapping_groups_whose_rates_cannot_be_parts_make_no_sum() -> None:
    """Levels that overlap but stay below the total by number: their rates say that they are no parts of it."""
    table = sizes({"all": 400, "EL": 40, "ever": 80, "RFEP": 20}, "status").assign(percent=[20.0, 97.5, 98.0, 99.0])
    release = disclose({"t": table})
    assert release.tables["t"]["percent"].tolist() == ["20", "≥95", "≥95", "≥90"]
    assert audit(release)["protected"].all()


def test_parts_of_one_whole_in_several_tables_and_releases_are_one_sum() -> None:
    """A group of 5 is what a whole leaves after its other parts, wherever these stand."""
    apart = disclose({"one": sizes({"a": 5, "b": 40}, "program"), "two": sizes({"c": 55, "all": 100}, "program")})
    shown = [*apart.tables["one"]["n"], *apart.tables["two"]["n"]]
    assert shown[0] == "*"
    assert shown.count("*") > 1
    assert audit(apart)["protected"].all()
    before = disclose({"first": sizes({"S1": 40, "S3": 60}, "school")})
    after = disclose({"second": sizes({"S2": 5, "all": 105}, "school")}, earlier=[before])
    assert after.tables["second"]["n"].tolist() == ["*", "*"]


def test_a_whole_that_no_table_shows_ties_the_tables_that_divide_it() -> None:
    """District by program and district by sex without totals: both add up to the district, shown or not."""
    program = {("A", "x"): 5, ("A", "y"): 95, ("B", "x"): 30, ("B", "y"): 70}
    sex = {("A", "f"): 50, ("A", "m"): 50, ("B", "f"): 40, ("B", "m"): 60}
    crossed = {"program": sizes(program, "district", "program"), "sex": sizes(sex, "district", "sex")}
    release = disclose(crossed)
    in_a = [*release.tables["program"]["n"].loc["A"], *release.tables["sex"]["n"].loc["A"]]
    assert in_a[0] == "*"
    assert in_a.count("*") > 1  # else 50 + 50 - 95 is 5
    assert "*" not in [*release.tables["program"]["n"].loc["B"], *release.tables["sex"]["n"].loc["B"]]
    # the same through two steps: the districts are not shown, nor their sum, but another division of everybody is
    deep = disclose({"program": crossed["program"], "grade": sizes({"7": 120, "8": 80}, "grade")})
    assert [*deep.tables["program"]["n"], *deep.tables["grade"]["n"]].count("*") > 1
    # a later release counts what was shown before, and an unseen whole is no group that was published
    later = disclose({"sex": crossed["sex"]}, earlier=[disclose({"program": crossed["program"]})])
    assert "*" in later.tables["sex"]["n"].loc["A"].tolist()
    assert "*" not in disclose({"sex": crossed["sex"]}).tables["sex"]["n"].tolist()
    # modelled rates by program and by sex give the district two slightly different rates: no contradiction
    rates = {name: t.assign(percent=[60.0, 61.0, 52.0, 47.0]) for name, t in crossed.items()}
    assert audit(disclose(rates))["protected"].all()


def test_refusals() -> None:
    table = two_schools()
    with pytest.raises(DesignError, match="never published"):
        disclose({"t": table}, minimum=5)
    with pytest.raises(DesignError) as refusal:
        disclose({"t": table.assign(n=[90, 60, -1, 110, 70.5, 40, 200]), "u": table.drop(columns="n")})
    assert len(refusal.value.details) == 3
    with pytest.raises(DesignError, match="0 and 100"):
        disclose({"t": table.assign(percent=101.0)})
    twice = pd.concat([table, table.iloc[:1]])
    with pytest.raises(DesignError) as refusal:
        disclose({"t": twice})
    assert "stands twice" in refusal.value.details[0]


def test_a_code_of_an_earlier_release_is_not_narrowed_by_tables_that_leave_the_group_out() -> None:
    """A: >=98 of 200, before. All 75 of 400 and B 50 of 200 would say now that A is at least 98.5."""
    before = disclose({"a": sizes({"A": 200}, "district").assign(percent=99.0)})
    assert before.tables["a"]["percent"].tolist() == ["≥98"]
    rest = sizes({"all": 400, "B": 200}, "district").assign(percent=[74.5, 50.0])
    assert disclose({"b": rest}).tables["b"]["percent"].tolist() == ["75", "50"]
    after = disclose({"b": rest}, earlier=[before])
    assert "*" in after.tables["b"]["percent"].tolist()
    found = audit(after)
    assert found["protected"].all()
    assert found.set_index("group").loc["district=A", ["low", "high"]].tolist() == [195.0, 200.0]
    log = after.log()  # of this release alone: A's percentage is the earlier one's
    assert sum(int(str(log[f"percentages_{what}"])) for what in ("shown", "coded", "hidden")) == 2


def test_a_percentage_that_an_earlier_release_hid_stays_hidden_when_today_leaves_the_group_out() -> None:
    """B of 200 was hidden beside a coded A. Its two schools would give it to two students, though A's code holds."""
    first = sizes({("B", "all"): 200, ("A", "all"): 200, ("all", "all"): 400}, "district", "school")
    before = disclose({"a": first.assign(percent=[51.5, 98.5, 75.0])})
    assert before.tables["a"]["percent"].tolist() == ["*", "≥98", "75"]
    schools = sizes({("B", "B1"): 100, ("B", "B2"): 100}, "district", "school").assign(percent=[51.0, 52.0])
    assert disclose({"b": schools}).tables["b"]["percent"].tolist() == ["51", "52"]
    after = disclose({"b": schools}, earlier=[before])
    assert "*" in after.tables["b"]["percent"].tolist()
    found = audit(after)
    assert found["protected"].all()
    row = found[(found["what"] == "percent") & (found["group"] == "district=B")]
    assert float(row["high"].iloc[0] - row["low"].iloc[0]) >= 4.0  # 2 of 100 of 200, as wide as a code
    # what was measured before and is not today is guarded as well
    other = disclose({"b": schools.rename(columns={"percent": "percent_read"})}, earlier=[before])
    assert other.tables["b"]["percent_read"].tolist() == ["51", "52"]
    assert set(audit(other)["what"]) == {"percent"}
    log = other.log()
    assert (log["percentages_shown"], log["percentages_hidden"]) == (2, 0)


def test_only_what_would_be_guarded_now_counts_as_given_away() -> None:
    """What a whole leaves after its parts, 11 students and more, is nobody's secret, nor is what was printed."""
    wide = sizes({"all": 100, "x": 60}, "program").assign(percent=[50.0, 50.0])
    before = disclose({"a": wide})  # leaves 40 students and their number, known to everybody
    after = disclose({"b": sizes({"f": 45, "m": 55}, "sex").assign(percent=[50.0, 50.0])}, earlier=[before])
    assert after.log()["given_away_before"] == 0
    # a release that hid small groups alone: 75 of 400 and 50 of 200 narrow the code of the other 200
    rates = sizes({"A": 200, "B": 200, "all": 400}, "district").assign(percent=[99.0, 50.0, 74.5])
    careless = disclose({"a": rates}, complementary=False)
    assert careless.tables["a"]["percent"].tolist() == ["≥98", "50", "75"]
    later = disclose({"b": rates.iloc[[0, 2]]}, earlier=[careless])
    assert later.log()["given_away_before"] == 1
    # a part of today's own release is no earlier one: what it gives away is refused
    with pytest.raises(DesignError, match="already public"):
        disclose({"b": rates.iloc[[0, 2]]}, first=careless)
