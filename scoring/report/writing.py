"""Writing a report to a file."""

from pathlib import Path

from itembank import terminal
from scoring.report.blocks import Page, render


def write_page(page: Page, output: str, pdf: bool = False, quiet: bool = False) -> None:
    """Write a page as HTML, or as PDF (also when the file's name ends in .pdf), and say so unless quiet."""
    path = Path(output)
    if pdf or path.suffix.lower() == ".pdf":
        from scoring.report import paper

        path = path.with_suffix(".pdf")
        path.write_bytes(paper.pdf(page))
    else:
        path.write_text(render(page), encoding="utf-8")
    if quiet:
        return
    terminal.say(f"Wrote {path}.")
    terminal.next_step(f"open {path}")
