"""Frameworks in and out without loss, what the bank lacks, and experts' rankings of the items of a concept."""

import copy
import json

import pytest

from itembank import concept_sheet, concept_views, concepts, database, people
from itembank.exchange import case
from itembank.models import Concept, ConceptRanking

from .test_workflow import store


def node(identifier, title=""):
    return {"title": title, "identifier": identifier, "uri": f"urn:{identifier}"}


def link(kind, origin, destination, **further):
    return {
        "identifier": f"{origin}-{destination}",
        "associationType": kind,
        "uri": "urn:x",
        "originNodeURI": node(origin, further.pop("title", "")),
        "destinationNodeURI": node(destination, further.pop("to", "")),
        "lastChangeDateTime": "2025-01-24T00:00:00+00:00",
        **further,
    }


PACKAGE = {
    "CFDocument": {
        "identifier": "d0c",
        "uri": "urn:d0c",
        "creator": "District A",
        "title": "Measured skills",
        "lastChangeDateTime": "2025-01-24T00:00:00+00:00",
        "caseVersion": "1.1",
        "ext:house": {"kept": [1, 2.5, None, "é"]},
    },
    "CFItems": [
        {"identifier": "i1", "fullStatement": "Ratios & rates", "humanCodingScheme": "RR",
         "educationLevel": ["06", "07"]},
        {"identifier": "i2", "fullStatement": "Unit rates with fractions", "abbreviatedStatement": "Unit rates",
         "humanCodingScheme": "RR 1 (a)", "extensions": {"other": {"deep": True}}, "unknown": 0},
        {"identifier": "i3", "fullStatement": "Percent", "conceptKeywords": ["percent"], "notes": ""},
        {"identifier": "s1", "fullStatement": "Compute unit rates associated with ratios of fractions.",
         "humanCodingScheme": "CCSS.Math.Content.7.RP.A.1"},
    ],
    "CFAssociations": [
        link("isChildOf", "i1", "d0c", sequenceNumber=1),
        link("isChildOf", "i2", "i1"),
        link("isChildOf", "i3", "i1"),
        link("precedes", "i2", "i3"),
        link("isRelatedTo", "i2", "s1"),
        link("exactMatchOf", "i3", "elsewhere", to="7.RP.A.3"),
        link("ext:taughtWith", "i2", "i3"),
    ],
    "CFDefinitions": {"CFLicenses": [{"identifier": "l1", "licenseText": "as is"}]},
    "CFRubrics": [{"identifier": "r1", "CFRubricCriteria": [{"CFRubricCriterionLevels": [{"score": 4}]}]}],
}  # fmt: skip


@pytest.fixture
def framework(any_bank, run, tmp_path):
    with database.writing() as session:
        concepts.store_standards(session)
        for code in "AB":
            people.add_district(session, code)
            people.add_person(session, f"author{code}", f"Author {code}", code, "author")
            people.add_person(session, f"lead{code}", f"Lead {code}", code, "admin")
    (tmp_path / "case.json").write_text(json.dumps(PACKAGE), encoding="utf-8-sig")
    return tmp_path / "case.json"


