# ruff: noqa: E501
# fmt: off
"""Forms, administrations, students, responses, runs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('administrations',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('opens_on', sa.Date(), nullable=False),
    sa.Column('closes_on', sa.Date(), nullable=False),
    sa.Column('mode', sa.String(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('details', sa.JSON(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("status IN ('open', 'closed', 'purged')", name=op.f('ck_administrations_status')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_administrations')),
    sa.UniqueConstraint('code', name=op.f('uq_administrations_code'))
    )
    op.create_table('backgrounds',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('content_hash', sa.String(), nullable=False),
    sa.Column('grade', sa.String(), nullable=False),
    sa.Column('attributes', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_backgrounds')),
    sa.UniqueConstraint('content_hash', name=op.f('uq_backgrounds_content_hash'))
    )
    op.create_table('administration_districts',
    sa.Column('administration_id', sa.Integer(), nullable=False),
    sa.Column('district_id', sa.Integer(), nullable=False),
    sa.Column('expected', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['administration_id'], ['administrations.id'], name=op.f('fk_administration_districts_administration_id_administrations')),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_administration_districts_district_id_districts')),
    sa.PrimaryKeyConstraint('administration_id', 'district_id', name=op.f('pk_administration_districts'))
    )
    op.create_table('imports',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('administration_id', sa.Integer(), nullable=False),
    sa.Column('content_hash', sa.String(), nullable=False),
    sa.Column('file_name', sa.String(), nullable=False),
    sa.Column('layout', sa.String(), nullable=False),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.Column('sittings', sa.Integer(), nullable=False),
    sa.Column('mapping', sa.JSON(), nullable=False),
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('loaded_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['administration_id'], ['administrations.id'], name=op.f('fk_imports_administration_id_administrations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_imports')),
    sa.UniqueConstraint('administration_id', 'content_hash', name=op.f('uq_imports_administration_id_content_hash'))
    )
    op.create_table('opportunity_to_learn',
    sa.Column('administration_id', sa.Integer(), nullable=False),
    sa.Column('district_id', sa.Integer(), nullable=False),
    sa.Column('concept_id', sa.Integer(), nullable=False),
    sa.Column('taught', sa.String(), nullable=False),
    sa.CheckConstraint("taught IN ('yes', 'partly', 'no', 'unknown')", name=op.f('ck_opportunity_to_learn_taught')),
    sa.ForeignKeyConstraint(['administration_id'], ['administrations.id'], name=op.f('fk_opportunity_to_learn_administration_id_administrations')),
    sa.ForeignKeyConstraint(['concept_id'], ['concepts.id'], name=op.f('fk_opportunity_to_learn_concept_id_concepts')),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_opportunity_to_learn_district_id_districts')),
    sa.PrimaryKeyConstraint('administration_id', 'district_id', 'concept_id', name=op.f('pk_opportunity_to_learn'))
    )
    op.create_table('runs',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('administration_id', sa.Integer(), nullable=True),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('options', sa.JSON(), nullable=False),
    sa.Column('seed', sa.Integer(), nullable=True),
    sa.Column('software', sa.JSON(), nullable=False),
    sa.Column('input_hash', sa.String(), nullable=False),
    sa.Column('converged', sa.Boolean(), nullable=True),
    sa.Column('log_likelihood', sa.Float(), nullable=True),
    sa.Column('details', sa.JSON(), nullable=False),
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("status IN ('stored', 'published', 'withdrawn')", name=op.f('ck_runs_status')),
    sa.ForeignKeyConstraint(['administration_id'], ['administrations.id'], name=op.f('fk_runs_administration_id_administrations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_runs'))
    )
    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_runs_administration_id'), ['administration_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_runs_kind'), ['kind'], unique=False)
    op.create_table('students',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('district_id', sa.Integer(), nullable=False),
    sa.Column('pseudonym', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_students_district_id_districts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_students')),
    sa.UniqueConstraint('district_id', 'pseudonym', name=op.f('uq_students_district_id_pseudonym'))
    )
    op.create_table('comparisons',
    sa.Column('run_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('scale', sa.String(), nullable=False),
    sa.Column('contrast', sa.String(), nullable=False),
    sa.Column('statistic', sa.String(), nullable=False),
    sa.Column('estimate', sa.Float(), nullable=True),
    sa.Column('se', sa.Float(), nullable=True),
    sa.Column('df', sa.Float(), nullable=True),
    sa.Column('low', sa.Float(), nullable=True),
    sa.Column('high', sa.Float(), nullable=True),
    sa.Column('n', sa.Float(), nullable=True),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('further', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_comparisons_run_id_runs')),
    sa.PrimaryKeyConstraint('run_id', 'position', name=op.f('pk_comparisons'))
    )
    op.create_table('forms',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('grade', sa.String(), nullable=False),
    sa.Column('content_hash', sa.String(), nullable=False),
    sa.Column('details', sa.JSON(), nullable=False),
    sa.Column('frozen_by', sa.Integer(), nullable=True),
    sa.Column('frozen_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['frozen_by'], ['people.id'], name=op.f('fk_forms_frozen_by_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_forms')),
    sa.UniqueConstraint('code', name=op.f('uq_forms_code'))
    )
    with op.batch_alter_table('forms', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_forms_frozen_by'), ['frozen_by'], unique=False)
    op.create_table('group_parameters',
    sa.Column('run_id', sa.Integer(), nullable=False),
    sa.Column('scale', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('n', sa.Float(), nullable=True),
    sa.Column('mean', sa.Float(), nullable=False),
    sa.Column('sd', sa.Float(), nullable=False),
    sa.Column('se_mean', sa.Float(), nullable=True),
    sa.Column('se_sd', sa.Float(), nullable=True),
    sa.Column('further', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_group_parameters_run_id_runs')),
    sa.PrimaryKeyConstraint('run_id', 'scale', 'name', name=op.f('pk_group_parameters'))
    )
    op.create_table('run_arrays',
    sa.Column('run_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('labels', sa.JSON(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_run_arrays_run_id_runs')),
    sa.PrimaryKeyConstraint('run_id', 'name', name=op.f('pk_run_arrays'))
    )
    op.create_table('run_inputs',
    sa.Column('run_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('ref', sa.Integer(), nullable=False),
    sa.CheckConstraint("kind IN ('run', 'key', 'item', 'import')", name=op.f('ck_run_inputs_kind')),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_run_inputs_run_id_runs')),
    sa.PrimaryKeyConstraint('run_id', 'kind', 'ref', name=op.f('pk_run_inputs'))
    )
    op.create_table('run_tables',
    sa.Column('run_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_run_tables_run_id_runs')),
    sa.PrimaryKeyConstraint('run_id', 'name', name=op.f('pk_run_tables'))
    )
    op.create_table('administration_forms',
    sa.Column('administration_id', sa.Integer(), nullable=False),
    sa.Column('form_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['administration_id'], ['administrations.id'], name=op.f('fk_administration_forms_administration_id_administrations')),
    sa.ForeignKeyConstraint(['form_id'], ['forms.id'], name=op.f('fk_administration_forms_form_id_forms')),
    sa.PrimaryKeyConstraint('administration_id', 'form_id', name=op.f('pk_administration_forms'))
    )
    op.create_table('answer_codes',
    sa.Column('item_version_id', sa.Integer(), nullable=False),
    sa.Column('code', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.CheckConstraint("kind IN ('answer', 'score')", name=op.f('ck_answer_codes_kind')),
    sa.ForeignKeyConstraint(['item_version_id'], ['item_versions.id'], name=op.f('fk_answer_codes_item_version_id_item_versions')),
    sa.PrimaryKeyConstraint('item_version_id', 'code', name=op.f('pk_answer_codes')),
    sa.UniqueConstraint('item_version_id', 'kind', 'answer', name=op.f('uq_answer_codes_item_version_id_kind_answer'))
    )
    op.create_table('form_items',
    sa.Column('form_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('item_version_id', sa.Integer(), nullable=False),
    sa.Column('section', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['form_id'], ['forms.id'], name=op.f('fk_form_items_form_id_forms')),
    sa.ForeignKeyConstraint(['item_version_id'], ['item_versions.id'], name=op.f('fk_form_items_item_version_id_item_versions')),
    sa.PrimaryKeyConstraint('form_id', 'position', name=op.f('pk_form_items')),
    sa.UniqueConstraint('form_id', 'item_version_id', name=op.f('uq_form_items_form_id_item_version_id'))
    )
    with op.batch_alter_table('form_items', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_form_items_item_version_id'), ['item_version_id'], unique=False)
    op.create_table('item_parameters',
    sa.Column('run_id', sa.Integer(), nullable=False),
    sa.Column('scale', sa.String(), nullable=False),
    sa.Column('item_version_id', sa.Integer(), nullable=False),
    sa.Column('column_group', sa.String(), nullable=False),
    sa.Column('model', sa.String(), nullable=False),
    sa.Column('n', sa.Float(), nullable=True),
    sa.Column('a', sa.Float(), nullable=True),
    sa.Column('b', sa.Float(), nullable=True),
    sa.Column('d', sa.Float(), nullable=True),
    sa.Column('g', sa.Float(), nullable=True),
    sa.Column('se_a', sa.Float(), nullable=True),
    sa.Column('se_b', sa.Float(), nullable=True),
    sa.Column('se_d', sa.Float(), nullable=True),
    sa.Column('se_g', sa.Float(), nullable=True),
    sa.Column('further', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['item_version_id'], ['item_versions.id'], name=op.f('fk_item_parameters_item_version_id_item_versions')),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_item_parameters_run_id_runs')),
    sa.PrimaryKeyConstraint('run_id', 'scale', 'item_version_id', 'column_group', name=op.f('pk_item_parameters'))
    )
    op.create_table('sittings',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('administration_id', sa.Integer(), nullable=False),
    sa.Column('district_id', sa.Integer(), nullable=False),
    sa.Column('student_id', sa.Integer(), nullable=False),
    sa.Column('school_id', sa.Integer(), nullable=True),
    sa.Column('form_id', sa.Integer(), nullable=False),
    sa.Column('background_id', sa.Integer(), nullable=True),
    sa.Column('import_id', sa.Integer(), nullable=True),
    sa.Column('tested_on', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['administration_id'], ['administrations.id'], name=op.f('fk_sittings_administration_id_administrations')),
    sa.ForeignKeyConstraint(['background_id'], ['backgrounds.id'], name=op.f('fk_sittings_background_id_backgrounds')),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_sittings_district_id_districts')),
    sa.ForeignKeyConstraint(['form_id'], ['forms.id'], name=op.f('fk_sittings_form_id_forms')),
    sa.ForeignKeyConstraint(['import_id'], ['imports.id'], name=op.f('fk_sittings_import_id_imports')),
    sa.ForeignKeyConstraint(['school_id'], ['schools.id'], name=op.f('fk_sittings_school_id_schools')),
    sa.ForeignKeyConstraint(['student_id'], ['students.id'], name=op.f('fk_sittings_student_id_students')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sittings')),
    sa.UniqueConstraint('administration_id', 'student_id', 'form_id', name=op.f('uq_sittings_administration_id_student_id_form_id'))
    )
    with op.batch_alter_table('sittings', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sittings_import_id'), ['import_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_sittings_student_id'), ['student_id'], unique=False)
    op.create_table('raw_responses',
    sa.Column('sitting_id', sa.Integer(), nullable=False),
    sa.Column('district_id', sa.Integer(), nullable=False),
    sa.Column('packed', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_raw_responses_district_id_districts')),
    sa.ForeignKeyConstraint(['sitting_id'], ['sittings.id'], name=op.f('fk_raw_responses_sitting_id_sittings')),
    sa.PrimaryKeyConstraint('sitting_id', name=op.f('pk_raw_responses'))
    )
    op.create_table('scores',
    sa.Column('run_id', sa.Integer(), nullable=False),
    sa.Column('scale', sa.String(), nullable=False),
    sa.Column('sitting_id', sa.Integer(), nullable=False),
    sa.Column('district_id', sa.Integer(), nullable=False),
    sa.Column('theta', sa.Float(), nullable=True),
    sa.Column('se', sa.Float(), nullable=True),
    sa.Column('p_mastery', sa.Float(), nullable=True),
    sa.Column('status', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_scores_district_id_districts')),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_scores_run_id_runs')),
    sa.ForeignKeyConstraint(['sitting_id'], ['sittings.id'], name=op.f('fk_scores_sitting_id_sittings')),
    sa.PrimaryKeyConstraint('run_id', 'scale', 'sitting_id', name=op.f('pk_scores'))
    )
    with op.batch_alter_table('scores', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_scores_sitting_id'), ['sitting_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('scores', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_scores_sitting_id'))
    op.drop_table('scores')
    op.drop_table('raw_responses')
    with op.batch_alter_table('sittings', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sittings_student_id'))
        batch_op.drop_index(batch_op.f('ix_sittings_import_id'))
    op.drop_table('sittings')
    op.drop_table('item_parameters')
    with op.batch_alter_table('form_items', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_form_items_item_version_id'))
    op.drop_table('form_items')
    op.drop_table('answer_codes')
    op.drop_table('administration_forms')
    op.drop_table('run_tables')
    op.drop_table('run_inputs')
    op.drop_table('run_arrays')
    op.drop_table('group_parameters')
    with op.batch_alter_table('forms', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_forms_frozen_by'))
    op.drop_table('forms')
    op.drop_table('comparisons')
    op.drop_table('students')
    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_runs_kind'))
        batch_op.drop_index(batch_op.f('ix_runs_administration_id'))
    op.drop_table('runs')
    op.drop_table('opportunity_to_learn')
    op.drop_table('imports')
    op.drop_table('administration_districts')
    op.drop_table('backgrounds')
    op.drop_table('administrations')
