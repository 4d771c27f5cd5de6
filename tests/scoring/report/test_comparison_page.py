"""The page is one file, complete without script, silent on the network, and says what the tables say."""

import re
from base64 import b64decode
from html.parser import HTMLParser

import numpy as np
import pandas as pd

from scoring.analysis.files import read_files
from scoring.analysis.run import analyse
from scoring.report.comparison import comparison_page

from .test_words import TECHNICAL


class Text(HTMLParser):
    """Visible text, and whatever a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.fetched: list[str] = []
        self._skip = 0

    def handle_starttag(self, tag, attrs):
        self._skip += tag in ("script", "style")
        for name, value in attrs:
            if name in ("src", "href", "srcset") and value and not value.startswith(("data:", "#")):
                self.fetched.append(value)

    def handle_endtag(self, tag):
        self._skip -= tag in ("script", "style")

    def handle_data(self, data):
        if not self._skip:
            self.text.append(data)


def read(html: str) -> Text:
    parser = Text()
    parser.feed(html)
    return parser


def test_one_file_without_requests_and_under_two_megabytes(make):
    html = comparison_page(make())
    assert read(html).fetched == []
    assert "url(" not in html
    assert "@import" not in html
    assert len(html) < 2_000_000


def test_page_one_is_in_plain_words(make):
    html = comparison_page(make())
    first = html[html.index("<body>") : html.index("<nav")]
    text = " ".join(read(first).text)
    assert "District A is ahead in expressions" in text
    assert "What not to conclude" in text
    assert not TECHNICAL.search(text), TECHNICAL.search(text)


def test_simulated_is_said_on_the_page_and_only_then(make):
    assert "Simulated students" in comparison_page(make())
    assert "imulated" not in comparison_page(make(simulated=False, truth=pd.DataFrame()))


def test_hidden_cells_show_no_number(make):
    analysis = make()
    hidden = analysis.mastery.assign(shown=False, reason="fewer than 11 students", rate=0.4321, n=7)
    page = comparison_page(make(mastery=hidden, contrasts=analysis.contrasts.iloc[:0]))
    table = page[page.index("Share of students who have mastered each concept</caption>") :]
    table = table[: table.index("</table>")]
    assert "43" not in table
    assert ">7<" not in table
    assert table.count("fewer than 11 students") == len(hidden)


def test_text_from_the_data_cannot_become_markup(make):
    analysis = make()
    items = analysis.items.assign(title="<script>alert(1)</script>")
    dif = analysis.dif.assign(title="<img src=x onerror=alert(1)>")
    page = comparison_page(make(items=items, dif=dif, title="</title><script>alert(2)</script>"))
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_every_chart_has_words_and_a_table(make):
    page = comparison_page(make())
    for alt in re.findall(r'<img [^>]*alt="([^"]*)"', page):
        assert len(alt) > 40
    assert page.count("<img ") == 3
    assert page.count("<caption>") >= 6


def test_one_group_alone_has_a_chart_of_its_shares_and_no_likely_range(tmp_path):
    """Of 400 known students a share of one half has a standard error of 0.025; one group's own scale gave a tenth."""
    rng = np.random.default_rng(3)
    theta = rng.normal(size=(400, 1))
    answers = pd.DataFrame((rng.random((400, 8)) < 1 / (1 + np.exp(-1.3 * (theta - np.linspace(-1.5, 1.5, 8))))) * 1)
    answers.columns = [f"Q{k}" for k in range(1, 9)]
    answers.insert(0, "school", [f"S{k % 10}" for k in range(400)])
    answers.to_csv(tmp_path / "one.csv", index=False)
    pd.DataFrame({"item": answers.columns[1:], "concept": "ratios"}).to_csv(tmp_path / "items.csv", index=False)
    data = read_files(str(tmp_path / "one.csv"), items=str(tmp_path / "items.csv"), cluster="school")
    analysis = analyse(data, seed=1).analysis
    assert analysis.mastery["rate"].between(0.05, 0.95).all()
    assert analysis.mastery[["se", "low", "high"]].isna().all(axis=None)
    assert analysis.means[["se", "low", "high"]].isna().all(axis=None)
    text = comparison_page(analysis)
    assert "made from these same students" in text
    assert "of both together" not in text
    picture = b64decode(re.search(r'src="data:image/svg\+xml;base64,([^"]+)" alt="Share of students', text)[1]).decode()
    assert "e+308" not in picture  # what an axis without a group came to
    assert f"{analysis.mastery['rate'].iloc[0]:.0%}" in picture
