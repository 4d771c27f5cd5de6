"""The catalogues beside the items: concepts.yaml and misconceptions.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from itembank import front_matter
from itembank.findings import Finding
from itembank.resources import items_folder

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
CONCEPT_KEYS = (
    "id", "name", "name-es", "grade", "grades", "description", "standards", "prerequisites", "mastering", "parent",
    "domain", "strand", "order",
)  # fmt: skip
MISCONCEPTION_KEYS = ("id", "name", "name-es", "concept", "concepts", "description", "example", "in_class", "in-class")


@dataclass(frozen=True, slots=True)
class Entry:
    """One concept or misconception: its id, its fields as text or tuples of text, its line."""

    id: str
    fields: Mapping[str, str | tuple[str, ...]]
    line: int

    @property
    def name(self) -> str:
        return str(self.fields.get("name", self.id))

    def listed(self, *keys: str) -> tuple[str, ...]:
        """The values of the first of `keys` that is there, as a tuple."""
        for key in keys:
            if value := self.fields.get(key):
                return (value,) if isinstance(value, str) else value
        return ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Both catalogues; None for one that has no file."""

    concepts: Mapping[str, Entry] | None = None
    misconceptions: Mapping[str, Entry] | None = None
    findings: tuple[Finding, ...] = field(default=())


def read(folder: Path) -> Catalogue:
    """The catalogues of a bank's folder."""
    findings: list[Finding] = []
    concepts = _entries(folder / "concepts.yaml", CONCEPT_KEYS, findings)
    misconceptions = _entries(folder / "misconceptions.yaml", MISCONCEPTION_KEYS, findings)
    if concepts is not None:
        for entry in concepts.values():
            for other in entry.listed("prerequisites"):
                if other not in concepts:
                    message = f"the prerequisite `{other[:40]}` of `{entry.id}` is not a concept"
                    findings.append(_error(folder / "concepts.yaml", entry.line, "unknown-concept", message))
    if concepts is not None and misconceptions is not None:
        for entry in misconceptions.values():
            for other in entry.listed("concepts", "concept"):
                if other not in concepts:
                    message = f"the concept `{other[:40]}` of the misconception `{entry.id}` is not there"
                    findings.append(_error(folder / "misconceptions.yaml", entry.line, "unknown-concept", message))
    return Catalogue(concepts, misconceptions, tuple(findings))


def of_bank(folder: Path) -> Catalogue:
    """The catalogues of a folder; of the joint bank where the folder has none, so that no item goes unchecked."""
    if (folder / "concepts.yaml").is_file() or (folder / "misconceptions.yaml").is_file():
        return read(folder)
    try:
        joint = read(items_folder())
    except FileNotFoundError:
        return Catalogue()
    return Catalogue(joint.concepts, joint.misconceptions)


def _error(path: Path, line: int, code: str, message: str, hint: str = "") -> Finding:
    return Finding(path.as_posix(), line, code, "error", message, hint)


def _entries(path: Path, known: tuple[str, ...], findings: list[Finding]) -> dict[str, Entry] | None:
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > 4_000_000:
            findings.append(_error(path, 0, "file-too-large", "the catalogue has more than 4 MB"))
            return {}
        text = path.read_text(encoding="utf-8-sig")
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        findings.append(_error(path, line, "yaml", f"the catalogue is broken here: {error.problem}"))
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        findings.append(_error(path, 0, "yaml", "the catalogue cannot be read"))
        return {}
    if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
        node = node.value[0][1]
    if not isinstance(node, yaml.SequenceNode):
        findings.append(_error(path, 1, "yaml", "the catalogue is not a list of `- id: ...` entries"))
        return {}
    found: dict[str, Entry] = {}
    for part in node.value:
        line = part.start_mark.line + 1
        if not isinstance(part, yaml.MappingNode):
            findings.append(_error(path, line, "yaml", "an entry is not a mapping"))
            continue
        fields: dict[str, str | tuple[str, ...]] = {}
        for key, value in part.value:
            if str(key.value) not in known:
                findings.append(
                    _error(path, key.start_mark.line + 1, "unknown-key", f"`{str(key.value)[:40]}`", ", ".join(known))
                )
                continue
            fields[str(key.value)] = _value(value)
        name = str(fields.get("id", ""))
        if not name:
            findings.append(_error(path, line, "missing-key", "an entry without an `id`"))
        elif name in found:
            findings.append(_error(path, line, "duplicate-id", f"`{name[:40]}` stands there twice"))
        else:
            found[name] = Entry(name, fields, line)
    return found


def _value(node: yaml.Node) -> str | tuple[str, ...]:
    if isinstance(node, yaml.ScalarNode):
        return " ".join(str(node.value).translate(front_matter.SMART_QUOTES).split())
    if isinstance(node, yaml.SequenceNode):
        return tuple(" ".join(str(n.value).split()) for n in node.value if isinstance(n, yaml.ScalarNode))
    return ""
