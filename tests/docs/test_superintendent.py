"""Page 1 of the comparison answers what a superintendent asks, and the document says what the page says."""

from pathlib import Path

import pytest

from scoring.report.comparison import comparison_page
from tests.scoring.report.conftest import example
from tests.scoring.report.test_comparison_page import read

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = {
    "Where is District A ahead": ["District A is ahead", "Expressions and equations: District A 36, District B 27",
                                  "Gap 9, likely 4 to 14", "Proportional relationships"],
    "Where is District B ahead": ["District B is ahead", "Geometry and measurement"],
    "Where can we not tell": ["Where we cannot say", "the difference may be zero",
                              "only 3 of its items can be scored"],
    "How sure is this": ["likely 4 to 14", "95 of 100 such lines hold the true value"],
    "What does “mastered” rest on": ["provisional", "70 percent of the points, not yet set by teachers"],
    "May I say": ["where students stand, not why", "Two districts cannot speak for other districts"],
}  # fmt: skip


@pytest.fixture(scope="module")
def page_one() -> str:
    html = comparison_page(example())
    return " ".join(" ".join(read(html[html.index("<body>") : html.index("<nav")]).text).split())


@pytest.mark.parametrize("question", ANSWERS)
def test_page_one_answers(page_one, question):
    for answer in ANSWERS[question]:
        assert answer in page_one


@pytest.mark.parametrize("question", ANSWERS)
def test_the_document_asks_it(question):
    assert question in (ROOT / "docs" / "superintendent-questions.md").read_text(encoding="utf-8")
