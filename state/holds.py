"""Store holds: what must not be corrected, who said so, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlmodel import SQLModel

from connector.core.corrections.holds import Hold, HoldOrigin, HoldScope
from connector.core.model import Ref
from state.db.columns import number, number_key, table_of, text, text_key
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction
from state.db.upsert import Columns, upsert


class _Row(SQLModel, table=True):
    """The origin belongs to the key, so an undo does not replace the operator's own hold."""

    __tablename__ = "holds"

    portal_id: int = number_key()
    scope: str = text_key()
    of: str = text_key()
    property_name: str = text_key()
    origin: str = text_key()
    reason: str = text()
    by: str = text()
    since: int = number()
    until: int | None = number()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c
_CHUNK: Final = 1000
_RECORD_SCOPES: Final = (HoldScope.RECORD.value, HoldScope.COMPANY.value)


def add(session: Transaction, holds: Iterable[Hold]) -> None:
    """Store holds; a hold of the same scope, target, property and origin is replaced."""
    upsert(session, _TABLE, [_row(session, hold) for hold in holds])


def remove(
    session: Transaction,
    scope: HoldScope,
    name: str,
    *,
    property_name: str | None = None,
    origin: HoldOrigin | None = None,
) -> int:
    """Delete the holds on a target, optionally of one property or origin; return how many."""
    conditions = [_C.portal_id == session.portal_key, _C.scope == scope.value, _C.of == name]
    if property_name is not None:
        conditions.append(_C.property_name == property_name)
    if origin is not None:
        conditions.append(_C.origin == origin.value)
    removed = len(session.execute(select(_C.of).where(*conditions)).all())
    session.execute(delete(_TABLE).where(*conditions))
    return removed


def read_active(
    session: Transaction, *, now: datetime, since: datetime | None = None
) -> tuple[Hold, ...]:
    """Return the holds that have not ended, ordered by scope and target.

    With `since` only those that were laid down from then on.
    """
    conditions = [] if since is None else [_C.since >= to_millis(since)]
    return _read_active(session, now, *conditions)


def read_active_on(
    session: Transaction, records: Iterable[Ref], *, now: datetime
) -> tuple[Hold, ...]:
    """Return the holds that have not ended, of single records only those of these records.

    A rejected plan leaves a hold on each of its records; those of a company, an owner or a value
    are few, and which records they concern is not known here.
    """
    active = list(_read_active(session, now, _C.scope != HoldScope.RECORD.value))
    targets = sorted({str(record) for record in records})
    for start in range(0, len(targets), _CHUNK):
        chunk = targets[start : start + _CHUNK]
        active += _read_active(session, now, _C.scope == HoldScope.RECORD.value, _C.of.in_(chunk))
    return tuple(active)


def _read_active(
    session: Transaction, now: datetime, *conditions: ColumnElement[bool]
) -> tuple[Hold, ...]:
    not_expired = or_(_C.until.is_(None), _C.until > to_millis(now))
    query = select(_TABLE).where(_C.portal_id == session.portal_key, not_expired, *conditions)
    ordered = query.order_by(_C.scope, _C.of, _C.property_name, _C.origin)
    return tuple(_hold(row) for row in session.execute(ordered))


def move_to_survivors(session: Transaction, merged: Mapping[Ref, Ref]) -> None:
    """Move holds on merged records to the survivors; of two equal holds the longer one stays."""
    for old, survivor in merged.items():
        conditions = (
            _C.portal_id == session.portal_key,
            _C.scope.in_(_RECORD_SCOPES),
            _C.of == str(old),
        )
        rows = session.execute(select(_TABLE).where(*conditions)).all()
        moved_rows = [{**row._mapping, "of": str(survivor)} for row in rows]
        upsert(session, _TABLE, moved_rows, only_if=_lasts_longer)
        session.execute(delete(_TABLE).where(*conditions))


def _lasts_longer(old: Columns, new: Columns) -> ColumnElement[bool]:
    return and_(old.until.is_not(None), or_(new.until.is_(None), new.until > old.until))


def _row(session: Transaction, hold: Hold) -> dict[str, Any]:
    return {
        "portal_id": session.portal_key,
        "scope": hold.scope.value,
        "of": hold.target,
        "property_name": hold.property_name,
        "origin": hold.origin.value,
        "reason": hold.reason,
        "by": hold.by,
        "since": to_millis(hold.since),
        "until": None if hold.until is None else to_millis(hold.until),
    }


def _hold(row: Any) -> Hold:
    return Hold(
        scope=HoldScope(row.scope),
        target=row.of,
        property_name=row.property_name,
        reason=row.reason,
        by=row.by,
        since=from_millis(row.since),
        until=None if row.until is None else from_millis(row.until),
        origin=HoldOrigin(row.origin),
    )
