"""Store what people asked for on the dashboard: who, what, when, and how it ended.

Each action is chained to the one before by its hash; how it ended is outside of the chain, since it
is known later.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select, update
from sqlmodel import SQLModel

from connector.core.corrections.operator_action import OperatorAction, Verb, action_hash
from state.db.columns import number, number_key, table_of, text
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction


class _Row(SQLModel, table=True):
    __tablename__ = "operator_actions"

    portal_id: int = number_key()
    position: int = number_key()
    at: int = number()
    user: str = text()
    verb: str = text()
    rule: str = text()
    record: str = text()
    run: str = text()
    plan_id: str = text()
    plan_digest: str = text()
    reason: str = text()
    finished_at: int | None = number()
    outcome: str = text()
    outcome_run: str = text()
    hash: str = text()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c


def add(session: Transaction, action: OperatorAction) -> OperatorAction:
    """Append an action; return it with its position and hash."""
    (last,) = read(session, limit=1) or (None,)
    numbered = replace(action, position=last.position + 1 if last else 1)
    stored = replace(numbered, hash=action_hash(last.hash if last else "", numbered))
    row = {
        "portal_id": session.portal_key,
        "position": stored.position,
        "at": to_millis(stored.at),
        "user": stored.user,
        "verb": str(stored.verb),
        "rule": stored.rule,
        "record": stored.record,
        "run": stored.run,
        "plan_id": stored.plan_id,
        "plan_digest": stored.plan_digest,
        "reason": stored.reason,
        "finished_at": None if stored.finished_at is None else to_millis(stored.finished_at),
        "outcome": stored.outcome,
        "outcome_run": stored.outcome_run,
        "hash": stored.hash,
    }
    session.execute(insert(_TABLE), [row])
    return stored


def finish(
    session: Transaction, position: int, *, at: datetime, outcome: str, run: str = ""
) -> None:
    """Store how an action ended, and the run that carried it out; one that ended stays so."""
    conditions = (
        _C.portal_id == session.portal_key,
        _C.position == position,
        _C.finished_at.is_(None),
    )
    values = {"finished_at": to_millis(at), "outcome": outcome, "outcome_run": run}
    session.execute(update(_TABLE).where(*conditions).values(values))


def note_failure(session: Transaction, position: int, note: str) -> None:
    """Store why an action could not be carried out yet; it goes on waiting."""
    conditions = (_C.portal_id == session.portal_key, _C.position == position)
    session.execute(update(_TABLE).where(*conditions).values({"outcome": note}))


def read(session: Transaction, *, limit: int | None = None) -> tuple[OperatorAction, ...]:
    """Return the actions, the newest first."""
    query = select(_TABLE).where(_C.portal_id == session.portal_key)
    return tuple(map(_action, session.execute(query.order_by(_C.position.desc()).limit(limit))))


def read_waiting(session: Transaction) -> tuple[OperatorAction, ...]:
    """Return the actions that were not carried out yet, the oldest first."""
    conditions = (_C.portal_id == session.portal_key, _C.finished_at.is_(None))
    return tuple(
        map(_action, session.execute(select(_TABLE).where(*conditions).order_by(_C.position)))
    )


def first_broken(session: Transaction) -> int | None:
    """Return the position of the first action that is not as it was stored, None for none."""
    previous_hash = ""
    for expected, action in enumerate(reversed(read(session)), start=1):
        numbered = replace(action, position=expected)
        if action.hash != action_hash(previous_hash, numbered):
            return expected
        previous_hash = action.hash
    return None


def _action(row: Any) -> OperatorAction:
    return OperatorAction(
        at=from_millis(row.at),
        user=row.user,
        verb=Verb(row.verb),
        rule=row.rule,
        record=row.record,
        run=row.run,
        plan_id=row.plan_id,
        plan_digest=row.plan_digest,
        reason=row.reason,
        position=row.position,
        finished_at=None if row.finished_at is None else from_millis(row.finished_at),
        outcome=row.outcome,
        outcome_run=row.outcome_run,
        hash=row.hash,
    )