def test_a_package_becomes_concepts_and_goes_out_as_it_came(framework, run, tmp_path):
    assert run("concepts", "import", framework, "--dry-run")[0] == 0
    assert "0 new" not in run("concepts", "import", framework)[2]
    facts = json.loads(run("concepts", "show", "RR-1-a", "--json")[1])
    assert facts["title"] == "Unit rates"
    assert facts["standards"] == ["7.RP.A.1"]
    assert facts["leads to"] == ["i3"]
    assert json.loads(run("concepts", "show", "i3", "--json")[1])["standards"] == ["7.RP.A.3"]
    tree = json.loads(run("concepts", "tree", "--json")[1])
    assert (tree[0]["concept"], tree[0]["grade"]) == ("RR", "6, 7")
    assert "0 new and 0 changed" in run("concepts", "import", framework)[2]
    assert run("concepts", "export", "--framework", "d0c", "-o", tmp_path / "out.json")[0] == 0
    assert json.loads((tmp_path / "out.json").read_text("utf-8")) == PACKAGE
    assert json.loads(run("concepts", "export", "--list", "--json")[1])[0]["framework"] == "d0c"
    with database.writing() as session:
        concepts.concept_of(session, "RR-1-a").title = "Rates per unit"
    changed = json.loads(run("concepts", "export", "--framework", "d0c")[1])
    assert changed["CFItems"][1]["abbreviatedStatement"] == "Rates per unit"
    changed["CFItems"][1]["abbreviatedStatement"] = "Unit rates"
    changed["CFItems"][1].pop("lastChangeDateTime")
    assert changed == PACKAGE


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_banks_own_concepts_come_back_from_a_package(framework, run, tmp_path, version, migrated, monkeypatch):
    words = ("--description", "Of two amounts", "--grade", "7", "--standard", "7.RP.A.1")
    run("concepts", "add", "ratios", "--title", "Ratios", "--as", "leadA")
    assert run("concepts", "add", "rates", "--title", "Rates", "--parent", "ratios", *words, "--as", "leadA")[0] == 0
    run("concepts", "add", "percent", "--title", "Percent", "--prerequisite", "rates", "--as", "leadA")
    assert run("concepts", "export", "--case", version, "-o", tmp_path / "own.json")[0] == 0
    package = json.loads((tmp_path / "own.json").read_text("utf-8"))
    assert case.check(package, "own") == []
    for item in package["CFItems"]:  # what the binding requires
        assert {"identifier", "fullStatement", "uri", "lastChangeDateTime"} <= set(item)
        assert ("extensions" in item) == (version == "1.1")
    before = _described()
    monkeypatch.setenv("ITEMBANK_URL", str(tmp_path / "other.db"))
    (tmp_path / "other.db").write_bytes(migrated.read_bytes())
    with database.writing() as session:
        concepts.store_standards(session)
    assert run("concepts", "import", tmp_path / "own.json")[0] == 0
    after = _described()
    if version == "1.0":  # an empty description goes out as the title: 1.0 has no place for ours
        for facts in before.values():
            facts["description"] = facts["description"] or facts["title"]
    assert after == before
    assert json.loads(run("concepts", "export", "--framework", package["CFDocument"]["identifier"])[1]) == package


def _described():
    with database.reading() as session:
        return {c.code: concepts.described(session, c) for c in session.exec(concepts.select(Concept)).all()}


def broken(change):
    package = copy.deepcopy(PACKAGE)
    change(package)
    return package


@pytest.mark.parametrize(
    ("package", "code"),
    [
        ([], "no-document"),
        ({"CFItems": []}, "no-document"),
        (broken(lambda p: p["CFDocument"].pop("title")), "bad-document"),
        (broken(lambda p: p.update(CFItems={"a": 1})), "bad-list"),
        (broken(lambda p: p["CFItems"][1].pop("fullStatement")), "bad-item"),
        (broken(lambda p: p["CFItems"][1].update(identifier="i1")), "duplicate-item"),
        (broken(lambda p: p["CFAssociations"][0].pop("originNodeURI")), "bad-association"),
        (broken(lambda p: p["CFAssociations"].append(link("isChildOf", "i1", "i2"))), "circle"),
    ],
)
def test_broken_packages_are_refused_with_the_place(bank, run, tmp_path, package, code):
    (tmp_path / "bad.json").write_text(json.dumps(package), "utf-8")
    done, _, err = run("concepts", "import", tmp_path / "bad.json")
    assert done == 3
    assert code in err


def test_what_is_no_json_is_refused(bank, run, tmp_path):
    (tmp_path / "bad.json").write_text("[" * 99999, "utf-8")
    assert run("concepts", "import", tmp_path / "bad.json")[0] == 3
    assert run("concepts", "import", tmp_path / "absent.json")[0] == 3
    assert run("concepts", "export", "--framework", "none")[0] == 3
    assert run("concepts", "export", "--case", "2.0")[0] == 2


def approve(run, code):
    run("reviews", "submit", code, "--as", "authorA")
    for who in ("leadA", "leadB"):
        assert run("reviews", "review", code, "--verdict", "approve", "--as", who)[0] == 0


def test_gaps_count_usable_items_against_what_is_wanted(framework, run):
    run("concepts", "add", "ratios", "--grade", "7", "--as", "leadA")
    run("concepts", "add", "rates", "--grade", "6, 7", "--as", "leadA")
    store(1)
    store(2)
    approve(run, "T-1")
    rows = json.loads(run("concepts", "gaps", "--want", "2", "--dok", "1", "--json")[1])
    cells = {(r["concept"], r["grade"]): (r["usable"], r["coming"], r["missing"]) for r in rows}
    assert cells == {("ratios", "7"): (1, 1, 1), ("rates", "6"): (0, 0, 2), ("rates", "7"): (0, 0, 2)}
    assert rows[0]["missing"] == 2  # the largest lack first
    assert {r["concept"] for r in json.loads(run("concepts", "gaps", "--want", "1", "--dok", "1", "--json")[1])} == {
        "rates"
    }
    standards = json.loads(run("concepts", "gaps", "--by", "standard", "--want", "1", "--dok", "1", "--json")[1])
    assert "7.RP.A.1" not in {r["standard"] for r in standards}
    assert "7.RP.A.2" in {r["standard"] for r in standards}
    assert {r["grade"] for r in json.loads(run("concepts", "gaps", "--grade", "6", "--json")[1])} == {"6"}
    assert run("concepts", "gaps", "--want", "0")[0] == 2


