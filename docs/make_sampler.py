"""Print the common assessments of the joint bank: `python docs/make_sampler.py FOLDER` (./sampler by default).

For each plan in items/forms/ the students' booklet, the answer sheet and the teachers' key (with solutions and the
misconception behind each wrong answer), straight from the files, without a bank.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from itembank import booklet, catalogue, forms, item_folder
from itembank.booklet.words import WORDS
from itembank.item_model import Item

ROOT = Path(__file__).parents[1] / "items"


def plans() -> list[Path]:
    """The plans of the common assessments, by name."""
    return sorted((ROOT / "forms").glob("*.yaml"))


def instructions(sections: list[tuple[str, int, int]], language: str) -> str:
    """The usual text of the first page, with a sentence for each section: (name, first question, last question)."""
    usual = WORDS[language]["instructions"]
    if len(sections) < 2:
        return ""
    said = "; ".join(f"{name}: {first} to {last}" for name, first, last in sections)
    return f"{usual} Sections and questions: {said}."


def editions(folder: Path) -> Iterator[Path]:
    """Write every edition of every plan; yields the files."""
    items: dict[str, Item] = {item.id: item for item in item_folder.check([ROOT]).items}
    known = catalogue.read(ROOT)
    misconceptions = {k: e.name for k, e in (known.misconceptions or {}).items()}
    concepts = {k: e.name for k, e in (known.concepts or {}).items()}
    folder.mkdir(parents=True, exist_ok=True)
    for path in plans():
        plan = forms.read_plan(path)
        places = forms.places_of(plan)
        sections: list[tuple[str, int, int]] = []
        for number, (_, name) in enumerate(places, 1):
            if sections and sections[-1][0] == name:
                sections[-1] = (name, sections[-1][1], number)
            else:
                sections.append((name, number, number))
        for edition in booklet.EDITIONS:
            out = folder / f"{plan['id']}-{edition}.pdf"
            booklet.render(
                [items[code] for code, _ in places],
                str(plan["title"]),
                out,
                edition,
                subtitle=str(plan.get("subtitle") or ""),
                instructions=instructions(sections, "en"),
                misconceptions=misconceptions,
                concepts=concepts,
                footer=str(plan["id"]),
            )
            yield out


if __name__ == "__main__":
    for written in editions(Path(sys.argv[1] if len(sys.argv) > 1 else "sampler")):
        print(written, f"{written.stat().st_size // 1024} kB")
