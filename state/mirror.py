"""Remember every record as HubSpot last told it, and when it is due."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Update,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from connector.core.model import STAGE, ObjectType, Record, Ref, Version
from state import ledger
from state.keys import among, pieces, ref_of
from state.mirror_rows import TABLE, differs, is_news, record_of, row_of
from state.moments import to_millis
from state.upsert import upsert

_STAGES: Final = {
    ObjectType.DEALS: "dealstage",
    ObjectType.COMPANIES: STAGE,
    ObjectType.CONTACTS: STAGE,
}
_DECIDED: Final = (ObjectType.CONTACTS, ObjectType.COMPANIES)
_C: Final = TABLE.c


def put(session: Session, portal_id: str, records: Sequence[Record], *, due_at: datetime) -> None:
    """Mirror whole records: a new or changed one becomes due at that time.

    An unchanged record keeps its time, and an older version never replaces a newer one:
    HubSpot's search shows old versions for a while.
    """
    _note_moves(session, portal_id, records)
    portal, due = int(portal_id), to_millis(due_at)
    upsert(session, TABLE, [row_of(portal, one, due) for one in records], only_if=is_news)


def changed(session: Session, portal_id: str, records: Sequence[Record]) -> tuple[Record, ...]:
    """Return what is news to the mirror: new, modified later, otherwise different, or archived.

    A version older than the mirrored one is none.
    """
    stored = {
        ref_of(row.object_type, row.object_id): row
        for row in _rows(session, portal_id, (one.ref for one in records))
    }
    return tuple(one for one in records if differs(one, stored.get(one.ref)))


def patch(session: Session, portal_id: str, records: Sequence[Record], *, due_at: datetime) -> None:
    """Merge read-backs of some properties into the mirrored records, as `put` would.

    One that is not mirrored is passed over: the mirror holds whole records only.
    """
    stored = get(session, portal_id, (one.ref for one in records))
    whole = [_merged(stored[one.ref], one) for one in records if one.ref in stored]
    put(session, portal_id, whole, due_at=due_at)


def get(session: Session, portal_id: str, refs: Iterable[Ref]) -> dict[Ref, Record]:
    """Return the mirrored records, archived ones too."""
    records = map(record_of, _rows(session, portal_id, refs))
    return {one.ref: one for one in records}


def known(session: Session, portal_id: str, refs: Iterable[Ref]) -> frozenset[Ref]:
    """Return those that are mirrored, archived ones too."""
    found: set[Ref] = set()
    for piece in pieces(refs):
        ids = session.scalars(select(_C.object_id).where(*among(TABLE, portal_id, piece)))
        found.update(Ref(piece[0], str(one)) for one in ids)
    return frozenset(found)


def due(
    session: Session,
    portal_id: str,
    object_type: ObjectType,
    *,
    until: datetime,
    after_id: str = "0",
    limit: int = 1000,
) -> tuple[Ref, ...]:
    """Return records due until then, in the order of their ids; never archived ones."""
    which = _C.due_at <= to_millis(until)
    return _beyond(session, portal_id, object_type, which, after_id=after_id, limit=limit)


def listed(
    session: Session,
    portal_id: str,
    object_type: ObjectType,
    *,
    after_id: str = "0",
    limit: int = 1000,
) -> tuple[Ref, ...]:
    """Return records in the order of their ids, due or not; never archived ones."""
    which = _C.archived_at.is_(None)
    return _beyond(session, portal_id, object_type, which, after_id=after_id, limit=limit)


def _beyond(
    session: Session,
    portal_id: str,
    object_type: ObjectType,
    which: ColumnElement[bool],
    *,
    after_id: str,
    limit: int,
) -> tuple[Ref, ...]:
    query = (
        select(_C.object_id)
        .where(
            _C.portal_id == int(portal_id),
            _C.object_type == object_type.value,
            _C.object_id > int(after_id),
            which,
        )
        .order_by(_C.object_id)
        .limit(limit)
    )
    return tuple(Ref(object_type, str(one)) for one in session.scalars(query))


def count_due(session: Session, portal_id: str, *, until: datetime) -> dict[ObjectType, int]:
    """Count the records of each type that are due until then."""
    return _counted(session, _C.portal_id == int(portal_id), _C.due_at <= to_millis(until))


def mark_due(session: Session, portal_id: str, refs: Iterable[Ref], *, at: datetime) -> None:
    """Make records due at that time, or earlier where they are already."""
    for piece in pieces(refs):
        _bring_forward(session, among(TABLE, portal_id, piece), to_millis(at))


def mark_all_due(
    session: Session,
    portal_id: str,
    *,
    at: datetime,
    object_types: Sequence[ObjectType] = _DECIDED,
) -> None:
    """Make every record of these types due at that time, or earlier where it is already."""
    kinds = _C.object_type.in_([one.value for one in object_types])
    _bring_forward(session, (_C.portal_id == int(portal_id), kinds), to_millis(at))


def set_due(session: Session, portal_id: str, times: Mapping[Ref, datetime | None]) -> None:
    """Say exactly when records are due next; None: not before something changes."""
    rows = [
        {
            "its_type": ref.object_type.value,
            "its_id": int(ref.id),
            "next": None if at is None else to_millis(at),
        }
        for ref, at in times.items()
    ]
    if rows:
        session.connection().execute(_set_due(int(portal_id)), rows)


def of_company(
    session: Session, portal_id: str, company_refs: Iterable[Ref]
) -> dict[Ref, tuple[Ref, ...]]:
    """Return, for each company asked, the contacts whose primary company it is."""
    found: dict[Ref, list[Ref]] = {ref: [] for ref in company_refs}
    query = select(_C.company_id, _C.object_id).order_by(_C.object_id)
    for _, ids in pieces(found):
        mine = (_C.portal_id == int(portal_id), _C.company_id.in_(ids), _C.archived_at.is_(None))
        for company, contact in session.execute(query.where(*mine)):
            owner = Ref(ObjectType.COMPANIES, str(company))
            found[owner].append(Ref(ObjectType.CONTACTS, str(contact)))
    return {company: tuple(contacts) for company, contacts in found.items()}


def count(session: Session, portal_id: str) -> dict[ObjectType, int]:
    """Count the records of each type, without the archived ones."""
    # Two counts, each from an index alone, in place of one over the whole table.
    every = _counted(session, _C.portal_id == int(portal_id))
    gone = _counted(session, and_(_C.portal_id == int(portal_id), _C.archived_at.is_not(None)))
    return {kind: every[kind] - gone[kind] for kind in ObjectType}


def archive(session: Session, portal_id: str, refs: Iterable[Ref], *, at: datetime) -> None:
    """Take records out of every decision; they stay readable."""
    for piece in pieces(refs):
        there = (*among(TABLE, portal_id, piece), _C.archived_at.is_(None))
        values = {"archived_at": to_millis(at), "due_at": None}
        session.execute(update(TABLE).where(*there).values(values))


def archived_before(session: Session, portal_id: str, moment: datetime) -> list[Ref]:
    """Return the records that were archived before then."""
    which = (_C.portal_id == int(portal_id), _C.archived_at < to_millis(moment))
    rows = session.execute(select(_C.object_type, _C.object_id).where(*which))
    return [ref_of(kind, number_) for kind, number_ in rows]


def erase(session: Session, portal_id: str, refs: Iterable[Ref]) -> None:
    """Forget records for good."""
    for piece in pieces(refs):
        session.execute(TABLE.delete().where(*among(TABLE, portal_id, piece)))


def forget(session: Session, portal_id: str) -> None:
    """Forget every record of a portal."""
    session.execute(TABLE.delete().where(_C.portal_id == int(portal_id)))


def _bring_forward(session: Session, which: Iterable[ColumnElement[bool]], due_at: int) -> None:
    later = or_(_C.due_at.is_(None), _C.due_at > due_at)
    there = (*which, _C.archived_at.is_(None), later)
    session.execute(update(TABLE).where(*there).values(due_at=due_at))


def _set_due(portal: int) -> Update:
    return (
        update(TABLE)
        .where(
            _C.portal_id == portal,
            _C.object_type == bindparam("its_type"),
            _C.object_id == bindparam("its_id"),
            _C.archived_at.is_(None),
        )
        .values(due_at=bindparam("next"))
    )


def _note_moves(session: Session, portal_id: str, records: Sequence[Record]) -> None:
    stored = get(session, portal_id, (one.ref for one in records))
    moved: dict[str, dict[Ref, tuple[Version, Version]]] = {}
    for new in records:
        old, name = stored.get(new.ref), _STAGES[new.ref.object_type]
        if old and name in new.properties and old.properties.get(name) != new.properties[name]:
            seen = (_sighting(old, name), _sighting(new, name))
            moved.setdefault(name, {})[new.ref] = seen
    for name, sightings in moved.items():
        ledger.sight(session, portal_id, name, sightings)


def _sighting(record: Record, name: str) -> Version:
    stage = record.properties.get(name) or ""
    return Version(value=stage, at=record.modified_at, source_type=ledger.MIRROR)


def _counted(session: Session, *which: ColumnElement[bool]) -> dict[ObjectType, int]:
    query = select(_C.object_type, func.count()).where(*which).group_by(_C.object_type)
    found = {row[0]: row[1] for row in session.execute(query)}
    return {kind: found.get(kind.value, 0) for kind in ObjectType}


def _rows(session: Session, portal_id: str, refs: Iterable[Ref]) -> Iterator[Any]:
    for piece in pieces(refs):
        yield from session.execute(select(TABLE).where(*among(TABLE, portal_id, piece)))


def _merged(stored: Record, news: Record) -> Record:
    properties = {**stored.properties, **news.properties}
    return replace(news, properties=properties, created_at=stored.created_at)
