"""A key that is written as a formula is the number that students type."""

import pytest

from itembank import authoring, item_file, keys

TEXT = """---
id: X-1
title: A
grade: 7
concepts: [rates]
type: numeric
---

How much?

## Answer

- [key]: {key}

## Solution

So much.
"""


@pytest.mark.parametrize(
    ("key", "typed"),
    [("$28.3$ ± 0.1", "28.2"), ("$\\frac{1}{2}$", "0.5"), ("$2\\frac{1}{2}$", "5/2"), ("-3", "-3"), ("\\$5", "$5")],
)
def test_the_key_is_read_from_the_formula(key, typed):
    item = item_file.read_text(TEXT.replace("{key}", key)).item
    rule = authoring.rule_of(item)
    assert keys.points_of(rule, typed) == 1
    assert keys.points_of(rule, "7") == 0
