"""Store every record as HubSpot last showed it, with the time when it is due."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Index,
    and_,
    func,
    or_,
    select,
    text,
    update,
)
from sqlmodel import SQLModel

from connector.core.model import ALWAYS_READ_TYPES, ObjectType, Record, Ref
from state import ledger, observed_changes
from state.db.columns import number, number_key, table_of, text_key
from state.db.columns import text as text_column
from state.db.encoding import canonical_json, parse_json
from state.db.keys import chunk_conditions, chunk_refs, is_any, ref_of
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction
from state.db.upsert import Columns, upsert

_COMPANY: Final = "associatedcompanyid"
"""A contact's property with the id of its primary company (HubSpot's default properties)."""


class _Row(SQLModel, table=True):
    """An archived record is never due, so the index of due records leaves the archived out."""

    __tablename__ = "mirror"
    __table_args__ = (
        Index(
            "mirror_due",
            "portal_id",
            "object_type",
            "object_id",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "mirror_company",
            "portal_id",
            "company_id",
            sqlite_where=text("company_id IS NOT NULL"),
            postgresql_where=text("company_id IS NOT NULL"),
        ),
        Index(
            "mirror_archived",
            "portal_id",
            "object_type",
            sqlite_where=text("archived_at IS NOT NULL"),
            postgresql_where=text("archived_at IS NOT NULL"),
        ),
    )

    portal_id: int = number_key()
    object_type: str = text_key()
    object_id: int = number_key()
    properties: str = text_column()
    modified_at: int = number()
    created_at: int = number()
    archived_at: int | None = number()
    company_id: int | None = number()
    due_at: int | None = number()


TABLE: Final = table_of(_Row)
_C: Final = TABLE.c


def put(
    session: Transaction,
    records: Sequence[Record],
    *,
    due_at: datetime,
    ours: Collection[tuple[Ref, str]] = (),
) -> tuple[Record, ...]:
    """Mirror whole records, and return the new and changed ones, which become due at that time.

    What others changed is noted (`state/observed_changes.py`); `ours` names the records and
    properties that we wrote. An unchanged record keeps its due time. An older version never
    replaces a newer one, because HubSpot's search index shows old versions for a while (CRM search
    guide, "Limitations").
    """
    stored = _rows(session, [record.ref for record in records])
    rows = [
        (record, stored.get(record.ref), _row(session, record, to_millis(due_at)))
        for record in records
    ]
    # Most rows are new or unchanged: only the others are decoded.
    other_values = [
        (_record(old), record)
        for record, old, new in rows
        if old and old.properties != new["properties"]
    ]
    ledger.store_stage_changes(session, other_values)
    observed_changes.note(session, other_values, at=due_at, ours=ours)
    new_records = [record for record, old, _ in rows if old is None]
    observed_changes.note_new_deals(session, new_records, at=due_at)
    changed = [row for row in rows if _differs(row[0], row[2]["properties"], row[1])]
    upsert(session, TABLE, [new for _, _, new in changed], only_if=is_newer)
    return tuple(record for record, _, _ in changed)


def select_changed(session: Transaction, records: Sequence[Record]) -> tuple[Record, ...]:
    """Return the records that the mirror lacks or holds in another version.

    A record counts as changed when it was modified later, archived or restored, or has other
    values. A version older than the mirrored one is left out.
    """
    stored = _rows(session, [record.ref for record in records])
    return tuple(
        record
        for record in records
        if _differs(record, canonical_json(record.properties), stored.get(record.ref))
    )


def patch(
    session: Transaction,
    records: Sequence[Record],
    *,
    due_at: datetime,
    ours: Collection[tuple[Ref, str]] = (),
) -> None:
    """Merge read-backs of some properties into the mirrored records, and `put` the result.

    A record that is not mirrored is skipped, because the mirror holds whole records only.
    """
    stored = get(session, (record.ref for record in records))
    merged_records = [
        _with_read_back(stored[record.ref], record) for record in records if record.ref in stored
    ]
    put(session, merged_records, due_at=due_at, ours=ours)


def get(session: Transaction, refs: Iterable[Ref]) -> dict[Ref, Record]:
    """Return the mirrored records, archived ones included."""
    return {ref: _record(row) for ref, row in _rows(session, refs).items()}


def known_refs(session: Transaction, refs: Iterable[Ref]) -> frozenset[Ref]:
    """Return which of these records are mirrored, archived ones included."""
    mirrored_refs: set[Ref] = set()
    for chunk in chunk_refs(refs):
        ids = session.scalars(select(_C.object_id).where(*chunk_conditions(session, TABLE, chunk)))
        mirrored_refs.update(Ref(chunk[0], str(object_id)) for object_id in ids)
    return frozenset(mirrored_refs)


def live_refs(
    session: Transaction,
    object_type: ObjectType,
    *,
    after_id: str = "0",
    limit: int = 1000,
) -> tuple[Ref, ...]:
    """Return live records, due or not, ordered by id."""
    condition = _C.archived_at.is_(None)
    return refs_after(session, object_type, condition, after_id=after_id, limit=limit)


def refs_after(
    session: Transaction,
    object_type: ObjectType,
    condition: ColumnElement[bool],
    *,
    after_id: str,
    limit: int,
) -> tuple[Ref, ...]:
    """Return the records of a type that a condition on the table names, ordered by id."""
    query = (
        select(_C.object_id)
        .where(
            _C.portal_id == session.portal_key,
            _C.object_type == object_type.value,
            _C.object_id > int(after_id),
            condition,
        )
        .order_by(_C.object_id)
        .limit(limit)
    )
    return tuple(Ref(object_type, str(object_id)) for object_id in session.scalars(query))


def contacts_of_companies(
    session: Transaction, company_refs: Iterable[Ref]
) -> dict[Ref, tuple[Ref, ...]]:
    """Return, for each of these companies, the live contacts whose primary company it is."""
    contacts_by_company: dict[Ref, list[Ref]] = {ref: [] for ref in company_refs}
    query = select(_C.company_id, _C.object_id).order_by(_C.object_id)
    for _, ids in chunk_refs(contacts_by_company):
        conditions = (
            _C.portal_id == session.portal_key,
            is_any(session, _C.company_id, ids),
            _C.archived_at.is_(None),
        )
        for company, contact in session.execute(query.where(*conditions)):
            company_ref = Ref(ObjectType.COMPANIES, str(company))
            contacts_by_company[company_ref].append(Ref(ObjectType.CONTACTS, str(contact)))
    return {company: tuple(contacts) for company, contacts in contacts_by_company.items()}


def count(session: Transaction) -> dict[ObjectType, int]:
    """Count the live records of each type; leads only where there are any."""
    # Two counts, each from an index alone, in place of one over the whole table.
    counts = count_by_type(session, _C.portal_id == session.portal_key)
    archived_counts = count_by_type(
        session, and_(_C.portal_id == session.portal_key, _C.archived_at.is_not(None))
    )
    return {
        object_type: count - archived_counts.get(object_type, 0)
        for object_type, count in counts.items()
    }


def count_created(session: Transaction, *, since: datetime) -> dict[ObjectType, int]:
    """Count the records of each type that were created in HubSpot since then."""
    return count_by_type(
        session, _C.portal_id == session.portal_key, _C.created_at >= to_millis(since)
    )


def archive(session: Transaction, refs: Iterable[Ref], *, at: datetime) -> None:
    """Mark records as archived: they are never due, and stay readable."""
    for chunk in chunk_refs(refs):
        conditions = (*chunk_conditions(session, TABLE, chunk), _C.archived_at.is_(None))
        values = {"archived_at": to_millis(at), "due_at": None}
        session.execute(update(TABLE).where(*conditions).values(values))


def erase(session: Transaction, refs: Iterable[Ref]) -> None:
    """Delete records."""
    for chunk in chunk_refs(refs):
        session.execute(TABLE.delete().where(*chunk_conditions(session, TABLE, chunk)))


def count_by_type(session: Transaction, *conditions: ColumnElement[bool]) -> dict[ObjectType, int]:
    """Count the rows of each type that conditions on the table name."""
    query = select(_C.object_type, func.count()).where(*conditions).group_by(_C.object_type)
    counts = {row[0]: row[1] for row in session.execute(query)}
    return {
        object_type: counts.get(object_type.value, 0)
        for object_type in ObjectType
        if object_type in ALWAYS_READ_TYPES or object_type.value in counts
    }


def _rows(session: Transaction, refs: Iterable[Ref]) -> dict[Ref, Any]:
    return {
        Ref(chunk[0], str(row.object_id)): row
        for chunk in chunk_refs(refs)
        for row in session.execute(select(TABLE).where(*chunk_conditions(session, TABLE, chunk)))
    }


def _with_read_back(stored: Record, read_back: Record) -> Record:
    properties = {**stored.properties, **read_back.properties}
    return replace(read_back, properties=properties, created_at=stored.created_at)


def _row(session: Transaction, record: Record, due_at: int) -> dict[str, Any]:
    ref, modified = record.ref, to_millis(record.modified_at)
    return {
        "portal_id": session.portal_key,
        "object_type": ref.object_type.value,
        "object_id": int(ref.id),
        "properties": canonical_json(record.properties),
        "modified_at": modified,
        "created_at": to_millis(record.created_at),
        "archived_at": modified if record.archived else None,
        "company_id": _company_id(record),
        "due_at": None if record.archived else due_at,
    }


def _record(row: Any) -> Record:
    _, object_type, object_id, properties, modified_at, created_at, archived_at, *_ = row
    return Record(
        ref=ref_of(object_type, object_id),
        properties=parse_json(properties),
        modified_at=from_millis(modified_at),
        created_at=from_millis(created_at),
        archived=archived_at is not None,
    )


def is_newer(old: Columns, new: Columns) -> ColumnElement[bool]:
    """Return the condition that the new version of a row is not older, and different."""
    is_different = or_(
        new.modified_at > old.modified_at,
        new.properties != old.properties,
        new.archived_at.is_(None) != old.archived_at.is_(None),
    )
    return and_(new.modified_at >= old.modified_at, is_different)


def _differs(record: Record, properties: str, stored: Any) -> bool:
    """Return whether a record is newer than its row, or as old and has other values.

    `properties` are its values as the table holds them. A newer record with equal values counts
    too: its associations may have changed.
    """
    if stored is None:
        return True
    modified = to_millis(record.modified_at)
    if modified != stored.modified_at:
        return bool(modified > stored.modified_at)
    archived = stored.archived_at is not None
    return record.archived != archived or bool(properties != stored.properties)


def _company_id(record: Record) -> int | None:
    text_id = record.properties.get(_COMPANY)
    return int(text_id) if text_id and text_id.isascii() and text_id.isdigit() else None
