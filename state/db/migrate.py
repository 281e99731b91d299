"""Migrate a database to the schema of this version, or refuse a newer one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from connector.errors import UserError

HEAD: Final = "0007"
_REVISIONS: Final = ("", *(f"{number:04}" for number in range(1, int(HEAD) + 1)))
SCRIPTS: Final = Path(__file__).parents[1] / "migrations"


def current_revision(connection: Connection) -> str:
    """Return the revision of a database, "" where it is new."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def is_current(reading: Engine, database_name: str) -> bool:
    """Return whether a database has the schema of this version; UserError where it is newer.

    `database_name` is how the error names it: a path, or a URL without its password.
    """
    with reading.connect() as connection:
        revision = current_revision(connection)
    # Revisions are numbers, so their order is known without reading the scripts.
    if revision > HEAD:
        raise UserError(
            f"{database_name}: a newer version of the connector wrote this database (schema "
            f"{revision}, and this one knows {HEAD}): install that version again, or restore a "
            "backup"
        )
    if revision not in _REVISIONS:
        raise UserError(
            f"{database_name}: its schema is {revision!r}, which no version of the connector has "
            "made: the database is damaged, or of another program. Keep it; go on with a backup."
        )
    return revision == HEAD


def upgrade(connection: Connection) -> None:
    """Run the migrations that a database lacks, in the transaction of this connection."""
    # Alembic takes half a second to import, and is needed only when a database must be migrated.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
