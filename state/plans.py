"""Remember plans: each complete before anything is sent, and streamed from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKeyConstraint, Select, Table, delete, func, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from connector.core.holds import Aside
from connector.core.model import Correction
from state.columns import number, number_key, table_of, text, text_key
from state.encoding import (
    aside_text,
    aside_told,
    canonical,
    corrections_text,
    corrections_told,
    parsed,
)
from state.moments import from_millis, to_millis


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHead:
    """What a plan is beside its corrections; `digest` is "" until it is closed."""

    plan_id: str
    run: str
    policy_name: str
    policy_digest: str
    created_at: datetime
    digest: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)


class _Row(SQLModel, table=True):
    __tablename__ = "plans"

    portal_id: int = number_key()
    plan_id: str = text_key()
    run: str = text()
    policy_name: str = text()
    policy_digest: str = text()
    created_at: int = number()
    digest: str = text()
    summary: str = text()


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


class _AsideRow(SQLModel, table=True):
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


_PLANS: Final = table_of(_Row)
_ASIDES: Final = table_of(_AsideRow)
_MOVES: Final = table_of(_MoveRow)


def create(session: Session, portal_id: str, head: PlanHead) -> None:
    """Begin a plan; it is no plan until it is closed."""
    row = {
        "portal_id": int(portal_id),
        "plan_id": head.plan_id,
        "run": head.run,
        "policy_name": head.policy_name,
        "policy_digest": head.policy_digest,
        "created_at": to_millis(head.created_at),
        "digest": head.digest,
        "summary": canonical(head.summary),
    }
    session.execute(insert(_PLANS), [row])


def add(
    session: Session, portal_id: str, plan_id: str, moves: Sequence[tuple[Correction, ...]]
) -> None:
    """Append the corrections of further records: one row for each record, in this order."""
    _append(
        session,
        _MOVES,
        portal_id,
        plan_id,
        [{"corrections": corrections_text(one)} for one in moves],
    )


def add_asides(session: Session, portal_id: str, plan_id: str, asides: Sequence[Aside]) -> None:
    """Append what is left aside of this plan, in this order."""
    _append(session, _ASIDES, portal_id, plan_id, [{"aside": aside_text(one)} for one in asides])


def _append(
    session: Session,
    table: Table,
    portal_id: str,
    plan_id: str,
    texts: Sequence[Mapping[str, str]],
) -> None:
    """Append rows to what a plan has in a table: each is numbered by its place."""
    mine = (table.c.portal_id == int(portal_id), table.c.plan_id == plan_id)
    last = session.scalar(select(func.max(table.c.place)).where(*mine)) or 0
    key = {"portal_id": int(portal_id), "plan_id": plan_id}
    rows = [{**key, "place": place, **one} for place, one in enumerate(texts, start=last + 1)]
    if rows:
        session.execute(insert(table), rows)


def asides(
    session: Session, portal_id: str, plan_id: str, *, after: int = 0, limit: int = 1000
) -> list[tuple[int, Aside]]:
    """Return the next of what is left aside, each with its place, from 1."""
    query = (
        select(_ASIDES.c.place, _ASIDES.c.aside)
        .where(
            _ASIDES.c.portal_id == int(portal_id),
            _ASIDES.c.plan_id == plan_id,
            _ASIDES.c.place > after,
        )
        .order_by(_ASIDES.c.place)
        .limit(limit)
    )
    return [(place, aside_told(text)) for place, text in session.execute(query)]


def close(
    session: Session, portal_id: str, plan_id: str, *, summary: Mapping[str, Any], digest: str
) -> None:
    """Complete a plan: from now on it can be shown, limited, refused or applied."""
    which = (_PLANS.c.portal_id == int(portal_id), _PLANS.c.plan_id == plan_id)
    values = {"summary": canonical(summary), "digest": digest}
    session.execute(update(_PLANS).where(*which).values(values))


def corrections(
    session: Session, portal_id: str, plan_id: str, *, after: int = 0, limit: int = 1000
) -> list[tuple[int, tuple[Correction, ...]]]:
    """Return the next records' corrections, each with its place in the plan, from 1."""
    query = (
        select(_MOVES.c.place, _MOVES.c.corrections)
        .where(
            _MOVES.c.portal_id == int(portal_id),
            _MOVES.c.plan_id == plan_id,
            _MOVES.c.place > after,
        )
        .order_by(_MOVES.c.place)
        .limit(limit)
    )
    return [(place, corrections_told(text)) for place, text in session.execute(query)]


def get(session: Session, portal_id: str, plan_id: str) -> PlanHead | None:
    """Return what is known of a plan beside its corrections, closed or not."""
    return _head(session, _newest_first(portal_id).where(_PLANS.c.plan_id == plan_id))


def latest(session: Session, portal_id: str) -> PlanHead | None:
    """Return the newest closed plan."""
    return _head(session, _newest_first(portal_id).where(_PLANS.c.digest != ""))


def prune(session: Session, portal_id: str, *, keep: int) -> None:
    """Drop every plan but the newest ones, with all its corrections."""
    kept = [row.plan_id for row in session.execute(_newest_first(portal_id).limit(keep))]
    which = (_PLANS.c.portal_id == int(portal_id), _PLANS.c.plan_id.not_in(kept))
    session.execute(delete(_PLANS).where(*which))


def expire(session: Session, portal_id: str, *, before: datetime) -> None:
    """Drop the plans made before then, but for the newest closed one."""
    newest = latest(session, portal_id)
    which = (
        _PLANS.c.portal_id == int(portal_id),
        _PLANS.c.created_at < to_millis(before),
        _PLANS.c.plan_id != (newest.plan_id if newest else ""),
    )
    session.execute(delete(_PLANS).where(*which))


def _newest_first(portal_id: str) -> Select[Any]:
    mine = select(_PLANS).where(_PLANS.c.portal_id == int(portal_id))
    return mine.order_by(_PLANS.c.created_at.desc(), _PLANS.c.plan_id.desc())


def _head(session: Session, query: Select[Any]) -> PlanHead | None:
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
        summary=parsed(row.summary),
    )
