"""Define what a person asked for on the dashboard, and the chain that these actions form."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connector.core.corrections.audit import line_hash


class Verb(StrEnum):
    """What a person asked for."""

    APPROVE = "approve"
    REJECT = "reject"
    HOLD = "hold"
    RELEASE = "release"
    UNDO = "undo"
    REVIEW_ONLY = "review only"
    FOLLOW_SETTINGS = "follow settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAction:
    """One action; `position` is its place in the chain, from 1, and 0 where it is not stored yet.

    `rule`, `record` and `run` say what is meant; all three are "" for a whole plan or the portal.
    `plan_id` and `plan_digest` name the plan that was looked at. `outcome` says how it ended, and
    `outcome_run` which run carried it out; `finished_at` is None until then. Of an action that
    waits, `outcome` says why the last try failed, "" where there was none.
    """

    at: datetime
    user: str
    verb: Verb
    rule: str = ""
    record: str = ""
    run: str = ""
    plan_id: str = ""
    plan_digest: str = ""
    reason: str = ""
    position: int = 0
    finished_at: datetime | None = None
    outcome: str = ""
    outcome_run: str = ""
    hash: str = ""

    @property
    def target(self) -> str:
        """Return what is meant, in words.

        >>> from datetime import UTC
        >>> OperatorAction(at=datetime.now(UTC), user="anna", verb=Verb.APPROVE, rule="won").target
        'rule won'
        """
        if self.rule:
            return f"rule {self.rule}"
        return self.record or self.run or ("the whole plan" if self.plan_id else "the portal")


def reason_seal(salt: str, reason: str) -> str:
    """Return the salted digest that represents a reason in the chain, so that it can be erased."""
    return hashlib.sha256(f"{salt}\n{reason}".encode()).hexdigest()


def action_hash(previous_hash: str, action: OperatorAction, seal: str | None) -> str:
    """Return the hash of what was asked for, made of the hash before and what never changes.

    `seal` stands for the reason; of actions of before there were seals it is None.
    """
    content: dict[str, str | int] = {
        "position": action.position,
        "at": round(action.at.timestamp() * 1000),
        "user": action.user,
        "verb": str(action.verb),
        "rule": action.rule,
        "record": action.record,
        "run": action.run,
        "plan_id": action.plan_id,
        "plan_digest": action.plan_digest,
    }
    content |= {"reason": action.reason} if seal is None else {"seal": seal}
    return line_hash(previous_hash, content)


def end_hash(previous_hash: str, position: int, ended: OperatorAction) -> str:
    """Return the hash of the end of an action; `position` is the end's own place in the chain."""
    ended_at = ended.finished_at or ended.at
    content: dict[str, str | int] = {
        "position": position,
        "ends": ended.position,
        "at": round(ended_at.timestamp() * 1000),
        "outcome": ended.outcome,
        "outcome_run": ended.outcome_run,
    }
    return line_hash(previous_hash, content)


def overlaps(first: OperatorAction, second: OperatorAction) -> bool:
    """Return whether two actions on a plan mean a correction in common, as far as names tell.

    >>> from datetime import UTC
    >>> now = datetime.now(UTC)
    >>> whole = OperatorAction(at=now, user="a", verb=Verb.APPROVE)
    >>> won = OperatorAction(at=now, user="a", verb=Verb.REJECT, rule="won")
    >>> overlaps(whole, won), overlaps(won, OperatorAction(at=now, user="b", verb=Verb.APPROVE,
    ...                                                    rule="lost"))
    (True, False)
    """
    for action in (first, second):
        if not action.rule and not action.record:
            return True
    if first.record and second.record:
        return first.record == second.record
    # A record and a rule: the record may have a correction by that rule.
    return first.rule == second.rule or not (first.rule and second.rule)
