"""The tables of the bank, and no behaviour.

Codes are what people write ("A", "G7-RP-001"); ids are ours. Times are UTC. A table that holds rows of students
carries `district_id`, so that a shared server can let a district read only its own.
"""

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import JSON, CheckConstraint, Column, Index, LargeBinary, MetaData, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(SQLModel):
    """Base of all tables: one metadata of our own, with names for every constraint."""

    metadata = MetaData(naming_convention=NAMING)


def columns(table: type[SQLModel]) -> Any:
    """The columns of a table, for queries over several of them."""
    return table.__table__.c  # type: ignore[attr-defined]


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone, so it is put back."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    return datetime.now(UTC)


def _moment(nullable: bool = False) -> Any:
    if nullable:
        return Field(default=None, sa_type=UtcDateTime, nullable=True)
    return Field(default_factory=now, sa_type=UtcDateTime, nullable=False)


def _text(default: Any = "") -> Any:
    return Field(default=default, sa_type=Text)


def _json(default: Any = dict) -> Any:
    return Field(default_factory=default, sa_type=JSON, nullable=False)


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{v}'" for v in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


# ---------------------------------------------------------------- districts, schools, people


class District(Base, table=True):
    """One of the partners. `key_fingerprint` names the file that turns student numbers into pseudonyms."""

    __tablename__ = "districts"
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    name: str
    key_fingerprint: str | None = None
    created_at: datetime = _moment()


class School(Base, table=True):
    """A school; `attributes` holds what may become a grouping (program, curriculum, order of units)."""

    __tablename__ = "schools"
    __table_args__ = (UniqueConstraint("district_id", "code"),)
    id: int | None = Field(default=None, primary_key=True)
    district_id: int = Field(foreign_key="districts.id")
    code: str
    name: str = ""
    attributes: dict[str, Any] = _json()


class Person(Base, table=True):
    """Somebody who works in the bank. `login` is the database login on a shared server."""

    __tablename__ = "people"
    __table_args__ = (_one_of("role", "author", "reviewer", "coordinator", "analyst", "leader", "admin"),)
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    name: str
    district_id: int = Field(foreign_key="districts.id", index=True)
    role: str
    login: str | None = Field(default=None, unique=True)
    active: bool = True
    created_at: datetime = _moment()


# ---------------------------------------------------------------- what is measured


class Standard(Base, table=True):
    """A standard of the published framework, by its normalised code."""

    __tablename__ = "standards"
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    kind: str
    parent: str = ""
    grade: str = Field(index=True)
    domain_code: str = ""
    domain_name: str = ""
    cluster_code: str = ""
    statement: str = _text()
    attributes: dict[str, Any] = _json()


class Concept(Base, table=True):
    """What a report speaks of. Its code is used in item files."""

    __tablename__ = "concepts"
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    title: str
    description: str = _text()
    grade: str = ""
    parent_id: int | None = Field(default=None, foreign_key="concepts.id", index=True)
    position: int = 0
    source: str = ""
    raw: dict[str, Any] = _json()


class ConceptPrerequisite(Base, table=True):
    """`prerequisite_id` is learned before `concept_id`."""

    __tablename__ = "concept_prerequisites"
    concept_id: int = Field(foreign_key="concepts.id", primary_key=True)
    prerequisite_id: int = Field(foreign_key="concepts.id", primary_key=True)


class ConceptStandard(Base, table=True):
    """Which standards a concept belongs to."""

    __tablename__ = "concept_standards"
    concept_id: int = Field(foreign_key="concepts.id", primary_key=True)
    standard_id: int = Field(foreign_key="standards.id", primary_key=True)


class Misconception(Base, table=True):
    """A named way of going wrong; options of many items may share it."""

    __tablename__ = "misconceptions"
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    title: str = _text()
    description: str = _text()


# ---------------------------------------------------------------- items


ITEM_STATUS = ("draft", "in review", "approved", "field test", "operational", "released", "retired")


