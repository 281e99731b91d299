"""Open a PostgreSQL database, for many machines on one store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
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


_CONNECTIONS: Final = 15
"""Connections for the work on one portal, the requests side by side among it, and for the web."""
_CONNECTIONS_FOR_ANOTHER: Final = 4
"""Connections for each further portal that is worked on at once: others wait for theirs."""
_IDLE_CONNECTIONS: Final = 5

# Of a thread, not of the process: a thread that lost its lock keeps its own number when another
# thread becomes the portal's writer. The keys are a database that is open, and a portal.
_HELD_FENCES: Final[ContextVar[Mapping[tuple[int, str], int]]] = ContextVar("_HELD_FENCES")


class PostgresqlDatabase:
    """One PostgreSQL database (14 or newer); locks and rate slots lie in it, not beside it."""

    def __init__(self, url: URL, *, busy_timeout: float, portals_at_once: int = 1) -> None:
        self._name = url.render_as_string(hide_password=True)
        self.writing = _engine(url, busy_timeout=busy_timeout, portals_at_once=portals_at_once)
        self.reading = self.writing.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

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
        """Return the number of the writer's lock that this thread holds, None without one."""
        return _HELD_FENCES.get({}).get((id(self), portal_id))

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
            held_fences = dict(_HELD_FENCES.get({}))
            # Only a portal has an outbox to fence; other locks are named by a word.
            if portal_id.isdigit():
                held_fences[id(self), portal_id] = take_over(connection, portal_id)
            previous = _HELD_FENCES.set(held_fences)
            try:
                with keep_alive(connection):
                    yield
            finally:
                _HELD_FENCES.reset(previous)

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


def _engine(url: URL, *, busy_timeout: float, portals_at_once: int) -> Engine:
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
        pool_size=_IDLE_CONNECTIONS,
        max_overflow=_CONNECTIONS
        - _IDLE_CONNECTIONS
        + _CONNECTIONS_FOR_ANOTHER * (portals_at_once - 1),
        connect_args={
            "connect_timeout": 10,
            "application_name": "connector",
            "options": " ".join(f"-c {name}={value}" for name, value in server_settings.items()),
        },
    )
    event.listen(engine, "handle_error", remove_values)
    return engine
