"""`itembank report access`: who is enrolled in the required courses, who is not and was ready."""

from typing import Annotated

import typer

app = typer.Typer()


@app.command("access")
def access(
    roster: Annotated[list[str], typer.Option(help="NAME=PACKAGE: a district and its OneRoster zip or folder.")],
    requirements: Annotated[str, typer.Option(help="CSV of courses: course, requirement; optional district.")],
    marks: Annotated[list[str] | None, typer.Option(help="NAME=FILE: student, course, mark.")] = None,
    passing: Annotated[float | None, typer.Option(help="Lowest mark that completes a course.")] = None,
    facts: Annotated[list[str] | None, typer.Option(help="NAME=FILE: student and the numbers of the rule.")] = None,
    rule: Annotated[str, typer.Option(help="YAML with version, statement and expression: who is ready.")] = "",
    by: Annotated[list[str] | None, typer.Option(help="Subgroup: sex, ethnicity, grade, a roster's column.")] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="File to write.")] = "access.html",
    pdf: Annotated[bool, typer.Option("--pdf", help="A PDF instead of HTML, from the same tables.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="The counts as CSV on stdout as well.")] = False,
) -> None:
    """Enrolment and completion in required courses, both districts side by side. No student is stored or shown."""
    from pathlib import Path

    from itembank.commands.options import pairs
    from itembank.errors import UsageFault
    from scoring.commands.options import show_table
    from scoring.report.access import access as page_of
    from scoring.report.writing import write_page
    from scoring.runs.accessing import access_table, read_rule
    from scoring.trends.access import safe

    if bool(marks) != (passing is not None):
        raise UsageFault("marks", "Marks and the lowest one that passes belong together.", "--marks A=FILE --passing 1")
    if bool(facts) != bool(rule):
        raise UsageFault("rule", "Facts and the rule belong together.", "--facts A=FILE --rule ready.yaml")
    given = {name: Path(path) for name, path in pairs(roster, "--roster")}
    known = read_rule(Path(rule)) if rule else None
    table = access_table(
        given, Path(requirements), {n: Path(p) for n, p in pairs(marks or [], "--marks")},
        {n: Path(p) for n, p in pairs(facts or [], "--facts")}, known, passing, tuple(by or ()),
    )  # fmt: skip
    shown = safe(table)
    if csv:
        show_table(shown, "csv", False)
    write_page(page_of(shown, known, passing), output, pdf)
