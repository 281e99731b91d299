"""Store which records were written lately, so that limits count all plans together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, delete, func, select, update
from sqlmodel import SQLModel

from connector.core.corrections.moves import Move
from connector.core.model import ObjectType, Ref
from state.db.columns import number, number_key, table_of, text_key
from state.db.keys import chunk_conditions, chunk_refs, is_any
from state.db.timestamps import to_millis
from state.db.transaction import Transaction
from state.db.upsert import upsert
from state.mirror import TABLE as MIRROR

_RETENTION: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteCounts:
    """How many records of one type were written, and how many of them backward."""

    records: int = 0
    backward: int = 0


class _Row(SQLModel, table=True):
    """`backward_at` is when the stage was last moved backward, NULL where it never was.

    The `prior` columns hold the values from before the last write, in case it is withdrawn.
    """

    __tablename__ = "sendings"

    portal_id: int = number_key()
    object_type: str = text_key()
    object_id: int = number_key()
    at: int = number()
    backward_at: int | None = number()
    prior_at: int | None = number()
    prior_backward_at: int | None = number()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c


def add(session: Transaction, moves: Iterable[Move], *, at: datetime) -> None:
    """Count moves as written, in the transaction that promises them; delete old rows."""
    backward = [move.record for move in moves if move.clears_first]
    forward = [move.record for move in moves if not move.clears_first]
    millis = to_millis(at)
    upsert(
        session,
        _TABLE,
        [_row(session, ref, millis, millis) for ref in backward],
        overrides=_keep_prior,
    )
    upsert(
        session,
        _TABLE,
        [_row(session, ref, millis, None) for ref in forward],
        overrides=_keep_backward,
    )
    conditions = (_C.portal_id == session.portal_key, _C.at < to_millis(at - _RETENTION))
    session.execute(delete(_TABLE).where(*conditions))


def count_since(session: Transaction, at: datetime) -> dict[ObjectType, WriteCounts]:
    """Count the records written since then; a record that was written twice counts once."""
    millis = to_millis(at)
    query = select(
        _C.object_type, func.count(), func.count(_C.backward_at).filter(_C.backward_at >= millis)
    ).where(_C.portal_id == session.portal_key, _C.at >= millis)
    counts = {
        row[0]: WriteCounts(records=row[1], backward=row[2])
        for row in session.execute(query.group_by(_C.object_type))
    }
    return {object_type: counts.get(object_type.value, WriteCounts()) for object_type in ObjectType}


def count_by_company(
    session: Transaction, companies: Iterable[Ref], at: datetime
) -> dict[Ref, int]:
    """Count, for each of these companies, its contacts that were written since then."""
    counts: dict[Ref, int] = {}
    is_contact = _C.object_type == ObjectType.CONTACTS.value
    is_same_record = and_(
        MIRROR.c.portal_id == _C.portal_id,
        MIRROR.c.object_type == _C.object_type,
        MIRROR.c.object_id == _C.object_id,
    )
    for object_type, ids in chunk_refs(companies):
        query = (
            select(MIRROR.c.company_id, func.count())
            .select_from(_TABLE.join(MIRROR, is_same_record))
            .where(_C.portal_id == session.portal_key, is_contact, _C.at >= to_millis(at))
            .where(is_any(session, MIRROR.c.company_id, ids))
            .group_by(MIRROR.c.company_id)
        )
        counts.update(
            (Ref(object_type, str(company_id)), count)
            for company_id, count in session.execute(query)
        )
    return counts


def remove_last(session: Transaction, refs: Iterable[Ref]) -> None:
    """Withdraw the last write of records for which nothing was sent after all."""
    prior = {"at": _C.prior_at, "backward_at": _C.prior_backward_at, "prior_at": None}
    for chunk in chunk_refs(refs):
        conditions = chunk_conditions(session, _TABLE, chunk)
        session.execute(delete(_TABLE).where(*conditions, _C.prior_at.is_(None)))
        session.execute(update(_TABLE).where(*conditions).values(prior))


def _row(session: Transaction, ref: Ref, at: int, backward_at: int | None) -> dict[str, Any]:
    return {
        "portal_id": session.portal_key,
        "object_type": ref.object_type.value,
        "object_id": int(ref.id),
        "at": at,
        "backward_at": backward_at,
        "prior_at": None,
        "prior_backward_at": None,
    }


def _keep_prior(old: Any, _: Any) -> dict[str, Any]:
    return {"prior_at": old.at, "prior_backward_at": old.backward_at}


def _keep_backward(old: Any, new: Any) -> dict[str, Any]:
    return {**_keep_prior(old, new), "backward_at": func.coalesce(new.backward_at, old.backward_at)}
