"""Names of concepts in a family's language come from the framework's own `name-es`."""

import sqlalchemy as sa
from sqlmodel import Session

from itembank.models import Concept
from scoring.bank.pages import concept_names_in


def test_names_come_from_the_framework_where_it_has_them() -> None:
    engine = sa.create_engine("sqlite://")
    Concept.metadata.create_all(engine, [Concept.__table__])  # type: ignore[attr-defined]
    with Session(engine) as session:
        session.add(Concept(code="ratios", title="Ratios", raw={"name": "Ratios", "name-es": "Razones"}))
        session.add(Concept(code="area", title="Area", raw={}))
        session.commit()
        assert concept_names_in(session, "es") == {"ratios": "Razones"}
        assert concept_names_in(session, "en") == {}
