"""Findings: problems as data, with their place, so that one bad line does not hide the next."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["error", "warning", "notice"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or worth knowing, at one place.

    Attributes:
        source: file or table it was found in ("responses.csv", "items/grade-7/G7-RP-001.md").
        line: 1-based line (or row) in the source; 0 when it concerns the whole source.
        code: short stable name, e.g. "unknown-item"; documented in docs/findings.md.
        severity: "error" stops the work, "warning" does not, "notice" only informs.
        message: one plain sentence. Never a student's identifier or answer.
        hint: what to do about it, typeable where possible; may be empty.
        column: column or field name, when there is one.
    """

    source: str
    line: int
    code: str
    severity: Severity
    message: str
    hint: str = ""
    column: str = ""

    def __str__(self) -> str:
        place = self.source
        if self.line:
            place += f":{self.line}"
        if self.column:
            place += f" [{self.column}]"
        text = f"{place}: {self.severity}: {self.message} ({self.code})"
        return f"{text}\n    {self.hint}" if self.hint else text

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that stop the work."""
    return [f for f in findings if f.severity == "error"]
