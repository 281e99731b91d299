"""Store where the audit was cut, so that its chain continues from there."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import insert, select
from sqlmodel import SQLModel

from connector.core.corrections.audit import AuditCut
from state.db.columns import number, number_key, table_of, text
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction


class _Row(SQLModel, table=True):
    """Triggers allow deleting the lines up to `place` once this row exists, and no others."""

    __tablename__ = "audit_cuts"

    portal_id: int = number_key()
    place: int = number_key()
    hash: str = text()
    latest: int = number()
    at: int = number()
    file: str = text()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c


def add(session: Transaction, cut: AuditCut) -> None:
    """Store a cut, in the transaction that deletes its lines."""
    row = {
        "portal_id": session.portal_key,
        "place": cut.position,
        "hash": cut.hash,
        "latest": to_millis(cut.last_line_at),
        "at": to_millis(cut.at),
        "file": cut.file,
    }
    session.execute(insert(_TABLE), [row])


def last(session: Transaction) -> AuditCut | None:
    """Return the latest cut, None where nothing was ever cut."""
    query = select(_TABLE).where(_C.portal_id == session.portal_key)
    return _cut(session.execute(query.order_by(_C.place.desc()).limit(1)).one_or_none())


def at_place(session: Transaction, place: int) -> AuditCut | None:
    """Return the cut that ends in this line, None where there is none."""
    conditions = (_C.portal_id == session.portal_key, _C.place == place)
    return _cut(session.execute(select(_TABLE).where(*conditions)).one_or_none())


def _cut(row: Any) -> AuditCut | None:
    if row is None:
        return None
    return AuditCut(
        position=row.place,
        hash=row.hash,
        last_line_at=from_millis(row.latest),
        at=from_millis(row.at),
        file=row.file,
    )
