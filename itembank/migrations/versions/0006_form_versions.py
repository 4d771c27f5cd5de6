"""Versions of a form, with options in another order."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("forms", schema=None) as batch_op:
        batch_op.add_column(sa.Column("version_of", sa.String(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("version", sa.String(), server_default=sa.text("''"), nullable=False))
    with op.batch_alter_table("form_items", schema=None) as batch_op:
        batch_op.add_column(sa.Column("letters", sa.String(), server_default=sa.text("''"), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("form_items", schema=None) as batch_op:
        batch_op.drop_column("letters")
    with op.batch_alter_table("forms", schema=None) as batch_op:
        batch_op.drop_column("version")
        batch_op.drop_column("version_of")
