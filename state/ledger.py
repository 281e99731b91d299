"""Remember the values that a property once had, from HubSpot's history or the mirror."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any, Final

from sqlalchemy import and_, delete, exists, or_, select
from sqlmodel import SQLModel

from connector.core.model import ObjectType, Ref, Version
from state.db.columns import number, number_key, table_of, text, text_key
from state.db.keys import chunk_conditions, chunk_refs, ref_of
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction
from state.db.upsert import insert_missing, upsert

MIRROR: Final = "MIRROR"
CONNECTOR: Final = "CONNECTOR"
"""The source of a value that we wrote ourselves; its `source_id` is the run."""


class _Row(SQLModel, table=True):
    """The value is a part of the key: a clear and a set may share one millisecond."""

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


class _ReadRow(SQLModel, table=True):
    __tablename__ = "ledger_reads"

    portal_id: int = number_key()
    object_type: str = text_key()
    object_id: int = number_key()
    read_at: int = number()


_TABLE: Final = table_of(_Row)
_READS: Final = table_of(_ReadRow)
_C: Final = _TABLE.c
_PROPERTY_KEY: Final = (_C.object_type, _C.object_id, _C.property_name)
_PAGE: Final = 1000


def store_history(
    session: Transaction, ref: Ref, property_name: str, versions: Sequence[Version]
) -> None:
    """Store what HubSpot's history says of one record; doing it twice is doing it once."""
    store_histories(session, property_name, {ref: versions})


def store_histories(
    session: Transaction,
    property_name: str,
    histories: Mapping[Ref, Sequence[Version]],
) -> None:
    """Store what HubSpot's history says of many records; doing it twice is doing it once."""
    upsert(session, _TABLE, list(_rows(session.portal_id, property_name, histories)))


def store_sightings(
    session: Transaction,
    property_name: str,
    histories: Mapping[Ref, Sequence[Version]],
) -> None:
    """Store what the mirror saw (source type `MIRROR`), where HubSpot has not told it."""
    insert_missing(session, _TABLE, list(_rows(session.portal_id, property_name, histories)))


def read_versions(
    session: Transaction, refs: Iterable[Ref], property_name: str
) -> dict[Ref, tuple[Version, ...]]:
    """Return the versions known, newest first; every asked record is a key.

    What the mirror saw is left out where the version before it has the same value.
    """
    history_by_ref: dict[Ref, list[Version]] = {ref: [] for ref in refs}
    for chunk in chunk_refs(history_by_ref):
        conditions = (
            *chunk_conditions(_TABLE, session.portal_id, chunk),
            _TABLE.c.property_name == property_name,
        )
        oldest_first = select(_TABLE).where(*conditions).order_by(_TABLE.c.at, _TABLE.c.value)
        for row in session.execute(oldest_first):
            history_by_ref[ref_of(row.object_type, row.object_id)].append(_version(row))
    return {
        ref: tuple(reversed(_without_repeats(history))) for ref, history in history_by_ref.items()
    }


def mark_read(session: Transaction, refs: Iterable[Ref], *, at: datetime) -> None:
    """Note that HubSpot's own history of these records is known until then."""
    portal, read_at = int(session.portal_id), to_millis(at)
    rows = [{**_key(portal, ref), "read_at": read_at} for ref in refs]
    upsert(session, _READS, rows)


def history_read_until(session: Transaction, refs: Iterable[Ref]) -> dict[Ref, datetime]:
    """Return until when HubSpot's own history is known; absent where it was never read."""
    times_by_ref: dict[Ref, datetime] = {}
    for chunk in chunk_refs(refs):
        for row in session.execute(
            select(_READS).where(*chunk_conditions(_READS, session.portal_id, chunk))
        ):
            times_by_ref[ref_of(row.object_type, row.object_id)] = from_millis(row.read_at)
    return times_by_ref


def move_to_survivors(session: Transaction, merged: Mapping[Ref, Ref]) -> None:
    """Let the survivors of merged records take over what their properties once were."""
    for old, survivor in merged.items():
        conditions = tuple(
            chunk_conditions(_TABLE, session.portal_id, (old.object_type, [int(old.id)]))
        )
        rows = session.execute(select(_TABLE).where(*conditions)).all()
        moved_rows = [{**row._mapping, "object_id": int(survivor.id)} for row in rows]
        insert_missing(session, _TABLE, moved_rows)
    erase(session, merged)


def erase(session: Transaction, refs: Iterable[Ref]) -> None:
    """Forget what the properties of these records once were."""
    for chunk in chunk_refs(refs):
        for table in (_TABLE, _READS):
            session.execute(delete(table).where(*chunk_conditions(table, session.portal_id, chunk)))


def prune(session: Transaction, *, before: datetime) -> None:
    """Forget the values that had been replaced by then.

    The value of that moment stays, since when it was there. The stages of deals stay: whether
    a deal was won once rests on any of them.
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
    conditions = (_C.portal_id == int(session.portal_id), _C.object_type != ObjectType.DEALS.value)
    session.execute(delete(_TABLE).where(*conditions, _C.at <= cutoff, replaced))


def read_histories(
    session: Transaction, property_names: Collection[str]
) -> Iterator[tuple[Ref, str, tuple[Version, ...]]]:
    """Yield the versions known of these properties, oldest first, record by record."""
    conditions = (_C.portal_id == int(session.portal_id), _C.property_name.in_(property_names))
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
    portal_id: str, property_name: str, histories: Mapping[Ref, Sequence[Version]]
) -> Iterator[dict[str, Any]]:
    portal = int(portal_id)
    for ref, history in histories.items():
        for version in history:
            yield {
                **_key(portal, ref),
                "property_name": property_name,
                "at": to_millis(version.at),
                "value": version.value,
                "source_type": version.source_type,
                "source_id": version.source_id,
                "user_id": version.user_id,
                "source_label": version.source_label,
            }


def _key(portal: int, ref: Ref) -> dict[str, Any]:
    return {
        "portal_id": portal,
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
