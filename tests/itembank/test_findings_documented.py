"""Every code of the checks of items is explained in docs/findings.md."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CALLS = {"Finding": 2, "found": 2, "note": 1, "_error": 2, "_refused": 1, "Problem": 1, "LatexError": 2}
PATTERNS = ("lint*.py", "item_*.py", "front_matter.py", "verify*.py", "mathtext.py", "latex.py", "catalogue.py")


def codes() -> set[str]:
    found: set[str] = set()
    for path in (p for pattern in PATTERNS for p in (ROOT / "itembank").glob(pattern)):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            place = CALLS.get(getattr(node.func, "id", getattr(node.func, "attr", "")), 99)
            code = node.args[place] if len(node.args) > place else None
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                found.add(code.value)
    return found


def test_every_code_is_explained() -> None:
    page = (ROOT / "docs" / "findings.md").read_text("utf-8")
    explained = set(re.findall(r"`([a-z][a-z0-9-]*)`", page))
    assert len(codes()) > 80
    assert codes() - explained == set()
