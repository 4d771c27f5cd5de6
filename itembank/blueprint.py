"""Blueprints: what a form must be, as rules in YAML, read with every problem at its line.

A rule says how many items or points with a certain mark stand on a form. Rules are data: the assembly turns them into
inequalities, `forms check` counts them on a frozen form, and an impossible blueprint is explained by naming them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from itembank.errors import Rejected
from itembank.findings import Finding

MARKS = ("concept", "standard", "dok", "type", "claim", "calculator", "grade", "practice")
_TOP = {
    "id", "title", "grade", "forms", "overlap", "items", "points", "minutes", "minutes-by-type", "pool", "rules",
    "sections", "anchors", "exclude", "exposure", "stimuli", "information", "difficulty", "booklets", "cuts",
}  # fmt: skip
MINUTES = {"choice": 1.5, "multi-select": 2.0, "numeric": 2.0, "short-text": 2.0, "match": 2.5, "rubric": 5.0}
MAX_BYTES = 200_000

TEMPLATE = """# A blueprint: `itembank forms assemble THIS.yaml`. Leave away what does not matter.
id: fall-7
title: Grade 7 Common Assessment
grade: 7
forms: 2                 # parallel forms
overlap: 8               # items that every form shares; the others stand on one form only
items: 30                # a number, or {min: 28, max: 32}
points: {min: 30, max: 36}
minutes: {max: 60}
pool:
  grade: [7]
  status: [approved, operational]   # of your own bank; the joint bank's items are `released`
rules:                   # one mark each: concept, standard, dok, type, claim, calculator, grade, practice
  - {concept: proportional-relationships, items: {min: 6, max: 9}}
  - {standard: 7.EE, points: {min: 6}}
  - {dok: 3, items: {min: 3}}
  - {type: [numeric, short-text], items: {min: 8}}
sections:
  - {name: Without a calculator, calculator: [no, neutral], items: 20}
  - {name: With a calculator, calculator: [yes, neutral], items: 10}
exposure: 3              # an item stands on at most so many forms, earlier ones counted
stimuli: {min: 2, max: 4}  # items of a shared text that is used
information: {at: [-1, 0, 1]}   # as much as possible at the worst of these; or {target: {-1: 4, 0: 6, 1: 4}}
cuts: [0.2]
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """A range, None where open."""

    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.low == self.high and self.low is not None:
            return f"exactly {self.low:g}"
        low = f"at least {self.low:g}" if self.low is not None else ""
        high = f"at most {self.high:g}" if self.high is not None else ""
        return f"{low}{' and ' if low and high else ''}{high}" or "any number"

    def holds(self, value: float) -> bool:
        return (self.low is None or value >= self.low - 1e-9) and (self.high is None or value <= self.high + 1e-9)


@dataclass(frozen=True, slots=True)
class Rule:
    """How many of what.

    Attributes:
        counts: "items", "points" or "minutes".
        limits: of the count, on each form; over all forms together with `over_all`.
        mark, values: which items are counted ("" for all); a standard counts with everything below it.
        section: only items placed there; "" for the whole form.
        line: of the blueprint.
    """

    counts: str
    limits: Limits
    mark: str = ""
    values: tuple[str, ...] = ()
    section: str = ""
    over_all: bool = False
    line: int = 0

    def __str__(self) -> str:
        what = f" with {self.mark} {' or '.join(self.values)}" if self.mark else ""
        where = f" in section {self.section!r}" if self.section else ""
        return f"{self.limits} {self.counts}{what}{where}{' over all forms' if self.over_all else ''}"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a form, for the items whose `calculator` is among these (all when empty)."""

    name: str
    calculator: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a form must be.

    Attributes:
        forms, overlap: how many parallel forms, and how many items they all share.
        pool: mark or "status" -> accepted values.
        rules: all counts, those of the sections included.
        anchors: items that stand on every form; exclude: items that may not.
        exposure: how many forms an item may stand on, earlier ones counted; None without limit.
        stimuli: items of a shared text that is used at all, per form.
        theta, target: where information is wanted; target is None for as much as possible at the worst place.
        difficulty: wanted mean share correct, where there are no parameters.
        booklets: (blocks, blocks per booklet) of a matrix-sampled design, or None.
        cuts: where the standard error is reported.
        lines: key -> line.
    """

    id: str
    title: str = ""
    grade: str = ""
    forms: int = 1
    overlap: int = 0
    pool: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    sections: tuple[Section, ...] = (Section(""),)
    anchors: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    exposure: int | None = None
    stimuli: Limits = Limits()
    theta: tuple[float, ...] = ()
    target: tuple[float, ...] | None = None
    difficulty: float | None = None
    booklets: tuple[int, int] | None = None
    cuts: tuple[float, ...] = ()
    minutes: Mapping[str, float] = field(default_factory=lambda: dict(MINUTES))
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that could stand on a form.

    Attributes:
        marks: mark -> its values ("concept" holds the primary one only).
        points, minutes: what it counts.
        stimulus: the shared text it belongs to; "" for none.
        enemies: codes of items that give it away.
        used: on how many frozen forms it stands.
        version, version_id: its number and the bank's id.
    """

    item: str
    marks: Mapping[str, tuple[str, ...]]
    points: float = 1
    minutes: float = 1.5
    stimulus: str = ""
    enemies: tuple[str, ...] = ()
    used: int = 0
    version: int = 0
    version_id: int = 0
    title: str = ""


def counted(rule: Rule, candidate: Candidate) -> float:
    """What a candidate adds to a rule's count; 0 when it has not the mark."""
    if rule.mark:
        own = candidate.marks.get(rule.mark, ())
        if rule.mark == "standard":
            if not any(o == v or o.startswith(v + ".") for o in own for v in rule.values):
                return 0.0
        elif not set(own) & set(rule.values):
            return 0.0
    return {"items": 1.0, "points": candidate.points, "minutes": candidate.minutes}[rule.counts]