class Item(Base, table=True):
    """An item over all its versions. `revision` counts changes of this row (optimistic locking)."""

    __tablename__ = "items"
    __table_args__ = (_one_of("status", *ITEM_STATUS),)
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    district_id: int | None = Field(default=None, foreign_key="districts.id", index=True)
    status: str = Field(default="draft", index=True)
    latest: int = 0
    revision: int = 1
    created_at: datetime = _moment()


class ItemVersion(Base, table=True):
    """One text of an item; never changed once stored. The hash is of its normalised content."""

    __tablename__ = "item_versions"
    __table_args__ = (UniqueConstraint("item_id", "number"), Index("ix_item_versions_content_hash", "content_hash"))
    id: int | None = Field(default=None, primary_key=True)
    item_id: int = Field(foreign_key="items.id")
    number: int
    content_hash: str
    title: str = _text()
    grade: str = ""
    type: str
    dok: int | None = None
    claim: str = ""
    calculator: str = ""
    language: str = "en"
    points: int = 1
    difficulty: float | None = None
    content: dict[str, Any] = _json()
    source: str = _text()
    text: str = _text()
    author_id: int | None = Field(default=None, foreign_key="people.id", index=True)
    created_at: datetime = _moment()


class ItemAuthor(Base, table=True):
    """Who wrote a version, as the file names them; `person_id` where the bank knows them."""

    __tablename__ = "item_authors"
    item_version_id: int = Field(foreign_key="item_versions.id", primary_key=True)
    position: int = Field(primary_key=True)
    name: str
    district: str = ""
    person_id: int | None = Field(default=None, foreign_key="people.id", index=True)


class ItemConcept(Base, table=True):
    """The concepts of a version; position 0 is the primary one, which the item is scored under."""

    __tablename__ = "item_concepts"
    item_version_id: int = Field(foreign_key="item_versions.id", primary_key=True)
    position: int = Field(primary_key=True)
    concept_id: int = Field(foreign_key="concepts.id", index=True)


class ItemStandard(Base, table=True):
    """The standards of a version."""

    __tablename__ = "item_standards"
    item_version_id: int = Field(foreign_key="item_versions.id", primary_key=True)
    position: int = Field(primary_key=True)
    standard_id: int = Field(foreign_key="standards.id", index=True)


class ItemEnemy(Base, table=True):
    """Items that must not stand on a form with this one, by code (the other may not be stored yet)."""

    __tablename__ = "item_enemies"
    item_version_id: int = Field(foreign_key="item_versions.id", primary_key=True)
    enemy: str = Field(primary_key=True)


class Option(Base, table=True):
    """An option, or an answer to expect: its label is what a response says."""

    __tablename__ = "options"
    __table_args__ = (UniqueConstraint("item_version_id", "label"),)
    item_version_id: int = Field(foreign_key="item_versions.id", primary_key=True)
    position: int = Field(primary_key=True)
    label: str
    text: str = _text()
    is_key: bool = False
    misconception_id: int | None = Field(default=None, foreign_key="misconceptions.id", index=True)


class KeyVersion(Base, table=True):
    """How raw answers become points. Number 1 comes with the item; later ones are joint decisions."""

    __tablename__ = "key_versions"
    __table_args__ = (UniqueConstraint("item_version_id", "number"),)
    id: int | None = Field(default=None, primary_key=True)
    item_version_id: int = Field(foreign_key="item_versions.id")
    number: int
    rule: dict[str, Any] = _json()
    reason: str = _text()
    decision_id: int | None = Field(default=None, foreign_key="decisions.id", index=True)
    created_at: datetime = _moment()


# ---------------------------------------------------------------- decisions, reviews, audit


