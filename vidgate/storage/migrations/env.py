"""Read by Alembic: runs the steps on the connection that `upgrade` hands over."""

from alembic import context

from vidgate.storage.models import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=True,
    # SQLite can roll a CREATE TABLE back: a step that is killed half way leaves nothing.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
