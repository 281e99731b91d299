"""Run the migrations on the connection of whoever called Alembic."""

from alembic import context

connection = context.config.attributes["connection"]
# The caller's transaction holds the whole migration: SQLite can roll back changes of tables.
context.configure(connection=connection, transactional_ddl=True)
context.run_migrations()
