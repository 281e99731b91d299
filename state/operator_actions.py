"""Store what people asked for on the dashboard: who, what, when, and how it ended.

A row says what was asked for, a later one how that ended; each is chained to the row before by its
hash. Reading is easier where the first row holds the end as well: the proof compares both.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select, update
from sqlmodel import SQLModel

from connector.core.corrections.operator_action import (
    OperatorAction,
    Verb,
    action_hash,
    end_hash,
    reason_seal,
)
from connector.core.model import Ref
from state.audit import UNREADABLE
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
    ends: int | None = number()
    salt: str | None = text()
    seal: str | None = text()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c
_CHUNK: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionChain:
    """The chain of actions: its rows, the hash of the last, and the first broken row, if any."""

    rows: int
    last_hash: str
    broken_row: int | None = None


def add(session: Transaction, action: OperatorAction) -> OperatorAction:
    """Append an action, and its end where it has ended; return it with its position and hash."""
    last = head(session)
    numbered = replace(action, position=last.rows + 1)
    salt = secrets.token_hex(16)
    seal = reason_seal(salt, action.reason)
    stored = replace(numbered, hash=action_hash(last.last_hash, numbered, seal))
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
        "finished_at": None,
        "outcome": "",
        "outcome_run": "",
        "hash": stored.hash,
        "ends": None,
        "salt": salt,
        "seal": seal,
    }
    session.execute(insert(_TABLE), [row])
    if stored.finished_at is not None:
        finish(
            session,
            stored.position,
            at=stored.finished_at,
            outcome=stored.outcome,
            run=stored.outcome_run,
        )
    return stored


def finish(
    session: Transaction, position: int, *, at: datetime, outcome: str, run: str = ""
) -> None:
    """Store how an action ended, and the run that carried it out; one that ended stays so."""
    conditions = (*_is_asked(session), _C.position == position, _C.finished_at.is_(None))
    waiting = session.execute(select(_TABLE).where(*conditions)).one_or_none()
    if waiting is None:
        return
    last = head(session)
    ended = replace(_action(waiting), finished_at=at, outcome=outcome, outcome_run=run)
    values = {"finished_at": to_millis(at), "outcome": outcome, "outcome_run": run}
    session.execute(update(_TABLE).where(*conditions).values(values))
    blank = dict.fromkeys(("rule", "record", "run", "plan_id", "plan_digest", "reason"), "")
    row = {
        **blank,
        **values,
        "portal_id": session.portal_key,
        "position": last.rows + 1,
        "at": to_millis(at),
        "user": ended.user,
        "verb": str(ended.verb),
        "hash": end_hash(last.last_hash, last.rows + 1, ended),
        "ends": position,
    }
    session.execute(insert(_TABLE), [row])


def note_failure(session: Transaction, position: int, note: str) -> None:
    """Store why an action could not be carried out yet; it goes on waiting."""
    conditions = (_C.portal_id == session.portal_key, _C.position == position)
    session.execute(update(_TABLE).where(*conditions).values({"outcome": note}))


def redact(session: Transaction, records: Iterable[Ref]) -> int:
    """Erase the reasons typed for these records; return how many. The chain holds all the same."""
    names = sorted({str(record) for record in records})
    count = 0
    for start in range(0, len(names), _CHUNK):
        chunk = names[start : start + _CHUNK]
        conditions = (*_is_asked(session), _C.record.in_(chunk), _C.reason != "")
        blank = {"reason": "", "salt": None}
        result = session.connection().execute(update(_TABLE).where(*conditions).values(blank))
        count += result.rowcount
    return count


def head(session: Transaction) -> ActionChain:
    """Return the number of rows and the hash of the last, without checking the chain."""
    query = select(_C.position, _C.hash).where(_C.portal_id == session.portal_key)
    last = session.execute(query.order_by(_C.position.desc()).limit(1)).one_or_none()
    return ActionChain(rows=last.position if last else 0, last_hash=last.hash if last else "")


def read(session: Transaction, *, limit: int | None = None) -> tuple[OperatorAction, ...]:
    """Return the actions, the newest first."""
    query = select(_TABLE).where(*_is_asked(session))
    return tuple(map(_action, session.execute(query.order_by(_C.position.desc()).limit(limit))))


def read_waiting(session: Transaction) -> tuple[OperatorAction, ...]:
    """Return the actions that were not carried out yet, the oldest first."""
    conditions = (*_is_asked(session), _C.finished_at.is_(None))
    return tuple(
        map(_action, session.execute(select(_TABLE).where(*conditions).order_by(_C.position)))
    )


def verify(session: Transaction) -> ActionChain:
    """Follow the chain from its first row; the first broken row is named.

    Ends of before there were rows of ends, and erased reasons of that time, are not proved.
    """
    query = select(_TABLE).where(_C.portal_id == session.portal_key).order_by(_C.position)
    proof, place = _Proof(), 0
    for place, row in enumerate(session.execute(query), start=1):
        try:
            is_intact = row.position == place and proof.accepts(row)
        except UNREADABLE:
            is_intact = False
        if not is_intact:
            return ActionChain(rows=place, last_hash=proof.last_hash, broken_row=place)
    unproved = min(proof.unproved_ends, default=None)
    return ActionChain(rows=place, last_hash=proof.last_hash, broken_row=unproved)


@dataclass(slots=True)
class _Proof:
    """What is proved so far; `unproved_ends` are actions that ended without a row of their end."""

    last_hash: str = ""
    asked: dict[int, OperatorAction] = field(default_factory=dict)
    unproved_ends: set[int] = field(default_factory=set)

    def accepts(self, row: Any) -> bool:
        """Return whether the next row is as it was stored."""
        expected_hash = self._hash_of_ask(row) if row.ends is None else self._hash_of_end(row)
        self.last_hash = row.hash
        return bool(row.hash == expected_hash)

    def _hash_of_ask(self, row: Any) -> str | None:
        action = _action(row)
        self.asked[action.position] = action
        # Before there were seals, nothing but its own hash stood for the erased reason of a hold.
        if row.seal is None and action.verb is Verb.HOLD and not action.reason:
            return action.hash
        if row.seal is not None and action.finished_at is not None:
            self.unproved_ends.add(action.position)
        is_sealed = row.seal is None or _is_sealed(row)
        return action_hash(self.last_hash, action, row.seal) if is_sealed else None

    def _hash_of_end(self, row: Any) -> str | None:
        """Return the hash where the row of what was asked for tells the same end."""
        asked, end = self.asked.pop(row.ends, None), replace(_action(row), position=row.ends)
        self.unproved_ends.discard(row.ends)
        is_same = asked is not None and (
            (asked.finished_at, asked.outcome, asked.outcome_run)
            == (end.finished_at, end.outcome, end.outcome_run)
        )
        return end_hash(self.last_hash, row.position, end) if is_same else None


def _is_sealed(row: Any) -> bool:
    if row.salt is None:
        return bool(row.reason == "")
    return bool(row.seal == reason_seal(row.salt, row.reason))


def _is_asked(session: Transaction) -> tuple[Any, Any]:
    """Return the conditions of rows that say what was asked for."""
    return _C.portal_id == session.portal_key, _C.ends.is_(None)


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
