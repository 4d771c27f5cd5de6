"""Write docs/coverage.md from the item files: `python docs/make_coverage.py` (a test compares)."""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from itembank import item_folder, mathtext, standards
from itembank.item_model import DOKS, GRADES, TYPES, Item
from itembank.lint_text import reading_grade

ROOT = Path(__file__).parents[1] / "items"
NAMES = {"6": "Grade 6", "7": "Grade 7", "8": "Grade 8", "A1": "Algebra 1"}
BANDS = ((0.0, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 1.0))
HEAD = """# What the joint bank covers

Written by `python docs/make_coverage.py` from the files in `items/`. An item counts under its grade and its
primary concept; under a cluster it counts with each of its standards.
"""


def coverage(items: Sequence[Item], names: dict[str, str]) -> str:
    """The whole page as Markdown.

    Args:
        items: all items of the bank.
        names: id -> name of each concept.
    """
    parts = [
        HEAD,
        *_totals(items),
        *_concepts(items, names),
        *_clusters(items),
        *_difficulties(items),
        *_language(items),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], words: int = 1) -> list[str]:
    """A Markdown table whose first `words` columns are words; zeros stay empty."""
    lines = ["| " + " | ".join(head) + " |"]
    lines.append("| " + " | ".join("---" if i < words else "---:" for i in range(len(head))) + " |")
    lines += ["| " + " | ".join("" if cell == 0 else str(cell) for cell in row) + " |" for row in rows]
    return [*lines, ""]


def _totals(items: Sequence[Item]) -> list[str]:
    rows = []
    for grade in (*GRADES, ""):
        own = [i for i in items if grade in ("", i.grade)]
        types, doks = Counter(i.type for i in own), Counter(i.dok for i in own)
        figures, spanish = sum(bool(i.figures) for i in own), sum(bool(i.variants) for i in own)
        counts = [*(types[t] for t in TYPES), *(doks[d] for d in DOKS), figures, spanish]
        rows.append([NAMES.get(grade, "**All**"), len(own), *counts])
    head = ["", "items", *TYPES, *(f"DOK {d}" for d in DOKS), "with figures", "with Spanish"]
    return ["## Grades", "", *_table(head, rows)]


def _concepts(items: Sequence[Item], names: dict[str, str]) -> list[str]:
    found: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for item in items:
        found[item.grade, item.concepts[0], item.type][item.dok] += 1
    parts = ["## Grade, concept, type and depth of knowledge", ""]
    for grade in GRADES:
        rows: list[list[object]] = []
        for concept in names:
            own = [(t, found[grade, concept, t]) for t in TYPES if found[grade, concept, t]]
            for n, (kind, doks) in enumerate(own):
                name = names[concept] if n == 0 else ""
                rows.append([name, kind, *(doks[d] for d in DOKS), sum(doks.values())])
            if len(own) > 1:
                sums = [sum(doks[d] for _, doks in own) for d in DOKS]
                rows.append(["", "*together*", *sums, sum(sums)])
        parts += [f"### {NAMES[grade]}", "", *_table(["concept", "type", *(f"DOK {d}" for d in DOKS), "all"], rows, 2)]
    return parts


def _clusters(items: Sequence[Item]) -> list[str]:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        for cluster in {".".join(code.split(".")[:3]) for code in item.standards if code[0] in "678"}:
            found[cluster].append(item)
    rows = []
    for cluster in sorted({".".join(code.split(".")[:3]) for code in standards.known_codes()}):
        own = found[cluster]
        kinds = ", ".join(f"{t} {n}" for t in TYPES if (n := sum(i.type == t for i in own)))
        rows.append([cluster, kinds, len(own)])
    return ["## Clusters of grades 6 to 8", "", *_table(["cluster", "types", "items"], rows, 2)]


def _difficulties(items: Sequence[Item]) -> list[str]:
    rows = []
    for grade in GRADES:
        shares = [i.difficulty for i in items if i.grade == grade and i.difficulty is not None]
        rows.append([NAMES[grade], *(sum(low <= s < high for s in shares) for low, high in BANDS)])
    head = ["", *(f"{low:.2f} to {high:.2f}" for low, high in BANDS)]
    lead = "The authors' answer to: of 100 students of this grade, what share gets this right?"
    return ["## Expected difficulty", "", lead, "", *_table(head, rows)]


def _language(items: Sequence[Item]) -> list[str]:
    """Words a student reads and the reading grade of the stems, which says something from 30 words on."""
    rows: list[list[object]] = []
    for grade in GRADES:
        own = [i for i in items if i.grade == grade]
        words = sorted(
            len(_WORD.findall(mathtext.plain(" ".join([i.stem, i.stimulus_text, *_answers(i)])))) for i in own
        )
        sentences = [w for i in own for w in _sentences(i)]
        levels = [level for i in own if (level := reading_grade(mathtext.plain(i.stem))) is not None]
        limit = {"A1": 9}.get(grade) or int(grade)
        rows.append(
            [
                NAMES[grade],
                f"{statistics.median(words):.0f}",
                words[int(0.9 * len(words))],
                f"{statistics.median(sentences):.0f}",
                f"{statistics.median(levels):.1f}",
                f"{max(levels):.1f}",
                sum(level > limit for level in levels),
            ]
        )
    head = ["", "words, median", "words, 9 of 10 below", "words in a sentence, median", "reading grade, median"]
    head += ["reading grade, highest", "stems above their grade"]
    lead = (
        "Words of stem, options and rows. The reading grade (Flesch-Kincaid) is taken of stems with 30 words or more; "
        "the check of items reports a stem that reads two grades above its own."
    )
    return ["## Language load", "", lead, "", *_table(head, rows)]


_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")


def _answers(item: Item) -> list[str]:
    return [*(o.text for o in item.options), *(c.text for c in item.columns), *(r.text for r in item.rows)]


def _sentences(item: Item) -> list[int]:
    text = mathtext.plain(item.stem).replace("\n\n", ". ")
    return [n for part in re.split(r"[.!?:](?:\s|$)", text) if (n := len(_WORD.findall(part))) > 2]


def written() -> str:
    """The page for the files as they are."""
    concepts = yaml.safe_load((ROOT / "concepts.yaml").read_text(encoding="utf-8"))
    return coverage(item_folder.check([ROOT]).items, {str(c["id"]): str(c["name"]) for c in concepts})


if __name__ == "__main__":
    Path(__file__).with_name("coverage.md").write_text(written(), encoding="utf-8")
