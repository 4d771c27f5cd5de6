# ruff: noqa: E501
"""Text with math: what is math, what is money, what both writers make of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from itembank import latex, mathtext, mathwriters, typeset

EVERY = [
    *(f"\\{name}" for name in latex.SYMBOLS),
    *(f"\\{name}{{x + 1}}" for name in latex.ACCENTS),
    *(f"\\{name}{{two words}}" for name in latex.TEXTS),
    *(f"\\{name}(2; 3)" for name in latex.FUNCTIONS),
    *(f"a\\{name} b" for name in latex.SPACES),
    *(f"\\{c}" for c in latex.ESCAPED),
    "\\frac{1}{2}", "2\\dfrac{x+1}{3, 4}", "\\sqrt[3]{8}", "\\sqrt{2}", "x^2_1", "x_1^{2}", "45^\\circ", "\\frac12",
    "\\left(\\frac{1}{2}, 3\\right)", "\\left|x\\right|", "\\left\\{1, 2\\right\\}", "\\left[2, 3\\right)", "1{,}200 + 1,300",
    "(-2, 3]", "|x - 3| \\le 5", "a/b", "f(x)=2x", "x'", "3:4", "é?!.*", "\"", "{}", "^2", "{{{x}}}",
]  # fmt: skip


def problems(text: str) -> list[str]:
    return [p.code for p in mathtext.split(text).problems]


def math(text: str) -> list[str]:
    return [s.text for s in mathtext.split(text).segments if s.math]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It costs \\$5 for $x$ hours.", ["x"]),
        ("$x$ and $y$", ["x", "y"]),
        ("$\\$4.50$ each", ["\\$4.50"]),
        ("no math", []),
        ("$2$.", ["2"]),
        ("a\n\n$x$\nb", ["x"]),
        ("pays \\$1.50, then \\$2", []),
    ],
)
def test_math_and_money(text: str, expected: list[str]) -> None:
    assert math(text) == expected
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("between $12 and $15 per hour", "dollar-sign"),
        ("costs $5", "dollar-sign"),
        ("a $ alone", "dollar-sign"),
        ("$ x$", "dollar-sign"),
        ("$12 for one, 15$ for two", "words-in-math"),
        ("$$x$$", "display-math"),
        ("$\\foo$", "unknown-macro"),
        ("$\\def\\x{1}$", "unknown-macro"),
        ("$\\input{/etc/passwd}$", "unknown-macro"),
        ("$\\href{javascript:x}{y}$", "unknown-macro"),
        ("$\\begin{array}{c}1\\end{array}$", "unknown-macro"),
        ("$\\frac{1}$", "math-syntax"),
        ("$\\frac{1}{2$", "math-syntax"),
        ("$x^2^3$", "math-syntax"),
        ("$x^$", "math-syntax"),
        ("$\\left( x$", "math-syntax"),
        ("$x \\right)$", "math-syntax"),
        ("$a & b$", "math-syntax"),
        ("$\\text{a \\frac{1}{2}}$", "math-syntax"),
        ("$" + "{" * 100 + "}" * 100 + "$", "math-syntax"),
        ("$" + "x" * 5000 + "$", "math-syntax"),
    ],
)
def test_what_is_wrong_is_named(text: str, code: str) -> None:
    assert code in problems(text)
    assert all(p.hint and p.message for p in mathtext.split(text).problems)


def test_the_line_of_a_problem() -> None:
    found = mathtext.split("one\ntwo $x$\nthree $\\foo$\n\nfive costs $5").problems
    assert [(p.line, p.code) for p in found] == [(2, "unknown-macro"), (4, "dollar-sign")]


def test_dollars_get_the_question() -> None:
    (problem, *_) = mathtext.split("between $12 and $15").problems
    assert problem.message == "did you mean dollars?"
    assert "\\$12" in problem.hint


@pytest.mark.parametrize("source", EVERY)
def test_mathml_is_well_formed_and_carries_the_source(source: str) -> None:
    tree = etree.fromstring(mathwriters.mathml(source, annotated=True))
    assert tree.tag == "{http://www.w3.org/1998/Math/MathML}math"
    (note,) = tree.iter("{*}annotation")
    assert (note.text or "") == source


def test_mathml_of_a_few_by_hand() -> None:
    def inner(source: str) -> str:
        text = mathwriters.mathml(source)
        return text[text.index(">") + 1 : -len("</math>")]

    assert inner("\\frac{1}{2}") == "<mfrac><mn>1</mn><mn>2</mn></mfrac>"
    assert inner("x^2") == "<msup><mi>x</mi><mn>2</mn></msup>"
    assert inner("\\sqrt[3]{8}") == "<mroot><mn>8</mn><mn>3</mn></mroot>"
    assert inner("45^\\circ") == '<mn>45</mn><mi mathvariant="normal">°</mi>'
    assert inner("-2 < x") == '<mrow><mo form="prefix">−</mo><mn>2</mn><mo>&lt;</mo><mi>x</mi></mrow>'
    assert inner("1{,}200") == "<mn>1,200</mn>"


def test_typst_compiles_every_macro() -> None:
    import typst

    for source in EVERY:
        assert mathwriters.typst(source).startswith("$")
    text = "\n\n".join(typeset.typst(f"${s}$") for s in EVERY if s.strip())
    pdf = typst.compile(text.encode(), format="pdf", ignore_system_fonts=True)
    assert pdf is not None
    assert len(pdf) > 1000


def test_typst_of_a_few_by_hand() -> None:
    assert mathwriters.typst("2\\frac{1}{2}") == "$2 frac(1, 2)$"
    assert mathwriters.typst("(a, b)") == "$\\( a comma b \\)$"
    assert mathwriters.typst("x^2_1") == "$attach(x, t: 2, b: 1)$"
    assert mathwriters.typst('\\text{a "b"}'.replace('\\"', '"')) == '$"a \\"b\\""$'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$2\\frac{1}{2}$ cups", "2 1/2 cups"),
        ("$\\frac{x+1}{2}$", "(x + 1)/2"),
        ("$x^2 \\le 45^\\circ$", "x² ≤ 45°"),
        ("**All** of \\$5", "All of $5"),
        ("$\\sqrt{16}$", "√(16)"),
        ("$5 \\text{ cm}$", "5 cm"),
    ],
)
def test_plain_text_for_terminals_and_screen_readers(text: str, expected: str) -> None:
    assert mathtext.plain(text) == expected


NASTY = (
    "<script>alert(1)</script> <img src=x onerror=y> [a](javascript:b) ![c](http://d) `#let x` #panic() <http://e> &lt;"
)


def test_nothing_of_a_text_becomes_markup() -> None:
    page = typeset.html(NASTY)
    tree = etree.fromstring(f"<div>{page}</div>")
    assert {e.tag for e in tree.iter()} <= {"div", "p", "code"}
    markup = typeset.typst(NASTY)
    import typst

    assert "\\#panic" in markup
    assert typst.compile(markup.encode(), format="pdf", ignore_system_fonts=True) is not None


def test_markdown_of_items() -> None:
    text = "A **b** *c*\n\n| x | y |\n| --- | --- |\n| $1$ | 2 |\n\n- one\n- two\n\n[figure: f]"
    page = typeset.html(text, {"f": "<svg/>"})
    tags = [
        e.tag
        for e in etree.fromstring(f"<div>{page}</div>".replace('xmlns="http://www.w3.org/1998/Math/MathML"', "")).iter()
    ]
    for tag in ("strong", "em", "table", "th", "td", "ul", "li", "svg", "math"):
        assert tag in tags
    markup = typeset.typst(text, {"f": "#rect();"})
    assert "#item-table(2," in markup
    assert "#list([one],[two],);" in markup
    assert "#rect();" in markup


@given(st.text("ab12$\\{}[]()<>#*_-+=^|&\"'\n ~@/`!", max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_typeset(text: str) -> None:
    page = typeset.html(text)
    assert "<script" not in page
    assert "<a " not in page
    typeset.typst(text)
    mathtext.plain(text)


@given(st.lists(st.text("ab12$\\{}[]()<>#*_-+=^|&\"'\n ~@/`!;:,.", max_size=30), min_size=12, max_size=12))
@settings(max_examples=12, deadline=None)
def test_any_text_compiles_as_typst(texts: list[str]) -> None:
    import typst

    head = "#let item-table(n, h, b) = table(columns: n, ..h, ..b)\n"
    markup = head + "\n\n".join(f"[#[{typeset.typst(t)}]]" for t in texts)
    assert typst.compile(markup.encode(), format="pdf", ignore_system_fonts=True) is not None
