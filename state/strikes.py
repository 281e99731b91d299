"""Count how often a correction came to nothing; after the second time it is quarantined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from connector.core.model import Correction, Outcome, Ref
from connector.core.moves import content, key
from state.columns import number, number_key, table_of, text, text_key
from state.keys import among, pieces, ref_of
from state.moments import from_millis, to_millis
from state.upsert import Columns, upsert

_ENOUGH: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """A quarantined correction: how it last ended, and what a person should know of it."""

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


def strike(
    session: Session,
    portal_id: str,
    correction: Correction,
    *,
    outcome: Outcome,
    note: str,
    at: datetime,
) -> int:
    """Count one more failure of this correction, and return how many there are by now."""
    row = {
        "portal_id": int(portal_id),
        "object_type": correction.record.object_type.value,
        "object_id": int(correction.record.id),
        "content_key": content(correction),
        "property_name": correction.property_name,
        "times": 1,
        "outcome": outcome.value,
        "note": note,
        "at": to_millis(at),
    }
    upsert(session, _TABLE, [row], but=_once_more)
    which = (*_of(portal_id, correction.record), _C.content_key == row["content_key"])
    times: int = session.execute(select(_C.times).where(*which)).scalar_one()
    return times


def quarantined(
    session: Session, portal_id: str, corrections: Iterable[Correction]
) -> frozenset[str]:
    """Return the content keys of those that came to nothing twice."""
    keys = {key(one): one.record for one in corrections}
    found: set[str] = set()
    for piece in pieces(keys.values()):
        which = (*among(_TABLE, portal_id, piece), _C.times >= _ENOUGH)
        rows = session.execute(select(_C.object_id, _C.content_key).where(*which))
        found.update(_key(Ref(piece[0], str(number)), told) for number, told in rows)
    return frozenset(found & keys.keys())


def listed(session: Session, portal_id: str) -> tuple[Strike, ...]:
    """Return everything that is quarantined, the newest first."""
    which = (_C.portal_id == int(portal_id), _C.times >= _ENOUGH)
    newest_first = (_C.at.desc(), _C.object_type, _C.object_id, _C.content_key)
    query = select(_TABLE).where(*which).order_by(*newest_first)
    return tuple(_strike(row) for row in session.execute(query))


def carry(session: Session, portal_id: str, merged: Mapping[Ref, Ref]) -> None:
    """Let the survivors of merged records take over their strikes; those of both are added up."""
    for old, survivor in merged.items():
        rows = session.execute(select(_TABLE).where(*_of(portal_id, old))).all()
        carried = [{**row._mapping, "object_id": int(survivor.id)} for row in rows]
        upsert(session, _TABLE, carried, but=_once_more)
        clear(session, portal_id, old)


def clear(session: Session, portal_id: str, ref: Ref) -> None:
    """Forget a record's strikes, so that its corrections are tried again."""
    session.execute(delete(_TABLE).where(*_of(portal_id, ref)))


def _once_more(old: Columns, new: Columns) -> dict[str, ColumnElement[Any]]:
    return {"times": old.times + new.times}


def _of(portal_id: str, ref: Ref) -> tuple[ColumnElement[bool], ...]:
    return (
        _C.portal_id == int(portal_id),
        _C.object_type == ref.object_type.value,
        _C.object_id == int(ref.id),
    )


def _key(ref: Ref, told: str) -> str:
    return f"{ref} {told}"


def _strike(row: Any) -> Strike:
    ref = ref_of(row.object_type, row.object_id)
    return Strike(
        record=ref,
        property_name=row.property_name,
        key=_key(ref, row.content_key),
        times=row.times,
        outcome=Outcome(row.outcome),
        note=row.note,
        at=from_millis(row.at),
    )
