"""Remember which corrections of ours held, so that a later revert of one is known as such."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from connector.core.model import Correction
from connector.core.moves import key
from state.columns import number, number_key, table_of, text, text_key
from state.keys import among, pieces
from state.moments import from_millis, to_millis
from state.upsert import upsert


class _Row(SQLModel, table=True):
    """One row for each property of a record: the last correction that was applied."""

    __tablename__ = "writings"

    portal_id: int = number_key()
    object_type: str = text_key()
    object_id: int = number_key()
    property_name: str = text_key()
    content_key: str = text()
    at: int = number()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c


def note(
    session: Session, portal_id: str, corrections: Iterable[Correction], *, at: datetime
) -> None:
    """Note corrections as applied."""
    upsert(session, _TABLE, [_row(portal_id, one, at) for one in corrections])


def undone(
    session: Session, portal_id: str, corrections: Iterable[Correction]
) -> dict[str, datetime]:
    """Return those that are asked for once more though they held once: by key, when they did."""
    wanted = {key(one): one.record for one in corrections}
    found: dict[str, datetime] = {}
    for piece in pieces(wanted.values()):
        rows = session.execute(
            select(_C.content_key, _C.at).where(*among(_TABLE, portal_id, piece))
        )
        found.update((text, from_millis(at)) for text, at in rows if text in wanted)
    return found


def forget(session: Session, portal_id: str, corrections: Iterable[Correction]) -> None:
    """Forget corrections whose revert has been counted."""
    by_record = {key(one): one for one in corrections}
    for piece in pieces(one.record for one in by_record.values()):
        which = (*among(_TABLE, portal_id, piece), _C.content_key.in_(list(by_record)))
        session.execute(delete(_TABLE).where(*which))


def _row(portal_id: str, one: Correction, at: datetime) -> dict[str, Any]:
    return {
        "portal_id": int(portal_id),
        "object_type": one.record.object_type.value,
        "object_id": int(one.record.id),
        "property_name": one.property_name,
        "content_key": key(one),
        "at": to_millis(at),
    }
