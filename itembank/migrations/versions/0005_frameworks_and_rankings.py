"""Frameworks as imported, and experts' rankings of the items of a concept."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "frameworks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identifier", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("raw", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frameworks")),
        sa.UniqueConstraint("identifier", name=op.f("uq_frameworks_identifier")),
    )
    op.create_table(
        "concept_rankings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("concept_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("ranking", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["concept_id"], ["concepts.id"], name=op.f("fk_concept_rankings_concept_id_concepts")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_concept_rankings_person_id_people")),
        sa.ForeignKeyConstraint(
            ["district_id"], ["districts.id"], name=op.f("fk_concept_rankings_district_id_districts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concept_rankings")),
    )
    with op.batch_alter_table("concept_rankings", schema=None) as batch_op:
        for column in ("concept_id", "person_id", "district_id"):
            batch_op.create_index(batch_op.f(f"ix_concept_rankings_{column}"), [column], unique=False)


def downgrade() -> None:
    op.drop_table("concept_rankings")
    op.drop_table("frameworks")
