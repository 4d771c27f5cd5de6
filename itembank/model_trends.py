"""The tables of indicators, targets and what the districts agreed to try. Imported through `itembank.models`."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from itembank.model_base import Base, json_field, moment_field, one_of, text_field


class Indicator(Base, table=True):
    """A number that is followed over periods. With a formula it is computed from others, and has no values stored.

    `beside` names the rate among those who take part that a derived rate of all is shown beside.
    """

    __tablename__ = "indicators"
    __table_args__ = (one_of("unit", "percent", "number"), one_of("better", "higher", "lower"))
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    title: str = text_field()
    unit: str = "percent"
    better: str = "higher"
    definition: str = text_field()
    source: str = text_field()
    formula: str = text_field()
    beside: str = ""
    created_at: datetime = moment_field()


class IndicatorValue(Base, table=True):
    """One value: a district ("" school, "all" students by default) in a period ("2008-09", "2026-10")."""

    __tablename__ = "indicator_values"
    __table_args__ = (
        UniqueConstraint(
            "indicator_id", "district_id", "school", "subgroup", "period", name="uq_indicator_values_place"
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    indicator_id: int = Field(foreign_key="indicators.id")
    district_id: int = Field(foreign_key="districts.id", index=True)
    school: str = ""
    subgroup: str = "all"
    period: str
    value: float
    n: int | None = None
    se: float | None = None
    source: str = text_field()
    content_hash: str = ""


class IndicatorTarget(Base, table=True):
    """What a value is meant to reach in a period, and why that much."""

    __tablename__ = "indicator_targets"
    __table_args__ = (
        UniqueConstraint(
            "indicator_id", "district_id", "school", "subgroup", "period", name="uq_indicator_targets_place"
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    indicator_id: int = Field(foreign_key="indicators.id")
    district_id: int = Field(foreign_key="districts.id", index=True)
    school: str = ""
    subgroup: str = "all"
    period: str
    value: float
    reason: str = text_field()


class Action(Base, table=True):
    """What was observed at a meeting and what each district will try.

    `subject` is "indicator:CODE" or "concept:CODE"; `baseline` is its number when the action was agreed. `plans` maps
    a district's code to what it will try. `note` is for the room only and enters no public edition.
    """

    __tablename__ = "actions"
    __table_args__ = (one_of("status", "open", "done", "dropped"),)
    id: int | None = Field(default=None, primary_key=True)
    agreed_on: date
    observed: str = text_field()
    supposed: str = text_field()
    subject: str = ""
    plans: dict[str, Any] = json_field()
    owner: str
    due_on: date | None = None
    status: str = "open"
    note: str = text_field()
    baseline: list[Any] = json_field(list)
    created_at: datetime = moment_field()


class ActionUpdate(Base, table=True):
    """What was said of an action later; `internal` words enter no public edition."""

    __tablename__ = "action_updates"
    id: int | None = Field(default=None, primary_key=True)
    action_id: int = Field(foreign_key="actions.id", index=True)
    said_on: date
    status: str = ""
    text: str = text_field()
    internal: bool = True
    person: str = ""
