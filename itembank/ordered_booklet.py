"""The ordered item booklet of a bookmark meeting as a page to print: a sheet of paper for each question and point."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, select

from itembank import item_bank, preview
from itembank.models import Concept, Item, ItemVersion, Misconception, columns


def asked(point: int, points: int, share: int) -> str:
    """The question of one page in words."""
    if points <= 1:
        return f"Would at least {share} of 100 students who just know this get it right?"
    reach = f"all {points} points" if point == points else f"at least {point} of the {points} points"
    return f"Would at least {share} of 100 students who just know this earn {reach}?"


def page(session: Session, rows: Sequence[Mapping[str, Any]], source: str, share: int = 67) -> str:
    """The booklet as HTML.

    Args:
        session: a reading session.
        rows: in the order of the booklet: concept (code), page, item (code), title, point, points.
        source: where the order comes from, in words.
        share: response probability in percent.

    Returns:
        One page for the screen that prints a sheet per row; items appear in their newest version.
    """
    concepts = {c.code: c.title for c in session.exec(select(Concept)).all()}
    names = {
        "concepts": concepts,
        "misconceptions": {m.code: m.title for m in session.exec(select(Misconception)).all()},
    }
    texts = _texts(session, {str(r["item"]) for r in rows})
    parts: list[dict[str, Any]] = []
    for number, row in enumerate(rows, 1):
        concept = concepts.get(str(row["concept"]), str(row["concept"]))
        if not parts or parts[-1]["code"] != row["concept"]:
            parts.append({"code": row["concept"], "concept": concept, "pages": []})
        item = texts.get(str(row["item"]))
        shown = None
        if item is not None:  # no misconceptions, solutions or notes: the question, its key, its levels
            shown = preview.card(item, (), names, number) | {"why": "", "figures": ()}
            shown["languages"] = [{**face, "solution": "", "errors": ()} for face in shown["languages"]]
        parts[-1]["pages"].append(
            {
                "page": int(row["page"]),
                "item": row["item"],
                "title": row["title"],
                "asked": asked(int(row["point"]), int(row["points"]), share),
                "card": shown,
            }
        )
    title = "Ordered booklet for setting cuts"
    return preview.environment().get_template("bookmark.html").render(
        title=title, parts=parts, share=share, source=source
    )  # fmt: skip


def _texts(session: Session, codes: set[str]) -> dict[str, Any]:
    """Code -> the item's newest text; items that are only registered are left out."""
    rows = session.exec(
        select(Item, ItemVersion)
        .join(ItemVersion, (columns(ItemVersion).item_id == columns(Item).id))
        .where(columns(Item).code.in_(sorted(codes)), columns(ItemVersion).number == columns(Item).latest)
    ).all()
    found = {i.code: item_bank.item_of(v, i.code) for i, v in rows}
    return {code: item for code, item in found.items() if item is not None}
