"""Who was absent or exempt, and who is the same student in both districts."""

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from itembank.model_base import Base, one_of


class Attendance(Base, table=True):
    """Why an expected student has no sheet, as the school recorded it; a sitting always weighs more."""

    __tablename__ = "attendance"
    __table_args__ = (UniqueConstraint("administration_id", "student_id"), one_of("state", "absent", "exempt"))
    id: int | None = Field(default=None, primary_key=True)
    administration_id: int = Field(foreign_key="administrations.id")
    district_id: int = Field(foreign_key="districts.id")
    student_id: int = Field(foreign_key="students.id", index=True)
    import_id: int | None = Field(default=None, foreign_key="imports.id", index=True)
    state: str


class StudentLink(Base, table=True):
    """A student who moved from one district to the other: two pseudonyms of one child, and nothing else of them."""

    __tablename__ = "student_links"
    __table_args__ = (UniqueConstraint("student_id", "other_id"),)
    id: int | None = Field(default=None, primary_key=True)
    district_id: int = Field(foreign_key="districts.id", index=True)
    student_id: int = Field(foreign_key="students.id")
    other_id: int = Field(foreign_key="students.id", index=True)
