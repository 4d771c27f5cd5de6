"""The tables of frameworks as they were imported, and of experts' rankings. Imported through `itembank.models`."""

from datetime import datetime
from typing import Any

from sqlmodel import Field

from itembank.model_base import Base, json_field, moment_field, text_field


class Framework(Base, table=True):
    """A framework of competencies as its file says it, whole, so that nothing of it is lost on the way out."""

    __tablename__ = "frameworks"
    id: int | None = Field(default=None, primary_key=True)
    identifier: str = Field(unique=True)
    title: str = text_field()
    raw: dict[str, Any] = json_field()
    created_at: datetime = moment_field()


class ConceptRanking(Base, table=True):
    """An expert's order of items as measures of a concept, the best first, and why. A newer one takes its place."""

    __tablename__ = "concept_rankings"
    id: int | None = Field(default=None, primary_key=True)
    concept_id: int = Field(foreign_key="concepts.id", index=True)
    person_id: int = Field(foreign_key="people.id", index=True)
    district_id: int = Field(foreign_key="districts.id", index=True)
    ranking: list[str] = json_field(list)
    reason: str = text_field()
    identity: str = "declared"
    created_at: datetime = moment_field()
