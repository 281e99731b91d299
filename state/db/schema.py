"""Migrate a database to the schema of this version, or refuse a newer one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from connector.errors import UserError
from state.db.locks import hold_lock
from state.db.sqlite import reading_engine

HEAD: Final = "0002"
SCRIPTS: Final = Path(__file__).parents[1] / "migrations"

# A migration of millions of rows takes minutes; a process that starts meanwhile waits for it.
_LOCK_WAIT_SECONDS: Final = 600


def migrate(engine: Engine, path: Path) -> None:
    """Migrate to `HEAD` in one transaction, one process at a time; a current database stays."""
    if _is_current(engine, path):
        return
    lock = path.with_name(f"{path.name}.migration.lock")
    with (
        hold_lock(lock, wait=_LOCK_WAIT_SECONDS, resource=str(path), holder_name="a migration"),
        engine.begin() as connection,
    ):
        _upgrade(connection)


def current_revision(connection: Connection) -> str:
    """Return the revision of a database, "" where it is new."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def _is_current(engine: Engine, path: Path) -> bool:
    with reading_engine(engine).connect() as connection:
        revision = current_revision(connection)
    # Revisions are numbers, so their order is known without reading the scripts.
    if revision > HEAD:
        raise UserError(
            f"{path}: a newer version of the connector wrote this database (schema {revision}, and "
            f"this one knows {HEAD}): install that version again, or restore a backup"
        )
    return revision == HEAD


def _upgrade(connection: Connection) -> None:
    # Alembic takes half a second to import, and is needed only when a database must be migrated.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
