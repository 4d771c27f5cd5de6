"""A public edition shows nothing of small groups: not in tables, plots, alt texts or sentences; the attack agrees."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from scoring.analysis.result import SMALLEST_CELL
from scoring.comparison.disclosing import audit
from scoring.groups.suppression import MINIMUM
from scoring.report.comparison import comparison_page
from scoring.report.editions import disclosed_again, linked_tables, public_edition
from scoring.report.words import five_sentences

from .conftest import GROUPS, NAMES, example
from .test_comparison_page import read

LEVELS = {"078": 1500, "074": 600, "080": 500, "076": 180, "079": 7}


def with_groups(make=example):
    """The example with levels of one attribute in both districts, one of them small in District A."""
    analysis = make()
    sizes = dict(zip(GROUPS, (int(n) for n in analysis.participation["students"]), strict=True))
    rows = []
    counts = {}
    for g in GROUPS:
        left = sizes[g]
        for level, n in LEVELS.items():
            counts[g, level] = n if level != "079" or g == GROUPS[0] else 40
            left -= counts[g, level]
        counts[g, "078"] += left
    for concept in NAMES:
        for level in LEVELS:
            for g in (*GROUPS, ""):
                n = counts[g, level] if g else sum(counts[h, level] for h in GROUPS)
                by, group = ("district x ethnicity", f"{g} / {level}") if g else ("ethnicity", level)
                rows.append((by, group, concept, "mastery", 0.5, n))
    levels = pd.DataFrame(rows, columns=["by", "group", "concept", "measure", "estimate", "students"])
    rates = {(r.concept, r.group): r.rate for r in analysis.mastery.itertuples()}
    share = [rates[r.concept, r.group.split(" / ")[0]] if " / " in r.group else np.nan for r in levels.itertuples()]
    levels["estimate"] = share  # every level as its district, so that the shares add up
    for i, r in levels[levels["by"] == "ethnicity"].iterrows():
        both = [(counts[g, r["group"]], rates[r["concept"], g]) for g in GROUPS]
        levels.loc[i, "estimate"] = sum(n * p for n, p in both) / sum(n for n, _ in both)
    levels.loc[(levels["group"] == f"{GROUPS[0]} / 079"), "estimate"] = np.nan  # too few for a share of its own
    contrast = {
        "by": "ethnicity", "concept": next(iter(NAMES)), "name": "x", "contrast": "079 - 080 in District A",
        "kind": "gap", "within": GROUPS[0], "group": "079", "versus": "080", "adjusted": "", "measure": "mastery",
        "estimate": 0.1234,
        "low": 0.01, "high": 0.24, "p_adjusted": 0.2, "status": "", "note": "", "se": 0.05, "effect": 0.2,
        "effect_low": 0.1, "effect_high": 0.3,
    }  # fmt: skip
    subgroups = pd.DataFrame([contrast, contrast | {"group": "074", "contrast": "074 - 080 in District A"}])
    return replace(analysis, levels=levels, subgroups=subgroups)


@pytest.fixture(scope="module")
def release():
    return public_edition(with_groups())


def test_the_small_group_and_what_would_give_it_away_are_hidden(release):
    table = release.disclosure.tables["by ethnicity"]
    small = table.sort_index().loc[(GROUPS[0], "079")]
    assert (small["n"] == "*").all()
    assert (small["percent"] == "*").all()
    hidden = table["n"].eq("*").groupby(level=[0, 1]).any()
    assert int(hidden.sum()) >= 2  # one hidden cell in a sum could be found by subtraction
    districts = release.disclosure.tables["mastery"]
    assert (districts["n"] != "*").all()  # the report's own rows never give way to a subgroup's
    assert (districts["percent"] != "*").sum() >= 8


def test_the_attack_recovers_nothing_but_does_with_small_groups_alone_hidden(release):
    assert audit(release.disclosure, intervals=False)["protected"].all()
    primary = disclosed_again(linked_tables(with_groups()), (), complementary=False)
    assert not audit(primary, intervals=False)["protected"].all()


def test_no_trace_of_a_hidden_side_in_the_page(release):
    kept = release.analysis.subgroups
    assert list(kept["group"]) == ["074"]
    page = comparison_page(release.analysis)
    assert "Public edition" in page
    assert "079" not in page
    assert "0.1234" not in page


def test_items_students_and_schools_stay_inside(release):
    page = " ".join(read(comparison_page(release.analysis)).text)
    assert not re.search(r"G7-\d\d", page)
    for table in ("dif", "options", "scores", "schools", "coverage", "distribution", "levels"):
        assert not len(getattr(release.analysis, table)), table
    assert "G7-" not in " ".join(five_sentences(release.analysis))


def coded(share: float):
    """The example where one district's share of the first concept is extreme."""
    analysis = example()
    first = next(iter(NAMES))
    here = (analysis.mastery["concept"] == first) & (analysis.mastery["group"] == GROUPS[0])
    mastery = analysis.mastery.copy()
    mastery.loc[here, ["rate", "low", "high"]] = [share, share - 0.004, min(share + 0.004, 1)]
    return replace(analysis, mastery=mastery)


def test_a_coded_share_is_hidden_in_plot_alt_text_and_sentences():
    analysis = coded(0.994)
    inside, outside = comparison_page(analysis), comparison_page(public_edition(analysis).analysis)
    name = next(iter(NAMES.values()))
    assert "99 of 100 (99 to 100)" in inside
    assert "99 of 100 or more" in outside
    alt = next(a for a in re.findall(r'alt="([^"]*)"', outside) if a.startswith("Share of students"))
    told = next(s for s in alt.split(". ") if s.startswith(name) or f" {name}:" in s)
    assert GROUPS[0] not in told
    public = public_edition(analysis).analysis
    row = public.contrasts[public.contrasts["concept"] == next(iter(NAMES))].iloc[0]
    assert row[["difference", "se", "low", "high", "p_value", "p_adjusted"]].isna().all()
    assert next(iter(NAMES)) not in set(public.means.loc[public.means["group"] == GROUPS[0], "concept"])


def test_an_earlier_release_is_taken_as_known(release):
    later = public_edition(with_groups(), [release.disclosure])
    assert (later.disclosure.tables["by ethnicity"]["n"] == release.disclosure.tables["by ethnicity"]["n"]).all()
    assert audit(later.disclosure, intervals=False)["protected"].all()


def test_rates_are_whole_percents_and_a_draft_says_so(release):
    shown = release.analysis.mastery.loc[release.analysis.mastery["shown"], "rate"] * 100
    assert np.allclose(shown, shown.round())
    assert "not agreed" in comparison_page(public_edition(example(), draft=True).analysis)


def test_pages_and_published_tables_have_one_smallest_group():
    assert SMALLEST_CELL == MINIMUM
