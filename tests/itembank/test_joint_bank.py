"""The joint bank itself: every key recomputed, every given alive, every cluster covered, catalogues whole."""

import csv
import importlib.util
from collections import Counter, defaultdict
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
import yaml

from itembank import booklet, figures, forms, item_file, item_folder, keys, likeness, preview, standards, verify
from itembank.answers import value_of
from itembank.authoring import rule_of as key_rule
from itembank.item_model import Expression, Item
from itembank.verify_reading import numbers
from itembank.verify_syntax import parse
from itembank.verify_values import evaluate

ROOT = Path(__file__).parents[2] / "items"
GRADE_7 = (
    "proportional-relationships",
    "rational-numbers",
    "expressions-equations",
    "geometry-measurement",
    "statistics-probability",
)


@lru_cache(maxsize=1)
def items() -> tuple[Item, ...]:
    found = [item_file.read(path).item for path in sorted(ROOT.glob("*/*.md"))]
    assert all(item is not None for item in found)
    return tuple(item for item in found if item is not None)


@lru_cache(maxsize=2)
def catalogue(name: str) -> tuple[dict[str, object], ...]:
    return tuple(yaml.safe_load((ROOT / f"{name}.yaml").read_text(encoding="utf-8")))


def test_the_check_finds_nothing() -> None:
    assert [str(f) for f in item_folder.check([ROOT]).findings if f.severity in ("error", "warning")] == []


def test_every_key_is_recomputed_or_says_why_not() -> None:
    without = [item.id for item in items() if item.verify.reason]
    for item in items():
        if not item.verify.reason:
            assert verify.check(item).values, item.id
    assert len(without) <= 0.05 * len(items())  # judgements of sampling methods, stories and definitions


def changed(item: Item, name: str, step: str) -> Item:
    """The item with one given changed: what another number in the stem would do."""
    given = item.verify.given[name]
    givens = {**item.verify.given, name: Expression(f"({given.text}) {step}", given.line)}
    return replace(item, verify=replace(item.verify, given=givens))


@pytest.mark.parametrize("item", items(), ids=lambda item: item.id)
def test_a_changed_given_changes_what_is_computed(item: Item) -> None:
    """A given that moves little or much breaks the key or a wrong answer, not only its place in the stem.

    Statements and rows may stay true when a number moves, and so may the median of a list.
    """
    if item.verify.statements or item.verify.rows or item.verify.reason:
        return
    for name, given in item.verify.given.items():
        if isinstance(evaluate(parse(given.text), {}), list):
            continue
        codes = {f.code for step in ("+ 1", "* 10 + 7") for f in verify.check(changed(item, name, step)).findings}
        assert codes - {"given-not-in-stem"}, f"nothing rests on `{name}`"


@pytest.mark.parametrize("item", [i for i in items() if i.figures], ids=lambda item: item.id)
def test_every_figure_is_drawn(item: Item) -> None:
    for figure in item.figures:
        assert figures.problems(figure) == []


def test_the_concepts_form_an_order_without_circles() -> None:
    concepts = {str(c["id"]): c for c in catalogue("concepts")}
    assert len(concepts) == len(catalogue("concepts"))
    done: set[str] = set()
    while len(done) < len(concepts):
        ready = {i for i, c in concepts.items() if i not in done and set(c["prerequisites"]) <= done}  # type: ignore[call-overload]
        assert ready, f"a circle, or an unknown prerequisite, among {sorted(set(concepts) - done)}"
        done |= ready
    for concept in concepts.values():
        for field in ("name", "strand", "description", "mastering", "grades", "standards"):
            assert concept[field], (concept["id"], field)
        for code in concept["standards"]:  # type: ignore[attr-defined]
            assert standards.normalised(code) == code, (concept["id"], code)


def test_every_standard_of_grades_6_to_8_belongs_to_a_concept() -> None:
    named = {code for c in catalogue("concepts") for code in c["standards"]}  # type: ignore[attr-defined]
    assert set(standards.known_codes()) <= named


def test_the_misconceptions_are_whole() -> None:
    known = {str(c["id"]) for c in catalogue("concepts")}
    misconceptions = catalogue("misconceptions")
    assert len(misconceptions) >= 100
    for field in ("id", "name", "description", "example", "in_class"):
        said = [str(m[field]).strip() for m in misconceptions]
        assert all(said)
        assert len(set(said)) == len(said), [s for s, n in Counter(said).items() if n > 1]
    for misconception in misconceptions:
        assert misconception["concepts"]
        assert set(misconception["concepts"]) <= known, misconception["id"]  # type: ignore[call-overload]


