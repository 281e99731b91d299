"""Open SQLite with durable commits and with writers that wait for each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event

_PRAGMAS: Final = (
    # A mirrored record has about 500 bytes: upserts cost 17% less than with pages of 4,096 bytes.
    # SQLite fixes the page size when it creates the file, so this must come before WAL.
    "PRAGMA page_size = 8192",
    "PRAGMA journal_mode = WAL",
    # Each commit reaches the disk: the outbox must survive the machine, not only the process.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)


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
