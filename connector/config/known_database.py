"""Refuse a database that never mirrored the portal: it is probably not the daemon's."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from connector.config.settings import Settings
from connector.core.model import ALWAYS_READ_TYPES
from connector.errors import UserError
from state import checkpoints
from state.db.store import Store

_SQLITE: Final = "sqlite:///"
_NEXT_STEP: Final = (
    "Nothing was done. The daemon's database is probably another one: set CONNECTOR_DATABASE_URL "
    "as the daemon has it, or work in its folder. To begin with this database, run `connector "
    "check` or `connector pull`."
)


def require_database(url: str) -> None:
    """Raise UserError where the database is a file that is not there, or is empty."""
    path = database_file(url)
    if path is not None and not _has_content(path):
        state = "is empty" if path.exists() else "does not exist"
        raise UserError(f"The database {path.absolute()} {state}. {_NEXT_STEP}")


def require_mirrored_portal(store: Store, portal_id: str, url: str) -> None:
    """Raise UserError where a database has never begun to mirror this portal."""
    names = [f"{prefix}.{kind}" for prefix in ("changes", "list") for kind in ALWAYS_READ_TYPES]
    with store.reading(portal_id) as session:
        has_mirrored = any(checkpoints.get_all(session, names).values())
    if not has_mirrored:
        path = database_file(url)
        name = path.absolute() if path else "of CONNECTOR_DATABASE_URL"
        raise UserError(f"The database {name} has never mirrored portal {portal_id}. {_NEXT_STEP}")


def open_known_store(settings: Settings) -> Store:
    """Open the database of the settings to read what it holds; never create one."""
    require_database(settings.database_url)
    return Store.open(settings.database_url)


def is_new_database(url: str) -> bool:
    """Return whether opening this URL creates a database file."""
    path = database_file(url)
    return path is not None and not _has_content(path)


def database_file(url: str) -> Path | None:
    """Return the file of a SQLite URL, None for a database that is no file.

    >>> database_file("sqlite:///var/connector.db").as_posix()
    'var/connector.db'
    """
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
