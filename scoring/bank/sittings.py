"""Reading an administration: who answered what, keyed by the keys' versions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session, select

from itembank import administrations, forms, keys, packing, runs
from itembank.database import plain_rows
from itembank.models import (
    Administration,
    AnswerCode,
    Background,
    Concept,
    District,
    Form,
    Import,
    Item,
    ItemConcept,
    ItemVersion,
    KeyVersion,
    RawResponse,
    School,
    Sitting,
    columns,
)
from scoring.data import ANSWERED, INVALID, MISSING, NOT_ADMINISTERED, NOT_REACHED, OMITTED, Responses


@dataclass(frozen=True)
class BankResponses:
    """The responses of an administration: students × items over all its forms.

    Attributes:
        administration: it.
        persons: (N rows) DataFrame, index `sitting` (the bank's id): district, school, form, grade, tested_on,
            student (the bank's id of the student), and one column per recorded attribute. Everything that is a
            code is categorical.
        items: (J rows) DataFrame, index `item` (code): version, version_id, key_version, key_id, title, type, concept
            (primary), concepts, grade, points (maximum under the key), difficulty (the author's guess, or NaN).
        codes: (N, J) uint32; the raw codes of `itembank.packing` (0-3 blanks, from 4 on answers).
        answers: item -> {code: (kind, answer as given)}.
        scores: (N, J) int8; points by the current keys, -1 where nothing enters the likelihood.
        status: (N, J) int8; ANSWERED, NOT_ADMINISTERED, OMITTED, NOT_REACHED, INVALID of `scoring.data`.
        inputs: what was read, for a run's provenance: (kind, id).
        input_hash: of codes, keys and forms as read.
    """

    administration: Administration
    persons: pd.DataFrame
    items: pd.DataFrame
    codes: NDArray[np.uint32]
    answers: dict[str, dict[int, tuple[str, str]]]
    scores: NDArray[np.int8]
    status: NDArray[np.int8]
    inputs: tuple[tuple[str, int], ...]
    input_hash: str

    @property
    def concepts(self) -> dict[str, str]:
        """Item -> primary concept."""
        return {str(k): str(v) for k, v in self.items["concept"].items()}

    def responses(self, not_reached: str = "ignored") -> Responses:
        """As the engine takes them; not reached is ignored or scored zero."""
        scores = self.scores
        if not_reached == "zero":
            scores = np.where(self.status == NOT_REACHED, np.int8(0), scores)
        return Responses(tuple(map(str, self.items.index)), self.persons.index, scores, self.status)

    def frame(self, not_reached: str = "ignored") -> pd.DataFrame:
        """As a DataFrame of scores, NaN where nothing enters the likelihood; index `sitting`, columns items."""
        scores = self.responses(not_reached).scores.astype(np.float32)
        scores[scores < 0] = np.nan
        return pd.DataFrame(scores, index=self.persons.index, columns=self.items.index)

    def raw(self) -> pd.DataFrame:
        """The answers as given, categorical; blanks are NaN. Index `sitting`, columns items."""
        found: dict[str, Any] = {}
        for j, item in enumerate(self.items.index):
            words = self.answers[str(item)]
            texts = list(dict.fromkeys(a for _, a in words.values()))
            place = {t: i for i, t in enumerate(texts)}
            lut = np.full(max([3, *words]) + 1, -1, dtype=np.int32)
            for code, (_, answer) in words.items():
                lut[code] = place[answer]
            found[str(item)] = pd.Categorical.from_codes(lut[self.codes[:, j]], categories=pd.Index(texts, dtype="str"))
        return pd.DataFrame(found, index=self.persons.index)


def scored_responses(
    session: Session, administration: str = "", key_versions: Mapping[int, int] | None = None
) -> BankResponses:
    """Everything that was answered in an administration, keyed.

    Args:
        session: of `reading()`.
        administration: its name; may be left away when there is one.
        key_versions: item version id -> key version id, to repeat an earlier run; default: the current keys.

    Raises:
        Rejected: no such administration, or nothing loaded yet.
    """
    from itembank.errors import Rejected

    adm = administrations.administration_of(session, administration)
    given = [(f, forms.lines(session, f)) for f in administrations.forms(session, adm)]
    versions = list(dict.fromkeys(line.version_id for _, listed in given for line in listed))
    items, rules = item_facts(session, versions, key_versions)
    column_of = {int(v): j for j, v in enumerate(items["version_id"])}
    persons, packed, form_ids = _sittings(session, adm)
    if not len(persons):
        raise Rejected("no-responses", f"{adm.code} has no responses yet.", "itembank responses load FILE")
    codes = np.zeros((len(persons), len(items)), dtype=np.uint32)
    for form, listed in given:
        here = np.flatnonzero(form_ids == form.id)
        if len(here):
            block = packing.unpack([packed[i] for i in here.tolist()], len(listed))
            places = [column_of[line.version_id] for line in listed]
            codes[np.ix_(here, np.array(places, dtype=np.int64))] = block
    answers = _dictionaries(session, items)
    scores, status = _keyed(codes, items, rules, answers)
    used = session.exec(select(Import.id).where(Import.administration_id == adm.id)).all()
    inputs = [("import", i or 0) for i in used] + [("key", int(k)) for k in items["key_id"]]
    inputs += [("item", int(v)) for v in items["version_id"]]
    parts: list[bytes | str] = [
        np.ascontiguousarray(codes).tobytes(),
        repr(inputs),
        repr([f.content_hash for f, _ in given]),
    ]
    parts.append(repr(sorted((i, sorted(w.items())) for i, w in answers.items())))
    parts.append(pd.util.hash_pandas_object(persons.astype("str"), index=True).to_numpy().tobytes())
    return BankResponses(adm, persons, items, codes, answers, scores, status, tuple(inputs), runs.digest(parts))


def raw_responses(session: Session, administration: str = "") -> pd.DataFrame:
    """The answers as given: index `sitting`, columns items, blanks NaN."""
    return scored_responses(session, administration).raw()


def item_facts(
    session: Session, versions: Sequence[int], key_versions: Mapping[int, int] | None
) -> tuple[pd.DataFrame, list[keys.Rule]]:
    item, version, tag, concept = columns(Item), columns(ItemVersion), columns(ItemConcept), columns(Concept)
    rows = session.execute(
        sa.select(
            version.id,
            item.code,
            version.number,
            version.title,
            version.type,
            version.grade,
            version.difficulty,
        )
        .join(Item, item.id == version.item_id)
        .where(version.id.in_(versions))
    ).all()
    tags = session.execute(
        sa.select(tag.item_version_id, concept.code)
        .join(Concept, concept.id == tag.concept_id)
        .where(tag.item_version_id.in_(versions))
        .order_by(tag.item_version_id, tag.position)
    ).all()
    concepts: dict[int, list[str]] = {}
    for at, code in tags:
        concepts.setdefault(at, []).append(code)
    now = keys.current(session, list(versions))
    for at, key_id in (key_versions or {}).items():
        key = session.get(KeyVersion, key_id)
        if key is not None:
            now[at] = key
    by_id = {r[0]: r for r in rows}
    table = [
        {
            "item": by_id[v][1],
            "version": by_id[v][2],
            "version_id": v,
            "key_version": now[v].number,
            "key_id": now[v].id,
            "title": by_id[v][3],
            "type": by_id[v][4],
            "concept": (concepts.get(v) or [""])[0],
            "concepts": tuple(concepts.get(v, ())),
            "grade": by_id[v][5],
            "points": int(now[v].rule["max"]),
            "difficulty": np.nan if by_id[v][6] is None else by_id[v][6],
        }
        for v in versions
    ]
    names = ["item", "version", "version_id", "key_version", "key_id", "title", "type", "concept", "concepts"]
    names += ["grade", "points", "difficulty"]
    frame = pd.DataFrame(table, columns=names)
    # Two versions of an item on two forms are two items of the analysis: what was seen differs.
    twice = frame["item"].duplicated(keep=False)
    frame.loc[twice, "item"] = frame["item"] + "@" + frame["version"].astype(str)
    return frame.set_index("item"), [now[v].rule for v in versions]


def _sittings(session: Session, adm: Administration) -> tuple[pd.DataFrame, list[bytes], NDArray[np.int64]]:
    sitting, raw = columns(Sitting), columns(RawResponse)
    # the day as it is stored: parsing 100,000 times the same few days takes longer than reading the rows
    statement = (
        sa.select(
            sitting.id,
            sitting.student_id,
            sitting.district_id,
            sitting.school_id,
            sitting.form_id,
            sitting.background_id,
            sa.type_coerce(sitting.tested_on, sa.String),
            raw.packed,
        )
        .join(RawResponse, raw.sitting_id == sitting.id)
        .where(sitting.administration_id == adm.id)
        .order_by(sitting.id)
    )
    rows = plain_rows(session, statement)
    if not rows:
        return pd.DataFrame(), [], np.zeros(0, np.int64)
    ids, students, district_ids, school_ids, form_ids, background_ids, dates, packed = zip(*rows, strict=True)
    districts = {d.id: d.code for d in session.exec(select(District)).all()}
    schools = {s.id: f"{districts[s.district_id]}-{s.code}" for s in session.exec(select(School)).all()}
    named = {f.id: f.code for f in session.exec(select(Form)).all()}
    wanted = sorted({b for b in background_ids if b is not None})
    known = {b.id: b for b in session.exec(select(Background)).all() if b.id in set(wanted)}
    persons = pd.DataFrame(
        {
            "student": np.array(students, dtype=np.int64),
            "district": _category(district_ids, districts),
            "school": _category(school_ids, schools),
            "form": _category(form_ids, named),
            "grade": _category(background_ids, {i: b.grade for i, b in known.items()}),
            "tested_on": _days(dates),
        },
        index=pd.Index(ids, name="sitting"),
    )
    for name in sorted({n for b in known.values() for n in b.attributes}):
        values = {i: str(b.attributes.get(name, "")) for i, b in known.items()}
        persons[name if name not in persons.columns else f"{name}_recorded"] = _category(background_ids, values)
    return persons, list(packed), np.array(form_ids, dtype=np.int64)


def _days(dates: Sequence[Any]) -> NDArray[np.datetime64]:
    """Days as the driver gives them (ISO text or dates; None is NaT); few differ."""
    known = {d: np.datetime64("NaT" if d is None else str(d), "s") for d in set(dates)}
    return (
        np.array([known[d] for d in dates], dtype="datetime64[s]")
        if len(known) > 1
        else np.full(len(dates), next(iter(known.values()), np.datetime64("NaT", "s")))
    )


def _category(ids: Iterable[Any], names: Mapping[Any, str]) -> pd.Categorical:
    """Ids as a categorical of their names; an unknown id or an empty name is missing."""
    texts = sorted({n for n in names.values() if n})
    place = {t: i for i, t in enumerate(texts)}
    numbers = np.array([-1 if i is None else i for i in ids], dtype=np.int64)
    distinct, position = np.unique(numbers, return_inverse=True)
    lut = np.array([place.get(names.get(i, ""), -1) for i in distinct.tolist()], dtype=np.int32)
    codes = lut[position.ravel()] if len(distinct) else np.zeros(0, dtype=np.int32)
    used = np.unique(codes[codes >= 0])
    renumber = np.full(len(texts) + 1, -1, dtype=np.int32)  # the last place is for -1
    renumber[used] = np.arange(len(used))
    return pd.Categorical.from_codes(renumber[codes], categories=pd.Index([texts[i] for i in used], dtype="str"))


def _dictionaries(session: Session, items: pd.DataFrame) -> dict[str, dict[int, tuple[str, str]]]:
    name = {int(v): str(i) for i, v in items["version_id"].items()}
    found: dict[str, dict[int, tuple[str, str]]] = {str(i): {} for i in items.index}
    table = columns(AnswerCode)
    rows = session.execute(
        sa.select(table.item_version_id, table.code, table.kind, table.answer)
        .where(table.item_version_id.in_(list(name)))
        .order_by(table.item_version_id, table.code)
    )
    for version, code, kind, answer in rows:
        found[name[version]][code] = (kind, answer)
    return found


_STATUS = np.full(packing.FIRST_ANSWER + 1, ANSWERED, dtype=np.int8)
_STATUS[packing.NOT_ADMINISTERED] = NOT_ADMINISTERED
_STATUS[packing.OMITTED] = OMITTED
_STATUS[packing.NOT_REACHED] = NOT_REACHED
_STATUS[packing.INVALID] = INVALID


def _keyed(
    codes: NDArray[np.uint32],
    items: pd.DataFrame,
    rules: Sequence[keys.Rule],
    answers: Mapping[str, Mapping[int, tuple[str, str]]],
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Points and status of every cell."""
    status = _STATUS[np.minimum(codes, packing.FIRST_ANSWER)]
    scores = np.full(codes.shape, MISSING, dtype=np.int8)
    for j, (item, rule) in enumerate(zip(items.index, rules, strict=True)):
        words = answers[str(item)]
        lut = np.full(max([packing.FIRST_ANSWER, *words]) + 1, MISSING, dtype=np.int8)
        if rule["type"] != "dropped":
            lut[[packing.OMITTED, packing.INVALID]] = rule["max"] if rule["type"] == "everybody" else 0
            for code, (kind, answer) in words.items():
                if rule["type"] == "everybody":
                    points: int | None = int(rule["max"])
                else:
                    points = keys.score_value(rule, answer) if kind == "score" else keys.points_of(rule, answer)
                lut[code] = MISSING if points is None else points
        else:
            status[:, j] = NOT_ADMINISTERED
        scores[:, j] = lut[codes[:, j]]
    return scores, status
