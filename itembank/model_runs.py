"""The tables of computations and their results. Imported through `itembank.models`."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field

from itembank.model_base import Base, json_field, moment_field, one_of, text_field


class Run(Base, table=True):
    """A computation: what went in, with which options and software, and what it says of itself."""

    __tablename__ = "runs"
    __table_args__ = (one_of("status", "stored", "published", "withdrawn"),)
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(index=True)
    title: str = text_field()
    administration_id: int | None = Field(default=None, foreign_key="administrations.id", index=True)
    status: str = "stored"
    options: dict[str, Any] = json_field()
    seed: int | None = None
    software: dict[str, Any] = json_field()
    input_hash: str = ""
    converged: bool | None = None
    log_likelihood: float | None = None
    details: dict[str, Any] = json_field()
    person: str = ""
    created_at: datetime = moment_field()


class RunInput(Base, table=True):
    """What a run read: another run, a key version, an item version, an import."""

    __tablename__ = "run_inputs"
    __table_args__ = (one_of("kind", "run", "key", "item", "import"),)
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
    further: dict[str, Any] = json_field()


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
    further: dict[str, Any] = json_field()


class RunArray(Base, table=True):
    """A numeric array of a run (a covariance matrix): names of its rows, and the numbers as an .npy file."""

    __tablename__ = "run_arrays"
    run_id: int = Field(foreign_key="runs.id", primary_key=True)
    name: str = Field(primary_key=True)
    labels: list[str] = json_field(list)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class RunTable(Base, table=True):
    """A table of a run, as its columns and rows."""

    __tablename__ = "run_tables"
    run_id: int = Field(foreign_key="runs.id", primary_key=True)
    name: str = Field(primary_key=True)
    content: dict[str, Any] = json_field()


class Score(Base, table=True):
    """The scores of a sitting in a run, on all of its scales, packed as `itembank.score_packing` describes.

    The names of the scales and the words of the statuses stand once, in the run's table "scores".
    """

    __tablename__ = "scores"
    run_id: int = Field(foreign_key="runs.id", primary_key=True)
    sitting_id: int = Field(foreign_key="sittings.id", primary_key=True, index=True)
    district_id: int = Field(foreign_key="districts.id")
    packed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


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
    further: dict[str, Any] = json_field()
