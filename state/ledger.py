"""Store the values that a property once had, from HubSpot's history or from the mirror.

HubSpot shows histories only when a read asks for them (`propertiesWithHistory`, CRM objects guide)
and need not show all of them; the ledger keeps every version that it has seen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any, Final

from sqlalchemy import and_, delete, exists, or_, select
from sqlmodel import SQLModel

from connector.core.model import STAGE_PROPERTIES, ObjectType, Record, Ref, Version
from state.db.columns import number, number_key, table_of, text, text_key
from state.db.keys import chunk_conditions, chunk_refs, ref_of
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction
from state.db.upsert import insert_missing, upsert

MIRROR: Final = "MIRROR"
CONNECTOR: Final = "CONNECTOR"
"""The source type of a value that the connector wrote; its `source_id` is the run."""


class _Row(SQLModel, table=True):
    """The value belongs to the key, because a clear and a set may share one millisecond."""

    __tablename__ = "ledger"

    portal_id: int = number_key()
    object_type: str = text_key()
    object_id: int = number_key()
    property_name: str = text_key()
    at: int = number_key()
    value: str = text_key()
    source_type: str = text()
    source_id: str = text()
    user_id: str = text()
    source_label: str = text()


_TABLE: Final = table_of(_Row)


class _ReadRow(SQLModel, table=True):
    __tablename__ = "ledger_reads"

    portal_id: int = number_key()
    object_type: str = text_key()
    object_id: int = number_key()
    read_at: int = number()


_READS: Final = table_of(_ReadRow)
_C: Final = _TABLE.c
_PROPERTY_KEY: Final = (_C.object_type, _C.object_id, _C.property_name)
_PAGE: Final = 1000


def store_histories(
    session: Transaction,
    property_name: str,
    histories: Mapping[Ref, Sequence[Version]],
) -> None:
    """Store HubSpot's histories of many records; repeating it changes nothing."""
    upsert(session, _TABLE, list(_rows(session, property_name, histories)))


def store_sightings(
    session: Transaction,
    property_name: str,
    histories: Mapping[Ref, Sequence[Version]],
) -> None:
    """Store values that the mirror saw (source type `MIRROR`); HubSpot's own versions win."""
    insert_missing(session, _TABLE, list(_rows(session, property_name, histories)))


def read_versions(
    session: Transaction, refs: Iterable[Ref], property_name: str
) -> dict[Ref, tuple[Version, ...]]:
    """Return the known versions, newest first; every asked record is a key.

    A version that the mirror or the connector stored is left out where the version before it has
    the same value: HubSpot's history already holds that change.
    """
    history_by_ref: dict[Ref, list[Version]] = {ref: [] for ref in refs}
    for chunk in chunk_refs(history_by_ref):
        conditions = (
            *chunk_conditions(session, _TABLE, chunk),
            _TABLE.c.property_name == property_name,
        )
        oldest_first = select(_TABLE).where(*conditions).order_by(_TABLE.c.at, _TABLE.c.value)
        for row in session.execute(oldest_first):
            history_by_ref[ref_of(row.object_type, row.object_id)].append(_version(row))
    return {
        ref: tuple(reversed(_without_repeats(history))) for ref, history in history_by_ref.items()
    }


def mark_read(session: Transaction, refs: Iterable[Ref], *, at: datetime) -> None:
    """Store that HubSpot's own history of these records was read completely at that time."""
    read_at = to_millis(at)
    rows = [{**_key(session, ref), "read_at": read_at} for ref in refs]
    upsert(session, _READS, rows)


def history_read_until(session: Transaction, refs: Iterable[Ref]) -> dict[Ref, datetime]:
    """Return when HubSpot's own history was last read; absent where it never was."""
    times_by_ref: dict[Ref, datetime] = {}
    for chunk in chunk_refs(refs):
        for row in session.execute(select(_READS).where(*chunk_conditions(session, _READS, chunk))):
            times_by_ref[ref_of(row.object_type, row.object_id)] = from_millis(row.read_at)
    return times_by_ref


