"""The tables of the bank, and no behaviour.

Codes are what people write ("A", "G7-RP-001"); ids are ours. Times are UTC. A table that holds rows of students
carries `district_id`, so that a shared server can let a district read only its own.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from itembank.model_attendance import Attendance as Attendance
from itembank.model_attendance import StudentLink as StudentLink
from itembank.model_base import Base as Base
from itembank.model_base import UtcDateTime as UtcDateTime
from itembank.model_base import columns as columns
from itembank.model_base import json_field, moment_field, one_of, text_field
from itembank.model_base import now as now
from itembank.model_concepts import ConceptRanking as ConceptRanking
from itembank.model_concepts import Framework as Framework
from itembank.model_runs import Comparison as Comparison
from itembank.model_runs import GroupParameter as GroupParameter
from itembank.model_runs import ItemParameter as ItemParameter
from itembank.model_runs import Run as Run
from itembank.model_runs import RunArray as RunArray
from itembank.model_runs import RunInput as RunInput
from itembank.model_runs import RunTable as RunTable
from itembank.model_runs import Score as Score
from itembank.model_trends import Action as Action
from itembank.model_trends import ActionUpdate as ActionUpdate
from itembank.model_trends import Indicator as Indicator
from itembank.model_trends import IndicatorTarget as IndicatorTarget
from itembank.model_trends import IndicatorValue as IndicatorValue

# ---------------------------------------------------------------- districts, schools, people


class District(Base, table=True):
    """One of the partners. `key_fingerprint` names the file that turns student numbers into pseudonyms."""

    __tablename__ = "districts"
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    name: str
    key_fingerprint: str | None = None
    created_at: datetime = moment_field()


class School(Base, table=True):
    """A school; `attributes` holds what may become a grouping (program, curriculum, order of units)."""

    __tablename__ = "schools"
    __table_args__ = (UniqueConstraint("district_id", "code"),)
    id: int | None = Field(default=None, primary_key=True)
    district_id: int = Field(foreign_key="districts.id")
    code: str
    name: str = ""
    attributes: dict[str, Any] = json_field()


class Person(Base, table=True):
    """Somebody who works in the bank. `login` is the database login on a shared server."""

    __tablename__ = "people"
    __table_args__ = (one_of("role", "author", "reviewer", "coordinator", "analyst", "leader", "admin"),)
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    name: str
    district_id: int = Field(foreign_key="districts.id", index=True)
    role: str
    login: str | None = Field(default=None, unique=True)
    active: bool = True
    created_at: datetime = moment_field()


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
    statement: str = text_field()
    attributes: dict[str, Any] = json_field()


class Concept(Base, table=True):
    """What a report speaks of. Its code is used in item files."""

    __tablename__ = "concepts"
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    title: str
    description: str = text_field()
    grade: str = ""
    parent_id: int | None = Field(default=None, foreign_key="concepts.id", index=True)
    position: int = 0
    source: str = ""
    raw: dict[str, Any] = json_field()


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
    title: str = text_field()
    description: str = text_field()


# ---------------------------------------------------------------- items


ITEM_STATUS = ("draft", "in review", "approved", "field test", "operational", "released", "retired")


class Item(Base, table=True):
    """An item over all its versions. `revision` counts changes of this row (optimistic locking)."""

    __tablename__ = "items"
    __table_args__ = (one_of("status", *ITEM_STATUS),)
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    district_id: int | None = Field(default=None, foreign_key="districts.id", index=True)
    status: str = Field(default="draft", index=True)
    latest: int = 0
    revision: int = 1
    created_at: datetime = moment_field()


class ItemVersion(Base, table=True):
    """One text of an item; never changed once stored. The hash is of its normalised content."""

    __tablename__ = "item_versions"
    __table_args__ = (UniqueConstraint("item_id", "number"), Index("ix_item_versions_content_hash", "content_hash"))
    id: int | None = Field(default=None, primary_key=True)
    item_id: int = Field(foreign_key="items.id")
    number: int
    content_hash: str
    title: str = text_field()
    grade: str = ""
    type: str
    dok: int | None = None
    claim: str = ""
    calculator: str = ""
    language: str = "en"
    points: int = 1
    difficulty: float | None = None
    content: dict[str, Any] = json_field()
    source: str = text_field()
    text: str = text_field()
    author_id: int | None = Field(default=None, foreign_key="people.id", index=True)
    created_at: datetime = moment_field()


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
    text: str = text_field()
    is_key: bool = False
    misconception_id: int | None = Field(default=None, foreign_key="misconceptions.id", index=True)


class KeyVersion(Base, table=True):
    """How raw answers become points. Number 1 comes with the item; later ones are joint decisions."""

    __tablename__ = "key_versions"
    __table_args__ = (UniqueConstraint("item_version_id", "number"),)
    id: int | None = Field(default=None, primary_key=True)
    item_version_id: int = Field(foreign_key="item_versions.id")
    number: int
    rule: dict[str, Any] = json_field()
    reason: str = text_field()
    decision_id: int | None = Field(default=None, foreign_key="decisions.id", index=True)
    created_at: datetime = moment_field()


# ---------------------------------------------------------------- decisions, reviews, audit


class Decision(Base, table=True):
    """A joint decision: what is proposed about which version of what, and why."""

    __tablename__ = "decisions"
    __table_args__ = (
        one_of("status", "open", "agreed", "declined", "withdrawn"),
        Index("ix_decisions_subject", "kind", "subject"),
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    subject: str
    subject_version: str = ""
    proposal: str = text_field()
    payload: dict[str, Any] = json_field()
    reason: str = text_field()
    proposed_by: int = Field(foreign_key="people.id", index=True)
    status: str = "open"
    created_at: datetime = moment_field()
    closed_at: datetime | None = moment_field(nullable=True)


class DecisionAuthor(Base, table=True):
    """Who may not agree, because it is their own work."""

    __tablename__ = "decision_authors"
    decision_id: int = Field(foreign_key="decisions.id", primary_key=True)
    person_id: int = Field(foreign_key="people.id", primary_key=True)


class DecisionVote(Base, table=True):
    """The word of one district."""

    __tablename__ = "decision_votes"
    __table_args__ = (one_of("verdict", "agree", "decline"),)
    decision_id: int = Field(foreign_key="decisions.id", primary_key=True)
    district_id: int = Field(foreign_key="districts.id", primary_key=True)
    person_id: int = Field(foreign_key="people.id", index=True)
    verdict: str
    comment: str = text_field()
    identity: str = "declared"
    created_at: datetime = moment_field()


class Review(Base, table=True):
    """A person's review of one version: assigned, then submitted; `angoff` is the share of the points, 0 to 1."""

    __tablename__ = "reviews"
    __table_args__ = (
        UniqueConstraint("item_version_id", "person_id"),
        one_of("verdict", "", "approve", "change"),
    )
    id: int | None = Field(default=None, primary_key=True)
    item_version_id: int = Field(foreign_key="item_versions.id")
    person_id: int = Field(foreign_key="people.id", index=True)
    district_id: int = Field(foreign_key="districts.id", index=True)
    verdict: str = ""
    checklist: dict[str, Any] = json_field()
    angoff: float | None = None
    comment: str = text_field()
    due_on: date | None = None
    created_at: datetime = moment_field()
    submitted_at: datetime | None = moment_field(nullable=True)


