"""What an item of others says and ours cannot: everything is named with its line, nothing of it stays in the texts."""

from collections.abc import Callable
from typing import Any

from itembank.exchange.qti_text import name

Note = Callable[[Any, str, str, str], None]

_LEFT = {
    "qti-modal-feedback": "feedback to students",
    "qti-feedback-block": "feedback to students",
    "qti-feedback-inline": "feedback to students",
    "qti-template-declaration": "a template: the item is read with its variables empty",
    "qti-template-processing": "a template: the item is read with its variables empty",
    "qti-printed-variable": "a number that a template fills in",
    "qti-template-block": "a part that a template shows",
    "qti-template-inline": "a part that a template shows",
    "qti-stylesheet": "a style sheet",
    "qti-companion-materials-info": "companion materials",
    "qti-catalog-info": "accessibility catalog entries",
    "qti-context-declaration": "a context declaration",
    "qti-assessment-stimulus-ref": "a shared text in a file of its own",
    "qti-lookup-table": "a table from scores to scores",
    "qti-match-table": "a table from scores to scores",
    "qti-interpolation-table": "a table from scores to scores",
    "qti-end-attempt-interaction": "a hint or end button",
    "qti-media-interaction": "a medium to play",
    "audio": "sound",
    "video": "a video",
    "iframe": "an embedded page",
    "script": "a script",
    "svg": "a drawing inside of the text",
    "caption": "the caption of a table",
    "u": "underlining",
}
#: Elements whose content is not the item's text.
_GONE = frozenset({
    "qti-feedback-block", "qti-feedback-inline", "qti-template-block", "qti-template-inline", "svg", "iframe", "script",
    "audio", "video", "caption",
})  # fmt: skip
#: Attributes (element suffix, attribute, usual value) and what they would do.
_ATTRIBUTES = (
    ("qti-assessment-item", "adaptive", "false", "several attempts that build on each other"),
    ("qti-assessment-item", "time-dependent", "false", "scoring by time"),
    ("choice", "fixed", "false", "an option's fixed place"),
    ("choice", "template-identifier", "", "an option that a template shows or hides"),
    ("-interaction", "pattern-mask", "", "a rule for what can be typed"),
    ("-interaction", "placeholder-text", "", "a text inside of the entry field"),
    ("-interaction", "min-choices", "0", "the least number of choices"),
    ("-interaction", "min-associations", "0", "the least number of matches"),
    ("td", "colspan", "1", "a table cell over several columns"),
    ("td", "rowspan", "1", "a table cell over several rows"),
    ("th", "colspan", "1", "a table cell over several columns"),
    ("th", "rowspan", "1", "a table cell over several rows"),
    ("a", "href", "", "a link"),
)
_PARTS = {
    "qti-response-processing", "qti-response-condition", "qti-response-if", "qti-response-else", "qti-base-value",
    "qti-set-outcome-value", "qti-match", "qti-equal", "qti-variable", "qti-correct", "qti-map-response", "qti-is-null",
}  # fmt: skip
_OURS = {"qti-member", "qti-multiple", "qti-product", "qti-divide", "qti-truncate", "qti-integer-to-float", "qti-and",
         "qti-gte"}  # fmt: skip


def named(root: Any, interaction: Any, declared: Any, ours: bool, note: Note) -> None:
    """Name every loss of an item, then take out what is not its text.

    Args:
        root: the item with 3.0's names; changed in place.
        interaction, declared: the one that is read, and its response declaration.
        ours: it was written by `qti_write`, whose attributes and scoring `qti_read` takes in.
        note: (node, code, message, severity) -> None.
    """
    for node in root.iter():
        if what := _LEFT.get(name(node)):
            note(node, "left-behind", f"left behind: {what}", "notice")
        if not ours:
            _attributes(node, note)
    limit = interaction.get("max-choices") or "1"
    options = [c for c in interaction if name(c) == "qti-simple-choice"]
    if not ours and limit not in ("0", "1") and int(limit if limit.isdigit() else 0) < len(options):
        note(interaction, "left-behind", "left behind: the largest number of choices", "notice")
    if not ours and declared.find("qti-default-value") is not None:
        note(declared, "left-behind", "left behind: an answer that is filled in before", "notice")
    _scoring(root, declared, ours, note)
    around = set(interaction.iterancestors())
    for node in [n for n in root.iter() if name(n) in _GONE and n not in around]:
        _take_out(node)


def _attributes(node: Any, note: Note) -> None:
    tag = name(node)
    for suffix, attribute, usual, what in _ATTRIBUTES:
        fits = tag == suffix if suffix in ("td", "th", "a") else tag.endswith(suffix)
        value = node.get(attribute) if fits else None
        if value is not None and value != usual and value.strip():
            note(node, "left-behind", f"left behind: {what}", "notice")


def _scoring(root: Any, declared: Any, ours: bool, note: Note) -> None:
    """Scoring that is not one of the usual forms is left behind, and so is credit that our key cannot give."""
    mapped = False
    processings = list(root.iter("qti-response-processing"))
    for node in processings:
        template = str(node.get("template") or "").rpartition("/")[2].removesuffix(".xml")
        mapped |= template == "map_response" or node.find(".//qti-map-response") is not None
        if template not in ("match_correct", "map_response") and (template or not _usual(node, ours)):
            message = "left behind: its own scoring; here the item is scored by its key"
            note(node, "left-scoring", message, "warning")
    if not processings and declared.get("cardinality") and not ours:
        note(root, "left-scoring", "it says no scoring; here it is scored by its key", "notice")
    if ours or not mapped:
        return
    entries = [(e, _number(e.get("mapped-value"))) for e in declared.iter("qti-map-entry")]
    best = max((v for _, v in entries), default=0.0)
    many = declared.get("cardinality") != "single"
    for entry, value in entries:
        if (value not in (0.0, best)) or (many and value != 0):
            message = "left behind: credit for parts of the answer; here the key as a whole counts"
            note(entry, "left-credit", message, "warning")
            break
    if declared.get("base-type") == "string" and any(e.get("case-sensitive") == "true" for e, _ in entries):
        note(declared, "left-behind", "left behind: the difference between capitals and small letters", "notice")


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return 0.0


def _usual(processing: Any, ours: bool) -> bool:
    """Whether the response is compared with the declared key and with nothing else."""
    names = {name(n) for n in processing.iter()} - {""}
    if not names <= (_PARTS | _OURS if ours else _PARTS):
        return False
    if ours:
        return True
    compared = [n for n in processing.iter() if name(n) in ("qti-match", "qti-equal")]
    for node in compared:
        if sorted(name(c) for c in node) != ["qti-correct", "qti-variable"]:
            return False
    return len(compared) == 1 or "qti-map-response" in names


def _take_out(node: Any) -> None:
    """Remove an element, keeping the text behind it."""
    parent, before, tail = node.getparent(), node.getprevious(), node.tail or ""
    if parent is None:
        return
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    parent.remove(node)


__all__ = ["named"]
