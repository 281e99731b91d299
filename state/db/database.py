"""Describe what the store needs of a database engine: SQLite and PostgreSQL both have it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine


class RateSlots(Protocol):
    """The request slots of one portal, shared by all processes on one database."""

    def take(self, name: str, now: float, *, limit: int, interval: float) -> float:
        """Take the next slot of a bucket, and return when it is; seconds of the caller's clock."""
        ...

    def add(self, name: str, times: Sequence[float], now: float) -> None:
        """Note slots of a bucket that were taken before it was shared."""
        ...

    def count_request(self, day: date) -> int:
        """Count a request of that day, and return how many that makes."""
        ...


class Database(Protocol):
    """One open database."""

    @property
    def writing(self) -> Engine:
        """Return the engine of transactions that write."""
        ...

    @property
    def reading(self) -> Engine:
        """Return the engine of transactions that only read, each of which sees one moment."""
        ...

    @property
    def folder(self) -> Path:
        """Return the folder for files of this database, such as archives of the audit."""
        ...

    def explain_errors(self) -> AbstractContextManager[None]:
        """Turn errors of the engine into errors that say what to do next."""
        ...

    def queue_writers(self, portal_id: str) -> AbstractContextManager[None]:
        """Let the threads of this process that write to one portal go in one after the other."""
        ...

    def lock_portal(self, connection: Connection, portal_id: str) -> None:
        """Let no other transaction write to a portal until this one ends."""
        ...

    def fence(self, portal_id: str) -> int | None:
        """Return the number of the writer's lock that this thread holds, None without one."""
        ...

    def writer_lock(
        self, portal_id: str, *, wait: float, holder_name: str
    ) -> AbstractContextManager[None]:
        """Be the only writer of a portal; raise `locks.Busy` after `wait` seconds."""
        ...

    def rate_slots(self, portal_id: str) -> RateSlots:
        """Return the slots that all processes on this database take for a portal's requests."""
        ...

    def pause_file(self, portal_id: str) -> Path | None:
        """Return the file whose presence pauses a portal, None where no file can."""
        ...

    def keep_reserve(self) -> None:
        """Keep the room that finishing writes may take, where the disk is this machine's."""
        ...

    def release_reserve(self) -> bool:
        """Give the reserve's room to the database; return whether there was one."""
        ...

    def free_bytes(self) -> int | None:
        """Return how much may still be written, None where that cannot be known from here."""
        ...

    def size_bytes(self) -> int:
        """Return how much the database takes."""
        ...

    def require_same_file(self) -> None:
        """Raise DatabaseReplaced where a database file is no longer the one that was opened."""
        ...

    def migrate(self) -> None:
        """Bring the schema to this version, one process at a time and all or nothing."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...
