"""Open a PostgreSQL database, for many machines on one store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from connector.errors import UserError
from state.db import migrate
from state.db.advisory_locks import hold_session_lock, keep_alive, lock_until_commit
from state.db.postgresql_errors import explain_errors, remove_values
from state.db.shared_rate_slots import SharedRateSlots
from state.db.writer_fences import take_over

_FOLDER: Final = Path("var")
"""Where files such as archives of the audit go, if no setting names a folder."""
_MIGRATION_WAIT_SECONDS: Final = 600
_SERVER_SETTINGS: Final = {
    # A process that is frozen in mid-transaction must not keep the others out for ever.
    "idle_in_transaction_session_timeout": "300s",
    # A machine that is gone is noticed within a minute, its locks with it.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}


class PostgresqlDatabase:
    """One PostgreSQL database (14 or newer); locks and rate slots lie in it, not beside it."""

    def __init__(self, url: URL, *, busy_timeout: float) -> None:
        self._name = url.render_as_string(hide_password=True)
        self.writing = _engine(url, busy_timeout=busy_timeout)
        self.reading = self.writing.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._fences: dict[str, int] = {}

    @property
    def folder(self) -> Path:
        """Return the folder for files that belong to the database: `var`, where we were started."""
        return _FOLDER

    def explain_errors(self) -> AbstractContextManager[None]:
        """Turn what the server says into an error that says what to do next."""
        return explain_errors(self._name)

    def queue_writers(self, portal_id: str) -> AbstractContextManager[None]:
        """Do nothing: the server queues threads as it queues processes, portal by portal."""
        return nullcontext()

    def lock_portal(self, connection: Connection, portal_id: str) -> None:
        """Let one transaction at a time write to a portal, from whatever machine.

        So places in the audit and rows of the outbox have no gaps and no doubles, and what was
        written for SQLite's single writer stays true; portals do not wait for each other.
        """
        lock_until_commit(connection, f"transaction {portal_id}")

    def fence(self, portal_id: str) -> int | None:
        """Return the number of the writer's lock that this process holds, None without one."""
        return self._fences.get(portal_id)

    @contextmanager
    def writer_lock(self, portal_id: str, *, wait: float, holder_name: str) -> Iterator[None]:
        """Hold the advisory lock of a portal's writer; raise `locks.Busy` after `wait` seconds."""
        lock = hold_session_lock(
            self.writing,
            f"writer {portal_id}",
            wait=wait,
            resource=f"portal {portal_id}",
            holder_name=holder_name,
        )
        with self.explain_errors(), lock as connection:
            # Only a portal has an outbox to fence; other locks are named by a word.
            if portal_id.isdigit():
                self._fences[portal_id] = take_over(connection, portal_id)
            try:
                with keep_alive(connection):
                    yield
            finally:
                self._fences.pop(portal_id, None)

    def rate_slots(self, portal_id: str) -> SharedRateSlots:
        """Return the slots of a portal, kept in rows."""
        return SharedRateSlots(self.writing, portal_id, database_name=self._name)

    def pause_file(self, portal_id: str) -> None:
        """Return None: a portal is paused by its row, which all machines see."""

    def keep_reserve(self) -> None:
        """Keep nothing: the disk is the server's."""

    def release_reserve(self) -> bool:
        """Return False: there is no reserve."""
        return False

    def free_bytes(self) -> None:
        """Return None: how full the server's disk is, a client cannot know."""

    def size_bytes(self) -> int:
        """Return how much the database takes on the server's disk."""
        with self.explain_errors(), self.reading.connect() as connection:
            query = text("SELECT pg_database_size(current_database())")
            return int(connection.scalar(query) or 0)

    def require_same_file(self) -> None:
        """Do nothing: a server keeps its files."""

    def migrate(self) -> None:
        """Migrate under an advisory lock, so that of many starts only one does it."""
        if migrate.is_current(self.reading, self._name):
            return
        with self.writing.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{_MIGRATION_WAIT_SECONDS}s'"))
            lock_until_commit(connection, "migration")
            migrate.upgrade(connection)

    def close(self) -> None:
        """Close every connection."""
        self.writing.dispose()


def _engine(url: URL, *, busy_timeout: float) -> Engine:
    """Return an engine whose connections are looked at before use, and replaced where dead."""
    if find_spec("psycopg") is None:
        raise UserError(
            "CONNECTOR_DATABASE_URL names a PostgreSQL database, but its driver is not installed: "
            "pip install 'hubspot-lifecycle-connector[fleet]'"
        )
    # 0 would mean "wait for ever".
    milliseconds = max(1, round(busy_timeout * 1000))
    server_settings = {**_SERVER_SETTINGS, "lock_timeout": f"{milliseconds}ms"}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 10,
            "application_name": "connector",
            "options": " ".join(f"-c {name}={value}" for name, value in server_settings.items()),
        },
    )
    event.listen(engine, "handle_error", remove_values)
    return engine
