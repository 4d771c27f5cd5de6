"""Alembic's environment: always on the connection that `itembank.database.migrate` holds."""

from alembic import context

from itembank.models import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    transaction_per_migration=False,
)
# The caller's transaction holds all of it: a migration that fails leaves the bank as it was.
context.run_migrations()
