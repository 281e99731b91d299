"""Open the database; begin its transactions and take its locks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

from connector.errors import UserError
from state.db.database import Database, RateSlots
from state.db.errors import DatabaseUnusable
from state.db.sqlite import SqliteDatabase
from state.db.transaction import Transaction

_PASSWORD: Final = re.compile(r"(//[^:/@]*):[^@]*@")


class Store:
    """One open database; use it as a context manager, or call `close`."""

    def __init__(self, database: Database, *, lock_wait: float = 0) -> None:
        self._database = database
        self._lock_wait = lock_wait

    @classmethod
    def open(
        cls,
        url: str,
        *,
        busy_timeout: float = 30,
        lock_wait: float = 0,
        create: bool = True,
        portals_at_once: int = 1,
    ) -> Self:
        """Open `sqlite:///path` or `postgresql+psycopg://…`, and migrate it to this version.

        A missing SQLite file is made with its folder, unless `create` is false; a PostgreSQL
        database must exist. Raise UserError where the database cannot be used or a newer version
        wrote it, TemporaryError where a server does not answer, and Busy, now and in every
        transaction, where a lock is not had within `busy_timeout` seconds. `lock_wait` is the
        default for how many seconds `writer_lock` waits. A server is sent more connections where
        this process works on several portals at once.
        """
        database = _open_database(url, busy_timeout, portals_at_once, create=create)
        try:
            _migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database, lock_wait=lock_wait)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def begin(self, portal_id: str) -> Iterator[Transaction]:
        """Begin a writing transaction of a portal; it commits at its end, or rolls back.

        The writing transactions of a portal run one after the other, on either engine: what
        one has read, no other changes before it ends.
        """
        database = self._database
        with (
            database.queue_writers(portal_id),
            self._transaction(database.writing, portal_id) as session,
        ):
            database.lock_portal(session.connection(), portal_id)
            yield session

    def reading(self, portal_id: str) -> AbstractContextManager[Transaction]:
        """Begin a reading transaction of a portal: it sees a snapshot and blocks no writer."""
        return self._transaction(self._database.reading, portal_id)

    def reading_all_portals(self) -> AbstractContextManager[Transaction]:
        """Begin a reading transaction across all portals."""
        return self._transaction(self._database.reading, "")

    def writer_lock(
        self, portal_id: str, *, wait: float | None = None, holder_name: str = "another connector"
    ) -> AbstractContextManager[None]:
        """Be the only writer of a portal; raise `locks.Busy` after `wait` seconds.

        `holder_name` is named in other processes' error meanwhile, for example `connector sync`.
        """
        wait = self._lock_wait if wait is None else wait
        return self._database.writer_lock(portal_id, wait=wait, holder_name=holder_name)

    def rate_slots(self, portal_id: str) -> RateSlots:
        """Return the slots that all processes on this database take for a portal's requests."""
        return self._database.rate_slots(portal_id)

    def pause_file(self, portal_id: str) -> Path | None:
        """Return the file whose presence pauses a portal, None where no file can."""
        return self._database.pause_file(portal_id)

    @property
    def folder(self) -> Path:
        """Return the folder for files of this database, such as archives of the audit."""
        return self._database.folder

    def keep_reserve(self) -> None:
        """Keep room on the disk for finishing writes; raise DatabaseUnusable without it."""
        self._database.keep_reserve()

    def release_reserve(self) -> bool:
        """Give the reserve's room to the database; return whether there was one."""
        return self._database.release_reserve()

    def free_bytes(self) -> int | None:
        """Return how much may still be written, None where that cannot be known from here."""
        return self._database.free_bytes()

    def require_same_file(self) -> None:
        """Raise DatabaseReplaced where the file was removed or replaced since it was opened."""
        self._database.require_same_file()

    def size_bytes(self) -> int:
        """Return how much the database takes."""
        return self._database.size_bytes()

    @contextmanager
    def _transaction(self, engine: Engine, portal_id: str) -> Iterator[Transaction]:
        database = self._database
        fence = database.fence(portal_id)
        with database.explain_errors(), engine.connect() as connection:
            # The first statement begins it, so that a transaction without one costs nothing.
            yield Transaction(connection, portal_id, fence=fence)
            connection.commit()


def _migrate(database: Database) -> None:
    """Migrate; on a full disk, where not even reading begins, once more with the reserve's room."""
    try:
        with database.explain_errors():
            database.migrate()
    except DatabaseUnusable:
        if not database.release_reserve():
            raise
        with database.explain_errors():
            database.migrate()


def _open_database(
    url: str, busy_timeout: float, portals_at_once: int, *, create: bool
) -> Database:
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError) as error:  # a ValueError for a port that is no number
        raise UserError(_bad_url_message(_PASSWORD.sub(r"\1:***@", url))) from error
    match parts.get_backend_name(), parts.database:
        case "postgresql", str():
            # Imported where used: one machine with SQLite needs no driver.
            from state.db.postgresql import PostgresqlDatabase

            return PostgresqlDatabase(
                parts, busy_timeout=busy_timeout, portals_at_once=portals_at_once
            )
        case "sqlite", str() as name if _is_file_name(parts, name):
            if not create and not Path(name).exists():
                raise UserError(f"{name}: there is no such file")
            return SqliteDatabase(_make_folder(Path(name)), busy_timeout=busy_timeout)
    raise UserError(_bad_url_message(_without_password(parts)))


def _is_file_name(url: URL, name: str) -> bool:
    """Return whether a SQLite URL names a file that our driver could open as a database."""
    return (
        url.drivername in {"sqlite", "sqlite+pysqlite"}
        and name not in {"", ":memory:"}
        and not Path(name).is_dir()
    )


def _make_folder(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{path.parent}: {error.strerror}: the folder of the database cannot be made; "
            "name another by CONNECTOR_DATABASE_URL"
        ) from error
    return path


def _without_password(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _bad_url_message(url: str) -> str:
    return (
        f"{url!r} names no database that the connector can use: set CONNECTOR_DATABASE_URL to a "
        "file, such as sqlite:///var/connector.db, or to a PostgreSQL database, such as "
        "postgresql+psycopg://connector@host/connector"
    )
