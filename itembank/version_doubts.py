"""Sheets whose marked version disagrees with the version that their answers fit: of a file, and of what is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session

from itembank import administrations, forms, keys, packing, version_fit
from itembank.forms import FormLine
from itembank.models import AnswerCode, District, Form, Import, RawResponse, School, Sitting, columns


@dataclass(frozen=True)
class Doubt:
    """One sheet in doubt: its place among those of its form, the version marked and the one that fits, the odds.

    `right_marked` and `right_fitting` are its right answers among the choices, read under each.
    """

    form_id: int
    sheet: int
    marked: str
    fits: str
    odds: float
    right_marked: int
    right_fitting: int


Block = tuple[Form, list[FormLine], NDArray[Any]]


def doubts(
    blocks: Sequence[Block], words: Mapping[int, Mapping[int, str]], rules: Mapping[int, keys.Rule]
) -> list[Doubt]:
    """Compare the versions of each form that was given in two or more of them.

    Args:
        blocks: per form its lines and the (n, J) codes of its sheets.
        words: item version -> code -> answer, for codes that are answers.
        rules: item version -> key.
    """
    families: dict[str, list[Block]] = {}
    for block in blocks:
        if block[0].version:
            families.setdefault(block[0].version_of, []).append(block)
    return [doubt for own in families.values() if len(own) > 1 for doubt in _family(own, words, rules)]


def _family(own: list[Block], words: Mapping[int, Mapping[int, str]], rules: Mapping[int, keys.Rule]) -> list[Doubt]:
    use = [
        line.position
        for line in own[0][1]
        if rules[line.version_id]["type"] == "choice" and any(listed[line.position].letters for _, listed, _ in own)
    ]
    if not use:
        return []
    labels = {p: tuple(rules[own[0][1][p].version_id]["labels"]) for p in use}
    widest = max(map(len, labels.values()))
    orders = np.full((len(own), len(use), widest), -1, dtype=np.int64)
    right = np.zeros((len(use), widest), dtype=bool)
    chosen = [np.full((len(codes), len(use)), -1, dtype=np.int64) for _, _, codes in own]
    for j, p in enumerate(use):
        line = own[0][1][p]
        at = {label: k for k, label in enumerate(labels[p])}
        credit = rules[line.version_id]["credit"]
        right[j, [at[k] for k, points in credit.items() if points and k in at]] = True
        spoken = {code: at[w.strip().upper()] for code, w in words[line.version_id].items() if w.strip().upper() in at}
        for v, (_, listed, codes) in enumerate(own):
            letters = listed[p].letters or "".join(labels[p])
            orders[v, j, : len(letters)] = [at[c] for c in letters]
            lut = np.full(max([*spoken, packing.FIRST_ANSWER]) + 1, -1, dtype=np.int64)
            lut[list(spoken)] = list(spoken.values())
            here = codes[:, p].astype(np.int64)
            chosen[v][:, j] = np.where(here < len(lut), lut[np.minimum(here, len(lut) - 1)], -1)
    marked = np.repeat(np.arange(len(own)), [len(c) for c in chosen])
    found = version_fit.fit(np.vstack(chosen), marked, orders, right)
    first = np.cumsum([0, *(len(c) for c in chosen)])
    made = []
    for i in np.flatnonzero(found.doubtful).tolist():
        v, best = int(marked[i]), int(found.best[i])
        made.append(
            Doubt(
                own[v][0].id or 0,
                int(i - first[v]),
                own[v][0].version,
                own[best][0].version,
                float(found.odds[i]),
                int(found.right[i, v]),
                int(found.right[i, best]),
            )
        )
    return made


def stored(session: Session, administration: Any) -> list[dict[str, Any]]:
    """The stored sheets in doubt: district, school, file, sitting, form as marked, version, fits, odds, right answers.

    A sitting's number is the bank's own; no student is named.
    """
    given = [f for f in administrations.forms(session, administration) if f.version]
    if len(given) < 2:
        return []
    sitting, raw = columns(Sitting), columns(RawResponse)
    blocks: list[Block] = []
    ids: dict[int, list[int]] = {}
    for form in given:
        listed = forms.lines(session, form)
        rows = session.execute(
            sa.select(sitting.id, raw.packed)
            .join(RawResponse, raw.sitting_id == sitting.id)
            .where(sitting.administration_id == administration.id, sitting.form_id == form.id)
            .order_by(sitting.id)
        ).all()
        ids[form.id or 0] = [r[0] for r in rows]
        blocks.append((form, listed, packing.unpack([r[1] for r in rows], len(listed))))
    versions = sorted({line.version_id for _, listed, _ in blocks for line in listed})
    code = columns(AnswerCode)
    words: dict[int, dict[int, str]] = {v: {} for v in versions}
    for version, number, answer in session.execute(
        sa.select(code.item_version_id, code.code, code.answer).where(
            code.item_version_id.in_(versions), code.kind == "answer"
        )
    ):
        words[version][number] = answer
    rules = {v: k.rule for v, k in keys.first(session, versions).items()}
    found = {ids[d.form_id][d.sheet]: d for d in doubts(blocks, words, rules)}
    names = {f.id: f.code for f in given}
    where = session.execute(
        sa.select(sitting.id, columns(District).code, columns(School).code, columns(Import).file_name)
        .join(District, columns(District).id == sitting.district_id)
        .join(School, columns(School).id == sitting.school_id, isouter=True)
        .join(Import, columns(Import).id == sitting.import_id, isouter=True)
        .where(sitting.id.in_(list(found)))
        .order_by(columns(District).code, columns(School).code, sitting.id)
    ).all()
    return [
        {
            "district": district,
            "school": school or "",
            "file": file or "",
            "sitting": number,
            "form": names[found[number].form_id],
            "version": found[number].marked,
            "fits": found[number].fits,
            "odds": min(found[number].odds, 1e9),
            "right": found[number].right_marked,
            "right_if_fits": found[number].right_fitting,
        }
        for number, district, school, file in where
    ]
