"""Run the migrations on the caller's connection."""

from alembic import context

connection = context.config.attributes["connection"]
# The whole migration is one transaction of the caller: SQLite can roll back schema changes.
context.configure(connection=connection, transactional_ddl=True)
context.run_migrations()