class _Lined(dict[str, Any]):
    """A mapping of the file, with the line of each key."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line, self.lines = line, dict[str, int]()


def read(path: Path) -> Blueprint:
    """Read a blueprint.

    Raises:
        Rejected: with every problem and its line.
    """
    try:
        raw = path.read_bytes()
    except OSError:
        raise Rejected("no-file", f"There is no file {path}.", "itembank forms new > blueprint.yaml") from None
    return parse(raw, path.name)


def parse(raw: bytes, source: str = "blueprint.yaml") -> Blueprint:
    """A blueprint from bytes; errors as for `read`."""
    import yaml

    reader = _Reader(source)
    data: Any = None
    try:
        if len(raw) > MAX_BYTES:
            reader.note(0, "too-large", f"a blueprint has at most {MAX_BYTES // 1000} kB")
        else:
            text = raw.decode("utf-8-sig")
            if any(isinstance(e, yaml.AliasEvent) for e in yaml.parse(text, Loader=yaml.BaseLoader)):
                reader.note(0, "alias", "aliases (*name) are not read", "write the values out")
            else:
                node = yaml.compose(text, Loader=yaml.BaseLoader)
                data = _plain(node) if node is not None else None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        reader.note(mark.line + 1 if mark else 0, "bad-yaml", "the file is not readable YAML", "look at this line")
    if not reader.found and not isinstance(data, _Lined):
        reader.note(0, "bad-blueprint", "a blueprint is a mapping", "itembank forms new prints one")
    blueprint = reader.blueprint(data) if not reader.found else None
    if reader.found or blueprint is None:
        raise Rejected("bad-blueprint", f"{source} is not a blueprint.", "itembank forms new prints one", reader.found)
    return blueprint


def _plain(node: Any) -> Any:
    import yaml

    if isinstance(node, yaml.MappingNode):
        found = _Lined(node.start_mark.line + 1)
        for key, value in node.value:
            found[str(key.value)] = _plain(value)
            found.lines[str(key.value)] = key.start_mark.line + 1
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(v) for v in node.value]
    return str(node.value)


class _Reader:
    """Turns the file's text into types, noting what does not fit."""

    def __init__(self, source: str) -> None:
        self.source, self.found = source, list[Finding]()

    def note(self, line: int, code: str, message: str, hint: str = "", key: str = "") -> None:
        self.found.append(Finding(self.source, line, code, "error", message, hint, key))

    def number(self, value: Any, line: int, key: str, whole: bool = False) -> float | None:
        try:
            number = float(value)
            if number != number or abs(number) > 1e9 or (whole and number != int(number)):
                raise ValueError
        except (TypeError, ValueError):
            self.note(line, "not-a-number", f"{str(value)[:40]!r} is not a {'whole ' * whole}number", "", key)
            return None
        return number

    def whole(self, data: _Lined, key: str, default: int, least: int = 0) -> int:
        if key not in data:
            return default
        number = self.number(data[key], data.lines[key], key, True)
        if number is not None and number < least:
            self.note(data.lines[key], "too-small", f"{key} is at least {least}", "", key)
        return default if number is None else int(number)

    def limits(self, value: Any, line: int, key: str) -> Limits:
        if isinstance(value, str):
            number = self.number(value, line, key)
            return Limits(number, number)
        if not isinstance(value, _Lined) or not value or set(value) - {"min", "max"}:
            self.note(line, "bad-limits", f"{key} is a number or {{min: 3, max: 5}}", "", key)
            return Limits()
        ends = {k: self.number(v, line, key) for k, v in value.items()}
        low, high = ends.get("min"), ends.get("max")
        if low is not None and high is not None and low > high:
            self.note(line, "bad-limits", f"the minimum of {key} is above its maximum", "", key)
        return Limits(low, high)

    def names(self, value: Any, line: int, key: str) -> tuple[str, ...]:
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(v, str) and v.strip() for v in values):
            self.note(line, "bad-list", f"{key} is a name or a list of names", "", key)
            return ()
        return tuple(v.strip() for v in values)

    def unknown(self, data: _Lined, known: set[str], where: str) -> None:
        import difflib

        for key in set(data) - known:
            close = difflib.get_close_matches(key, known, 1, 0.5)
            hint = f"did you mean {close[0]}?" if close else "known: " + ", ".join(sorted(known))
            self.note(data.lines[key], "unknown-key", f"{key[:40]!r} is not known in {where}", hint, key[:40])

    def blueprint(self, data: _Lined) -> Blueprint:
        self.unknown(data, _TOP, "a blueprint")
        if not str(data.get("id") or "").strip():
            self.note(0, "no-id", "the blueprint has no id", "id: fall-7")
        rules = [
            Rule(counts, self.limits(data[counts], data.lines[counts], counts), line=data.lines[counts])
            for counts in ("items", "points", "minutes")
            if counts in data
        ]
        if not any(r.counts == "items" for r in rules) and "sections" not in data:
            self.note(0, "no-items", "the blueprint does not say how many items", "items: 40")
        rules += self.rules(data)
        sections, own = self.sections(data)
        theta, target = self.information(data)
        forms = self.whole(data, "forms", 1, 1)
        anchors = self.listed(data, "anchors")
        booklets = self.booklets(data)
        if booklets and "sections" in data:
            self.note(
                data.lines["sections"], "two-partitions", "booklets have blocks, not sections", "drop one of them"
            )
        difficulty = (
            self.number(data["difficulty"], data.lines["difficulty"], "difficulty") if "difficulty" in data else None
        )
        exposure = self.whole(data, "exposure", 0, 1) if "exposure" in data else None
        stimuli = self.limits(data["stimuli"], data.lines["stimuli"], "stimuli") if "stimuli" in data else Limits()
        return Blueprint(
            str(data.get("id") or ""),
            str(data.get("title") or ""),
            str(data.get("grade") or ""),
            forms if booklets is None else booklets[0],
            self.whole(data, "overlap", len(anchors)),
            self.pool(data),
            tuple(rules + own),
            sections,
            anchors,
            self.listed(data, "exclude"),
            exposure,
            stimuli,
            theta,
            target,
            difficulty,
            booklets,
            tuple(n for v in data.get("cuts", []) if (n := self.number(v, data.lines["cuts"], "cuts")) is not None)
            if isinstance(data.get("cuts", []), list)
            else (),
            MINUTES | self.minutes(data),
            dict(data.lines),
        )

    def listed(self, data: _Lined, key: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.names(data[key], data.lines[key], key))) if key in data else ()

    def pool(self, data: _Lined) -> dict[str, tuple[str, ...]]:
        pool = data.get("pool")
        if pool is None:
            return {}
        if not isinstance(pool, _Lined):
            self.note(
                data.lines["pool"], "bad-pool", "pool is a mapping", "pool: {grade: [7], status: [approved]}", "pool"
            )
            return {}
        self.unknown(pool, {*MARKS, "status"}, "the pool")
        return {k: self.names(v, pool.lines[k], k) for k, v in pool.items()}

    def minutes(self, data: _Lined) -> dict[str, float]:
        given = data.get("minutes-by-type")
        if given is None:
            return {}
        if not isinstance(given, _Lined):
            self.note(data.lines["minutes-by-type"], "bad-minutes", "minutes-by-type is a mapping", "{choice: 1.5}")
            return {}
        self.unknown(given, set(MINUTES), "minutes-by-type")
        return {k: n for k, v in given.items() if (n := self.number(v, given.lines[k], k)) is not None}

    def rules(self, data: _Lined) -> list[Rule]:
        found = []
        listed = data.get("rules", [])
        for rule in listed if isinstance(listed, list) else [listed]:
            if not isinstance(rule, _Lined):
                self.note(
                    data.lines["rules"], "bad-rule", "a rule is a mapping", "- {dok: 3, items: {min: 3}}", "rules"
                )
                continue
            self.unknown(rule, {*MARKS, "items", "points", "minutes", "section", "over"}, "a rule")
            marks = [m for m in MARKS if m in rule]
            counts = [c for c in ("items", "points", "minutes") if c in rule]
            if len(marks) > 1 or not counts:
                self.note(rule.line, "bad-rule", "a rule has one mark, and items, points or minutes", "", "rules")
                continue
            values = self.names(rule[marks[0]], rule.line, marks[0]) if marks else ()
            found += [
                Rule(
                    c,
                    self.limits(rule[c], rule.lines[c], c),
                    marks[0] if marks else "",
                    values,
                    str(rule.get("section") or ""),
                    rule.get("over") == "all",
                    rule.line,
                )
                for c in counts
            ]
        return found

    def sections(self, data: _Lined) -> tuple[tuple[Section, ...], list[Rule]]:
        listed = data.get("sections")
        if listed is None:
            return (Section(""),), []
        sections: list[Section] = []
        rules: list[Rule] = []
        for part in listed if isinstance(listed, list) else [listed]:
            if not isinstance(part, _Lined) or not str(part.get("name") or "").strip():
                self.note(data.lines["sections"], "bad-section", "a section has a name", "- {name: Part 1, items: 20}")
                continue
            self.unknown(part, {"name", "calculator", "items", "points", "minutes"}, "a section")
            name = str(part["name"]).strip()
            if name in {s.name for s in sections}:
                self.note(part.line, "section-twice", f"a second section {name!r}")
            calculator = self.names(part["calculator"], part.line, "calculator") if "calculator" in part else ()
            sections.append(Section(name, calculator, part.line))
            rules += [
                Rule(c, self.limits(part[c], part.lines[c], c), section=name, line=part.line)
                for c in ("items", "points", "minutes")
                if c in part
            ]
        return tuple(sections) or (Section(""),), rules

    def information(self, data: _Lined) -> tuple[tuple[float, ...], tuple[float, ...] | None]:
        wanted = data.get("information")
        if wanted is None:
            return (), None
        line = data.lines["information"]
        if isinstance(wanted, _Lined) and set(wanted) == {"at"} and isinstance(wanted["at"], list) and wanted["at"]:
            return tuple(self.number(v, line, "at") or 0.0 for v in wanted["at"]), None
        if isinstance(wanted, _Lined) and set(wanted) == {"target"} and isinstance(wanted["target"], _Lined):
            curve = wanted["target"]
            theta = tuple(self.number(k, line, "target") or 0.0 for k in curve)
            target = tuple(self.number(v, line, "target") or 0.0 for v in curve.values())
            if target and min(target) > 0:
                return theta, target
        hint = "information: {at: [-1, 0, 1]} or {target: {-1: 4, 0: 6}}"
        self.note(line, "bad-information", "information wants places, or a target above 0 at each", hint, "information")
        return (), None

    def booklets(self, data: _Lined) -> tuple[int, int] | None:
        design = data.get("booklets")
        if design is None:
            return None
        if not isinstance(design, _Lined) or set(design) != {"blocks", "each"}:
            hint = "booklets: {blocks: 7, each: 3}"
            self.note(data.lines["booklets"], "bad-booklets", "booklets has blocks, and each has some of them", hint)
            return None
        blocks, each = self.whole(design, "blocks", 0, 2), self.whole(design, "each", 0, 1)
        if not 1 <= each <= blocks <= 40:
            self.note(design.line, "bad-booklets", "each booklet has at most all blocks, of which there are 2 to 40")
            return None
        return blocks, each


