"""The booklet that a bookmark meeting reads: a sheet for each question and point, in the order of the answers."""

from itembank import database, ordered_booklet

from .test_workflow import store


def test_each_question_and_point_has_a_sheet_with_its_question_in_plain_words(furnished):
    store(1, "How many miles in one hour?")
    rows = [
        {"concept": "ratios", "page": 1, "item": "T-1", "title": "Miles", "point": 1, "points": 1},
        {"concept": "numbers", "page": 1, "item": "Q4", "title": "Explain <it>", "point": 1, "points": 2},
        {"concept": "numbers", "page": 2, "item": "Q4", "title": "Explain <it>", "point": 2, "points": 2},
    ]
    with database.reading() as session:
        page = ordered_booklet.page(session, rows, "run 7")
    assert page.count("<article>") == 3
    sheets = page.split("<article>")[1:]
    assert "How many miles in one hour?" in sheets[0]
    assert "at least 67 of 100 students who just know this get it right?" in sheets[0]
    assert 'class="key"' in sheets[0]  # the panel judges with the key before it
    assert "misconception" not in sheets[0].replace("no misconception", "")  # but not what leads to wrong answers
    assert "earn at least 1 of the 2 points?" in sheets[1]
    assert "earn all 2 points?" in sheets[2]
    assert "Numbers, page 2 of 2" in sheets[2]
    assert "Explain &lt;it&gt;" in sheets[1]
    assert "The text of this question is not in the bank" in sheets[1]  # only registered
    assert "run 7" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/1998/Math/MathML", "")
