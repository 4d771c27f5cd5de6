"""Whether what is stored still is what it says: forms by their hash, responses by their forms and dictionaries, scores
by their runs."""

import numpy as np
import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import forms, packing, score_packing
from itembank.findings import Finding
from itembank.models import AnswerCode, Form, FormItem, ItemVersion, RawResponse, RunTable, Score, Sitting, columns


def check(session: Session) -> list[Finding]:
    """Findings about forms, responses and scores; none when all is well."""
    found: list[Finding] = []
    place, version = columns(FormItem), columns(ItemVersion)
    code = columns(AnswerCode)
    largest = dict(
        session.execute(sa.select(code.item_version_id, sa.func.max(code.code)).group_by(code.item_version_id)).all()
    )
    for form in session.exec(select(Form)).all():
        rows = session.execute(
            sa.select(version.id, version.content_hash, place.section, place.letters)
            .join(ItemVersion, version.id == place.item_version_id)
            .where(place.form_id == form.id)
            .order_by(place.position)
        ).all()
        if forms.digest_of([(h, s, letters) for _, h, s, letters in rows]) != form.content_hash:
            message = f"The items of the form {form.code} are not the ones that were frozen."
            found.append(Finding("forms", 0, "form-changed", "error", message, "Compare with a backup."))
        found += _sittings(session, form, [r[0] for r in rows], largest)
    missing = session.execute(
        sa.select(sa.func.count())
        .select_from(Sitting)
        .join(RawResponse, columns(RawResponse).sitting_id == columns(Sitting).id, isouter=True)
        .where(columns(RawResponse).sitting_id.is_(None))
    ).scalar_one()
    if missing:
        message = f"{missing} sittings have no responses."
        found.append(Finding("sittings", 0, "no-responses", "error", message, "Compare with a backup."))
    return found + _scores(session)


def _sittings(session: Session, form: Form, versions: list[int], largest: dict[int, int]) -> list[Finding]:
    raw, sitting = columns(RawResponse), columns(Sitting)
    packed = session.execute(
        sa.select(raw.packed).join(Sitting, sitting.id == raw.sitting_id).where(sitting.form_id == form.id)
    ).scalars()
    limit = np.array([max(largest.get(v, 0), packing.INVALID) for v in versions], dtype=np.uint32)
    try:
        codes = packing.unpack(list(packed), len(versions))
    except ValueError:
        message = f"Responses to the form {form.code} do not fit its number of items."
        return [Finding("responses", 0, "wrong-length", "error", message, "Compare with a backup.")]
    wrong = int((codes > limit).any(axis=1).sum())
    if not wrong:
        return []
    message = f"{wrong} sittings of the form {form.code} hold answers that no dictionary has."
    return [Finding("responses", 0, "unknown-answer", "error", message, "Compare with a backup.")]


def _scores(session: Session) -> list[Finding]:
    found = []
    laid_out = {
        row.run_id: [len(names) for _, names in row.content["rows"]]
        for row in session.exec(select(RunTable).where(RunTable.name == score_packing.LAYOUT)).all()
    }
    score = columns(Score)
    for run in session.execute(sa.select(score.run_id).distinct().order_by(score.run_id)).scalars().all():
        scales, words = laid_out.get(run, (0, 0))
        packed = session.execute(sa.select(score.packed).where(score.run_id == run)).scalars().all()
        try:
            _, status = score_packing.unpack(packed, scales)
            fits = not ((status >= words) & (status != score_packing.ABSENT)).any()
        except ValueError:
            fits = False
        if not fits:
            message = f"Scores do not fit what run {run} says of its scales."
            found.append(Finding("scores", 0, "wrong-scores", "error", message, "Compare with a backup."))
    return found
