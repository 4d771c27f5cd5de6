# ruff: noqa: E501
"""An item comes back whole from the JSON that the bank keeps."""

import json
from pathlib import Path

import pytest

from itembank import authoring, item_content, item_file
from tests.itembank.test_item_file import bare

EXAMPLES = sorted((Path(__file__).parent / "items").glob("*.md"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_item_comes_back_whole(path: Path) -> None:
    item = item_file.read(path).item
    assert item is not None
    stored = json.loads(json.dumps(authoring._plain(item)))
    again = item_content.restored(stored)
    assert bare(again) == bare(item)
    assert again is not None
    assert again.content_hash == item.content_hash


def test_a_register_entry_has_no_text() -> None:
    assert item_content.restored({"type": "choice", "title": "Elsewhere", "registered": True}) is None


def test_a_changed_picture_is_a_changed_item(tmp_path: Path) -> None:
    text = "---\nid: X\ntitle: t\ngrade: 7\nconcepts: [a]\ntype: rubric\nfigures: [{file: a.svg, alt: Some picture here}]\n---\n\ns\n\n## Rubric\n\n- 1: x\n- 0: y\n"
    (tmp_path / "x.md").write_text(text)
    (tmp_path / "a.svg").write_text("<svg/>")
    first = item_file.read(tmp_path / "x.md").item
    (tmp_path / "a.svg").write_text("<svg></svg>")
    second = item_file.read(tmp_path / "x.md").item
    assert first is not None
    assert second is not None
    assert first.content_hash != second.content_hash
