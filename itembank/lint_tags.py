"""Rules about tags, figures, authors, and whether verify agrees."""

import re
from collections.abc import Iterator

from itembank import item_file, verify
from itembank.findings import Finding
from itembank.item_model import Item
from itembank.lint_rules import Surroundings, close_to, found, rule, texts

#: What stands in a new item's file where a misconception has to be named.
PLACEHOLDER = "misconception-id"
#: So many names are a choice; more are a list to scroll.
SHOWN = 12


@rule
def misconceptions_are_known(item: Item, around: Surroundings) -> Iterator[Finding]:
    known = around.catalogue.misconceptions
    if known is None:
        return
    places = [(o.line, o.misconception) for o in item.options] + [(a.line, a.misconception) for a in item.answers]
    places += [(r.line, m) for r in item.rows for _, m in r.misconceptions]
    places += [(e.line, e.misconception) for e in item.errors]
    for line, name in places:
        if name and name not in known:
            yield found(item, line, "unknown-misconception", f"`{name}` is not in misconceptions.yaml",
                        _which(item, name, around))  # fmt: skip


def _which(item: Item, name: str, around: Surroundings) -> str:
    """The name that was meant; else those of the item's concepts, which is where an author looks."""
    known = around.catalogue.misconceptions or {}
    hint = close_to(name, known)
    if name != PLACEHOLDER and hint.startswith("did you mean"):
        return hint
    own = [m for m, entry in known.items() if set(entry.listed("concepts", "concept")) & set(item.concepts)]
    if not own:
        return "write one of misconceptions.yaml in its place, or add a new one to that file"
    some = ", ".join(own[:SHOWN]) + (", ..." if len(own) > SHOWN else "")
    return f"write the way of thinking in its place; for this concept misconceptions.yaml has {some}"


@rule
def concepts_are_known(item: Item, around: Surroundings) -> Iterator[Finding]:
    if not item.concepts:
        if "concepts" in item.lines:
            yield found(item, "concepts", "no-concept", "the item measures no concept", "concepts: [primary, others]")
        return
    known = around.catalogue.concepts
    for name in item.concepts if known is not None else ():
        if name not in (known or {}):
            yield found(item, "concepts", "unknown-concept", f"the concept `{name}` is not in concepts.yaml",
                        close_to(name, known or ()))  # fmt: skip


@rule
def there_is_a_solution(item: Item, around: Surroundings) -> Iterator[Finding]:
    if not item.solution.strip():
        yield found(item, "type", "no-solution", "the item has no worked solution", "add `## Solution`", "warning")


@rule
def verify_agrees(item: Item, around: Surroundings) -> Iterator[Finding]:
    yield from verify.check(item).findings


@rule
def figures_have_alt_text(item: Item, around: Surroundings) -> Iterator[Finding]:
    names = {f.name for f in item.figures}
    for figure in item.figures:
        if len(figure.alt) < 10:
            yield found(item, figure.line, "no-alt-text", f"figure `{figure.name}` has no alt text",
                        "`alt:` says what a person who cannot see it needs, without the answer")  # fmt: skip
        if not figure.alt_es and any(v.language == "es" and v.stem for v in item.variants):
            yield found(item, figure.line, "no-spanish-alt", f"figure `{figure.name}` has no Spanish alt text",
                        "add `alt-es:`", "notice")  # fmt: skip
    for variant in item.variants:
        if item.stimulus_text and variant.language == "es" and variant.stem and not variant.stimulus_text:
            yield found(item, item.lines.get("stimulus", 0), "no-spanish-stimulus", "its shared text is English only",
                        "write it beside, as NAME.es.md", "notice")  # fmt: skip
    for line, text in texts(item):
        for match in re.finditer(r"\[figure:\s*([^\]]+?)\s*\]", text):
            if match.group(1) not in names:
                at = line + text.count("\n", 0, match.start())
                yield found(
                    item,
                    at,
                    "unknown-figure",
                    f"there is no figure `{match.group(1)[:40]}`",
                    close_to(match.group(1), names),
                )


@rule
def figures_can_be_drawn(item: Item, around: Surroundings) -> Iterator[Finding]:
    if not item.figures:
        return
    from itembank import figures

    for figure in item.figures:
        for problem in figures.problems(figure):
            yield found(item, figure.line, "figure", f"figure `{figure.name}`: {problem.message}", problem.hint)


@rule
def figure_files_lie_in_the_bank(item: Item, around: Surroundings) -> Iterator[Finding]:
    for figure in item.figures:
        if figure.kind != "file":
            continue
        name = figure.data.get("file", "")
        path = item_file.inside(around.folder, str(name)) if around.folder is not None else None
        if around.folder is not None and path is None:
            yield found(item, figure.line, "path-outside", f"figure `{figure.name}` lies outside of the bank's folder",
                        "a path relative to the item, in the bank's folder")  # fmt: skip
        elif path is not None and not path.is_file():
            yield found(item, figure.line, "no-figure-file", f"figure `{figure.name}`: no file {str(name)[:80]}")
        elif path is not None and path.suffix.lower() not in (".svg", ".png"):
            yield found(item, figure.line, "figure-file", f"figure `{figure.name}` is neither SVG nor PNG")


@rule
def enemies_are_known(item: Item, around: Surroundings) -> Iterator[Finding]:
    for enemy in item.enemies:
        if enemy == item.id:
            yield found(item, "enemies", "own-enemy", "the item is its own enemy")
        elif around.ids is not None and enemy not in around.ids:
            yield found(item, "enemies", "unknown-enemy", f"the enemy `{enemy[:40]}` is not an item here",
                        close_to(enemy, around.ids).replace("the catalogue", "the folder, or drop it"))  # fmt: skip


@rule
def difficulty_is_plausible(item: Item, around: Surroundings) -> Iterator[Finding]:
    if item.difficulty is not None and not 0.05 <= item.difficulty <= 0.98:
        yield found(item, "difficulty", "difficulty", f"a share of {item.difficulty:g} right answers",
                    "an item that nearly all or nearly none get right measures little", "warning")  # fmt: skip


@rule
def authors_say_their_district(item: Item, around: Surroundings) -> Iterator[Finding]:
    if not item.authors:
        yield found(
            item, "id", "no-author", "the item names no author", "authors: [{name: ..., district: A}]", "warning"
        )
    for author in item.authors:
        if not author.district:
            yield found(item, "authors", "no-district", f"{author.name[:40]} has no district",
                        "approval needs the other district: say whose item it is", "warning")  # fmt: skip
