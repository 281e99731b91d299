"""Store when each record must be decided again: the column `due_at` of the mirror."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Update, bindparam, or_, update

from connector.core.model import (
    DECIDED_TYPES,
    ObjectType,
    Ref,
)
from state import mirror
from state.db.keys import chunk_conditions, chunk_refs
from state.db.timestamps import to_millis
from state.db.transaction import Transaction
from state.mirror import count_by_type, refs_after

_C: Final = mirror.TABLE.c


def due_refs(
    session: Transaction,
    object_type: ObjectType,
    *,
    until: datetime,
    after_id: str = "0",
    limit: int = 1000,
) -> tuple[Ref, ...]:
    """Return live records that are due by then, ordered by id."""
    condition = _C.due_at <= to_millis(until)
    return refs_after(session, object_type, condition, after_id=after_id, limit=limit)


def count_due(session: Transaction, *, until: datetime) -> dict[ObjectType, int]:
    """Count the records of each type that are due by then."""
    return count_by_type(session, _C.portal_id == session.portal_key, _C.due_at <= to_millis(until))


def mark_due(session: Transaction, refs: Iterable[Ref], *, at: datetime) -> None:
    """Make records due at that time; an earlier due time stays."""
    for chunk in chunk_refs(refs):
        _bring_forward(session, chunk_conditions(session, mirror.TABLE, chunk), to_millis(at))


def mark_all_due(
    session: Transaction,
    *,
    at: datetime,
    object_types: Sequence[ObjectType] = DECIDED_TYPES,
) -> None:
    """Make every record of these types due at that time; earlier due times stay."""
    is_of_types = _C.object_type.in_([object_type.value for object_type in object_types])
    _bring_forward(session, (_C.portal_id == session.portal_key, is_of_types), to_millis(at))


def set_due(session: Transaction, times: Mapping[Ref, datetime | None]) -> None:
    """Set when records are due next; None means not before something changes."""
    rows = [
        {
            "its_type": ref.object_type.value,
            "its_id": int(ref.id),
            "next": None if at is None else to_millis(at),
        }
        for ref, at in times.items()
    ]
    if rows:
        session.connection().execute(_set_due_statement(session), rows)


def _bring_forward(
    session: Transaction, conditions: Iterable[ColumnElement[bool]], due_at: int
) -> None:
    is_due_later = or_(_C.due_at.is_(None), _C.due_at > due_at)
    all_conditions = (*conditions, _C.archived_at.is_(None), is_due_later)
    session.execute(update(mirror.TABLE).where(*all_conditions).values(due_at=due_at))


def _set_due_statement(session: Transaction) -> Update:
    return (
        update(mirror.TABLE)
        .where(
            _C.portal_id == session.portal_key,
            _C.object_type == bindparam("its_type"),
            _C.object_id == bindparam("its_id"),
            _C.archived_at.is_(None),
        )
        .values(due_at=bindparam("next"))
    )
