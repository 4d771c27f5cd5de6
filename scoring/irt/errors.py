"""Refusals of the numerical core: no dependency on the bank, the same attributes as its errors."""

from collections.abc import Iterable


class ScoringError(Exception):
    """Base of all refusals of the engine: a stable code, a sentence, a hint, an exit code.

    `details` holds one line per place (an item, a group, a component of the design).
    """

    exit_code = 3

    def __init__(self, code: str, sentence: str, hint: str = "", details: Iterable[str] = ()) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.hint = hint
        self.details: tuple[str, ...] = tuple(details)

    def __str__(self) -> str:
        lines = [self.sentence, *("  " + line for line in self.details)]
        if self.hint:
            lines.append(self.hint)
        return "\n".join(lines)


class DesignError(ScoringError):
    """The data or the design cannot support the analysis (exit 3)."""


class NotConverged(ScoringError):
    """An estimate did not meet its convergence criterion (exit 5)."""

    exit_code = 5


class ScoringWarning(UserWarning):
    """Something the analyst should know although the analysis could run."""
