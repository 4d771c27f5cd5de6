"""Who was absent or exempt, and students who moved between the districts."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attendance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("administration_id", sa.Integer(), nullable=False),
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("student_id", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.CheckConstraint("state IN ('absent', 'exempt')", name=op.f("ck_attendance_state")),
        sa.ForeignKeyConstraint(
            ["administration_id"], ["administrations.id"], name=op.f("fk_attendance_administration_id_administrations")
        ),
        sa.ForeignKeyConstraint(["district_id"], ["districts.id"], name=op.f("fk_attendance_district_id_districts")),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_attendance_import_id_imports")),
        sa.ForeignKeyConstraint(["student_id"], ["students.id"], name=op.f("fk_attendance_student_id_students")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance")),
        sa.UniqueConstraint("administration_id", "student_id", name=op.f("uq_attendance_administration_id_student_id")),
    )
    op.create_table(
        "student_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("student_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["district_id"], ["districts.id"], name=op.f("fk_student_links_district_id_districts")),
        sa.ForeignKeyConstraint(["other_id"], ["students.id"], name=op.f("fk_student_links_other_id_students")),
        sa.ForeignKeyConstraint(["student_id"], ["students.id"], name=op.f("fk_student_links_student_id_students")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_student_links")),
        sa.UniqueConstraint("student_id", "other_id", name=op.f("uq_student_links_student_id_other_id")),
    )
    with op.batch_alter_table("attendance", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attendance_import_id"), ["import_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_attendance_student_id"), ["student_id"], unique=False)
    with op.batch_alter_table("student_links", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_student_links_district_id"), ["district_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_student_links_other_id"), ["other_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("student_links", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_student_links_other_id"))
        batch_op.drop_index(batch_op.f("ix_student_links_district_id"))
    with op.batch_alter_table("attendance", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attendance_student_id"))
        batch_op.drop_index(batch_op.f("ix_attendance_import_id"))
    op.drop_table("student_links")
    op.drop_table("attendance")
