"""Item files, folders and spreadsheets into the bank: checked first, stored all or not at all."""

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlmodel import Session

from itembank import catalogue, item_file, item_folder, item_table, lint
from itembank.authoring import register_items, store_item
from itembank.errors import Rejected
from itembank.findings import Finding, errors
from itembank.item_model import Item
from itembank.models import Person


@dataclass(slots=True)
class Gathered:
    """What the paths hold, checked, not stored."""

    items: list[tuple[Item, str]] = field(default_factory=list)
    registers: list[Path] = field(default_factory=list)
    roots: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    packages: set[str] = field(default_factory=set)  # sources of which every loss is worth telling


def gather(paths: Sequence[Path]) -> Gathered:
    """Read and check everything.

    Raises:
        Rejected: a path does not exist; a table cannot be read.
    """
    found = Gathered()
    texts: list[Path] = []
    for path in paths:
        if not path.exists():
            raise Rejected("no-file", f"There is no {path}.", "itembank items import items/")
        if path.suffix.lower() in (".csv", ".tsv", ".xlsx", ".xlsm"):
            if item_table.is_whole(path):
                _table(path, found)
            else:
                found.registers.append(path)
        elif path.suffix.lower() in (".zip", ".xml"):
            _package(path, found)
        else:
            texts.append(path)
    if texts:
        checked = item_folder.check(texts)
        found.findings += checked.findings
        found.items += [(item, item_file.read(Path(item.source)).text) for item in checked.items]
        for item in checked.items:
            root = item_file.bank_root(Path(item.source).parent)
            if root not in found.roots:
                found.roots.append(root)
    return found


def _package(path: Path, found: Gathered) -> None:
    """Items of a QTI package; what the check says of them are warnings, for others wrote them."""
    from itembank.exchange import qti, safe

    if path.stat().st_size > safe.MAX_TOTAL:
        raise Rejected("zip-bomb", f"{path.name} is too large.", "split it")
    items, losses = qti.read(path.read_bytes(), path.name)
    around = lint.Surroundings(catalogue.Catalogue(), None, path.parent)
    found.findings += losses
    found.packages |= {f.source for f in losses}
    for item in items:
        ours = item.verify.reason != qti.IMPORTED
        for finding in lint.check(item, around):
            found.findings.append(finding if ours else replace(finding, severity="warning"))
        found.items.append((item, item_file.write(item)))


def _table(path: Path, found: Gathered) -> None:
    root = item_file.bank_root(path.resolve().parent)
    around = lint.Surroundings(catalogue.of_bank(root), None, path.parent)
    rows = item_table.read(path)
    for row in rows:
        found.findings += row.findings
        if row.item is not None:
            found.findings += [replace(f, line=row.row) for f in lint.check(row.item, around)]
            found.items.append((row.item, row.text))
    if root not in found.roots:
        found.roots.append(root)


def store(
    session: Session,
    gathered: Gathered,
    person: Person | None = None,
    status: str = "draft",
    create_concepts: bool = False,
) -> Counter[str]:
    """Store what was gathered, with the catalogues beside it; counts of "new", "changed" and "unchanged".

    Raises:
        Rejected: errors among the findings, or unknown concepts; nothing is stored.
    """
    wrong = errors(gathered.findings)
    if wrong:
        raise Rejected("bad-items", "Nothing was stored.", "itembank items check", wrong)
    for root in gathered.roots:
        _catalogues(session, root)
    counts: Counter[str] = Counter()
    for item, text in gathered.items:
        stored = store_item(session, item, text, person, status=status, create_concepts=create_concepts)
        counts[stored.outcome] += 1
    for path in gathered.registers:
        for stored in register_items(session, path, person, status):
            counts[stored.outcome] += 1
    return counts


def _catalogues(session: Session, root: Path) -> None:
    from itembank import concepts

    if (root / "concepts.yaml").is_file():
        rows = concepts.read_framework(root / "concepts.yaml")
        concepts.import_framework(session, rows, "concepts.yaml")
    if (root / "misconceptions.yaml").is_file():
        concepts.import_misconceptions(session, concepts.read_framework(root / "misconceptions.yaml"))


def write_files(gathered: Gathered, folder: Path, dry_run: bool = False) -> list[Path]:
    """Write gathered items as files, one each; a file that is there already with another text is refused.

    Raises:
        Rejected: some are there; nothing was written.
    """
    places = [(folder / f"{item.id}.md", item_file.write(item)) for item, _ in gathered.items]
    there = [p for p, text in places if p.exists() and p.read_text("utf-8") != text]
    if there:
        findings = [
            Finding(p.as_posix(), 0, "file-exists", "error", "the file is there with another text") for p in there
        ]
        raise Rejected("file-exists", "Nothing was written.", "another folder, or remove them", findings)
    if not dry_run:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in places:
            path.write_text(text, "utf-8")
        for item, _ in gathered.items:
            _write_beside(item, folder)
    return [p for p, _ in places]


def _write_beside(item: Item, folder: Path) -> None:
    """Pictures and the shared text of an item that came in a package; what is there already stays."""
    beside = [(str(f.data.get("file", "")), base64.b64decode(f.content)) for f in item.figures if f.content]
    if item.stimulus_text and item.stimulus.endswith(".md"):
        beside.append((item.stimulus, item.stimulus_text.encode()))
    for name, content in beside:
        path = item_file.inside(folder, name)
        if path is not None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
