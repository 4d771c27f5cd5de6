"""The file that crosses to a partner without a common server: no identifier, few columns, no rare combination.

Fresh random ids, rows in random order, dates left out. A combination of the agreed columns that fewer than `least`
students share loses its columns from the last to the first until enough share it (local suppression; Sweeney 2002). A
typed answer that few gave and that earns nothing is not copied: a student may have written anything there.
"""

import csv
import hashlib
import io
import json
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session, select

from itembank import forms, keys, packing, shuffling
from itembank.errors import Rejected, UsageFault
from itembank.models import (
    Administration,
    AnswerCode,
    Background,
    District,
    Form,
    ItemVersion,
    RawResponse,
    School,
    Sitting,
    columns,
    now,
)
from itembank.terminal import neutralised

OTHER = "(other)"
TYPED = ("numeric", "short-text")
_BLANK = {packing.OMITTED: "O", packing.NOT_REACHED: "R", packing.INVALID: "M"}


@dataclass(frozen=True)
class Crossing:
    """What would cross.

    Attributes:
        text: the file, CSV; manifest: what is in it, for both districts to agree on.
    """

    text: str
    manifest: dict[str, Any]


def exchange(
    session: Session,
    administration: Administration,
    district: District,
    wanted: Sequence[str] = (),
    least: int = 10,
    cells: str = "auto",
) -> Crossing:
    """The de-identified file of a district's sittings.

    Args:
        session, administration, district: whose students.
        wanted: agreed columns, most important first: `school` (as S1, S2, ... in random order), `grade`, and recorded
            attributes. Nothing else of a student crosses.
        least: students who share a combination of them, and who gave a typed wrong answer, for it to cross.
        cells: answers, scores, or auto (answers, unless some were loaded as scores only).

    Raises:
        Rejected: nothing to export, or fewer students than `least`.
        UsageFault: an unknown column.
    """
    if least < 2:
        raise UsageFault("least", "At least 2 students share what crosses.", "--least 10")
    rows = _rows(session, administration, district)
    if len(rows) < least:
        message = f"{administration.code} has {len(rows)} sittings of district {district.code}: too few to cross."
        raise Rejected("too-few", message, f"at least {least}")
    facts = _facts(session, rows, wanted)
    kept, blanked = coarsened(facts, least)
    names, table, used = _cells(session, rows, least, cells)
    order = list(range(len(rows)))
    secrets.SystemRandom().shuffle(order)
    codes = {f.id: f.code for f in session.exec(select(Form)).all()}
    people = {student: _fresh_id() for student in {r.student_id for r in rows}}
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(["student", "form", *wanted, *names])
    for i in order:
        start = [people[rows[i].student_id], codes[rows[i].form_id], *kept[i]]
        writer.writerow([neutralised(v) for v in (*start, *[c[i] for c in table])])
    text = held.getvalue()
    manifest = {
        "administration": administration.code,
        "district": district.code,
        "made": f"{now():%Y-%m-%d}",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "rows": len(rows),
        "columns": ["student", "form", *wanted, *names],
        "students": "fresh random ids of this file; nobody can join them to another file",
        "cells": used,
        "least": least,
        "smallest_combination": min(Counter(map(tuple, kept)).values()) if wanted else len(rows),
        "blanked": dict(zip(wanted, blanked, strict=True)),
        "typed_answers_withheld": sum(c.count(OTHER) for c in table),
        "forms": {codes[f]: session.get_one(Form, f).content_hash for f in sorted({r.form_id for r in rows})},
    }
    return Crossing(text, manifest)


def _fresh_id() -> str:
    return "X" + secrets.token_hex(6).upper()


def _rows(session: Session, administration: Administration, district: District) -> list[Any]:
    sitting, raw = columns(Sitting), columns(RawResponse)
    statement = (
        sa.select(sitting.student_id, sitting.form_id, sitting.school_id, sitting.background_id, raw.packed)
        .join(RawResponse, raw.sitting_id == sitting.id)
        .where(sitting.administration_id == administration.id, sitting.district_id == district.id)
        .order_by(sitting.id)
    )
    return list(session.execute(statement).all())


def _facts(session: Session, rows: Sequence[Any], wanted: Sequence[str]) -> list[list[str]]:
    used = {r.background_id for r in rows} - {None}
    known = {b.id: b for b in session.exec(select(Background)).all() if b.id in used}
    schools = [s.id for s in session.exec(select(School)).all()]
    secrets.SystemRandom().shuffle(schools)
    labels = {s: f"S{n}" for n, s in enumerate([s for s in schools if s in {r.school_id for r in rows}], 1)}
    there = {"school", "grade"} | {a for b in known.values() for a in b.attributes}
    strange = [w for w in wanted if w not in there]
    if strange or len(set(wanted)) != len(wanted):
        raise UsageFault("unknown-column", f"{(strange or wanted)[0]!r} is not recorded.", ", ".join(sorted(there)))
    found = []
    for r in rows:
        b = known.get(r.background_id)
        values = {"school": labels.get(r.school_id, ""), "grade": b.grade if b else ""}
        found.append([values[w] if w in values else str(b.attributes.get(w, "")) if b else "" for w in wanted])
    return found


