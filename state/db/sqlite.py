"""Open SQLite with durable commits and with writers that wait for each other."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event

from connector.errors import UserError
from state.db import migrate
from state.db.disk_reserve import Reserve
from state.db.errors import explain_errors
from state.db.file_rate_slots import RateSlots
from state.db.locks import hold_lock

_PRAGMAS: Final = (
    # A mirrored record has about 500 bytes: upserts cost 17% less than with pages of 4,096 bytes.
    # SQLite fixes the page size when it creates the file, so this must come before WAL.
    "PRAGMA page_size = 8192",
    "PRAGMA journal_mode = WAL",
    # Each commit reaches the disk: the outbox must survive the machine, not only the process.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)

# A migration of millions of rows takes minutes; a process that starts meanwhile waits for it.
_MIGRATION_WAIT_SECONDS: Final = 600


class SqliteDatabase:
    """One SQLite file; its locks, its rate slots and its pause lie in files beside it."""

    def __init__(self, path: Path, *, busy_timeout: float) -> None:
        self._path = path
        _create_private(path)
        self._identity = _file_identity(path)
        self.writing = engine(path, busy_timeout=busy_timeout)
        self.reading = reading_engine(self.writing)
        self._thread_lock = RLock()
        self._reserve = Reserve(self._beside("reserve"))

    @property
    def folder(self) -> Path:
        """Return the folder of the file."""
        return self._path.parent

    def explain_errors(self) -> AbstractContextManager[None]:
        """Turn what SQLite says of its file into an error that says what to do next."""
        return explain_errors(self._path)

    @contextmanager
    def queue_writers(self, portal_id: str) -> Iterator[None]:
        """Let the threads of this process write one after the other, whatever the portal.

        A connection that SQLite finds locked sleeps up to a tenth of a second before it looks
        again, and a webhook delivery waits for its answer.
        """
        with self._thread_lock:
            yield

    def lock_portal(self, connection: Connection, portal_id: str) -> None:
        """Do nothing: BEGIN IMMEDIATE lets in one writing transaction at a time."""

    def fence(self, portal_id: str) -> int | None:
        """Return None: the kernel drops a file lock with its process, and never earlier."""
        return None

    def writer_lock(
        self, portal_id: str, *, wait: float, holder_name: str
    ) -> AbstractContextManager[None]:
        """Hold the lock file of a portal; raise `locks.Busy` after `wait` seconds."""
        lock = self._beside(f"{portal_id}.lock")
        return hold_lock(lock, wait=wait, resource=f"portal {portal_id}", holder_name=holder_name)

    def rate_slots(self, portal_id: str) -> RateSlots:
        """Return the slots of a portal, kept in a file."""
        return RateSlots(self._beside(f"{portal_id}.turns"))

    def pause_file(self, portal_id: str) -> Path:
        """Return the file whose presence pauses a portal."""
        return self._beside(f"{portal_id}.paused")

    def keep_reserve(self) -> None:
        """Keep the room that finishing writes may take; raise DatabaseUnusable without it."""
        self._reserve.keep()

    def release_reserve(self) -> bool:
        """Give the reserve's room to the database; return whether there was one."""
        return self._reserve.release()

    def free_bytes(self) -> int:
        """Return how much room the disk has."""
        return shutil.disk_usage(self._path.parent).free

    def size_bytes(self) -> int:
        """Return how much the file takes, its write-ahead log included."""
        files = (self._path, self._beside("wal", separator="-"))
        return sum(file.stat().st_size for file in files if file.exists())

    def require_same_file(self) -> None:
        """Raise DatabaseReplaced where the path names another file than when it was opened."""
        if _file_identity(self._path) != self._identity:
            raise DatabaseReplaced(
                f"{self._path} was removed or replaced while this process had it open: nothing "
                "more is written to HubSpot. Restart the connector, so that it opens the file "
                "that is there now; if none should be, put the old one back first."
            )

    def migrate(self) -> None:
        """Migrate under a lock file, so that of many starts only one does it."""
        if migrate.is_current(self.reading, str(self._path)):
            return
        lock = hold_lock(
            self._beside("migration.lock"),
            wait=_MIGRATION_WAIT_SECONDS,
            resource=str(self._path),
            holder_name="a migration",
        )
        with lock, self.writing.begin() as connection:
            migrate.upgrade(connection)

    def close(self) -> None:
        """Close every connection."""
        self.writing.dispose()

    def _beside(self, suffix: str, *, separator: str = ".") -> Path:
        return self._path.with_name(f"{self._path.name}{separator}{suffix}")


class DatabaseReplaced(UserError):
    """The database file is another one than was opened, or is gone."""


def _create_private(path: Path) -> None:
    """Create a missing database file that only this user may read: it holds personal data."""
    with suppress(OSError):  # SQLite says what is wrong with the place
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _file_identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of a file, None where it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def engine(path: Path, *, busy_timeout: float = 30) -> Engine:
    """Return an engine for this file; its messages and logs show no values.

    `busy_timeout` is how many seconds a writer waits for another writer.
    """
    url = URL.create("sqlite", database=str(path))
    # Last in, first out: each connection has a page cache, and the latest one is the warmest.
    new_engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": busy_timeout}, pool_use_lifo=True
    )
    event.listen(new_engine, "connect", _prepare)
    event.listen(new_engine, "begin", _begin)
    return new_engine


def reading_engine(writing_engine: Engine) -> Engine:
    """Return the same engine with deferred transactions: a snapshot that blocks no writer."""
    return writing_engine.execution_options(begin="BEGIN")


def _prepare(connection: Any, _record: object) -> None:
    # Python's own transactions begin at the first change. A transaction that reads and then
    # writes would fail whenever another writer commits in between.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"))
