"""What all editions of a booklet share: texts, figures and fixed words of one language as Typst code."""

from collections.abc import Mapping, Sequence

from itembank import figures, presentation, typeset
from itembank.booklet.words import WORDS
from itembank.findings import Finding
from itembank.item_model import Item
from itembank.mathwriters import quoted


def block(text: str) -> str:
    """Words as a piece of Typst content."""
    return f"[{typeset.typst_text(text)}]"


class Writer:
    """Writes pieces in one language; gathers the picture files they need and the figures that cannot be drawn."""

    def __init__(
        self,
        language: str,
        misconceptions: Mapping[str, str] | None = None,
        concepts: Mapping[str, str] | None = None,
        prefix: str = "",
    ) -> None:
        self.language, self.prefix = language, prefix
        self.labels = WORDS.get(language, WORDS["en"])
        self.misconceptions, self.concepts = misconceptions or {}, concepts or {}
        self.files: dict[str, bytes] = {}
        self.findings: list[Finding] = []

    def figures(self, item: Item, prefix: str) -> dict[str, str]:
        """Name -> Typst code of each figure of an item."""
        found: dict[str, str] = {}
        prefix = self.prefix + prefix
        for i, figure in enumerate(item.figures):
            problem, name = "", f"{prefix}-{i}.svg"
            if not figure.alt:
                problem = "no alt text"
            elif figure.kind == "file":
                content = presentation.file_bytes(figure)
                if content is None:
                    problem = "its file cannot be read"
                else:
                    name = f"{prefix}-{i}{content[1]}"
                    self.files[name] = content[0]
            else:
                try:
                    alt = figure.description(self.language)
                    self.files[name] = figures.draw(figure, prefix, alt, self.language).encode()
                except figures.FigureError as error:
                    problem = error.message
            if problem:
                message = f"figure `{figure.name}`: {problem}"
                self.findings.append(Finding(item.source or item.id, figure.line, "figure", "error", message))
                continue
            found[figure.name] = f"#item-figure({quoted(name)}, {quoted(figure.description(self.language))});"
        return found

    def text(self, words: str, drawn: Mapping[str, str]) -> str:
        """An item's text as content."""
        return f"[{typeset.typst(words, drawn)}]"


def name_fields(writers: Sequence[Writer], large: bool = False) -> str:
    """Where the student's name, class and the date go; the name has a line of its own where words are long."""

    def field(key: str, width: str) -> str:
        return f"({block(' / '.join(dict.fromkeys(w.labels[key] for w in writers)))}, {width})"

    rest = f"{field('class', '1fr')}, {field('date', '1fr')}"
    if large and len(writers) > 1:
        return f"#fields({field('name', '1fr')})\n#fields({rest})"
    return f"#fields({field('name', '2.4fr')}, {rest})"
