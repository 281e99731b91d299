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

from connector.core.model import STAGE, ObjectType, Record, Ref, Version
from state import ledger
from state.db.keys import chunk_conditions, chunk_refs, ref_of
from state.db.timestamps import to_millis
from state.db.transaction import Transaction
from state.db.upsert import upsert
from state.mirror_rows import TABLE, differs, is_newer, record_of, row_of

_STAGE_PROPERTIES: Final = {
    ObjectType.DEALS: "dealstage",
    ObjectType.COMPANIES: STAGE,
    ObjectType.CONTACTS: STAGE,
}
_DECIDED_TYPES: Final = (ObjectType.CONTACTS, ObjectType.COMPANIES)
_C: Final = TABLE.c


def put(session: Transaction, records: Sequence[Record], *, due_at: datetime) -> None:
    """Mirror whole records: a new or changed one becomes due at that time.

    An unchanged record keeps its time, and an older version never replaces a newer one:
    HubSpot's search shows old versions for a while.
    """
    _store_stage_changes(session, records)
    portal, due = int(session.portal_id), to_millis(due_at)
    upsert(session, TABLE, [row_of(portal, record, due) for record in records], only_if=is_newer)


def select_changed(session: Transaction, records: Sequence[Record]) -> tuple[Record, ...]:
    """Return what is news to the mirror: new, modified later, otherwise different, or archived.

    A version older than the mirrored one is none.
    """
    stored = {
        ref_of(row.object_type, row.object_id): row
        for row in _rows(session, (record.ref for record in records))
    }
    return tuple(record for record in records if differs(record, stored.get(record.ref)))


def patch(session: Transaction, records: Sequence[Record], *, due_at: datetime) -> None:
    """Merge read-backs of some properties into the mirrored records, as `put` would.

    One that is not mirrored is passed over: the mirror holds whole records only.
    """
    stored = get(session, (record.ref for record in records))
    merged_records = [
        _with_read_back(stored[record.ref], record) for record in records if record.ref in stored
    ]
    put(session, merged_records, due_at=due_at)


def get(session: Transaction, refs: Iterable[Ref]) -> dict[Ref, Record]:
    """Return the mirrored records, archived ones too."""
    records = map(record_of, _rows(session, refs))
    return {record.ref: record for record in records}


def known_refs(session: Transaction, refs: Iterable[Ref]) -> frozenset[Ref]:
    """Return those that are mirrored, archived ones too."""
    mirrored_refs: set[Ref] = set()
    for chunk in chunk_refs(refs):
        ids = session.scalars(
            select(_C.object_id).where(*chunk_conditions(TABLE, session.portal_id, chunk))
        )
        mirrored_refs.update(Ref(chunk[0], str(object_id)) for object_id in ids)
    return frozenset(mirrored_refs)


def due_refs(
    session: Transaction,
    object_type: ObjectType,
    *,
    until: datetime,
    after_id: str = "0",
    limit: int = 1000,
) -> tuple[Ref, ...]:
    """Return records due until then, in the order of their ids; never archived ones."""
    condition = _C.due_at <= to_millis(until)
    return _refs_after(session, object_type, condition, after_id=after_id, limit=limit)


def live_refs(
    session: Transaction,
    object_type: ObjectType,
    *,
    after_id: str = "0",
    limit: int = 1000,
) -> tuple[Ref, ...]:
    """Return records in the order of their ids, due or not; never archived ones."""
    condition = _C.archived_at.is_(None)
    return _refs_after(session, object_type, condition, after_id=after_id, limit=limit)


def _refs_after(
    session: Transaction,
    object_type: ObjectType,
    condition: ColumnElement[bool],
    *,
    after_id: str,
    limit: int,
) -> tuple[Ref, ...]:
    query = (
        select(_C.object_id)
        .where(
            _C.portal_id == int(session.portal_id),
            _C.object_type == object_type.value,
            _C.object_id > int(after_id),
            condition,
        )
        .order_by(_C.object_id)
        .limit(limit)
    )
    return tuple(Ref(object_type, str(object_id)) for object_id in session.scalars(query))


def count_due(session: Transaction, *, until: datetime) -> dict[ObjectType, int]:
    """Count the records of each type that are due until then."""
    return _count_by_type(
        session, _C.portal_id == int(session.portal_id), _C.due_at <= to_millis(until)
    )


def mark_due(session: Transaction, refs: Iterable[Ref], *, at: datetime) -> None:
    """Make records due at that time, or earlier where they are already."""
    for chunk in chunk_refs(refs):
        _bring_forward(session, chunk_conditions(TABLE, session.portal_id, chunk), to_millis(at))


def mark_all_due(
    session: Transaction,
    *,
    at: datetime,
    object_types: Sequence[ObjectType] = _DECIDED_TYPES,
) -> None:
    """Make every record of these types due at that time, or earlier where it is already."""
    is_of_types = _C.object_type.in_([object_type.value for object_type in object_types])
    _bring_forward(session, (_C.portal_id == int(session.portal_id), is_of_types), to_millis(at))


