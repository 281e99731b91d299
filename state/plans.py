"""Store plans; a plan is complete here before anything of it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKeyConstraint, Select, Table, delete, func, insert, select, update
from sqlmodel import SQLModel

from connector.core.corrections.holds import HeldBack
from connector.core.corrections.plan import PlanSummary, parse_summary
from connector.core.model import Correction
from state.db.columns import number, number_key, table_of, text, text_key
from state.db.encoding import (
    canonical_json,
    corrections_text,
    held_back_text,
    parse_corrections,
    parse_held_back,
    parse_json,
)
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHead:
    """A plan without its corrections; `digest` is "" until the plan is closed."""

    plan_id: str
    run: str
    policy_name: str
    policy_digest: str
    created_at: datetime
    digest: str = ""
    summary: PlanSummary = field(default_factory=PlanSummary)


class _PlanRow(SQLModel, table=True):
    __tablename__ = "plans"

    portal_id: int = number_key()
    plan_id: str = text_key()
    run: str = text()
    policy_name: str = text()
    policy_digest: str = text()
    created_at: int = number()
    digest: str = text()
    summary: str = text()


_PLANS: Final = table_of(_PlanRow)


class _MoveRow(SQLModel, table=True):
    __tablename__ = "plan_moves"
    __table_args__ = (
        ForeignKeyConstraint(
            ["portal_id", "plan_id"], ["plans.portal_id", "plans.plan_id"], ondelete="CASCADE"
        ),
    )

    portal_id: int = number_key()
    plan_id: str = text_key()
    place: int = number_key()
    corrections: str = text()


_MOVES: Final = table_of(_MoveRow)


class _HeldBackRow(SQLModel, table=True):
    __tablename__ = "plan_asides"
    __table_args__ = (
        ForeignKeyConstraint(
            ["portal_id", "plan_id"], ["plans.portal_id", "plans.plan_id"], ondelete="CASCADE"
        ),
    )

    portal_id: int = number_key()
    plan_id: str = text_key()
    place: int = number_key()
    aside: str = text()


_HELD_BACK: Final = table_of(_HeldBackRow)


def create(session: Transaction, head: PlanHead) -> None:
    """Create an open plan; it can be applied only after `close`."""
    row = {
        "portal_id": session.portal_key,
        "plan_id": head.plan_id,
        "run": head.run,
        "policy_name": head.policy_name,
        "policy_digest": head.policy_digest,
        "created_at": to_millis(head.created_at),
        "digest": head.digest,
        "summary": canonical_json(head.summary.document()),
    }
    session.execute(insert(_PLANS), [row])


def add(session: Transaction, plan_id: str, moves: Sequence[tuple[Correction, ...]]) -> None:
    """Append corrections to an open plan: one row for each record, in this order."""
    _append(
        session,
        _MOVES,
        plan_id,
        [{"corrections": corrections_text(record_corrections)} for record_corrections in moves],
    )


def add_held_back(session: Transaction, plan_id: str, held_back: Sequence[HeldBack]) -> None:
    """Append the corrections that this plan holds back, in this order."""
    _append(
        session,
        _HELD_BACK,
        plan_id,
        [{"aside": held_back_text(correction)} for correction in held_back],
    )


def _append(
    session: Transaction, table: Table, plan_id: str, texts: Sequence[Mapping[str, str]]
) -> None:
    """Append rows to a plan's rows in a table; each row is numbered by its place."""
    conditions = (table.c.portal_id == session.portal_key, table.c.plan_id == plan_id)
    last = session.scalar(select(func.max(table.c.place)).where(*conditions)) or 0
    key = {"portal_id": session.portal_key, "plan_id": plan_id}
    rows = [
        {**key, "place": place, **columns} for place, columns in enumerate(texts, start=last + 1)
    ]
    if rows:
        session.execute(insert(table), rows)


def read_held_back(
    session: Transaction, plan_id: str, *, after: int = 0, limit: int = 1000
) -> list[tuple[int, HeldBack]]:
    """Return the next held-back corrections, each with its place in the plan, from 1."""
    query = (
        select(_HELD_BACK.c.place, _HELD_BACK.c.aside)
        .where(
            _HELD_BACK.c.portal_id == session.portal_key,
            _HELD_BACK.c.plan_id == plan_id,
            _HELD_BACK.c.place > after,
        )
        .order_by(_HELD_BACK.c.place)
        .limit(limit)
    )
    return [(place, parse_held_back(text)) for place, text in session.execute(query)]


def close(session: Transaction, plan_id: str, *, summary: PlanSummary, digest: str) -> None:
    """Close a plan; from then on it can be shown, limited, refused or applied."""
    conditions = (_PLANS.c.portal_id == session.portal_key, _PLANS.c.plan_id == plan_id)
    values = {"summary": canonical_json(summary.document()), "digest": digest}
    session.execute(update(_PLANS).where(*conditions).values(values))


def read_corrections(
    session: Transaction, plan_id: str, *, after: int = 0, limit: int = 1000
) -> list[tuple[int, tuple[Correction, ...]]]:
    """Return the next records' corrections, each with its place in the plan, from 1."""
    query = (
        select(_MOVES.c.place, _MOVES.c.corrections)
        .where(
            _MOVES.c.portal_id == session.portal_key,
            _MOVES.c.plan_id == plan_id,
            _MOVES.c.place > after,
        )
        .order_by(_MOVES.c.place)
        .limit(limit)
    )
    return [(place, parse_corrections(text)) for place, text in session.execute(query)]


def get(session: Transaction, plan_id: str) -> PlanHead | None:
    """Return a plan without its corrections, closed or not; None where it is unknown."""
    return _head(session, _newest_first(session).where(_PLANS.c.plan_id == plan_id))


def latest(session: Transaction) -> PlanHead | None:
    """Return the newest closed plan, None where there is none."""
    return _head(session, _newest_first(session).where(_PLANS.c.digest != ""))


def prune(session: Transaction, *, keep: int) -> None:
    """Delete every plan except the newest `keep` ones, with all their corrections."""
    kept_ids = [row.plan_id for row in session.execute(_newest_first(session).limit(keep))]
    conditions = (_PLANS.c.portal_id == session.portal_key, _PLANS.c.plan_id.not_in(kept_ids))
    session.execute(delete(_PLANS).where(*conditions))


def expire(session: Transaction, *, before: datetime) -> None:
    """Delete the plans made before then, except the newest closed one."""
    newest = latest(session)
    conditions = (
        _PLANS.c.portal_id == session.portal_key,
        _PLANS.c.created_at < to_millis(before),
        _PLANS.c.plan_id != (newest.plan_id if newest else ""),
    )
    session.execute(delete(_PLANS).where(*conditions))


def _newest_first(session: Transaction) -> Select[Any]:
    query = select(_PLANS).where(_PLANS.c.portal_id == session.portal_key)
    return query.order_by(_PLANS.c.created_at.desc(), _PLANS.c.plan_id.desc())


def _head(session: Transaction, query: Select[Any]) -> PlanHead | None:
    row = session.execute(query.limit(1)).one_or_none()
    if row is None:
        return None
    return PlanHead(
        plan_id=row.plan_id,
        run=row.run,
        policy_name=row.policy_name,
        policy_digest=row.policy_digest,
        created_at=from_millis(row.created_at),
        digest=row.digest,
        summary=parse_summary(parse_json(row.summary)),
    )
