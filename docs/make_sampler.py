"""Print the common assessments of the joint bank: `python docs/make_sampler.py FOLDER` (./sampler by default).

For each plan in items/forms/ the students' booklet, the answer sheet and the teachers' key (with solutions and the
misconception behind each wrong answer), straight from the files, without a bank.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from itembank import booklet, catalogue, forms, item_folder
from itembank.item_model import Item

ROOT = Path(__file__).parents[1] / "items"


def plans() -> list[Path]:
    """The plans of the common assessments, by name."""
    return sorted((ROOT / "forms").glob("*.yaml"))


def sections(plan: dict[str, Any], language: str) -> list[tuple[tuple[str], int]]:
    """(name in the language, number of questions) of each section of a plan."""
    listed = plan.get("sections", ())
    return [((str(s.get(f"name-{language}") or s["name"]),), len(s["items"])) for s in listed]


def editions(folder: Path) -> Iterator[Path]:
    """Write every edition of every plan, in Spanish too where all of its items speak it; yields the files."""
    items: dict[str, Item] = {item.id: item for item in item_folder.check([ROOT]).items}
    known = catalogue.read(ROOT)
    misconceptions = {k: e.name for k, e in (known.misconceptions or {}).items()}
    concepts = {k: e.name for k, e in (known.concepts or {}).items()}
    folder.mkdir(parents=True, exist_ok=True)
    for path in plans():
        plan = forms.read_plan(path)
        chosen = [items[code] for code, _ in forms.places_of(plan)]
        spanish = all(any(v.language == "es" for v in item.variants) for item in chosen)
        for language in ("en", "es") if spanish else ("en",):
            for edition in booklet.EDITIONS:
                out = folder / f"{plan['id']}-{edition}{'' if language == 'en' else '-' + language}.pdf"
                booklet.render(
                    chosen,
                    str(plan.get(f"title-{language}") or plan["title"]),
                    out,
                    edition,
                    language,
                    misconceptions=misconceptions,
                    concepts=concepts,
                    footer=str(plan["id"]),
                    sections=sections(plan, language),
                )
                yield out


if __name__ == "__main__":
    for written in editions(Path(sys.argv[1] if len(sys.argv) > 1 else "sampler")):
        print(written, f"{written.stat().st_size // 1024} kB")
