"""Lock by PostgreSQL's advisory locks: they end with the transaction or connection that took them.

https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from state.db.locks import Busy

_HEARTBEAT_SECONDS: Final = 10.0
_LEASE_MILLISECONDS: Final = 60_000
"""A holder that shows no life for so long, because it is frozen or gone, loses its lock."""
_NAME_BYTES: Final = 63  # the server cuts an application name there


def lock_key(name: str) -> int:
    """Return the number under which the server knows a lock: 64 bits, signed.

    >>> lock_key("writer 4711") == lock_key("writer 4711") != lock_key("writer 4712")
    True
    """
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def lock_until_commit(connection: Connection, name: str) -> None:
    """Take a lock that ends with this transaction; the engine's lock timeout holds."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key(name)})


@contextmanager
def hold_session_lock(
    engine: Engine, name: str, *, wait: float, resource: str, holder_name: str
) -> Iterator[Connection]:
    """Hold a lock on a connection of its own; raise Busy after `wait` seconds, naming the holder.

    The server ends the connection, and the lock with it, where the holder shows no life for a
    minute (see `keep_alive`); the holder does not notice that by itself (see `writer_fences`).
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Never used again by others: what is set here holds for the whole session.
        connection.detach()
        _set(connection, "application_name", _application_name(holder_name))
        if not _take(connection, name, wait=wait):
            holder = _holder(connection, name)
            raise Busy(f"{resource} is busy: {holder} holds it; wait until it has ended")
        _set(connection, "idle_session_timeout", str(_LEASE_MILLISECONDS))
        try:
            yield connection
        finally:
            _release(connection, name)


@contextmanager
def keep_alive(connection: Connection) -> Iterator[None]:
    """Show the server meanwhile, from a thread, that the holder of a session lock lives.

    Nobody else may use the connection before the end.
    """
    ended = Event()

    def send_signs_of_life() -> None:
        while not ended.wait(_HEARTBEAT_SECONDS):
            try:
                connection.execute(text("SELECT 1"))
            except SQLAlchemyError:
                return  # the lock is lost; the fence stops what its holder would still store

    heartbeat = Thread(target=send_signs_of_life, name="writer-lock", daemon=True)
    heartbeat.start()
    try:
        yield
    finally:
        ended.set()
        heartbeat.join()


def _take(connection: Connection, name: str, *, wait: float) -> bool:
    key = {"key": lock_key(name)}
    if connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key):
        return True
    if wait <= 0:
        return False
    _set(connection, "lock_timeout", str(max(1, round(wait * 1000))))
    try:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), key)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == "55P03":
            return False
        raise
    return True


def _release(connection: Connection, name: str) -> None:
    """Give the lock back before the connection ends: the server takes its time over that."""
    try:
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": lock_key(name)})
    except SQLAlchemyError:
        return  # the connection was lost, and the lock with it


def _holder(connection: Connection, name: str) -> str:
    """Return what the holder of a lock calls itself, and from where."""
    key = lock_key(name) % 2**64
    query = text(
        "SELECT application_name || coalesce(' at ' || host(client_addr), '') "
        "FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
        "AND classid = :high AND objid = :low AND objsubid = 1"
    )
    holder = connection.scalar(query, {"high": key >> 32, "low": key % 2**32})
    return str(holder or "another process")


def _application_name(holder_name: str) -> str:
    process = f" (process {os.getpid()})"
    return holder_name[: _NAME_BYTES - len(process)] + process


def _set(connection: Connection, name: str, value: str) -> None:
    connection.execute(
        text("SELECT set_config(:name, :value, false)"), {"name": name, "value": value}
    )
