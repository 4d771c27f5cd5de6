"""Tickets: what stands on an answer sheet in a student's place. Random, with a check digit, and known to nobody else.

The list of tickets and students is written once, into a folder of the district; the bank never holds it.
"""

import csv
import io
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from itembank.errors import Rejected
from itembank.findings import Finding
from itembank.tabular import Table, read_table
from itembank.terminal import neutralised

# 31 signs, none of which is read as another (no 0 O, 1 I L): a prime, so that the check below misses no single error
SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 8


def check_sign(start: str) -> str:
    """The last sign of a ticket: weights 2, 3, ... modulo 31.

    Any one wrong sign and any two neighbours in the wrong order are noticed.
    """
    total = sum(w * SIGNS.index(c) for w, c in enumerate(start, 2))
    return SIGNS[-total % len(SIGNS)]


def fresh(n: int, used: Iterable[str] = ()) -> list[str]:
    """n new tickets, from the system's random numbers: nothing of the student is in them."""
    taken = set(used)
    found: list[str] = []
    while len(found) < n:
        start = "".join(secrets.choice(SIGNS) for _ in range(LENGTH - 1))
        ticket = start + check_sign(start)
        if ticket not in taken:
            taken.add(ticket)
            found.append(ticket)
    return found


def normalised(text: str) -> str:
    """A ticket as it was typed or scanned: without separators, in capitals."""
    return text.upper().replace("-", "").replace(" ", "").replace("*", "")


def is_ticket(text: str) -> bool:
    """Whether the text is a ticket with the right check sign."""
    ticket = normalised(text)
    return len(ticket) == LENGTH and all(c in SIGNS for c in ticket) and check_sign(ticket[:-1]) == ticket[-1]


def shown(ticket: str) -> str:
    """As printed: two groups of four."""
    return f"{ticket[:4]}-{ticket[4:]}"


def redeem(scans: Path, tickets: Path) -> tuple[str, int]:
    """A file of scans with the students' numbers in place of the tickets.

    Args:
        scans: a table with a column `ticket`.
        tickets: `tickets.csv` as written with the sheets.

    Returns:
        The file as CSV text (column `student` first; `school` and `form` of the sheet when the scans have none), and
        its rows.

    Raises:
        Rejected: with every ticket that is misread, unknown or there twice, by row; never with a student.
    """
    known = {normalised(r["ticket"]): r for r in read_table(tickets, ["ticket", "student"]).records()}
    table: Table = read_table(scans, ["ticket"])
    found: list[Finding] = []
    seen: dict[str, int] = {}
    rows: list[Mapping[str, str]] = []
    for row, record in zip(table.rows.tolist(), table.records(), strict=True):
        ticket = normalised(record["ticket"])
        if not is_ticket(ticket):
            message = "The ticket was misread: its check sign is wrong."
            found.append(Finding(scans.name, row, "bad-ticket", "error", message, "look at the sheet", "ticket"))
        elif ticket not in known:
            message = "The ticket is none of this administration's."
            found.append(Finding(scans.name, row, "unknown-ticket", "error", message, "another tickets.csv?", "ticket"))
        elif ticket in seen:
            message = f"The ticket stands in row {seen[ticket]} already."
            found.append(Finding(scans.name, row, "duplicate-ticket", "error", message, "keep one sheet", "ticket"))
        elif not known[ticket]["student"]:
            message = "A make-up sheet: write the student's number beside its ticket in tickets.csv."
            found.append(Finding(scans.name, row, "blank-ticket", "error", message, "", "ticket"))
        else:
            seen[ticket] = row
            rows.append(known[ticket] | {k: v for k, v in record.items() if v or k not in known[ticket]})
    if found:
        raise Rejected("bad-tickets", f"{scans.name} was not joined; nothing was written.", "", found)
    names = ["student", *[c for c in ("school", "form") if c in known[next(iter(known))] and c not in table.columns]]
    names += [c for c in table.columns if c not in ("ticket", "student")]
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([[neutralised(r.get(c, "")) for c in names] for r in rows])
    return held.getvalue(), len(rows)
