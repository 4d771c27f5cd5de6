# ruff: noqa: E501
# fmt: off
"""People, concepts, items, decisions, reviews, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('audit_events',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('chain', sa.String(), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('at', sa.String(), nullable=False),
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('action', sa.String(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('details', sa.JSON(), nullable=False),
    sa.Column('previous_hash', sa.String(), nullable=False),
    sa.Column('hash', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_events')),
    sa.UniqueConstraint('chain', 'sequence', name=op.f('uq_audit_events_chain_sequence'))
    )
    op.create_table('concepts',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('grade', sa.String(), nullable=False),
    sa.Column('parent_id', sa.Integer(), nullable=True),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('raw', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['parent_id'], ['concepts.id'], name=op.f('fk_concepts_parent_id_concepts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_concepts')),
    sa.UniqueConstraint('code', name=op.f('uq_concepts_code'))
    )
    with op.batch_alter_table('concepts', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_concepts_parent_id'), ['parent_id'], unique=False)
    op.create_table('districts',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('key_fingerprint', sa.String(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_districts')),
    sa.UniqueConstraint('code', name=op.f('uq_districts_code'))
    )
    op.create_table('misconceptions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_misconceptions')),
    sa.UniqueConstraint('code', name=op.f('uq_misconceptions_code'))
    )
    op.create_table('standards',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('parent', sa.String(), nullable=False),
    sa.Column('grade', sa.String(), nullable=False),
    sa.Column('domain_code', sa.String(), nullable=False),
    sa.Column('domain_name', sa.String(), nullable=False),
    sa.Column('cluster_code', sa.String(), nullable=False),
    sa.Column('statement', sa.Text(), nullable=False),
    sa.Column('attributes', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_standards')),
    sa.UniqueConstraint('code', name=op.f('uq_standards_code'))
    )
    with op.batch_alter_table('standards', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_standards_grade'), ['grade'], unique=False)
    op.create_table('concept_prerequisites',
    sa.Column('concept_id', sa.Integer(), nullable=False),
    sa.Column('prerequisite_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['concept_id'], ['concepts.id'], name=op.f('fk_concept_prerequisites_concept_id_concepts')),
    sa.ForeignKeyConstraint(['prerequisite_id'], ['concepts.id'], name=op.f('fk_concept_prerequisites_prerequisite_id_concepts')),
    sa.PrimaryKeyConstraint('concept_id', 'prerequisite_id', name=op.f('pk_concept_prerequisites'))
    )
    op.create_table('concept_standards',
    sa.Column('concept_id', sa.Integer(), nullable=False),
    sa.Column('standard_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['concept_id'], ['concepts.id'], name=op.f('fk_concept_standards_concept_id_concepts')),
    sa.ForeignKeyConstraint(['standard_id'], ['standards.id'], name=op.f('fk_concept_standards_standard_id_standards')),
    sa.PrimaryKeyConstraint('concept_id', 'standard_id', name=op.f('pk_concept_standards'))
    )
    op.create_table('items',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('district_id', sa.Integer(), nullable=True),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('latest', sa.Integer(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("status IN ('draft', 'in review', 'approved', 'field test', 'operational', 'released', 'retired')", name=op.f('ck_items_status')),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_items_district_id_districts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_items')),
    sa.UniqueConstraint('code', name=op.f('uq_items_code'))
    )
    with op.batch_alter_table('items', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_items_district_id'), ['district_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_items_status'), ['status'], unique=False)
    op.create_table('people',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('district_id', sa.Integer(), nullable=False),
    sa.Column('role', sa.String(), nullable=False),
    sa.Column('login', sa.String(), nullable=True),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("role IN ('author', 'reviewer', 'coordinator', 'analyst', 'leader', 'admin')", name=op.f('ck_people_role')),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_people_district_id_districts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_people')),
    sa.UniqueConstraint('code', name=op.f('uq_people_code')),
    sa.UniqueConstraint('login', name=op.f('uq_people_login'))
    )
    with op.batch_alter_table('people', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_people_district_id'), ['district_id'], unique=False)
    op.create_table('schools',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('district_id', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('attributes', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_schools_district_id_districts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_schools')),
    sa.UniqueConstraint('district_id', 'code', name=op.f('uq_schools_district_id_code'))
    )
    op.create_table('decisions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('subject_version', sa.String(), nullable=False),
    sa.Column('proposal', sa.Text(), nullable=False),
    sa.Column('payload', sa.JSON(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('proposed_by', sa.Integer(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("status IN ('open', 'agreed', 'declined', 'withdrawn')", name=op.f('ck_decisions_status')),
    sa.ForeignKeyConstraint(['proposed_by'], ['people.id'], name=op.f('fk_decisions_proposed_by_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_decisions'))
    )
    with op.batch_alter_table('decisions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_decisions_proposed_by'), ['proposed_by'], unique=False)
        batch_op.create_index('ix_decisions_subject', ['kind', 'subject'], unique=False)
    op.create_table('item_versions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('item_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('content_hash', sa.String(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('grade', sa.String(), nullable=False),
    sa.Column('type', sa.String(), nullable=False),
    sa.Column('dok', sa.Integer(), nullable=True),
    sa.Column('claim', sa.String(), nullable=False),
    sa.Column('calculator', sa.String(), nullable=False),
    sa.Column('language', sa.String(), nullable=False),
    sa.Column('points', sa.Integer(), nullable=False),
    sa.Column('difficulty', sa.Float(), nullable=True),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('author_id', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['author_id'], ['people.id'], name=op.f('fk_item_versions_author_id_people')),
    sa.ForeignKeyConstraint(['item_id'], ['items.id'], name=op.f('fk_item_versions_item_id_items')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_item_versions')),
    sa.UniqueConstraint('item_id', 'number', name=op.f('uq_item_versions_item_id_number'))
    )
    with op.batch_alter_table('item_versions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_item_versions_author_id'), ['author_id'], unique=False)
        batch_op.create_index('ix_item_versions_content_hash', ['content_hash'], unique=False)
    op.create_table('decision_authors',
    sa.Column('decision_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['decision_id'], ['decisions.id'], name=op.f('fk_decision_authors_decision_id_decisions')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_decision_authors_person_id_people')),
    sa.PrimaryKeyConstraint('decision_id', 'person_id', name=op.f('pk_decision_authors'))
    )
    op.create_table('decision_votes',
    sa.Column('decision_id', sa.Integer(), nullable=False),
    sa.Column('district_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('verdict', sa.String(), nullable=False),
    sa.Column('comment', sa.Text(), nullable=False),
    sa.Column('identity', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("verdict IN ('agree', 'decline')", name=op.f('ck_decision_votes_verdict')),
    sa.ForeignKeyConstraint(['decision_id'], ['decisions.id'], name=op.f('fk_decision_votes_decision_id_decisions')),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_decision_votes_district_id_districts')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_decision_votes_person_id_people')),
    sa.PrimaryKeyConstraint('decision_id', 'district_id', name=op.f('pk_decision_votes'))
    )
    with op.batch_alter_table('decision_votes', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_decision_votes_person_id'), ['person_id'], unique=False)
    op.create_table('item_authors',
    sa.Column('item_version_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('district', sa.String(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['item_version_id'], ['item_versions.id'], name=op.f('fk_item_authors_item_version_id_item_versions')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_item_authors_person_id_people')),
    sa.PrimaryKeyConstraint('item_version_id', 'position', name=op.f('pk_item_authors'))
    )
    with op.batch_alter_table('item_authors', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_item_authors_person_id'), ['person_id'], unique=False)
    op.create_table('item_concepts',
    sa.Column('item_version_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('concept_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['concept_id'], ['concepts.id'], name=op.f('fk_item_concepts_concept_id_concepts')),
    sa.ForeignKeyConstraint(['item_version_id'], ['item_versions.id'], name=op.f('fk_item_concepts_item_version_id_item_versions')),
    sa.PrimaryKeyConstraint('item_version_id', 'position', name=op.f('pk_item_concepts'))
    )
    with op.batch_alter_table('item_concepts', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_item_concepts_concept_id'), ['concept_id'], unique=False)
    op.create_table('item_enemies',
    sa.Column('item_version_id', sa.Integer(), nullable=False),
    sa.Column('enemy', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['item_version_id'], ['item_versions.id'], name=op.f('fk_item_enemies_item_version_id_item_versions')),
    sa.PrimaryKeyConstraint('item_version_id', 'enemy', name=op.f('pk_item_enemies'))
    )
    op.create_table('item_standards',
    sa.Column('item_version_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('standard_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['item_version_id'], ['item_versions.id'], name=op.f('fk_item_standards_item_version_id_item_versions')),
    sa.ForeignKeyConstraint(['standard_id'], ['standards.id'], name=op.f('fk_item_standards_standard_id_standards')),
    sa.PrimaryKeyConstraint('item_version_id', 'position', name=op.f('pk_item_standards'))
    )
    with op.batch_alter_table('item_standards', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_item_standards_standard_id'), ['standard_id'], unique=False)
    op.create_table('key_versions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('item_version_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('rule', sa.JSON(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('decision_id', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['decision_id'], ['decisions.id'], name=op.f('fk_key_versions_decision_id_decisions')),
    sa.ForeignKeyConstraint(['item_version_id'], ['item_versions.id'], name=op.f('fk_key_versions_item_version_id_item_versions')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_key_versions')),
    sa.UniqueConstraint('item_version_id', 'number', name=op.f('uq_key_versions_item_version_id_number'))
    )
    with op.batch_alter_table('key_versions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_key_versions_decision_id'), ['decision_id'], unique=False)
    op.create_table('options',
    sa.Column('item_version_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('label', sa.String(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('is_key', sa.Boolean(), nullable=False),
    sa.Column('misconception_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['item_version_id'], ['item_versions.id'], name=op.f('fk_options_item_version_id_item_versions')),
    sa.ForeignKeyConstraint(['misconception_id'], ['misconceptions.id'], name=op.f('fk_options_misconception_id_misconceptions')),
    sa.PrimaryKeyConstraint('item_version_id', 'position', name=op.f('pk_options')),
    sa.UniqueConstraint('item_version_id', 'label', name=op.f('uq_options_item_version_id_label'))
    )
    with op.batch_alter_table('options', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_options_misconception_id'), ['misconception_id'], unique=False)
    op.create_table('review_comments',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('item_version_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('parent_id', sa.Integer(), nullable=True),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('resolved', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['item_version_id'], ['item_versions.id'], name=op.f('fk_review_comments_item_version_id_item_versions')),
    sa.ForeignKeyConstraint(['parent_id'], ['review_comments.id'], name=op.f('fk_review_comments_parent_id_review_comments')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_review_comments_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_review_comments'))
    )
    with op.batch_alter_table('review_comments', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_review_comments_item_version_id'), ['item_version_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_review_comments_parent_id'), ['parent_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_review_comments_person_id'), ['person_id'], unique=False)
    op.create_table('reviews',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('item_version_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('district_id', sa.Integer(), nullable=False),
    sa.Column('verdict', sa.String(), nullable=False),
    sa.Column('checklist', sa.JSON(), nullable=False),
    sa.Column('angoff', sa.Float(), nullable=True),
    sa.Column('comment', sa.Text(), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("verdict IN ('', 'approve', 'change')", name=op.f('ck_reviews_verdict')),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_reviews_district_id_districts')),
    sa.ForeignKeyConstraint(['item_version_id'], ['item_versions.id'], name=op.f('fk_reviews_item_version_id_item_versions')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_reviews_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reviews')),
    sa.UniqueConstraint('item_version_id', 'person_id', name=op.f('uq_reviews_item_version_id_person_id'))
    )
    with op.batch_alter_table('reviews', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_reviews_district_id'), ['district_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_reviews_person_id'), ['person_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('reviews', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_reviews_person_id'))
        batch_op.drop_index(batch_op.f('ix_reviews_district_id'))
    op.drop_table('reviews')
    with op.batch_alter_table('review_comments', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_review_comments_person_id'))
        batch_op.drop_index(batch_op.f('ix_review_comments_parent_id'))
        batch_op.drop_index(batch_op.f('ix_review_comments_item_version_id'))
    op.drop_table('review_comments')
    with op.batch_alter_table('options', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_options_misconception_id'))
    op.drop_table('options')
    with op.batch_alter_table('key_versions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_key_versions_decision_id'))
    op.drop_table('key_versions')
    with op.batch_alter_table('item_standards', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_item_standards_standard_id'))
    op.drop_table('item_standards')
    op.drop_table('item_enemies')
    with op.batch_alter_table('item_concepts', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_item_concepts_concept_id'))
    op.drop_table('item_concepts')
    with op.batch_alter_table('item_authors', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_item_authors_person_id'))
    op.drop_table('item_authors')
    with op.batch_alter_table('decision_votes', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_decision_votes_person_id'))
    op.drop_table('decision_votes')
    op.drop_table('decision_authors')
    with op.batch_alter_table('item_versions', schema=None) as batch_op:
        batch_op.drop_index('ix_item_versions_content_hash')
        batch_op.drop_index(batch_op.f('ix_item_versions_author_id'))
    op.drop_table('item_versions')
    with op.batch_alter_table('decisions', schema=None) as batch_op:
        batch_op.drop_index('ix_decisions_subject')
        batch_op.drop_index(batch_op.f('ix_decisions_proposed_by'))
    op.drop_table('decisions')
    op.drop_table('schools')
    with op.batch_alter_table('people', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_people_district_id'))
    op.drop_table('people')
    with op.batch_alter_table('items', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_items_status'))
        batch_op.drop_index(batch_op.f('ix_items_district_id'))
    op.drop_table('items')
    op.drop_table('concept_standards')
    op.drop_table('concept_prerequisites')
    with op.batch_alter_table('standards', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_standards_grade'))
    op.drop_table('standards')
    op.drop_table('misconceptions')
    op.drop_table('districts')
    with op.batch_alter_table('concepts', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_concepts_parent_id'))
    op.drop_table('concepts')
    op.drop_table('audit_events')
