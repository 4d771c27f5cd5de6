"""Reading and checking many item files at once."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from itembank import catalogue, item_file, lint
from itembank.findings import Finding
from itembank.item_model import Item

_BESIDE = ("readme.md", "contributing.md", "changelog.md", "license.md")
MAX_FILES = 20_000


@dataclass(frozen=True, slots=True)
class Checked:
    """Items of files, in the order of the files, with every finding."""

    items: tuple[Item, ...]
    findings: tuple[Finding, ...]
    files: int


def item_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The item files among files and folders: *.md, but not README.md, stimuli/ or hidden folders."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found: list[Path] = []
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(f for f in folders if not f.startswith((".", "_")) and f not in ("stimuli", "figures"))
            found += [Path(folder, n) for n in names if n.lower().endswith(".md") and n.lower() not in _BESIDE]
            if len(found) > MAX_FILES:
                break
        yield from sorted(found)[:MAX_FILES]


def check(paths: Iterable[Path]) -> Checked:
    """Read and check items with their catalogues (concepts.yaml, misconceptions.yaml in a folder above them)."""
    paths = list(paths)
    findings: list[Finding] = []
    items: list[tuple[Item, Path]] = []
    files = 0
    catalogues: dict[Path, catalogue.Catalogue] = {}
    roots: dict[Path, Path] = {}
    for path in item_files(paths):
        files += 1
        reading = item_file.read(path)
        findings += reading.findings
        if reading.item is not None:
            items.append((reading.item, path.parent))
    ids = frozenset(i.id for i, _ in items) if any(p.is_dir() for p in paths) else None
    for item, folder in items:
        root = roots.setdefault(folder, item_file.bank_root(folder)) if folder not in roots else roots[folder]
        if root not in catalogues:
            catalogues[root] = catalogue.of_bank(root)
            findings += catalogues[root].findings
        findings += lint.check(item, lint.Surroundings(catalogues[root], ids, folder))
    findings += lint.check_together([i for i, _ in items])
    findings.sort(key=lambda f: (f.source, f.line))
    return Checked(tuple(i for i, _ in items), tuple(findings), files)