def set_due(session: Transaction, times: Mapping[Ref, datetime | None]) -> None:
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
        session.connection().execute(_set_due(int(session.portal_id)), rows)


def contacts_of_companies(
    session: Transaction, company_refs: Iterable[Ref]
) -> dict[Ref, tuple[Ref, ...]]:
    """Return, for each company asked, the contacts whose primary company it is."""
    contacts_by_company: dict[Ref, list[Ref]] = {ref: [] for ref in company_refs}
    query = select(_C.company_id, _C.object_id).order_by(_C.object_id)
    for _, ids in chunk_refs(contacts_by_company):
        conditions = (
            _C.portal_id == int(session.portal_id),
            _C.company_id.in_(ids),
            _C.archived_at.is_(None),
        )
        for company, contact in session.execute(query.where(*conditions)):
            company_ref = Ref(ObjectType.COMPANIES, str(company))
            contacts_by_company[company_ref].append(Ref(ObjectType.CONTACTS, str(contact)))
    return {company: tuple(contacts) for company, contacts in contacts_by_company.items()}


def count(session: Transaction) -> dict[ObjectType, int]:
    """Count the records of each type, without the archived ones."""
    # Two counts, each from an index alone, in place of one over the whole table.
    counts = _count_by_type(session, _C.portal_id == int(session.portal_id))
    archived_counts = _count_by_type(
        session, and_(_C.portal_id == int(session.portal_id), _C.archived_at.is_not(None))
    )
    return {
        object_type: counts[object_type] - archived_counts[object_type]
        for object_type in ObjectType
    }


def archive(session: Transaction, refs: Iterable[Ref], *, at: datetime) -> None:
    """Take records out of every decision; they stay readable."""
    for chunk in chunk_refs(refs):
        conditions = (*chunk_conditions(TABLE, session.portal_id, chunk), _C.archived_at.is_(None))
        values = {"archived_at": to_millis(at), "due_at": None}
        session.execute(update(TABLE).where(*conditions).values(values))


def archived_before(session: Transaction, moment: datetime) -> list[Ref]:
    """Return the records that were archived before then."""
    conditions = (_C.portal_id == int(session.portal_id), _C.archived_at < to_millis(moment))
    rows = session.execute(select(_C.object_type, _C.object_id).where(*conditions))
    return [ref_of(object_type, object_id) for object_type, object_id in rows]


def erase(session: Transaction, refs: Iterable[Ref]) -> None:
    """Forget records for good."""
    for chunk in chunk_refs(refs):
        session.execute(TABLE.delete().where(*chunk_conditions(TABLE, session.portal_id, chunk)))


def erase_all(session: Transaction) -> None:
    """Forget every record of a portal."""
    session.execute(TABLE.delete().where(_C.portal_id == int(session.portal_id)))


def _bring_forward(
    session: Transaction, conditions: Iterable[ColumnElement[bool]], due_at: int
) -> None:
    is_due_later = or_(_C.due_at.is_(None), _C.due_at > due_at)
    all_conditions = (*conditions, _C.archived_at.is_(None), is_due_later)
    session.execute(update(TABLE).where(*all_conditions).values(due_at=due_at))


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


def _store_stage_changes(session: Transaction, records: Sequence[Record]) -> None:
    stored = get(session, (record.ref for record in records))
    stage_changes: dict[str, dict[Ref, tuple[Version, Version]]] = {}
    for new in records:
        old, name = stored.get(new.ref), _STAGE_PROPERTIES[new.ref.object_type]
        if old and name in new.properties and old.properties.get(name) != new.properties[name]:
            versions = (_stage_version(old, name), _stage_version(new, name))
            stage_changes.setdefault(name, {})[new.ref] = versions
    for name, sightings in stage_changes.items():
        ledger.store_sightings(session, name, sightings)


def _stage_version(record: Record, name: str) -> Version:
    stage = record.properties.get(name) or ""
    return Version(value=stage, at=record.modified_at, source_type=ledger.MIRROR)


def _count_by_type(session: Transaction, *conditions: ColumnElement[bool]) -> dict[ObjectType, int]:
    query = select(_C.object_type, func.count()).where(*conditions).group_by(_C.object_type)
    counts = {row[0]: row[1] for row in session.execute(query)}
    return {object_type: counts.get(object_type.value, 0) for object_type in ObjectType}


def _rows(session: Transaction, refs: Iterable[Ref]) -> Iterator[Any]:
    for chunk in chunk_refs(refs):
        yield from session.execute(
            select(TABLE).where(*chunk_conditions(TABLE, session.portal_id, chunk))
        )


def _with_read_back(stored: Record, read_back: Record) -> Record:
    properties = {**stored.properties, **read_back.properties}
    return replace(read_back, properties=properties, created_at=stored.created_at)