class ReviewComment(Base, table=True):
    """A remark about a version, or an answer to one."""

    __tablename__ = "review_comments"
    id: int | None = Field(default=None, primary_key=True)
    item_version_id: int = Field(foreign_key="item_versions.id", index=True)
    person_id: int = Field(foreign_key="people.id", index=True)
    parent_id: int | None = Field(default=None, foreign_key="review_comments.id", index=True)
    text: str = text_field()
    resolved: bool = False
    created_at: datetime = moment_field()


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
    details: dict[str, Any] = json_field()
    previous_hash: str
    hash: str


# ---------------------------------------------------------------- forms and administrations


class Form(Base, table=True):
    """A frozen form: item versions in order. Never changed once stored.

    A version (`version` A, B, ... of the form `version_of`) has the same items with options in another order, and is
    a form by itself.
    """

    __tablename__ = "forms"
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    title: str = text_field()
    grade: str = ""
    content_hash: str
    details: dict[str, Any] = json_field()
    frozen_by: int | None = Field(default=None, foreign_key="people.id", index=True)
    frozen_at: datetime = moment_field()
    version_of: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    version: str = Field(default="", sa_column_kwargs={"server_default": text("''")})


class FormItem(Base, table=True):
    """Which version stands where on a form; `position` counts from 0 and orders the packed responses.

    `letters` says which option stands at each printed letter, where that is not the item's own order.
    """

    __tablename__ = "form_items"
    __table_args__ = (UniqueConstraint("form_id", "item_version_id"),)
    form_id: int = Field(foreign_key="forms.id", primary_key=True)
    position: int = Field(primary_key=True)
    item_version_id: int = Field(foreign_key="item_versions.id", index=True)
    section: str = ""
    letters: str = Field(default="", sa_column_kwargs={"server_default": text("''")})


class Administration(Base, table=True):
    """A form (or several) given in a window."""

    __tablename__ = "administrations"
    __table_args__ = (one_of("status", "open", "closed", "purged"),)
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    title: str = text_field()
    opens_on: date
    closes_on: date
    mode: str
    status: str = "open"
    details: dict[str, Any] = json_field()
    created_at: datetime = moment_field()


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
    __table_args__ = (one_of("taught", "yes", "partly", "no", "unknown"),)
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
    title: str = text_field()


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
    attributes: dict[str, Any] = json_field()


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
    mapping: dict[str, Any] = json_field()
    person: str = ""
    loaded_at: datetime = moment_field()


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
    __table_args__ = (UniqueConstraint("item_version_id", "kind", "answer"), one_of("kind", "answer", "score"))
    item_version_id: int = Field(foreign_key="item_versions.id", primary_key=True)
    code: int = Field(primary_key=True)
    kind: str
    answer: str = text_field()
