"""Store the events that are to be posted, until their receiver has taken them.

Events of one record are posted in their order; an event that is refused holds up no other record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update
from sqlmodel import SQLModel

from connector.core.model import Ref
from state import checkpoints
from state.db.columns import number, number_key, table_of, text
from state.db.keys import chunk_conditions, chunk_refs, ref_of
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingEvent:
    """An event that waits: its id for the receiver, its record, and its JSON text."""

    event_id: str
    record: Ref
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEvent:
    """A stored event; `refused_at` is when it was refused first, None where it never was."""

    place: int
    event: OutgoingEvent
    tries: int
    refused_at: datetime | None
    is_set_aside: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCounts:
    """How many events wait, since when the oldest does, and how many are set aside."""

    waiting: int = 0
    since: datetime | None = None
    set_aside: int = 0


class _Row(SQLModel, table=True):
    __tablename__ = "outgoing_events"

    portal_id: int = number_key()
    place: int = number_key()
    event_id: str = text()
    object_type: str = text()
    object_id: int = number()
    document: str = text()
    added_at: int = number()
    tries: int = number()
    refused_at: int | None = number()
    next_try: int = number()
    set_aside: int = number()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c
_PLACE_CHECKPOINT: Final = "events-place"  # the last place that an event ever had


def add(session: Transaction, events: Sequence[OutgoingEvent], *, at: datetime) -> None:
    """Store events behind those that wait, each at a place that no other event ever had."""
    if not events:
        return
    query = select(func.max(_C.place)).where(_C.portal_id == session.portal_key)
    last_place = max(session.scalar(query) or 0, checkpoints.get(session, _PLACE_CHECKPOINT) or 0)
    rows = [
        {
            "portal_id": session.portal_key,
            "place": place,
            "event_id": event.event_id,
            "object_type": event.record.object_type.value,
            "object_id": int(event.record.id),
            "document": event.document,
            "added_at": to_millis(at),
            "tries": 0,
            "refused_at": None,
            "next_try": 0,
            "set_aside": 0,
        }
        for place, event in enumerate(events, start=last_place + 1)
    ]
    session.execute(insert(_TABLE), rows)
    checkpoints.put(session, _PLACE_CHECKPOINT, last_place + len(events))


def read_due(session: Transaction, *, now: datetime, limit: int) -> list[WaitingEvent]:
    """Return the first waiting event of each record and those set aside, where they are due.

    What was refused least often comes first, so that many refused events hold up no other record;
    among equals the order is that in which they were stored.
    """
    firsts = (
        select(func.min(_C.place))
        .where(_C.portal_id == session.portal_key, _C.set_aside == 0)
        .group_by(_C.object_type, _C.object_id)
    )
    query = (
        select(_TABLE)
        .where(
            _C.portal_id == session.portal_key,
            _C.next_try <= to_millis(now),
            _C.place.in_(firsts) | (_C.set_aside == 1),
        )
        .order_by(_C.tries, _C.place)
        .limit(limit)
    )
    return list(map(_waiting_event, session.execute(query)))


def remove(session: Transaction, waiting: WaitingEvent) -> None:
    """Delete an event that was taken."""
    session.execute(delete(_TABLE).where(*_is_event(session, waiting)))


def note_refusal(
    session: Transaction,
    waiting: WaitingEvent,
    *,
    now: datetime,
    next_try: datetime,
    set_aside: bool,
) -> None:
    """Store that an event was refused, when it is tried next, and whether it is set aside."""
    values = {
        "tries": waiting.tries + 1,
        "refused_at": to_millis(waiting.refused_at or now),
        "next_try": to_millis(next_try),
        "set_aside": int(set_aside),
    }
    session.execute(update(_TABLE).where(*_is_event(session, waiting)).values(values))


def count(session: Transaction) -> EventCounts:
    """Count the events that wait, and those set aside."""
    by_kind: dict[int, tuple[int, int]] = {}
    query = (
        select(_C.set_aside, func.count(), func.min(_C.added_at))
        .where(_C.portal_id == session.portal_key)
        .group_by(_C.set_aside)
    )
    for kind, number_of_events, since in session.execute(query):
        by_kind[kind] = (number_of_events, since)
    waiting, since = by_kind.get(0, (0, None))
    return EventCounts(
        waiting=waiting,
        since=None if since is None else from_millis(since),
        set_aside=by_kind.get(1, (0, None))[0],
    )


def erase(session: Transaction, refs: Iterable[Ref]) -> None:
    """Delete the events of these records."""
    for chunk in chunk_refs(refs):
        session.execute(delete(_TABLE).where(*chunk_conditions(session, _TABLE, chunk)))


def prune_set_aside(session: Transaction, *, before: datetime) -> None:
    """Delete the events set aside that were refused first before then."""
    conditions = (
        _C.portal_id == session.portal_key,
        _C.set_aside == 1,
        _C.refused_at < to_millis(before),
    )
    session.execute(delete(_TABLE).where(*conditions))


def _is_event(session: Transaction, waiting: WaitingEvent) -> tuple[Any, Any, Any]:
    return (
        _C.portal_id == session.portal_key,
        _C.place == waiting.place,
        _C.event_id == waiting.event.event_id,
    )


def _waiting_event(row: Any) -> WaitingEvent:
    return WaitingEvent(
        place=row.place,
        event=OutgoingEvent(
            event_id=row.event_id,
            record=ref_of(row.object_type, row.object_id),
            document=row.document,
        ),
        tries=row.tries,
        refused_at=None if row.refused_at is None else from_millis(row.refused_at),
        is_set_aside=bool(row.set_aside),
    )