def test_the_q_matrix_says_which_concepts_no_item_measures_alone(any_furnished, run):
    with database.reading() as session:
        rows, names, never = concept_views.q_matrix(session, "F1")
    assert names == ["geometry", "numbers", "ratios"]
    assert [(r["item"], r["geometry"], r["numbers"], r["ratios"]) for r in rows] == [
        ("Q1", 0, 0, 1), ("Q2", 0, 0, 1), ("Q3", 0, 1, 0), ("Q4", 0, 1, 0), ("Q5", 1, 0, 0),
    ]  # fmt: skip
    assert never == []
    (_, out, _) = run("concepts", "coverage", "--q-matrix", "--form", "F1", "--format", "csv")
    assert out.splitlines()[:2] == ["item,primary,geometry,numbers,ratios", "Q1,ratios,0,0,1"]
    assert run("concepts", "coverage", "--form", "F1")[0] == 2
    assert run("concepts", "coverage", "--q-matrix", "--form", "none")[0] == 3


def test_an_item_of_two_concepts_alone_does_not_measure_either(framework, run, tmp_path):
    (tmp_path / "items.csv").write_text(
        "id,title,concepts,type,key,points\nM1,One,x;y,choice,B,1\nM2,Two,x,choice,B,1\n"
    )
    with database.writing() as session:
        from itembank import authoring

        authoring.register_items(session, tmp_path / "items.csv", status="released")
    out, err = run("concepts", "coverage", "--q-matrix", "--format", "csv")[1:]
    assert out.splitlines() == ["item,primary,x,y", "M1,x,1,1", "M2,x,1,0"]
    assert "needs: y." in err


def test_experts_of_both_districts_rank_the_candidates(any_furnished, run, tmp_path):
    for n in (1, 2, 3):
        store(n, f"How many miles in one hour, item {n}?")
    order = ("concepts", "sheet", "ratios", "--rank")
    assert run(*order, "T-2, T-1, T-3", "--why", "Cleanest numbers.", "--as", "leadA", "--dry-run")[0] == 0
    assert run(*order, "T-2, T-1, T-3", "--why", "Cleanest <numbers>.", "--as", "leadA")[0] == 0
    assert run(*order, "T-1, T-2", "--why", "First thought.", "--as", "leadB")[0] == 0
    code, _, err = run(*order, "T-1, T-3, T-2", "--why", "Shortest text.", "--as", "leadB")
    assert code == 0
    assert "declared" in err
    for words, refused in (
        (("T-1", "--why", "x"), 2),
        (("T-1, T-1", "--why", "x"), 2),
        (("T-1, T-2", "--why", " "), 2),
        (("T-1, Q5", "--why", "x"), 3),
        (("T-1, T-2", "--why", "x", "--as", "nobody"), 3),
    ):
        assert run(*order, *words, *(() if "--as" in words else ("--as", "leadA")))[0] == refused
    rows = json.loads(run("concepts", "sheet", "ratios", "--json", "-o", tmp_path / "sheet.html")[1])
    ranked = {r["item"]: (r["mean"], r["A"], r["B"], r["experts"]) for r in rows if r["experts"]}
    assert ranked == {"T-1": (1.5, 2, 1, 2), "T-2": (2.0, 1, 3, 2), "T-3": (2.5, 3, 2, 2)}
    page = (tmp_path / "sheet.html").read_text("utf-8")
    assert page.index('<article id="T-1"') < page.index('<article id="T-2"') < page.index('<article id="T-3"')
    assert "Cleanest &lt;numbers&gt;." in page
    assert "First thought." not in page
    assert "First place: district A T-2, district B T-1." in page
    assert "<mfrac>" in page
    with database.reading() as session:
        assert len(session.exec(concepts.select(ConceptRanking)).all()) == 3  # the first thought is kept, too


def test_the_ranking_stands_beside_what_the_answers_say():
    rows = [
        {"item": "T-1", "mean": 1.0, "by": {"A": 1.0, "B": 1.0}, "measured": {"information": 0.2}},
        {"item": "T-2", "mean": 2.0, "by": {"A": 2.0, "B": None}, "measured": {"information": 0.5}},
    ]
    said = concept_sheet.agreement(rows, ["A", "B"])
    assert said == "The districts put the same item first (T-1). The most information of those ranked came from T-2."
    assert concept_sheet.agreement([], ["A", "B"]) == ""
