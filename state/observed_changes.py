"""Store the changes that others made in HubSpot, until somebody was told of them.

The mirror notes them wherever it follows HubSpot, so that none is missed whichever reading saw it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select
from sqlmodel import SQLModel

from connector.core.history.observed_change import ObservedChange
from connector.core.model import DEAL_STAGE, STAGE, STATUS, ObjectType, Record, Ref
from state import outbox
from state.db.columns import number, number_key, table_of, text
from state.db.keys import chunk_conditions, chunk_refs, ref_of
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction

_NEW_DEAL_AGE: Final = timedelta(days=1)
"""A deal that the mirror did not hold, and that was created within this time, is a new one."""
_PROPERTIES: Final = {
    ObjectType.DEALS: (DEAL_STAGE,),
    ObjectType.COMPANIES: (STAGE, STATUS),
    ObjectType.CONTACTS: (STAGE, STATUS),
    ObjectType.LEADS: (),
}


class _Row(SQLModel, table=True):
    __tablename__ = "observed_changes"

    portal_id: int = number_key()
    place: int = number_key()
    object_type: str = text()
    object_id: int = number()
    property_name: str = text()
    before: str = text()
    after: str = text()
    at: int = number()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c


def note(
    session: Transaction,
    changes: Iterable[tuple[Record, Record]],
    *,
    at: datetime,
    ours: Collection[tuple[Ref, str]] = (),
) -> None:
    """Note what differs between mirrored records and newer ones, except what we wrote (`ours`).

    A record with an open move is left out: it may be blank only because we have cleared it.
    """
    observed = [
        change
        for old, new in changes
        if new.modified_at >= old.modified_at
        for change in _differences(old, new, at)
        if (change.record, change.property_name) not in ours
    ]
    if observed:
        moving = {move.record for move in outbox.open_moves(session)}
        add(session, [change for change in observed if change.record not in moving])


def note_new_deals(session: Transaction, records: Iterable[Record], *, at: datetime) -> None:
    """Note the deals among newly mirrored records that are new in the portal, too."""
    new_deals = [
        ObservedChange(
            record=record.ref,
            property_name=DEAL_STAGE,
            before="",
            after=record.properties.get(DEAL_STAGE) or "",
            at=at,
        )
        for record in records
        if record.ref.object_type is ObjectType.DEALS and at - record.created_at < _NEW_DEAL_AGE
    ]
    add(session, new_deals)


def add(session: Transaction, changes: Sequence[ObservedChange]) -> None:
    """Store changes behind those that are stored."""
    if not changes:
        return
    query = select(func.max(_C.place)).where(_C.portal_id == session.portal_key)
    last_place = session.scalar(query) or 0
    rows = [
        {
            "portal_id": session.portal_key,
            "place": place,
            "object_type": change.record.object_type.value,
            "object_id": int(change.record.id),
            "property_name": change.property_name,
            "before": change.before,
            "after": change.after,
            "at": to_millis(change.at),
        }
        for place, change in enumerate(changes, start=last_place + 1)
    ]
    session.execute(insert(_TABLE), rows)


def read_after(session: Transaction, place: int, *, limit: int) -> list[tuple[int, ObservedChange]]:
    """Return the next changes after a place, the oldest first, each with its own place, from 1."""
    query = (
        select(_TABLE)
        .where(_C.portal_id == session.portal_key, _C.place > place)
        .order_by(_C.place)
        .limit(limit)
    )
    return [
        (
            row.place,
            ObservedChange(
                record=ref_of(row.object_type, row.object_id),
                property_name=row.property_name,
                before=row.before,
                after=row.after,
                at=from_millis(row.at),
            ),
        )
        for row in session.execute(query)
    ]


def remove(session: Transaction, places: Iterable[int]) -> None:
    """Delete the changes at these places, of which somebody was told in this transaction."""
    conditions = (_C.portal_id == session.portal_key, _C.place == bindparam("told_place"))
    rows = [{"told_place": place} for place in places]
    if rows:
        session.execute(delete(_TABLE).where(*conditions), rows)


def erase(session: Transaction, refs: Iterable[Ref]) -> None:
    """Delete what is stored of these records."""
    for chunk in chunk_refs(refs):
        session.execute(delete(_TABLE).where(*chunk_conditions(session, _TABLE, chunk)))


def prune(session: Transaction, *, before: datetime) -> None:
    """Delete the changes that were seen before then."""
    conditions = (_C.portal_id == session.portal_key, _C.at < to_millis(before))
    session.execute(delete(_TABLE).where(*conditions))


def _differences(old: Record, new: Record, at: datetime) -> Iterator[ObservedChange]:
    for name in _PROPERTIES[new.ref.object_type]:
        # A property that was not asked for before has not changed.
        if name not in new.properties or name not in old.properties:
            continue
        before, after = old.properties[name] or "", new.properties[name] or ""
        if before != after:
            yield ObservedChange(
                record=new.ref, property_name=name, before=before, after=after, at=at
            )