def violations(blueprint: Blueprint, places: Sequence[tuple[Candidate, str]]) -> list[Finding]:
    """The rules that a form does not keep.

    Args:
        blueprint: what was wanted.
        places: (item, section) of the form.
    """
    found = []
    for rule in blueprint.rules:
        value = sum(counted(rule, c) for c, s in places if not rule.section or s == rule.section)
        if not rule.over_all and not rule.limits.holds(value):
            message = f"wanted {rule}, there are {value:g}"
            found.append(Finding(blueprint.id, rule.line, "rule-broken", "error", message))
    there = {c.item for c, _ in places}
    for c, _ in places:
        for enemy in sorted(set(c.enemies) & there):
            if c.item < enemy or c.item not in next((o.enemies for o, _ in places if o.item == enemy), ()):
                found.append(Finding(blueprint.id, 0, "enemies", "error", f"{c.item} and {enemy} give each other away"))
    for anchor in blueprint.anchors:
        if anchor not in there:
            line = blueprint.lines.get("anchors", 0)
            found.append(Finding(blueprint.id, line, "no-anchor", "error", f"the anchor {anchor} is missing"))
    for stimulus in {c.stimulus for c, _ in places if c.stimulus}:
        n = sum(c.stimulus == stimulus for c, _ in places)
        if not blueprint.stimuli.holds(n):
            message = f"{n} items of {stimulus}, wanted {blueprint.stimuli}"
            found.append(Finding(blueprint.id, blueprint.lines.get("stimuli", 0), "stimulus", "error", message))
    return found
