"""The reports beside the comparison: complete, silent, plain where families and leaders read, the same on paper."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from scoring.analysis.result import TOTAL
from scoring.report import blocks, item_parts, item_report, paper, school_report, student_report, technical_report
from scoring.runs import technical

from .conftest import GROUPS, NAMES, example
from .test_comparison_page import read
from .test_words import TECHNICAL

SCHOOLS = [f"A-S{k:02d}" for k in range(1, 9)]
CONCEPT = next(iter(NAMES))


def found() -> SimpleNamespace:
    """What `scoring.runs.reporting.reported` gives, by hand."""
    analysis = example()
    effects = [
        (GROUPS[0], f"{GROUPS[0]} / {s}", c, 60, 0.35 - 0.1 * k, 0.08, 0.8)
        for c in (TOTAL, *NAMES)
        for k, s in enumerate(SCHOOLS)
    ]
    schools = pd.DataFrame(effects, columns=["district", "school", "concept", "students", "effect", "se", "shrinkage"])
    options = pd.DataFrame(
        [("G7-00", o, o == "A", "" if o == "A" else "m1", g, 2700, 0.4 if o == "A" else 0.2)
         for o in "ABCD" for g in ("all", *GROUPS)],
        columns=["item", "option", "is_key", "misconception", "group", "n", "share"],
    )  # fmt: skip
    analysis = replace(analysis, schools=schools, options=options, fit={"converged": True, "log_likelihood": -1234.5})
    grid = np.linspace(-2.5, 2.5, 12)
    curve = 1 / (1 + np.exp(-grid))
    curves = pd.concat(
        pd.DataFrame({"item": "G7-00", "group": g, "theta": grid, "n": 200.0, "observed": np.clip(curve + e, 0, 1),
                      "low": np.clip(curve - 0.05, 0, 1), "high": np.clip(curve + 0.05, 0, 1), "expected": curve})
        for g, e in zip(GROUPS, (0.02, -0.02), strict=True)
    )  # fmt: skip
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.integers(0, 2, (480, 40)), columns=analysis.items.index).astype(float)
    data = SimpleNamespace(
        persons=pd.DataFrame({"school": np.repeat(SCHOOLS, 60), "form": "F1"}),
        items=analysis.items.assign(points=1), frame=lambda: frame,
        administration=SimpleNamespace(code="autumn", opens_on="2026-10-05", closes_on="2026-10-16", mode="paper"),
    )  # fmt: skip
    return SimpleNamespace(
        run=3, analysis=analysis, data=data, curves=curves, misconceptions={"m1": "Adds instead"}, texts={},
        fit=None, calibration=None,
    )  # fmt: skip


def marks(chances=(0.95, 0.9, 0.5, 0.1, np.nan)) -> pd.DataFrame:
    table = pd.DataFrame(
        {"name": NAMES.values(), "right": [7, 6, 4, 1, 2], "of": [8, 8, 8, 8, 3], "p_mastery": chances}
    )
    return table.set_index(pd.Index(NAMES, name="concept"))


def pages() -> dict[str, blocks.Page]:
    given = found()
    history = pd.DataFrame(
        [(1, "autumn", "2026-11-01", 1, "2pl", 5000.0, 0.1, 0.05, 1.2)],
        columns=["run", "administration", "at", "version", "model", "n", "b", "se_b", "a"],
    )
    facts = {
        "model fit": pd.DataFrame({"value": [0.02, 1e-9]}, index=pd.Index(["rmsea", "p_value"], name="what")),
        "conditional error": pd.DataFrame({"sem": [0.5, 0.25]}, index=pd.Index([-1.0, 0.5], name="theta")),
        "verdicts": pd.DataFrame({"n": [5811], "accuracy": [0.863]}, index=pd.Index([CONCEPT], name="concept")),
    }
    return {
        "concept": item_report.concept_page(given, CONCEPT),
        "item": item_report.item_page(given, "G7-00", history),
        "school": school_report.school_page(given, SCHOOLS[0], {SCHOOLS[0]: "Oak Middle School"}),
        "student": student_report.student_page(given.analysis, marks(), "4711"),
        "student es": student_report.student_page(given.analysis, marks(), "4711", "es"),
        "roster": student_report.roster_page(given.analysis, [("4711", marks()), ("4712", marks())], "Class 7b"),
        "technical": technical_report.technical_page(given, facts, "tables"),
    }


@pytest.fixture(scope="module")
def made() -> dict[str, blocks.Page]:
    return pages()


@pytest.mark.parametrize("name", ["concept", "item", "school", "student", "student es", "roster", "technical"])
def test_one_silent_file_and_an_accessible_pdf(made, name):
    html = blocks.render(made[name])
    assert read(html).fetched == []
    assert "nan" not in " ".join(read(html).text).lower().split()
    pdf = paper.pdf(made[name])  # PDF/UA-1: Typst refuses charts without words and skipped headings
    assert pdf.startswith(b"%PDF")
    assert paper.pdf(made[name]) == pdf


def test_the_technical_report_gives_errors_along_the_scale_and_of_verdicts_and_no_chance_of_nought(made):
    sections = {s.id: s for s in made["technical"].sections}
    told = {p["table"].caption.split(":")[0]: p["table"] for s in sections.values() for p in s.parts if "table" in p}
    assert [[c.text for c in row] for row in told["Error of measurement along the scale"].rows] == [
        ["-1.00", "0.50"],
        ["0.50", "0.25"],
    ]
    fit = told["Fit of the model (M2 or C2, RMSEA2, SRMSR, CFI, TLI)"]
    assert ["p_value", "<0.001"] in [[c.text for c in row] for row in fit.rows]
    assert any(caption.startswith("Verdicts at the cut") for caption in told)
    assert "no such evidence is claimed" in " ".join(sections["validity"].parts[0]["lines"])


def test_expert_pages_give_every_share_its_range_and_its_students(made):
    stands = {c.title: c.lines for c in made["concept"].cards}["Where it stands"]
    assert all("likely" in line and "students)" in line for line in stands)
    cards = {c.title: c.lines for c in made["item"].cards}
    assert "standard error" in cards["Where it stands on the scale"][0]
    assert "students answered it" in cards["How many got it"][-1]
    assert "likely" in cards["At equal ability"][0]


@pytest.mark.parametrize("name", ["student", "student es", "roster", "school"])
def test_pages_for_families_and_leaders_use_plain_words(made, name):
    text = " ".join(read(blocks.render(made[name]).split("<body>")[1]).text)
    assert not TECHNICAL.search(text), TECHNICAL.search(text)


def test_pages_about_students_say_in_small_print_which_calculation_they_come_from():
    made = {"run": 3, "made": "2026-11-09 08:15 UTC", "inputs": "sha256 0123456789abcdef", "audit joint": "fedcba98"}
    analysis = example(provenance={**example().provenance, **made})
    english = student_report.student_page(analysis, marks(), "4711")
    spanish = student_report.student_page(analysis, marks(), "4711", "es")
    roster = student_report.roster_page(analysis, [("4711", marks())], "Class 7b")
    for page in (english, roster):
        assert page.provenance.startswith("Calculation 3 of November 9, 2026; questions, goals and scale")
        assert page.provenance.endswith("itembank why 3")
        assert "0123456789abcdef" in page.provenance
    assert spanish.provenance.startswith("Cálculo 3 del 9 de noviembre de 2026; las preguntas")
    for page in (english, spanish, roster):
        assert page.provenance in " ".join(read(blocks.render(page)).text)
        assert not TECHNICAL.search(page.provenance)
    assert student_report.student_page(example(), marks(), "4711").provenance == ""  # without a bank there is no number
    overtaken = replace(analysis, provenance={**analysis.provenance, "stale": "1 key has changed since"})
    for language in ("en", "es"):
        stamp = student_report.TEXT[language]["old"]
        assert stamp in student_report.student_page(overtaken, marks(), "4711", language).stamps
        assert stamp not in student_report.student_page(analysis, marks(), "4711", language).stamps
        assert not TECHNICAL.search(stamp)
    assert student_report.TEXT["en"]["old"] in student_report.roster_page(overtaken, [("1", marks())], "7b").stamps


def test_a_student_is_never_called_in_or_out_near_the_bar(made):
    cards = {c.title: c.lines for c in made["student"].cards}
    names = list(NAMES.values())
    assert cards["Has mastered"] == tuple(names[:2])
    assert cards["Cannot say yet"] == (names[2], names[4])  # an even chance; and no evidence
    assert cards["Still learning"] == (names[3],)


@pytest.mark.parametrize(
    ("chance", "told"), [(0.80, "yes"), (0.799, "open"), (0.20, "no"), (0.201, "open"), (np.nan, "open")]
)
def test_the_bounds_of_a_verdict(chance, told):
    assert student_report.verdict(chance) == told


def test_the_page_says_what_decides_beside_the_points():
    given = found()
    six_of_eight = marks((0.95, 0.17, 0.796, 0.004, np.nan))  # the second has 6 of 8 points
    five_of_eight = marks((0.95, 0.9, 0.5, 0.1, np.nan)).assign(right=[5, 6, 4, 1, 2])
    for language, weighs in (("en", "A hard question says more"), ("es", "Una pregunta difícil dice más")):
        t = student_report.TEXT[language]
        page = student_report.student_page(given.analysis, six_of_eight, "4711", language)
        rows = page.sections[0].parts[0]["table"].rows
        assert [r[2].text for r in rows] == [
            t["about"].format(95), t["about"].format(17), t["about"].format(79), t["few"], t["thin"]
        ]  # fmt: skip
        (note,) = page.sections[0].parts[2]["lines"]
        assert list(NAMES.values())[1] in note
        assert t["about"].format(17) in note
        assert weighs in page.sections[0].parts[1]["text"]
        other = student_report.student_page(given.analysis, five_of_eight, "4711", language)
        (note,) = other.sections[0].parts[2]["lines"]
        assert note.startswith(next(iter(NAMES.values())))
        assert "8 chances" not in blocks.render(page)
    plain = student_report.student_page(given.analysis, marks(), "4711")
    assert len(plain.sections[0].parts) == 2  # nothing seems to contradict itself


def test_unusual_patterns_are_counted_by_the_corrected_statistic():
    """lz alone, which takes ability as known, would find nobody here."""
    persons = pd.DataFrame(
        {"lz": [-1.9, 0.0, 1.9, np.nan], "lz_star": [-2.5, 0.1, 2.4, np.nan],
         "status": ["unusual", "usual", "too regular", "not judged"]}
    )  # fmt: skip
    counts = technical._unusual(persons)["value"]
    assert counts.tolist() == [3, 1, 1, 1]
    assert counts.index[1] == "unusual: lz* below -2.33 (1 in 100 expected)"


@pytest.mark.parametrize(
    ("right", "chance", "told"),
    [(6, 0.2, "less"), (5, 0.2, ""), (5, 0.8, "more"), (6, 0.8, ""), (8, 0.5, ""), (8, np.nan, "")],
)
def test_points_and_verdicts_that_seem_to_contradict_each_other(right, chance, told):
    assert student_report.surprising(right, 8, chance) == told


@pytest.mark.parametrize(
    ("opens", "closes", "told"),
    [
        (date(2026, 10, 5), date(2026, 10, 16), "Evaluación del 5 al 16 de octubre de 2026"),
        (date(2026, 9, 28), date(2026, 10, 2), "Evaluación del 28 de septiembre al 2 de octubre de 2026"),
        (date(2026, 12, 14), date(2027, 1, 8), "Evaluación del 14 de diciembre de 2026 al 8 de enero de 2027"),
        (date(2026, 10, 5), None, "Evaluación del 5 de octubre de 2026"),
        (None, None, "Evaluación"),
    ],
)
def test_a_spanish_page_calls_the_assessment_by_its_days(opens, closes, told):
    assert student_report.window_in_spanish(opens, closes) == told


def test_a_spanish_page_has_no_english_title():
    given = found()
    page = student_report.student_page(given.analysis, marks(), "4711", "es", what="Evaluación del 5 de octubre")
    assert given.analysis.title not in blocks.render(page)
    none = student_report.student_page(given.analysis, marks((0.1,) * 5), "4711", "es")
    assert none.lead == "De 5 temas, 4711 aún no domina ninguno y todavía está aprendiendo 5."


def test_both_languages_say_the_same(made):
    assert set(student_report.TEXT["en"]) == set(student_report.TEXT["es"])
    english, spanish = made["student"], made["student es"]
    assert [c.lines for c in english.cards[:3]] == [c.lines for c in spanish.cards[:3]]
    assert '<html lang="es">' in blocks.render(spanish)
    assert "Has mastered" not in blocks.render(spanish)


def test_schools_stand_by_name_and_without_a_rank(made):
    html = blocks.render(made["school"])
    text = " ".join(read(html).text)
    assert "Oak Middle School" in text
    assert "Internal: not for publication" in text
    assert not any(word in text.lower() for word in ("rank ", "1st", "best", "worst"))
    assert "likely +0.19 to +0.51" in html  # .35 with an SE of .08, in the alt text


def test_a_concept_report_says_each_thing_once_and_names_the_items_that_touch_its_gap(made):
    page = made["concept"]
    cards = {c.title: " ".join(c.lines) for c in page.cards}
    assert page.lead == "District A is ahead: 36 of 100 students have mastered it, in District B 27."
    assert cards["What can be said of the difference"] == "The gap is 9 of 100 students, likely between 4 and 14."
    assert "G7-00 for District A (the real gap may be smaller)." in cards["What not to conclude"]
    options = [p["table"] for s in page.sections for p in s.parts if "who chose what" in str(p.get("table"))]
    assert [row[0].text for row in options[0].rows] == list("ABCD")


def test_options_stand_in_the_order_of_the_item():
    given = found()
    turned = given.analysis.options.iloc[::-1]
    part = item_parts.option_part(replace(given.analysis, options=turned), "G7-00", given.misconceptions)
    assert [row[0].text for row in part["table"].rows] == list("ABCD")


@pytest.mark.parametrize(("value", "told"), [(-0.004, "0.00"), (0.004, "0.00"), (-0.006, "-0.01"), (0.006, "+0.01")])
def test_zero_has_no_sign(value, told):
    assert blocks.number(value, signed=True).text == told
    assert blocks.number(-0.0001).text == "0.00"


def test_a_public_concept_report_names_no_secure_item():
    page = item_report.concept_page(found(), CONCEPT, public=True)
    assert "G7-" not in " ".join(read(blocks.render(page)).text)


def test_the_technical_report_has_the_chapters_and_its_tables(made, tmp_path):
    titles = [s.title for s in made["technical"].sections]
    for word in ("uses", "participants", "scoring", "Calibration", "Reliability", "Fairness", "standards", "limits"):
        assert any(word in t for t in titles), word
    names = technical_report.write_tables(found().analysis, {}, tmp_path)
    assert {"items.csv", "contrasts.csv", "gate.csv"} <= set(names)
    again = pd.read_csv(tmp_path / "contrasts.csv")
    assert np.allclose(again["difference"], found().analysis.contrasts["difference"], equal_nan=True)


def test_text_cannot_become_typst(made):
    page = replace(made["roster"], lead='#panic("x") $x$ [y] \\ "z"', stamps=('a"b\\c',))
    assert paper.pdf(page).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("much easier in B for students of equal ability on the concept",
         "This item is much easier in B for students of equal ability on the concept."),
        ("works alike; x", "This item works alike for students of equal ability in the two places; x."),
        ("could not be judged",
         "Whether this item works alike for students of equal ability in the two places could not be judged."),
    ],
)  # fmt: skip
def test_an_items_first_sentence_is_one(words, told):
    given = found()
    dif = given.analysis.dif.assign(words=words)
    item = str(dif.index[0])
    page = item_report.item_page(SimpleNamespace(**vars(given) | {"analysis": replace(given.analysis, dif=dif)}), item,
                                 pd.DataFrame())  # fmt: skip
    assert page.lead == told
