"""An item back from the content that the bank keeps as JSON."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from itembank.item_model import (
    TYPES,
    Answer,
    Author,
    Column,
    Data,
    Expression,
    Figure,
    Item,
    MatchRow,
    Option,
    RubricError,
    RubricLevel,
    Variant,
    Verify,
)

T = TypeVar("T")
_PLAIN = (
    "id", "title", "grade", "stem", "claim", "dok", "calculator", "points", "language", "difficulty", "why", "stimulus",
    "stimulus_text", "solution",
)  # fmt: skip
_LISTS = ("concepts", "standards", "practices", "enemies")


def restored(content: Mapping[str, Any], source: str = "") -> Item | None:
    """The item that was stored; None where only a register entry was (no stem).

    Args:
        content: the JSON content of a version.
        source: a name for findings.
    """
    kind = next((t for t in TYPES if t == content.get("type")), None)
    if kind is None or not content.get("stem"):
        return None
    fields: dict[str, Any] = {n: content[n] for n in _PLAIN if content.get(n) is not None}
    fields |= {n: tuple(content.get(n) or ()) for n in _LISTS}
    groups: dict[str, Callable[..., Any]] = {
        "authors": Author,
        "options": Option,
        "answers": Answer,
        "columns": Column,
        "levels": RubricLevel,
        "errors": RubricError,
    }
    for name, make in groups.items():
        fields[name] = tuple(make(**part) for part in content.get(name) or ())
    fields["rows"] = tuple(
        MatchRow(
            **{**row, "keys": tuple(row["keys"]), "misconceptions": tuple((c, m) for c, m in row["misconceptions"])}
        )
        for row in content.get("rows") or ()
    )
    fields["figures"] = tuple(
        Figure(**{**f, "data": {k: _data(v) for k, v in f["data"].items()}}) for f in content.get("figures") or ()
    )
    fields["variants"] = tuple(
        Variant(**{**v, "levels": {int(k): t for k, t in (v.get("levels") or {}).items()}})
        for v in content.get("variants") or ()
    )
    return Item(**fields, type=kind, verify=_verify(content.get("verify") or {}), source=source)


def _verify(content: Mapping[str, Any]) -> Verify:
    def named(group: str) -> dict[str, Expression]:
        return {k: Expression(**e) for k, e in (content.get(group) or {}).items()}

    return Verify(
        given=named("given"),
        let=named("let"),
        expressions=named("expressions"),
        statements=named("statements"),
        rows=named("rows"),
        variables=tuple(content.get("variables") or ()),
        compare=content.get("compare", "value"),
        reason=content.get("reason", ""),
    )


def _data(value: Any) -> Data:
    if isinstance(value, list):
        return tuple(_data(v) for v in value)
    if isinstance(value, Mapping):
        return {str(k): _data(v) for k, v in value.items()}
    return str(value)
