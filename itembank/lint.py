"""The checks of items: one small function for each rule, each yielding findings with a line and a hint.

The rules stand in lint_text.py, lint_answers.py and lint_tags.py; a new one is a function with `@rule` there.
"""

from itembank import lint_answers, lint_tags, lint_text
from itembank.findings import Finding
from itembank.item_model import Item
from itembank.lint_rules import RULES, Rule, Surroundings
from itembank.lint_text import reading_grade
from itembank.lint_together import check_together

__all__ = ["RULES", "Rule", "Surroundings", "check", "check_together", "reading_grade"]
RULE_MODULES = (lint_text, lint_answers, lint_tags)  # importing them registers their rules


def check(item: Item, around: Surroundings | None = None) -> list[Finding]:
    """All findings of all rules on one item, by line."""
    around = around or Surroundings()
    return sorted((f for act in RULES for f in act(item, around)), key=lambda f: f.line)
