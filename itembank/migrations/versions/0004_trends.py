"""Indicators, targets, and what the districts agreed to try."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "indicators",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("better", sa.String(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("formula", sa.Text(), nullable=False),
        sa.Column("beside", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("unit IN ('percent', 'number')", name=op.f("ck_indicators_unit")),
        sa.CheckConstraint("better IN ('higher', 'lower')", name=op.f("ck_indicators_better")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_indicators")),
        sa.UniqueConstraint("code", name=op.f("uq_indicators_code")),
    )
    for table, further in (
        (
            "indicator_values",
            (
                sa.Column("n", sa.Integer(), nullable=True),
                sa.Column("se", sa.Float(), nullable=True),
                sa.Column("source", sa.Text(), nullable=False),
                sa.Column("content_hash", sa.String(), nullable=False),
            ),
        ),
        ("indicator_targets", (sa.Column("reason", sa.Text(), nullable=False),)),
    ):
        op.create_table(
            table,
            sa.Column("id", sa.Integer(), nullable=False),
            sa.Column("indicator_id", sa.Integer(), nullable=False),
            sa.Column("district_id", sa.Integer(), nullable=False),
            sa.Column("school", sa.String(), nullable=False),
            sa.Column("subgroup", sa.String(), nullable=False),
            sa.Column("period", sa.String(), nullable=False),
            sa.Column("value", sa.Float(), nullable=False),
            *further,
            sa.ForeignKeyConstraint(["district_id"], ["districts.id"], name=op.f(f"fk_{table}_district_id_districts")),
            sa.ForeignKeyConstraint(
                ["indicator_id"], ["indicators.id"], name=op.f(f"fk_{table}_indicator_id_indicators")
            ),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
            sa.UniqueConstraint(
                "indicator_id",
                "district_id",
                "school",
                "subgroup",
                "period",
                name=op.f(f"uq_{table}_place"),
            ),
        )
        op.create_index(op.f(f"ix_{table}_district_id"), table, ["district_id"])
    op.create_table(
        "actions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agreed_on", sa.Date(), nullable=False),
        sa.Column("observed", sa.Text(), nullable=False),
        sa.Column("supposed", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("plans", sa.JSON(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("baseline", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('open', 'done', 'dropped')", name=op.f("ck_actions_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
    )
    op.create_table(
        "action_updates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("action_id", sa.Integer(), nullable=False),
        sa.Column("said_on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("internal", sa.Boolean(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["action_id"], ["actions.id"], name=op.f("fk_action_updates_action_id_actions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_action_updates")),
    )
    op.create_index(op.f("ix_action_updates_action_id"), "action_updates", ["action_id"])


def downgrade() -> None:
    for table in ("action_updates", "actions", "indicator_targets", "indicator_values", "indicators"):
        op.drop_table(table)