@pytest.mark.parametrize("grade", ["6", "7", "8"])
def test_every_cluster_has_four_items_of_two_types(grade: str) -> None:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items():
        for cluster in {".".join(code.split(".")[:3]) for code in item.standards}:
            found[cluster].append(item)
    for cluster in {".".join(code.split(".")[:3]) for code in standards.known_codes() if code.startswith(grade)}:
        assert len(found[cluster]) >= 4, cluster
        assert len({item.type for item in found[cluster]}) >= 2, cluster


def test_grade_7_measures_five_concepts_with_eight_items_or_more() -> None:
    counts = Counter(item.concepts[0] for item in items() if item.grade == "7")
    assert set(counts) == set(GRADE_7)
    assert min(counts.values()) >= 8


def test_keys_are_spread_over_the_letters() -> None:
    keys = Counter(item.keys[0] for item in items() if item.type == "choice")
    assert set(keys) <= set("ABCD")
    assert min(keys[letter] for letter in "ABCD") >= 0.18 * sum(keys.values())
    assert max(keys.values()) <= 0.32 * sum(keys.values())


def test_every_item_says_why_and_for_whom() -> None:
    for item in items():
        assert item.why, item.id
        assert item.solution, item.id
        assert item.difficulty is not None, item.id
        assert all((item.claim, item.dok, item.practices, item.standards)), item.id
        assert item.authors[0].district in ("A", "B"), item.id
        assert len(item.options) <= (5 if item.type == "multi-select" else 4), item.id


def test_difficulties_are_spread() -> None:
    shares = sorted(item.difficulty for item in items() if item.difficulty is not None)
    assert shares[4] <= 0.25  # five items or more at either end, where a scale of middling items says little
    assert shares[-5] >= 0.88


def test_the_keys_of_multi_select_items_cannot_be_guessed_from_their_places() -> None:
    patterns = Counter("".join(item.keys) for item in items() if item.type == "multi-select")
    assert max(patterns.values()) <= 0.25 * sum(patterns.values())
    assert len({len(pattern) for pattern in patterns}) >= 2
    for letter in "ABCD":
        assert sum(n for pattern, n in patterns.items() if letter in pattern) >= 0.25 * sum(patterns.values())


def test_the_bank_is_as_large_and_as_varied_as_agreed() -> None:
    grades = Counter("8" if item.grade == "A1" else item.grade for item in items())
    assert all(grades[g] >= 60 for g in "678")
    types = Counter(item.type for item in items())
    assert min(types[t] for t in ("choice", "multi-select", "numeric", "match", "rubric")) >= 10
    assert sum(item.grade == "A1" for item in items()) >= 20
    assert sum(bool(item.figures) for item in items()) >= 20
    assert sum(bool(item.variants) for item in items()) >= 30
    for grade in "678":
        assert sum(item.grade == grade and item.dok == "3" for item in items()) >= 4, grade


def blind() -> dict[str, dict[str, str]]:
    with (ROOT / "blind-solve.csv").open(encoding="utf-8", newline="") as file:
        return {row["item"]: row for row in csv.DictReader(file)}


def test_every_item_was_solved_without_its_key() -> None:
    rows = blind()
    assert list(rows) == sorted(item.id for item in items())
    assert {row["solver"] for row in rows.values()} <= {"reader", "author"}
    assert {row["agrees"] for row in rows.values()} <= {"yes", "no"}
    assert all(row["note"] for row in rows.values() if row["agrees"] == "no")


@pytest.mark.parametrize("item", items(), ids=lambda item: item.id)
def test_the_answer_given_without_the_key_earns_full_credit(item: Item) -> None:
    """A disagreement is resolved when the item says now what the solver found; a changed key is solved again."""
    answer = blind()[item.id]["answer"]
    if item.type == "rubric":  # no answer sheet scores it: the final answer is what verify computes
        computed = numbers(verify.check(item).values["key"].replace("[", " ").replace("]", " "))
        assert {value_of(part) for part in answer.split(";")} <= set(computed)
    else:
        assert keys.points_of(key_rule(item), answer) == item.points


def test_pairs_that_are_alike_are_intended() -> None:
    named = likeness.intended_pairs(ROOT / likeness.FILE)
    found = likeness.pairs(items(), named)
    assert [(p.one, p.other, p.kind) for p in found if not p.intended] == []
    assert set(named) <= {frozenset((p.one, p.other)) for p in found}  # no entry outlives its reason


