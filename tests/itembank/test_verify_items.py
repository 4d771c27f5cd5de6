"""Items recomputed: what texts say, what agrees, what does not."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from itembank import item_file, verify
from itembank.item_model import Expression, Item
from itembank.verify_equivalence import equivalent
from itembank.verify_reading import numbers, readings
from itembank.verify_syntax import parse
from itembank.verify_values import evaluate

EXAMPLES = sorted((Path(__file__).parent / "items").glob("*.md"))


def says(text: str, expression: str) -> bool:
    return any(r.tree.kind != "text" and equivalent(parse(expression), r.tree, {}) for r in readings(text))


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("$2$ miles", "2"),
        ("$\\frac{1}{2}$ mile", "1/2"),
        ("$2\\frac{1}{2}$ cups", "5/2"),
        ("2 1/2 cups", "5/2"),
        ("-1/4", "-1/4"),
        ("−3.5", "-7/2"),
        ("\\$4.50", "4.5"),
        ("$\\$4.50$", "9/2"),
        ("\\$1,200", "1200"),
        ("$1{,}200$", "1200"),
        ("$1,200$ people", "1200"),
        ("$15\\%$", "0.15"),
        ("$15\\%$", "15"),
        ("15 percent", "3/20"),
        ("$-\\frac{3}{4}$", "-3/4"),
        ("$(3, -2)$", "(3, -2)"),
        ("(3, -2)", "(3, -2)"),
        ("$\\left(\\frac{1}{2}, 4\\right)$", "(0.5, 4)"),
        ("$x > 3$", "x > 3"),
        ("$x \\le -2$", "x <= -2"),
        ("$-2 < x \\le 3$", "-2 < x <= 3"),
        ("$y = 3x + 2$", "y = 3x + 2"),
        ("$y = 3x + 2$", "3x + 2"),
        ("$x = 4$", "4"),
        ("$3 \\times 10^4$", "30000"),
        ("$5 \\cdot 2^3$", "40"),
        ("$9\\pi$ square inches", "9*pi"),
        ("$\\sqrt{50}$", "sqrt(50)"),
        ("$\\sqrt[3]{8}$", "2"),
        ("$|x - 3|$", "abs(x - 3)"),
        ("$0.\\overline{3}$", "1/3"),
        ("$0.1\\overline{6}$", "1/6"),
        ("$45^\\circ$", "45"),
        ("$12 \\text{ cm}^2$", "12"),
        ("3 to 5", "3/5"),
        ("$3:5$", "3/5"),
        ("3 out of 4", "0.75"),
        ("3 hours 20 minutes", "[3, 20]"),
        ("10x", "10x"),
        ("5x + 5", "5x + 5"),
        ("$2(x+3)$", "2x + 6"),
        ("$\\frac{x + 1}{2}$", "(x + 1)/2"),
        ("**7** meters", "7"),
    ],
)
def test_what_a_text_says(text: str, expression: str) -> None:
    assert says(text, expression)


@pytest.mark.parametrize(
    ("text", "expression"),
    [("$2$ miles", "3"), ("$\\frac{1}{2}$", "2"), ("$(3, -2)$", "(-2, 3)"), ("$x > 3$", "x < 3")],
)
def test_what_a_text_does_not_say(text: str, expression: str) -> None:
    assert not says(text, expression)


def test_numbers_of_a_stem_in_digits_and_words() -> None:
    found = numbers(
        "Two thirds of the twenty-five pupils paid \\$1,200 for $2\\frac{1}{2}$ hours, 15% each, half of $3x + 7 = 22$."
    )
    for wanted in ("2/3", "25", "1200", "5/2", "15%", "15", "1/2", "3", "7", "22"):
        assert evaluate(parse(wanted), {}) in found, wanted
    assert 9 not in found


def load(name: str) -> Item:
    item = item_file.read(Path(__file__).parent / "items" / f"{name}.md").item
    assert item is not None
    return item


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_answer_of_an_example_is_recomputed(path: Path) -> None:
    item = item_file.read(path).item
    assert item is not None
    result = verify.check(item)
    assert result.findings == []
    expected = {o.letter for o in item.options} or {r.id for r in item.rows}
    expected = expected or {
        "key",
        *(a.misconception for a in item.answers if not a.key),
        *(e.misconception for e in item.errors),
    }
    assert set(result.values) == expected


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_changing_any_given_is_noticed(path: Path) -> None:
    item = item_file.read(path).item
    assert item is not None
    for name, given in item.verify.given.items():
        text = re.sub(r"\d+", lambda m: str(int(m.group()) + 7), given.text, count=1)
        changed = replace(item.verify, given={**item.verify.given, name: Expression(text, given.line)})
        assert verify.check(replace(item, verify=changed)).findings, name


def codes(item: Item) -> set[str]:
    return {f.code for f in verify.check(item).findings}


def changed(name: str, old: str, new: str) -> set[str]:
    path = Path(__file__).parent / "items" / f"{name}.md"
    text = path.read_text("utf-8")
    assert old in text
    reading = item_file.read_text(text.replace(old, new, 1), name, path.parent)
    assert reading.item is not None, reading.findings
    return codes(reading.item)


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        ("X-CHOICE", "- A [key]: $(-3, -2)$", "- A [key]: $(-3, 2)$", "verify-mismatch"),
        ("X-CHOICE", "- C [sign-lost]: $(-3, 2)$", "- C [sign-lost]: $(-3, 4)$", "verify-mismatch"),
        ("X-CHOICE", 'D: "(px, py)"', 'E: "(px, py)"', "verify-option"),
        ("X-CHOICE", '  D: "(px, py)"\n', "", "verify-missing"),
        ("X-CHOICE", 'D: "(px, py)"', 'D: "(3, -2)"', "verify-literal"),
        ("X-CHOICE", 'D: "(px, py)"', 'D: "(px, qy)"', "verify-name"),
        ("X-CHOICE", 'D: "(px, py)"', 'D: "(px, "', "verify-expression"),
        ("X-CHOICE", 'D: "(px, py)"', 'D: "(px, py/0)"', "verify-expression"),
        ("X-CHOICE", "px: 3,", "px: 3, pz: 5,", "unused-given"),
        ("X-CHOICE", "px: 3,", "px: 3, pz: 777,", "given-not-in-stem"),
        ("X-CHOICE", "px: 3,", "px: 3, max: 5,", "given-name"),
        ("X-CHOICE", "px: 3,", "px: 3, pz: 1/0,", "given-value"),
        ("X-CHOICE", "- A [key]: $(-3, -2)$", "- A [key]: To the left of the axis", "no-value"),
        ("X-MULTI", "A: item(b, 3) > item(a, 3)", "A: item(b, 3) < item(a, 3)", "verify-mismatch"),
        ("X-MULTI", "A: item(b, 3) > item(a, 3)", "A: item(b, 3)", "verify-statement"),
        ("X-NUMERIC", "- [key]: $28.3$", "- [key]: $28.5$", "verify-mismatch"),
        ("X-NUMERIC", "  perimeter: round(2 * pi * r * share, 1)\n", "", "verify-missing"),
        ("X-SHORT", "- [first-term-only]: x + 4", "- [first-term-only]: x + 5", "verify-mismatch"),
        ("X-SHORT", "variables: [x]", "variables: [y]", "verify-name"),
        ("X-MATCH", "- 2 [D; S looks-straight]", "- 2 [S; D looks-straight]", "verify-mismatch"),
        ("X-MATCH", "    3: c/d == e/d\n", "", "verify-missing"),
        (
            "X-RUBRIC",
            "$60 \\div 5 = 12$. For more than $12$",
            "$60 \\div 5 = 11$. For more than $11$",
            "verify-mismatch",
        ),
        ("X-RUBRIC", "Gives $65$", "Gives $64$", "verify-mismatch"),
    ],
)
def test_each_slip_has_its_finding(name: str, old: str, new: str, code: str) -> None:
    assert code in changed(name, old, new)


def test_a_tolerance_is_honoured_and_not_more() -> None:
    assert changed("X-NUMERIC", "- [key]: $28.3$ ± 0.1", "- [key]: $28.4$ ± 0.1") == set()
    assert "verify-mismatch" in changed("X-NUMERIC", "- [key]: $28.3$ ± 0.1", "- [key]: $28.5$ ± 0.1")


def test_a_reason_stands_for_what_cannot_be_computed() -> None:
    item = load("X-SHORT")
    assert codes(replace(item, verify=type(item.verify)(reason="asks for an opinion"))) == set()
    assert codes(replace(item, verify=type(item.verify)())) == {"no-verify"}
