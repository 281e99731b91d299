"""Store which corrections were applied, so that a later revert is recognised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select
from sqlmodel import SQLModel

from connector.core.corrections.moves import correction_digest, correction_key
from connector.core.model import Correction, Ref
from state.db.columns import number, number_key, table_of, text, text_key
from state.db.keys import chunk_conditions, chunk_refs
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction
from state.db.upsert import insert_missing, upsert


class _Row(SQLModel, table=True):
    """One row for each property of a record: its last applied correction."""

    __tablename__ = "writings"

    portal_id: int = number_key()
    object_type: str = text_key()
    object_id: int = number_key()
    property_name: str = text_key()
    content_key: str = text()
    at: int = number()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c


def add(session: Transaction, corrections: Iterable[Correction], *, at: datetime) -> None:
    """Store corrections as applied."""
    upsert(session, _TABLE, [_row(session, correction, at) for correction in corrections])


def reverted_times(session: Transaction, corrections: Iterable[Correction]) -> dict[str, datetime]:
    """Return, by correction key, when each correction was applied before.

    A correction that is planned again although it was applied once has been reverted by another
    writer in between; corrections that were never applied are absent.
    """
    keys_by_content = {
        (correction.record, correction_digest(correction)): correction_key(correction)
        for correction in corrections
    }
    times_by_key: dict[str, datetime] = {}
    for chunk in chunk_refs(record for record, _ in keys_by_content):
        conditions = chunk_conditions(session, _TABLE, chunk)
        for object_id, content_key, at in session.execute(
            select(_C.object_id, _C.content_key, _C.at).where(*conditions)
        ):
            key = keys_by_content.get((Ref(chunk[0], str(object_id)), content_key))
            if key is not None:
                times_by_key[key] = from_millis(at)
    return times_by_key


def forget(session: Transaction, corrections: Iterable[Correction]) -> None:
    """Delete corrections whose revert has been counted."""
    for correction in corrections:
        chunk = (correction.record.object_type, [int(correction.record.id)])
        conditions = (
            *chunk_conditions(session, _TABLE, chunk),
            _C.content_key == correction_digest(correction),
        )
        session.execute(delete(_TABLE).where(*conditions))


def move_to_survivors(session: Transaction, merged: Mapping[Ref, Ref]) -> None:
    """Move applied corrections of merged records to the survivors; a survivor's own row stays."""
    for old, survivor in merged.items():
        conditions = tuple(chunk_conditions(session, _TABLE, (old.object_type, [int(old.id)])))
        rows = session.execute(select(_TABLE).where(*conditions)).all()
        moved_rows = [{**row._mapping, "object_id": int(survivor.id)} for row in rows]
        insert_missing(session, _TABLE, moved_rows)
        session.execute(delete(_TABLE).where(*conditions))


def _row(session: Transaction, correction: Correction, at: datetime) -> dict[str, Any]:
    return {
        "portal_id": session.portal_key,
        "object_type": correction.record.object_type.value,
        "object_id": int(correction.record.id),
        "property_name": correction.property_name,
        "content_key": correction_digest(correction),
        "at": to_millis(at),
    }
