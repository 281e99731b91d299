"""Count how often a correction failed; after the second failure it is quarantined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, select
from sqlmodel import SQLModel

from connector.core.corrections.moves import correction_digest
from connector.core.model import Correction, Outcome, Ref
from state.db.columns import number, number_key, table_of, text, text_key
from state.db.keys import ref_of
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction
from state.db.upsert import Columns, upsert

_QUARANTINE_AFTER: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCorrection:
    """A quarantined correction: how often and how it failed, and HubSpot's message about it."""

    record: Ref
    property_name: str
    key: str
    times: int
    outcome: Outcome
    note: str
    at: datetime


class _Row(SQLModel, table=True):
    __tablename__ = "strikes"

    portal_id: int = number_key()
    object_type: str = text_key()
    object_id: int = number_key()
    content_key: str = text_key()
    property_name: str = text()
    times: int
    outcome: str = text()
    note: str = text()
    at: int = number()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c


def note_failure(
    session: Transaction,
    correction: Correction,
    *,
    outcome: Outcome,
    note: str,
    at: datetime,
) -> int:
    """Count one more failure of this correction; return the number of failures."""
    row = {
        "portal_id": session.portal_key,
        "object_type": correction.record.object_type.value,
        "object_id": int(correction.record.id),
        "content_key": correction_digest(correction),
        "property_name": correction.property_name,
        "times": 1,
        "outcome": outcome.value,
        "note": note,
        "at": to_millis(at),
    }
    upsert(session, _TABLE, [row], overrides=_add_times)
    conditions = (
        *_record_conditions(session, correction.record),
        _C.content_key == row["content_key"],
    )
    times: int = session.execute(select(_C.times).where(*conditions)).scalar_one()
    return times


def read_quarantined(session: Transaction) -> tuple[FailedCorrection, ...]:
    """Return all quarantined corrections, the newest first."""
    conditions = (_C.portal_id == session.portal_key, _C.times >= _QUARANTINE_AFTER)
    newest_first = (_C.at.desc(), _C.object_type, _C.object_id, _C.content_key)
    query = select(_TABLE).where(*conditions).order_by(*newest_first)
    return tuple(_failed_correction(row) for row in session.execute(query))


def move_to_survivors(session: Transaction, merged: Mapping[Ref, Ref]) -> None:
    """Move failures of merged records to the survivors; the counts of both are added."""
    for old, survivor in merged.items():
        rows = session.execute(select(_TABLE).where(*_record_conditions(session, old))).all()
        moved_rows = [{**row._mapping, "object_id": int(survivor.id)} for row in rows]
        upsert(session, _TABLE, moved_rows, overrides=_add_times)
        forget_failures(session, old)


def forget_failures(session: Transaction, ref: Ref) -> None:
    """Delete the failures of a record, so that its corrections are tried again."""
    session.execute(delete(_TABLE).where(*_record_conditions(session, ref)))


def _add_times(old: Columns, new: Columns) -> dict[str, ColumnElement[Any]]:
    return {"times": old.times + new.times}


def _record_conditions(session: Transaction, ref: Ref) -> tuple[ColumnElement[bool], ...]:
    return (
        _C.portal_id == session.portal_key,
        _C.object_type == ref.object_type.value,
        _C.object_id == int(ref.id),
    )


def _key(ref: Ref, content_key: str) -> str:
    return f"{ref} {content_key}"


def _failed_correction(row: Any) -> FailedCorrection:
    ref = ref_of(row.object_type, row.object_id)
    return FailedCorrection(
        record=ref,
        property_name=row.property_name,
        key=_key(ref, row.content_key),
        times=row.times,
        outcome=Outcome(row.outcome),
        note=row.note,
        at=from_millis(row.at),
    )