class Decision(Base, table=True):
    """A joint decision: what is proposed about which version of what, and why."""

    __tablename__ = "decisions"
    __table_args__ = (
        _one_of("status", "open", "agreed", "declined", "withdrawn"),
        Index("ix_decisions_subject", "kind", "subject"),
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    subject: str
    subject_version: str = ""
    proposal: str = _text()
    payload: dict[str, Any] = _json()
    reason: str = _text()
    proposed_by: int = Field(foreign_key="people.id", index=True)
    status: str = "open"
    created_at: datetime = _moment()
    closed_at: datetime | None = _moment(nullable=True)


class DecisionAuthor(Base, table=True):
    """Who may not agree, because it is their own work."""

    __tablename__ = "decision_authors"
    decision_id: int = Field(foreign_key="decisions.id", primary_key=True)
    person_id: int = Field(foreign_key="people.id", primary_key=True)


class DecisionVote(Base, table=True):
    """The word of one district."""

    __tablename__ = "decision_votes"
    __table_args__ = (_one_of("verdict", "agree", "decline"),)
    decision_id: int = Field(foreign_key="decisions.id", primary_key=True)
    district_id: int = Field(foreign_key="districts.id", primary_key=True)
    person_id: int = Field(foreign_key="people.id", index=True)
    verdict: str
    comment: str = _text()
    identity: str = "declared"
    created_at: datetime = _moment()


class Review(Base, table=True):
    """A person's review of one version: assigned, then submitted; `angoff` is the share of the points, 0 to 1."""

    __tablename__ = "reviews"
    __table_args__ = (
        UniqueConstraint("item_version_id", "person_id"),
        _one_of("verdict", "", "approve", "change"),
    )
    id: int | None = Field(default=None, primary_key=True)
    item_version_id: int = Field(foreign_key="item_versions.id")
    person_id: int = Field(foreign_key="people.id", index=True)
    district_id: int = Field(foreign_key="districts.id", index=True)
    verdict: str = ""
    checklist: dict[str, Any] = _json()
    angoff: float | None = None
    comment: str = _text()
    due_on: date | None = None
    created_at: datetime = _moment()
    submitted_at: datetime | None = _moment(nullable=True)


class ReviewComment(Base, table=True):
    """A remark about a version, or an answer to one."""

    __tablename__ = "review_comments"
    id: int | None = Field(default=None, primary_key=True)
    item_version_id: int = Field(foreign_key="item_versions.id", index=True)
    person_id: int = Field(foreign_key="people.id", index=True)
    parent_id: int | None = Field(default=None, foreign_key="review_comments.id", index=True)
    text: str = _text()
    resolved: bool = False
    created_at: datetime = _moment()


class AuditEvent(Base, table=True):
    """One link of a district's append-only chain: `hash` covers the content and the hash before it."""

    __tablename__ = "audit_events"
    __table_args__ = (UniqueConstraint("chain", "sequence"),)
    id: int | None = Field(default=None, primary_key=True)
    chain: str
    sequence: int
    at: str
    person: str = ""
    action: str
    subject: str = ""
    details: dict[str, Any] = _json()
    previous_hash: str
    hash: str


# ---------------------------------------------------------------- forms and administrations


class Form(Base, table=True):
    """A frozen form: item versions in order. Never changed once stored."""

    __tablename__ = "forms"
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    title: str = _text()
    grade: str = ""
    content_hash: str
    details: dict[str, Any] = _json()
    frozen_by: int | None = Field(default=None, foreign_key="people.id", index=True)
    frozen_at: datetime = _moment()


class FormItem(Base, table=True):
    """Which version stands where on a form; `position` counts from 0 and orders the packed responses."""

    __tablename__ = "form_items"
    __table_args__ = (UniqueConstraint("form_id", "item_version_id"),)
    form_id: int = Field(foreign_key="forms.id", primary_key=True)
    position: int = Field(primary_key=True)
    item_version_id: int = Field(foreign_key="item_versions.id", index=True)
    section: str = ""


class Administration(Base, table=True):
    """A form (or several) given in a window."""

    __tablename__ = "administrations"
    __table_args__ = (_one_of("status", "open", "closed", "purged"),)
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    title: str = _text()
    opens_on: date
    closes_on: date
    mode: str
    status: str = "open"
    details: dict[str, Any] = _json()
    created_at: datetime = _moment()


class AdministrationForm(Base, table=True):
    """The forms given in an administration."""

    __tablename__ = "administration_forms"
    administration_id: int = Field(foreign_key="administrations.id", primary_key=True)
    form_id: int = Field(foreign_key="forms.id", primary_key=True)


class AdministrationDistrict(Base, table=True):
    """The districts that take part; `expected` students, where known."""

    __tablename__ = "administration_districts"
    administration_id: int = Field(foreign_key="administrations.id", primary_key=True)
    district_id: int = Field(foreign_key="districts.id", primary_key=True)
    expected: int | None = None


class OpportunityToLearn(Base, table=True):
    """Whether a district had taught a concept before the window."""

    __tablename__ = "opportunity_to_learn"
    __table_args__ = (_one_of("taught", "yes", "partly", "no", "unknown"),)
    administration_id: int = Field(foreign_key="administrations.id", primary_key=True)
    district_id: int = Field(foreign_key="districts.id", primary_key=True)
    concept_id: int = Field(foreign_key="concepts.id", primary_key=True)
    taught: str


# ---------------------------------------------------------------- students and what they answered


class Student(Base, table=True):
    """A student under a pseudonym: HMAC-SHA256 of the district's identifier, in hexadecimal."""

    __tablename__ = "students"
    __table_args__ = (UniqueConstraint("district_id", "pseudonym"),)
    id: int | None = Field(default=None, primary_key=True)
    district_id: int = Field(foreign_key="districts.id")
    pseudonym: str = Field(max_length=64)


class Classroom(Base, table=True):
    """A class as its roster names it."""

    __tablename__ = "classrooms"
    __table_args__ = (UniqueConstraint("school_id", "code"),)
    id: int | None = Field(default=None, primary_key=True)
    school_id: int = Field(foreign_key="schools.id")
    code: str
    title: str = _text()


class Enrollment(Base, table=True):
    """Where a student was when the roster was read, and what was recorded of them; replaced by the next roster."""

    __tablename__ = "enrollments"
    __table_args__ = (UniqueConstraint("student_id", "school_id", "classroom_id"),)
    id: int | None = Field(default=None, primary_key=True)
    district_id: int = Field(foreign_key="districts.id", index=True)
    student_id: int = Field(foreign_key="students.id")
    school_id: int = Field(foreign_key="schools.id", index=True)
    classroom_id: int | None = Field(default=None, foreign_key="classrooms.id", index=True)
    background_id: int | None = Field(default=None, foreign_key="backgrounds.id")
    as_of: date


class Background(Base, table=True):
    """One combination of what was recorded of students on the test date; sittings that agree share it."""

    __tablename__ = "backgrounds"
    id: int | None = Field(default=None, primary_key=True)
    content_hash: str = Field(unique=True)
    grade: str = ""
    attributes: dict[str, Any] = _json()


class Import(Base, table=True):
    """A file that was loaded: its hash makes a second load a no-op."""

    __tablename__ = "imports"
    __table_args__ = (UniqueConstraint("administration_id", "content_hash"),)
    id: int | None = Field(default=None, primary_key=True)
    administration_id: int = Field(foreign_key="administrations.id")
    content_hash: str
    file_name: str = ""
    layout: str
    rows: int
    sittings: int
    mapping: dict[str, Any] = _json()
    person: str = ""
    loaded_at: datetime = _moment()


class Sitting(Base, table=True):
    """One student, one form, one administration."""

    __tablename__ = "sittings"
    __table_args__ = (UniqueConstraint("administration_id", "student_id", "form_id"),)
    id: int | None = Field(default=None, primary_key=True)
    administration_id: int = Field(foreign_key="administrations.id")
    district_id: int = Field(foreign_key="districts.id")
    student_id: int = Field(foreign_key="students.id", index=True)
    school_id: int | None = Field(default=None, foreign_key="schools.id")
    form_id: int = Field(foreign_key="forms.id")
    background_id: int | None = Field(default=None, foreign_key="backgrounds.id")
    import_id: int | None = Field(default=None, foreign_key="imports.id", index=True)
    tested_on: date | None = None


class RawResponse(Base, table=True):
    """What a sitting answered: one code per item of the form, as 1, 2 or 4 little-endian bytes each.

    The length divided by the number of items is the width. Codes 0-3 are the blanks of `itembank.packing`,
    from 4 on they are `AnswerCode.code` of that item version.
    """

    __tablename__ = "raw_responses"
    sitting_id: int = Field(foreign_key="sittings.id", primary_key=True)
    district_id: int = Field(foreign_key="districts.id")
    packed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class AnswerCode(Base, table=True):
    """The dictionary of an item version: every answer as it was given, once. `kind` tells scores from answers."""

    __tablename__ = "answer_codes"
    __table_args__ = (UniqueConstraint("item_version_id", "kind", "answer"), _one_of("kind", "answer", "score"))
    item_version_id: int = Field(foreign_key="item_versions.id", primary_key=True)
    code: int = Field(primary_key=True)
    kind: str
    answer: str = _text()


# ---------------------------------------------------------------- runs


class Run(Base, table=True):
    """A computation: what went in, with which options and software, and what it says of itself."""

    __tablename__ = "runs"
    __table_args__ = (_one_of("status", "stored", "published", "withdrawn"),)
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(index=True)
    title: str = _text()
    administration_id: int | None = Field(default=None, foreign_key="administrations.id", index=True)
    status: str = "stored"
    options: dict[str, Any] = _json()
    seed: int | None = None
    software: dict[str, Any] = _json()
    input_hash: str = ""
    converged: bool | None = None
    log_likelihood: float | None = None
    details: dict[str, Any] = _json()
    person: str = ""
    created_at: datetime = _moment()


class RunInput(Base, table=True):
    """What a run read: another run, a key version, an item version, an import."""

    __tablename__ = "run_inputs"
    __table_args__ = (_one_of("kind", "run", "key", "item", "import"),)
    run_id: int = Field(foreign_key="runs.id", primary_key=True)
    kind: str = Field(primary_key=True)
    ref: int = Field(primary_key=True)


class ItemParameter(Base, table=True):
    """The parameters of an item on a scale ("total" or a concept), for a group of columns ("all" by default)."""

    __tablename__ = "item_parameters"
    run_id: int = Field(foreign_key="runs.id", primary_key=True)
    scale: str = Field(primary_key=True)
    item_version_id: int = Field(foreign_key="item_versions.id", primary_key=True)
    column_group: str = Field(default="all", primary_key=True)
    model: str
    n: float | None = None
    a: float | None = None
    b: float | None = None
    d: float | None = None
    g: float | None = None
    se_a: float | None = None
    se_b: float | None = None
    se_d: float | None = None
    se_g: float | None = None
    further: dict[str, Any] = _json()


class GroupParameter(Base, table=True):
    """The population of a group on a scale."""

    __tablename__ = "group_parameters"
    run_id: int = Field(foreign_key="runs.id", primary_key=True)
    scale: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    n: float | None = None
    mean: float
    sd: float
    se_mean: float | None = None
    se_sd: float | None = None
    further: dict[str, Any] = _json()


class RunArray(Base, table=True):
    """A numeric array of a run (a covariance matrix): names of its rows, and the numbers as an .npy file."""

    __tablename__ = "run_arrays"
    run_id: int = Field(foreign_key="runs.id", primary_key=True)
    name: str = Field(primary_key=True)
    labels: list[str] = _json(list)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class RunTable(Base, table=True):
    """A table of a run, as its columns and rows."""

    __tablename__ = "run_tables"
    run_id: int = Field(foreign_key="runs.id", primary_key=True)
    name: str = Field(primary_key=True)
    content: dict[str, Any] = _json()


class Score(Base, table=True):
    """The score of a sitting on a scale."""

    __tablename__ = "scores"
    run_id: int = Field(foreign_key="runs.id", primary_key=True)
    scale: str = Field(primary_key=True)
    sitting_id: int = Field(foreign_key="sittings.id", primary_key=True, index=True)
    district_id: int = Field(foreign_key="districts.id")
    theta: float | None = None
    se: float | None = None
    p_mastery: float | None = None
    status: str = "scored"


class Comparison(Base, table=True):
    """One row of a comparison: a scale, a contrast, an estimate with its uncertainty."""

    __tablename__ = "comparisons"
    run_id: int = Field(foreign_key="runs.id", primary_key=True)
    position: int = Field(primary_key=True)
    scale: str
    contrast: str
    statistic: str
    estimate: float | None = None
    se: float | None = None
    df: float | None = None
    low: float | None = None
    high: float | None = None
    n: float | None = None
    status: str = ""
    further: dict[str, Any] = _json()