def move_to_survivors(session: Transaction, merged: Mapping[Ref, Ref]) -> None:
    """Move the versions of merged records to their survivors."""
    for old, survivor in merged.items():
        conditions = tuple(chunk_conditions(session, _TABLE, (old.object_type, [int(old.id)])))
        rows = session.execute(select(_TABLE).where(*conditions)).all()
        moved_rows = [{**row._mapping, "object_id": int(survivor.id)} for row in rows]
        insert_missing(session, _TABLE, moved_rows)
    erase(session, merged)


def erase(session: Transaction, refs: Iterable[Ref]) -> None:
    """Delete all versions of these records."""
    for chunk in chunk_refs(refs):
        for table in (_TABLE, _READS):
            session.execute(delete(table).where(*chunk_conditions(session, table, chunk)))


def prune(session: Transaction, *, before: datetime) -> None:
    """Delete the versions that a later version had replaced by then.

    The version that was current at that moment stays, with the time when it began. All stages of
    deals stay, because any of them can prove that a deal was won once.
    """
    later_version, cutoff = _TABLE.alias(), to_millis(before)
    same_property = [
        later_version.c[column.name] == column for column in (_C.portal_id, *_PROPERTY_KEY)
    ]
    is_later = or_(
        later_version.c.at > _C.at,
        and_(later_version.c.at == _C.at, later_version.c.value > _C.value),
    )
    replaced = exists().where(
        *same_property, later_version.c.at <= cutoff, later_version.c.value != _C.value, is_later
    )
    conditions = (_C.portal_id == session.portal_key, _C.object_type != ObjectType.DEALS.value)
    session.execute(delete(_TABLE).where(*conditions, _C.at <= cutoff, replaced))


def read_histories(
    session: Transaction, property_names: Collection[str]
) -> Iterator[tuple[Ref, str, tuple[Version, ...]]]:
    """Yield the known versions of these properties, oldest first, record by record."""
    conditions = (_C.portal_id == session.portal_key, _C.property_name.in_(property_names))
    order = (_C.object_type, _C.object_id, _C.property_name, _C.at, _C.value)
    rows = session.execute(
        select(_TABLE).where(*conditions).order_by(*order).execution_options(yield_per=_PAGE)
    )
    for (object_type, object_id, name), version_rows in groupby(rows, key=_property_key):
        yield (
            ref_of(object_type, object_id),
            name,
            tuple(_without_repeats([_version(row) for row in version_rows])),
        )


def store_stage_changes(session: Transaction, changes: Iterable[tuple[Record, Record]]) -> None:
    """Store which stages changed, from mirrored records to newer ones, as sightings."""
    stage_changes: dict[str, dict[Ref, tuple[Version, Version]]] = {}
    for old, new in changes:
        name = STAGE_PROPERTIES[new.ref.object_type]
        if name in new.properties and old.properties.get(name) != new.properties[name]:
            versions = (_stage_version(old, name), _stage_version(new, name))
            stage_changes.setdefault(name, {})[new.ref] = versions
    for name, sightings in stage_changes.items():
        store_sightings(session, name, sightings)


def _property_key(row: Any) -> tuple[str, int, str]:
    return row.object_type, row.object_id, row.property_name


def _without_repeats(history: Sequence[Version]) -> list[Version]:
    changes = [
        new
        for old, new in pairwise(history)
        if new.source_type not in {MIRROR, CONNECTOR} or new.value != old.value
    ]
    return [*history[:1], *changes]


def _rows(
    session: Transaction, property_name: str, histories: Mapping[Ref, Sequence[Version]]
) -> Iterator[dict[str, Any]]:
    for ref, history in histories.items():
        for version in history:
            yield {
                **_key(session, ref),
                "property_name": property_name,
                "at": to_millis(version.at),
                "value": version.value,
                "source_type": version.source_type,
                "source_id": version.source_id,
                "user_id": version.user_id,
                "source_label": version.source_label,
            }


def _key(session: Transaction, ref: Ref) -> dict[str, Any]:
    return {
        "portal_id": session.portal_key,
        "object_type": ref.object_type.value,
        "object_id": int(ref.id),
    }


def _version(row: Any) -> Version:
    return Version(
        value=row.value,
        at=from_millis(row.at),
        source_type=row.source_type,
        source_id=row.source_id,
        user_id=row.user_id,
        source_label=row.source_label,
    )


def _stage_version(record: Record, name: str) -> Version:
    stage = record.properties.get(name) or ""
    return Version(value=stage, at=record.modified_at, source_type=MIRROR)
