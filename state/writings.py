"""Remember which corrections of ours held, so that a later revert of one is known as such."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from connector.core.model import Correction, Ref
from connector.core.moves import content, key
from state.columns import number, number_key, table_of, text, text_key
from state.keys import among, pieces
from state.moments import from_millis, to_millis
from state.upsert import insert_missing, upsert


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
    wanted = {(one.record, content(one)): key(one) for one in corrections}
    found: dict[str, datetime] = {}
    for piece in pieces(record for record, _ in wanted):
        which = among(_TABLE, portal_id, piece)
        for its_id, told, at in session.execute(
            select(_C.object_id, _C.content_key, _C.at).where(*which)
        ):
            known = wanted.get((Ref(piece[0], str(its_id)), told))
            if known is not None:
                found[known] = from_millis(at)
    return found


def forget(session: Session, portal_id: str, corrections: Iterable[Correction]) -> None:
    """Forget corrections whose revert has been counted."""
    for one in corrections:
        piece = (one.record.object_type, [int(one.record.id)])
        which = (*among(_TABLE, portal_id, piece), _C.content_key == content(one))
        session.execute(delete(_TABLE).where(*which))


def carry(session: Session, portal_id: str, merged: Mapping[Ref, Ref]) -> None:
    """Let the survivors of merged records take over what held, unless something of theirs did."""
    for old, survivor in merged.items():
        which = tuple(among(_TABLE, portal_id, (old.object_type, [int(old.id)])))
        rows = session.execute(select(_TABLE).where(*which)).all()
        carried = [{**row._mapping, "object_id": int(survivor.id)} for row in rows]
        insert_missing(session, _TABLE, carried)
        session.execute(delete(_TABLE).where(*which))


def _row(portal_id: str, one: Correction, at: datetime) -> dict[str, Any]:
    return {
        "portal_id": int(portal_id),
        "object_type": one.record.object_type.value,
        "object_id": int(one.record.id),
        "property_name": one.property_name,
        "content_key": content(one),
        "at": to_millis(at),
    }
