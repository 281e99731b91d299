"""Open the database; begin its transactions and take its locks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from connector.errors import UserError
from state.db import sqlite
from state.db.errors import explain_errors
from state.db.locks import hold_lock
from state.db.schema import migrate
from state.db.transaction import Transaction
from state.rate_slots import RateSlots


class Store:
    """One open database; use it as a context manager, or call `close`."""

    def __init__(self, engine: Engine, path: Path, *, lock_wait: float = 0) -> None:
        self._engine = engine
        self._reading = sqlite.reading_engine(engine)
        self._path = path
        self._lock_wait = lock_wait
        self._thread_lock = RLock()

    @classmethod
    def open(cls, url: str, *, busy_timeout: float = 30, lock_wait: float = 0) -> Self:
        """Open `sqlite:///path`, create what is missing, and migrate it to this version.

        Raise UserError where the file cannot be used or a newer version wrote it. Raise Busy, now
        and in every transaction, where another program locks it for `busy_timeout` seconds.
        `lock_wait` is the default for how many seconds `writer_lock` waits.
        """
        path = _path(url)
        engine = sqlite.engine(path, busy_timeout=busy_timeout)
        try:
            with explain_errors(path):
                migrate(engine, path)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, path, lock_wait=lock_wait)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def begin(self, portal_id: str) -> AbstractContextManager[Transaction]:
        """Begin a writing transaction of a portal; it commits at its end, or rolls back."""
        return self._write(portal_id)

    def reading(self, portal_id: str) -> AbstractContextManager[Transaction]:
        """Begin a reading transaction of a portal: it sees a snapshot and blocks no writer."""
        return self._transaction(self._reading, portal_id)

    def reading_all_portals(self) -> AbstractContextManager[Session]:
        """Begin a reading transaction across all portals."""
        return self._transaction(self._reading, "")

    def writer_lock(
        self, portal_id: str, *, wait: float | None = None, holder_name: str = "another connector"
    ) -> AbstractContextManager[None]:
        """Be the only writer of a portal; raise `locks.Busy` after `wait` seconds.

        `holder_name` is named in other processes' error meanwhile, for example `connector sync`.
        """
        lock = self._path.with_name(f"{self._path.name}.{portal_id}.lock")
        wait = self._lock_wait if wait is None else wait
        return hold_lock(lock, wait=wait, resource=f"portal {portal_id}", holder_name=holder_name)

    def rate_slots(self, portal_id: str) -> RateSlots:
        """Return the rate slots that all processes on this database share for a portal."""
        return RateSlots(self._path.with_name(f"{self._path.name}.{portal_id}.turns"))

    def pause_file(self, portal_id: str) -> Path:
        """Return the file whose presence pauses a portal."""
        return self._path.with_name(f"{self._path.name}.{portal_id}.paused")

    @property
    def folder(self) -> Path:
        """Return the folder of the database."""
        return self._path.parent

    def free_bytes(self) -> int:
        """Return the free bytes on the disk of the database."""
        return shutil.disk_usage(self._path.parent).free

    def size_bytes(self) -> int:
        """Return the bytes of the database, its write-ahead log included."""
        files = (self._path, self._path.with_name(f"{self._path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    @contextmanager
    def _write(self, portal_id: str) -> Iterator[Transaction]:
        # Threads of one process queue at this lock: SQLite sleeps up to 0.1 seconds before it
        # tries a locked database again, and a webhook delivery waits for its answer meanwhile.
        with self._thread_lock, self._transaction(self._engine, portal_id) as session:
            yield session

    @contextmanager
    def _transaction(self, engine: Engine, portal_id: str) -> Iterator[Transaction]:
        with explain_errors(self._path), Transaction(engine, portal_id) as session, session.begin():
            yield session


def _path(url: str) -> Path:
    try:
        parts = make_url(url)
    except ArgumentError as error:
        raise UserError(_bad_url_message(url)) from error
    if parts.get_backend_name() != "sqlite" or parts.database in {None, "", ":memory:"}:
        raise UserError(_bad_url_message(parts.render_as_string(hide_password=True)))
    path = Path(str(parts.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{path.parent}: {error.strerror}: the folder of the database cannot be made; "
            "name another by CONNECTOR_DATABASE_URL"
        ) from error
    return path


def _bad_url_message(url: str) -> str:
    return (
        f"{url!r} names no database that the connector can use: set CONNECTOR_DATABASE_URL to a "
        "file, such as sqlite:///var/connector.db"
    )