def test_the_coverage_table_is_what_the_files_say() -> None:
    path = ROOT.parent / "docs" / "make_coverage.py"
    spec = importlib.util.spec_from_file_location("make_coverage", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    said = path.with_name("coverage.md").read_text(encoding="utf-8")
    assert said == module.written(), "run: python docs/make_coverage.py"


def test_both_districts_write_about_as_much() -> None:
    by = Counter(item.authors[0].district for item in items())
    assert abs(by["A"] - by["B"]) <= 0.1 * len(items())


def form(grade: str, section: str = "") -> list[Item]:
    """The items of a common assessment, or of one of its sections."""
    by_id = {item.id: item for item in items()}
    places = forms.places_of(forms.read_plan(ROOT / "forms" / f"grade-{grade}.yaml"))
    return [by_id[code] for code, name in places if section in ("", name)]


@pytest.mark.parametrize("grade", ["6", "7", "8"])
def test_a_common_assessment_keeps_its_blueprint(grade: str) -> None:
    found = form(grade)
    own = [item for item in found if item.grade == grade]
    assert len(own) == (24 if grade == "8" else 30)
    assert len({item.id for item in found}) == len(found)
    together = {item.id for item in found}
    assert [(item.id, e) for item in found for e in item.enemies if e in together] == []
    clusters = {".".join(code.split(".")[:3]) for code in standards.known_codes() if code.startswith(grade)}
    assert clusters <= {".".join(code.split(".")[:3]) for item in own for code in item.standards}
    doks, types = Counter(item.dok for item in own), Counter(item.type for item in own)
    assert doks["3"] >= 0.1 * len(own)
    assert doks["1"] <= 0.5 * len(own)
    assert types["choice"] <= 0.5 * len(own)
    assert types["rubric"] >= 2
    shares = [item.difficulty or 0.0 for item in own]
    assert 0.5 <= sum(shares) / len(shares) <= 0.57
    assert sum(s <= 0.3 for s in shares) >= 2
    assert sum(s >= 0.8 for s in shares) >= 2
    assert sum(bool(item.figures) for item in own) >= len(own) / 6
    districts = Counter(item.authors[0].district for item in own)
    assert abs(districts["A"] - districts["B"]) <= 4


def test_the_grade_7_assessment_measures_each_concept_by_six_items() -> None:
    assert Counter(item.concepts[0] for item in form("7")) == dict.fromkeys(GRADE_7, 6)


def test_calculators_stay_in_their_section_and_algebra_1_at_the_end() -> None:
    for grade in ("6", "7", "8"):
        assert all(item.calculator == "no" for item in form(grade, "Without a calculator"))
        assert all(item.calculator == "yes" for item in form(grade, "With a calculator"))
    ends = [item.grade for item in form("8")]
    assert ends == sorted(ends)
    assert ends.count("A1") == 8


@pytest.mark.parametrize("grade", ["6", "7", "8"])
@pytest.mark.parametrize("edition", booklet.EDITIONS)
def test_a_common_assessment_is_typeset(grade: str, edition: booklet.Edition) -> None:
    """PDF/UA-1 compilation refuses a figure without its description, a heading out of order, an unknown symbol."""
    pdf = booklet.compiled(form(grade), f"Grade {grade}", edition)
    assert pdf.startswith(b"%PDF")
    assert len(pdf) < 300_000


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_item_is_shown_on_screen_and_on_paper(language: str) -> None:
    chosen = [i for i in items() if language == "en" or any(v.language == language for v in i.variants)]
    page = preview.page(chosen, "All items", [], {}, {}, False)
    assert all(item.id in page for item in chosen)
    for edition in booklet.EDITIONS:
        assert booklet.compiled(chosen, "All items", edition, language).startswith(b"%PDF")


def test_a_spanish_item_has_no_english_words_in_its_figures() -> None:
    for item in (i for i in items() if i.variants):
        for figure in item.figures:
            assert figure.alt_es, item.id
            for key in ("x-label", "y-label", "label"):
                if len(str(figure.data.get(key, ""))) > 2:
                    assert f"{key}-es" in figure.data, (item.id, key)


def test_a_misconception_belongs_to_a_concept_of_each_item_that_looks_for_it() -> None:
    known = {str(m["id"]): set(m["concepts"]) for m in catalogue("misconceptions")}  # type: ignore[call-overload]
    assert [(i.id, m) for i in items() for m in i.misconceptions if not known[m] & set(i.concepts)] == []
