"""Refusals. Each carries a stable code, a sentence, a hint that can be typed, and its exit code.

cli.py turns any exception with these attributes into a message and an exit code; nothing else reaches a user.
"""

from collections.abc import Iterable

from itembank.findings import Finding


class ItembankError(Exception):
    """Base of all refusals of the bank.

    Args:
        code: short stable name ("unknown-form").
        sentence: what happened, in one sentence without student data.
        hint: what to try next.
        findings: the places, where there are several.
    """

    exit_code = 1

    def __init__(self, code: str, sentence: str, hint: str = "", findings: Iterable[Finding] = ()) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.hint = hint
        self.findings: tuple[Finding, ...] = tuple(findings)


class HasFindings(ItembankError):
    """The check ran and found something (exit 1)."""

    exit_code = 1


class UsageFault(ItembankError):
    """The command or its arguments cannot be understood (exit 2)."""

    exit_code = 2


class Rejected(ItembankError):
    """Data were refused; nothing was stored (exit 3)."""

    exit_code = 3


class NotPermitted(ItembankError):
    """This person or district may not do that (exit 4)."""

    exit_code = 4


class Conflict(ItembankError):
    """Somebody else changed it first, or a result is stale (exit 6)."""

    exit_code = 6
