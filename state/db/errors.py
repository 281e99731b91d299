"""Explain errors of the database file, and say what to do next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DatabaseError

from connector.errors import ConnectorError, StorageError, TemporaryError, UserError
from state.db.locks import Busy

_ANOTHER_FILE: Final = "or name another file by CONNECTOR_DATABASE_URL"

# SQLite's primary result codes: https://www.sqlite.org/rescode.html
_ACTIONS: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_READONLY: "it may not be written: give this user the right to write the file "
    f"and its folder, {_ANOTHER_FILE}",
    sqlite3.SQLITE_FULL: "the disk is full: free some space and start again; nothing that was "
    "stored is lost",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: it must be a file in a folder that this "
    f"user may write; mend that, {_ANOTHER_FILE}",
    sqlite3.SQLITE_NOTADB: f"this is not a database: move it away, {_ANOTHER_FILE}",
    sqlite3.SQLITE_CORRUPT: "the database is damaged: keep the file, for it holds the audit, and "
    "go on with your last backup",
    sqlite3.SQLITE_IOERR: "the disk does not read or write: check it (`dmesg`), then start again",
}
_LOCKED: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class DatabaseUnusable(UserError, StorageError):
    """The database cannot be used as it is; the message says what is wrong with it."""


class DatabaseUnreachable(TemporaryError, StorageError):
    """The server of the database does not answer, or ended the connection."""


@contextmanager
def explain_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about its file into errors that say what to do next."""
    try:
        yield
    except DatabaseError as error:
        explained = _explained_error(error, path)
        if explained is None:
            raise
        raise explained from error


def _explained_error(error: DatabaseError, path: Path) -> ConnectorError | None:
    # Extended codes carry the primary code in their lowest byte.
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    if code in _LOCKED:
        return Busy(f"{path}: another program keeps it locked (`fuser {path}` names that program)")
    if code == sqlite3.SQLITE_ERROR and str(error.orig).startswith("no such"):
        code = sqlite3.SQLITE_CORRUPT  # a table or column of the schema has another name
    action = _ACTIONS.get(code)
    return DatabaseUnusable(f"{path}: {action}") if action else None
