"""Share the request slots of a portal between machines, on the clock of the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Engine, Float, func, select, text, update
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import SQLModel

from connector.core.rate_slots import next_slot, recent_slots
from state.db import columns
from state.db.columns import number_key, table_of, text_key
from state.db.encoding import canonical_json, parse_json
from state.db.postgresql_errors import explain_errors
from state.db.upsert import insert_missing_statement


class _RateSlots(SQLModel, table=True):
    """The slots of one bucket; `day` holds the day and the number of its requests."""

    __tablename__ = "rate_slots"

    portal_id: int = number_key()
    name: str = text_key()
    slots: str = columns.text()


RATE_SLOTS: Final = table_of(_RateSlots)


_DATABASE_SECONDS: Final[ColumnElement[float]] = func.extract("epoch", func.clock_timestamp()).cast(
    Float
)
_DAY: Final = "day"


@dataclass(slots=True)
class _Bucket:
    """The stored value of a bucket, and what the database's clock shows, in seconds."""

    value: Any
    now: float


class SharedRateSlots:
    """The slots of one portal, one row for each bucket.

    A caller's clock may be any: the slot is taken on the clock of the database, and returned
    as so many seconds after the caller's `now`.
    """

    def __init__(self, engine: Engine, portal_id: str, *, database_name: str) -> None:
        self._engine = engine
        self._portal_id = int(portal_id)
        self._database_name = database_name

    def take(self, name: str, now: float, *, limit: int, interval: float) -> float:
        """Take the next slot of a bucket, and return when it is; seconds of the caller's clock."""
        with self._open(name) as bucket:
            recent = recent_slots(bucket.value or (), bucket.now, interval=interval)
            slot = next_slot(recent, bucket.now, limit=limit, interval=interval)
            bucket.value = [*recent, slot]
            return now + (slot - bucket.now)

    def add(self, name: str, times: Sequence[float], now: float) -> None:
        """Note slots of a bucket that were taken before it was shared."""
        with self._open(name) as bucket:
            taken_times = [bucket.now - (now - time) for time in times]
            bucket.value = sorted([*(bucket.value or ()), *taken_times])

    def count_request(self, day: date) -> int:
        """Count a request of that day, and return how many that makes."""
        with self._open(_DAY) as bucket:
            counted_day, number = bucket.value or ("", 0)
            number = number + 1 if counted_day == day.isoformat() else 1
            bucket.value = [day.isoformat(), number]
            return number

    @contextmanager
    def _open(self, name: str) -> Iterator[_Bucket]:
        """Hold one bucket alone, and store it at the end."""
        row = {"portal_id": self._portal_id, "name": name}
        of_bucket = (RATE_SLOTS.c.portal_id == self._portal_id, RATE_SLOTS.c.name == name)
        with explain_errors(self._database_name), self._engine.begin() as connection:
            # Slots are worth nothing after an interval: no request waits for the disk.
            connection.execute(text("SET LOCAL synchronous_commit = off"))
            statement = insert_missing_statement(connection.dialect.name, RATE_SLOTS)
            connection.execute(statement, {**row, "slots": "null"})
            query = select(RATE_SLOTS.c.slots).where(*of_bucket).with_for_update()
            value = parse_json(connection.execute(query).scalar_one())
            # Asked after the row is locked: the clock must not stand before another's slot.
            bucket = _Bucket(value, connection.execute(select(_DATABASE_SECONDS)).scalar_one())
            yield bucket
            slots = canonical_json(bucket.value)
            connection.execute(update(RATE_SLOTS).where(*of_bucket).values(slots=slots))
