"""Store webhook events until their records have been read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Index, bindparam, delete, func, select, text, update
from sqlmodel import SQLModel

from connector.core.model import ObjectType
from connector.core.webhook_event import Event
from state.db.columns import number, number_key, table_of, text_key
from state.db.columns import text as text_column
from state.db.keys import ref_of
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction
from state.db.upsert import insert_missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How many events wait, and when the oldest was received."""

    count: int
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """How many events of one kind were received, and when the last was."""

    count: int
    last_at: datetime


class _Row(SQLModel, table=True):
    """Seen events stay for a while, so that a repeated delivery is recognised."""

    __tablename__ = "inbox"
    __table_args__ = (
        Index(
            "inbox_waiting",
            "portal_id",
            "received_at",
            sqlite_where=text("seen_at IS NULL"),
            postgresql_where=text("seen_at IS NULL"),
        ),
    )

    portal_id: int = number_key()
    event_key: str = text_key()
    object_type: str = text_column()
    object_id: int = number()
    links: int = number()
    at: int = number()
    received_at: int = number()
    seen_at: int | None = number()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c


def put(session: Transaction, events: Iterable[Event], *, at: datetime) -> None:
    """Store received events; an event that is stored already keeps its state."""
    received = to_millis(at)
    insert_missing(session, _TABLE, [_row(session, event, received) for event in events])


def read_waiting(session: Transaction, *, limit: int = 1000) -> tuple[Event, ...]:
    """Return waiting events, the oldest first."""
    query = (
        select(_TABLE).where(*_waiting_conditions(session)).order_by(_C.received_at).limit(limit)
    )
    return tuple(
        Event(
            key=row.event_key,
            record=ref_of(row.object_type, row.object_id),
            read_associations=bool(row.links),
            at=from_millis(row.at),
        )
        for row in session.execute(query)
    )


def mark_seen(session: Transaction, events: Sequence[Event], *, at: datetime) -> None:
    """Mark events as seen: their records have been read."""
    if not events:
        return
    statement = (
        update(_TABLE)
        .where(_C.portal_id == session.portal_key, _C.event_key == bindparam("its_key"))
        .values(seen_at=to_millis(at))
    )
    session.connection().execute(statement, [{"its_key": event.key} for event in events])


def count_waiting(session: Transaction) -> Backlog:
    """Count the waiting events."""
    query = select(func.count(), func.min(_C.received_at)).where(*_waiting_conditions(session))
    waiting_count, since = session.execute(query).one()
    return Backlog(count=waiting_count, since=None if since is None else from_millis(since))


def arrivals(session: Transaction, *, since: datetime) -> dict[tuple[ObjectType, bool], Arrivals]:
    """Return what was received since then, by object type; True: changes of associations."""
    query = (
        select(_C.object_type, _C.links, func.count(), func.max(_C.received_at))
        .where(_C.portal_id == session.portal_key, _C.received_at >= to_millis(since))
        .group_by(_C.object_type, _C.links)
    )
    return {
        (ObjectType(object_type), bool(links)): Arrivals(count=count, last_at=from_millis(last_at))
        for object_type, links, count, last_at in session.execute(query)
    }


def prune(session: Transaction, *, before: datetime) -> None:
    """Delete events that were seen before then."""
    conditions = (_C.portal_id == session.portal_key, _C.seen_at < to_millis(before))
    session.execute(delete(_TABLE).where(*conditions))


def _waiting_conditions(session: Transaction) -> Any:
    return (_C.portal_id == session.portal_key, _C.seen_at.is_(None))


def _row(session: Transaction, event: Event, received_at: int) -> dict[str, Any]:
    return {
        "portal_id": session.portal_key,
        "event_key": event.key,
        "object_type": event.record.object_type.value,
        "object_id": int(event.record.id),
        "links": int(event.read_associations),
        "at": to_millis(event.at),
        "received_at": received_at,
        "seen_at": None,
    }
