"""Store which records were merged into which, so that an old id still finds its record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Index, bindparam, select, update
from sqlmodel import SQLModel

from connector.core.model import Ref
from state.db.columns import number, number_key, table_of, text_key
from state.db.keys import chunk_conditions, chunk_refs, ref_of
from state.db.timestamps import to_millis
from state.db.transaction import Transaction
from state.db.upsert import upsert


class _Row(SQLModel, table=True):
    __tablename__ = "aliases"
    __table_args__ = (Index("aliases_survivor", "portal_id", "object_type", "survivor_id"),)

    portal_id: int = number_key()
    object_type: str = text_key()
    object_id: int = number_key()
    survivor_id: int = number()
    at: int = number()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c
_ANY_MERGE: Final = select(_C.object_id).where(_C.portal_id == bindparam("portal_key")).limit(1)


def add(session: Transaction, merged: Mapping[Ref, Ref], *, at: datetime) -> None:
    """Store merges; records that were merged into an old record earlier follow it."""
    for old, survivor in merged.items():
        conditions = (
            _C.portal_id == session.portal_key,
            _C.object_type == old.object_type.value,
            _C.survivor_id == int(old.id),
        )
        session.execute(update(_TABLE).where(*conditions).values(survivor_id=int(survivor.id)))
    rows = [
        {
            "portal_id": session.portal_key,
            "object_type": old.object_type.value,
            "object_id": int(old.id),
            "survivor_id": int(survivor.id),
            "at": to_millis(at),
        }
        for old, survivor in merged.items()
    ]
    upsert(session, _TABLE, rows)


def read_survivors(session: Transaction, refs: Iterable[Ref]) -> dict[Ref, Ref]:
    """Return the survivors of merged records; a record that was never merged is absent."""
    # Most portals never merged anything, and each record that is read is asked for here.
    if session.execute(_ANY_MERGE, {"portal_key": session.portal_key}).first() is None:
        return {}
    survivors_by_ref: dict[Ref, Ref] = {}
    for chunk in chunk_refs(refs):
        query = select(_C.object_id, _C.survivor_id).where(
            *chunk_conditions(session, _TABLE, chunk)
        )
        for old, survivor in session.execute(query):
            survivors_by_ref[Ref(chunk[0], str(old))] = Ref(chunk[0], str(survivor))
    return survivors_by_ref


def all_refs(session: Transaction, ref: Ref) -> tuple[Ref, ...]:
    """Return every id that a record ever had, its present one included, ordered by id."""
    survivor = read_survivors(session, [ref]).get(ref, ref)
    conditions = (
        _C.portal_id == session.portal_key,
        _C.object_type == survivor.object_type.value,
        _C.survivor_id == int(survivor.id),
    )
    query = select(_C.object_type, _C.object_id).where(*conditions)
    old = {ref_of(object_type, old_id) for object_type, old_id in session.execute(query)}
    return tuple(sorted({survivor, ref, *old}))