def coarsened(facts: Sequence[Sequence[str]], least: int) -> tuple[list[list[str]], list[int]]:
    """Rows in which every combination is shared by `least` rows or more.

    Args:
        facts: N rows of M values, the most important column first; N is at least `least`.

    Returns:
        The rows with some values blank, and how many were blanked per column.
    """
    kept = [list(row) for row in facts]
    width = len(kept[0]) if kept else 0
    for column in reversed(range(width)):
        counts = Counter(map(tuple, kept))
        within: dict[tuple[str, ...], list[list[str]]] = {}
        for row in kept:
            within.setdefault(tuple(row[:column]), []).append(row)
        for prefix, own in within.items():
            rest = prefix + ("",) * (width - column)
            small = [row for row in own if counts[tuple(row)] < least]
            blank = len(small) + sum(tuple(row) == rest for row in own if counts[tuple(row)] >= least)
            if not small:
                continue
            others = sorted(
                {tuple(row) for row in own if counts[tuple(row)] >= least} - {rest}, key=lambda k: (counts[k], k)
            )
            # the rest may be too small by itself: the smallest others join it, and the column before stays
            absorbed: set[tuple[str, ...]] = set()
            while blank < least <= len(own):
                absorbed.add(others[len(absorbed)])
                blank += counts[others[len(absorbed) - 1]]
            for row in own:
                if counts[tuple(row)] < least or tuple(row) in absorbed:
                    row[:] = rest
    pairs = list(zip(facts, kept, strict=True))
    return kept, [sum(a[j] != b[j] for a, b in pairs) for j in range(width)]


def _cells(session: Session, rows: Sequence[Any], least: int, cells: str) -> tuple[list[str], list[list[str]], str]:
    """(item names, one column of text per item, "answers" or "scores")."""
    by_form: dict[int, list[int]] = {}
    for i, r in enumerate(rows):
        by_form.setdefault(r.form_id, []).append(i)
    codes: dict[int, NDArray[np.uint32]] = {}
    types: dict[int, str] = {}
    items: dict[int, str] = {}
    reordered: dict[int, list[tuple[str, list[int]]]] = {}  # item version -> (letters, sittings) of the versions
    for form_id, members in by_form.items():
        lines = forms.lines(session, session.get_one(Form, form_id))
        block = packing.unpack([rows[i].packed for i in members], len(lines))
        for j, line in enumerate(lines):
            types[line.version_id] = line.type
            items[line.version_id] = line.item
            if line.letters:
                reordered.setdefault(line.version_id, []).append((line.letters, members))
            column = codes.setdefault(line.version_id, np.zeros(len(rows), dtype=np.uint32))
            column[members] = block[:, j]
    words = _words(session, list(codes))
    rules = {v: k.rule for v, k in keys.current(session, list(codes)).items()}
    seen = {v: {int(c) for c in np.unique(column)} for v, column in codes.items()}
    only_scores = any(
        words[v].get(c, ("answer", ""))[0] == "score" for v in codes if types[v] != "rubric" for c in seen[v]
    )
    used = cells if cells != "auto" else "scores" if only_scores else "answers"
    if used == "answers" and only_scores:
        raise Rejected(
            "only-scores", "Some answers were loaded as scores: they cannot cross as answers.", "--cells scores"
        )
    table = []
    for version, column in codes.items():
        found, counts = np.unique(column, return_counts=True)
        shown = {}
        for code, count in zip(found.tolist(), counts.tolist(), strict=True):
            kind, answer = words[version].get(code, ("blank", ""))
            text = _BLANK.get(code, "") if kind == "blank" else answer
            if kind != "blank":
                points = (keys.score_value if kind == "score" else keys.points_of)(rules[version], answer)
                if used == "scores":
                    text = "" if points is None else str(points)
                elif kind == "answer" and types[version] in TYPED and count < least:
                    text = _common(rules[version], points)
            shown[code] = text
        cells_of = [shown[c] for c in column.tolist()]
        for letters, members in reordered.get(version, ()) if used == "answers" else ():
            for i in members:  # as the student's version printed them: that is how the partner reads the file
                cells_of[i] = shuffling.printed_answer(cells_of[i], letters)
        table.append(cells_of)
    twice = {n for n, k in Counter(items.values()).items() if k > 1}
    numbers = {
        v.id: v.number for v in session.exec(select(ItemVersion).where(columns(ItemVersion).id.in_(list(codes))))
    }
    names = [f"{items[v]}@{numbers[v]}" if items[v] in twice else items[v] for v in codes]
    return names, table, used


def _common(rule: dict[str, Any], points: int | None) -> str:
    """A rare typed answer in words that say nothing of who wrote it: an accepted one of the same points, or other."""
    for accepted in rule.get("accepted", ()):
        if points and int(accepted.get("points", rule["max"])) == points:
            return str(accepted["answer"])
    return OTHER


def _words(session: Session, versions: list[int]) -> dict[int, dict[int, tuple[str, str]]]:
    table = columns(AnswerCode)
    found: dict[int, dict[int, tuple[str, str]]] = {v: {} for v in versions}
    for row in session.execute(
        sa.select(table.item_version_id, table.code, table.kind, table.answer).where(
            table.item_version_id.in_(versions)
        )
    ):
        found[row[0]][row[1]] = (row[2], row[3])
    return found


def manifest_text(manifest: dict[str, Any]) -> str:
    """The manifest as JSON."""
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
