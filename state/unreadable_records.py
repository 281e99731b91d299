"""Remember the records that could not be read: why, since when, and when each is tried next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, delete, select, update
from sqlmodel import SQLModel

from connector.core.model import Ref
from state.db.columns import number, number_key, table_of, text, text_key
from state.db.keys import chunk_conditions, chunk_refs, ref_of
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction
from state.db.upsert import upsert

_FIRST_WAITS: Final = (
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=16),
)
_LONGEST_WAIT: Final = timedelta(hours=24)


class FailedReading(StrEnum):
    """What could not be read of a record: the reading that fails."""

    PAGE = "page"
    RECORD = "record"
    HISTORY = "history"
    ASSOCIATIONS = "associations"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRecord:
    """A record that is set aside; `times` counts the tries that failed since `since`."""

    record: Ref
    reading: FailedReading
    reason: str
    since: datetime
    times: int
    next_try: datetime


class _Row(SQLModel, table=True):
    __tablename__ = "unreadable_records"

    portal_id: int = number_key()
    object_type: str = text_key()
    object_id: int = number_key()
    reading: str = text()
    reason: str = text()
    since: int = number()
    times: int
    next_try: int = number()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c
_ANY_RECORD: Final = select(_C.object_id).where(_C.portal_id == bindparam("portal_key")).limit(1)


def set_aside(
    session: Transaction, reasons: Mapping[Ref, str], *, reading: FailedReading, at: datetime
) -> list[Ref]:
    """Note that records could not be read, and return those that could before.

    Each further failure waits longer: 15 minutes, 1 hour, 4 hours, 16 hours, and then a day.
    """
    known = {entry.record: entry for entry in read(session, reasons)}
    rows = []
    for ref, reason in reasons.items():
        entry = known.get(ref)
        times = entry.times + 1 if entry else 1
        row = {
            "portal_id": int(session.portal_id),
            "object_type": ref.object_type.value,
            "object_id": int(ref.id),
            "reading": reading.value,
            "reason": reason,
            "since": to_millis(entry.since if entry else at),
            "times": times,
            "next_try": to_millis(at + _wait(times)),
        }
        rows.append(row)
    upsert(session, _TABLE, rows)
    return sorted(reasons.keys() - known.keys())


def read(session: Transaction, refs: Iterable[Ref]) -> list[UnreadableRecord]:
    """Return those of these records that are set aside."""
    entries: list[UnreadableRecord] = []
    if _is_empty(session):
        return entries
    for chunk in chunk_refs(refs):
        conditions = chunk_conditions(session, _TABLE, chunk)
        entries += map(_entry, session.execute(select(_TABLE).where(*conditions)))
    return entries


def read_all(session: Transaction) -> tuple[UnreadableRecord, ...]:
    """Return every record that is set aside, the newest first."""
    newest_first = (_C.since.desc(), _C.object_type, _C.object_id)
    query = select(_TABLE).where(_is_of(session)).order_by(*newest_first)
    return tuple(map(_entry, session.execute(query)))


def read_due(session: Transaction, *, at: datetime) -> list[UnreadableRecord]:
    """Return the records that are to be tried again by then."""
    query = select(_TABLE).where(_is_of(session), _C.next_try <= to_millis(at))
    return list(map(_entry, session.execute(query.order_by(_C.object_type, _C.object_id))))


def release(
    session: Transaction, refs: Iterable[Ref], *, readings: Collection[FailedReading]
) -> None:
    """Forget records that could be read now, where one of these readings had failed."""
    if _is_empty(session):
        return
    for chunk in chunk_refs(refs):
        conditions = chunk_conditions(session, _TABLE, chunk)
        session.execute(delete(_TABLE).where(*conditions, _C.reading.in_(sorted(readings))))


def try_now(session: Transaction, refs: Iterable[Ref], *, at: datetime) -> None:
    """Let records be tried again by the next poll."""
    for chunk in chunk_refs(refs):
        conditions = chunk_conditions(session, _TABLE, chunk)
        session.execute(update(_TABLE).where(*conditions).values(next_try=to_millis(at)))


def forget(session: Transaction, refs: Iterable[Ref]) -> None:
    """Forget that records were set aside, whatever had failed."""
    release(session, refs, readings=tuple(FailedReading))


def _wait(times: int) -> timedelta:
    waits = _FIRST_WAITS[times - 1 : times]
    return waits[0] if waits else _LONGEST_WAIT


def _is_empty(session: Transaction) -> bool:
    """Return whether no record is set aside, as nearly always."""
    return session.execute(_ANY_RECORD, {"portal_key": session.portal_key}).first() is None


def _is_of(session: Transaction) -> ColumnElement[bool]:
    return _C.portal_id == int(session.portal_id)


def _entry(row: Any) -> UnreadableRecord:
    return UnreadableRecord(
        record=ref_of(row.object_type, row.object_id),
        reading=FailedReading(row.reading),
        reason=row.reason,
        since=from_millis(row.since),
        times=row.times,
        next_try=from_millis(row.next_try),
    )
