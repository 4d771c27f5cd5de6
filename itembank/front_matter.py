"""The front matter: YAML read as text with line numbers. Nothing is guessed, constructed or executed.

YAML's own types would turn `1:30` into 90 and `no` into False; here every scalar stays what was written, and
item_file.py types it by the schema.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from itembank.findings import Finding

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_CHARACTERS = 64_000
SMART_QUOTES = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "‟": '"', "\u00a0": " ", "\u2028": "\n"}
)
_KEY_LINE = re.compile(r"[^\s#\-\[\]{}][^:]*:(\s|$)")


def straight(text: str) -> str:
    """A word processor's quotes and hard spaces as plain ones."""
    return text if text.isascii() else text.translate(SMART_QUOTES)


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of the front matter: text, or a list, or a mapping, with its line and its source text."""

    line: int
    text: str = ""
    items: tuple["Entry", ...] | None = None
    pairs: dict[str, "Entry"] | None = None
    raw: str = ""
    quoted: bool = False

    @property
    def empty(self) -> bool:
        return self.items is None and self.pairs is None and not self.text


@dataclass(slots=True)
class FrontMatter:
    """The entries by key, and what was wrong."""

    entries: dict[str, Entry] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def read(text: str, first_line: int, source: str) -> FrontMatter:
    """Read the front matter `text`, whose first line is line `first_line` of `source`.

    Where the YAML is broken, the keys around the broken place are still read.
    """
    result = FrontMatter()
    if len(text) > MAX_CHARACTERS:
        message = f"the front matter has {len(text)} characters"
        result.findings.append(
            Finding(source, first_line, "front-matter-too-long", "error", message, f"at most {MAX_CHARACTERS}")
        )
        return result
    reader = _Reader(source, result, text.split("\n"), first_line)
    error = reader.block(0, len(reader.lines))
    if error is None:
        return result
    result.entries.clear()
    result.findings.clear()
    for start, end in reader.chunks():
        broken = reader.block(start, end)
        if broken is not None:
            result.findings.append(broken)
    if not any(f.code == "yaml" for f in result.findings):
        result.findings.append(error)
    return result


class _Reader:
    def __init__(self, source: str, result: FrontMatter, lines: list[str], first_line: int) -> None:
        self.source, self.result, self.lines, self.first = source, result, lines, first_line

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Stretches of lines that begin with a key at the margin."""
        starts = [i for i, line in enumerate(self.lines) if _KEY_LINE.match(line)]
        if not starts or starts[0] != 0:
            starts.insert(0, 0)
        yield from zip(starts, [*starts[1:], len(self.lines)], strict=True)

    def block(self, start: int, end: int) -> Finding | None:
        """Read lines start..end-1 into the result; the syntax error, if there is one."""
        self.offset, self.part = self.first + start, self.lines[start:end]
        try:
            node = yaml.compose("\n".join(self.part), Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = self.offset + (min(mark.line, len(self.part) - 1) if mark else 0)
            return Finding(self.source, line, "yaml", "error", self.sentence(error), self.advice())
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            what = getattr(error, "reason", "") or type(error).__name__
            return Finding(self.source, self.offset, "yaml", "error", f"the front matter cannot be read: {what}")
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            return Finding(
                self.source, self.offset, "yaml", "error", "the front matter is not `key: value` lines", self.advice()
            )
        self.seen: set[int] = set()
        for key, entry in (self.entry(node).pairs or {}).items():
            if key in self.result.entries:
                self.note(entry.line, "duplicate-key", f"`{key}` stands there twice", "keep one of them")
            self.result.entries[key] = entry
        return None

    @staticmethod
    def sentence(error: yaml.MarkedYAMLError) -> str:
        problem = " ".join(str(error.problem or error.context or "").split())
        return f"the front matter is broken here: {problem[:120]}"

    def advice(self) -> str:
        text = "\n".join(self.part)
        if "\t" in text:
            return "YAML does not allow tabs: use spaces"
        if "{" in text and "(" in text:
            return "inside { } a comma ends a value: put each entry on its own line, or the expression in quotes"
        if re.search(r":.*: ", text) or re.search(r":\s+[\[\]{}>|*&!%@`\"']", text):
            return "put the value in quotes"
        return "one `key: value` per line; indent nested keys by two spaces"

    def note(self, line: int, code: str, message: str, hint: str) -> None:
        self.result.findings.append(Finding(self.source, line, code, "error", message, hint))

    def entry(self, node: yaml.Node) -> Entry:
        line = self.offset + node.start_mark.line
        if id(node) in self.seen and not isinstance(node, yaml.ScalarNode):  # an alias; could grow without bounds
            self.note(line, "yaml-alias", "an alias (*name) of another value", "write the value out")
            return Entry(line)
        self.seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            text = "" if node.style is None and node.value in ("~", "null") else straight(node.value)
            return Entry(line, text=text, raw=text, quoted=node.style in ("'", '"'))
        if isinstance(node, yaml.SequenceNode):
            return Entry(line, items=tuple(self.entry(n) for n in node.value), raw=self.raw(node))
        pairs: dict[str, Entry] = {}
        for key_node, value_node in node.value:
            key = self.entry(key_node)
            value = self.entry(value_node)
            if key.items is not None or key.pairs is not None:
                self.note(key.line, "yaml", "a list or mapping used as a key", "keys are words")
            elif key.text in pairs:
                self.note(key.line, "duplicate-key", f"`{key.text}` stands there twice", "keep one of them")
            else:
                pairs[key.text] = Entry(key.line, value.text, value.items, value.pairs, value.raw, value.quoted)
        return Entry(line, pairs=pairs, raw=self.raw(node))

    def raw(self, node: yaml.Node) -> str:
        start, end = node.start_mark, node.end_mark
        part = self.part[start.line : end.line + 1]
        if not part:
            return ""
        part[-1] = part[-1][: end.column] if end.line < len(self.part) else part[-1]
        part[0] = part[0][start.column :]
        return straight(" ".join(p.strip() for p in part))
