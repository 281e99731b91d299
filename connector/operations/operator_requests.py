"""Take what a person asks for on the dashboard, and carry out what waits for the daemon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import structlog

from connector.context import DecisionContext, RunContext
from connector.core.corrections.holds import Hold, HoldScope
from connector.core.corrections.operator_action import OperatorAction, Verb
from connector.core.model import Ref
from connector.errors import PermanentError, UserError
from connector.operations.refuse_unknown import require_record, require_run
from connector.operations.review_plan import carry_out_approval
from connector.operations.undo import Selection, plan_undo, undo
from connector.push.recover_open_moves import recover
from state import checkpoints, holds, mirror, operator_actions
from state.db.store import Store
from state.db.transaction import Transaction

_REVIEW_ONLY: Final = "review-only"
_log = structlog.get_logger()


def hold_record(context: DecisionContext, record: Ref, *, user: str, reason: str) -> None:
    """Hold a mirrored record as it is, until it is released; UserError without a reason."""
    if not reason.strip():
        raise UserError("Say why the record is held: the reason is shown in plans and lists.")
    now = context.api.now()
    hold = Hold(
        scope=HoldScope.RECORD,
        target=str(record),
        property_name="",
        reason=reason.strip(),
        by=user,
        since=now,
    )
    with context.begin() as session:
        if record not in mirror.get(session, [record]):
            raise UserError(f"The mirror holds no record {record}: check the id.")
        holds.add(session, [hold])
        mirror.mark_due(session, [record], at=now)
        action = OperatorAction(
            at=now, user=user, verb=Verb.HOLD, record=str(record), reason=hold.reason
        )
        _add_ended(session, action, "held")


def release_record(context: DecisionContext, record: Ref, *, user: str) -> None:
    """End every hold on a record itself; UserError where there is none."""
    now = context.api.now()
    with context.begin() as session:
        count = holds.remove(session, HoldScope.RECORD, str(record))
        if not count:
            raise UserError(f"There is no hold on {record} any more: nothing was done.")
        mirror.mark_due(session, [record], at=now)
        action = OperatorAction(at=now, user=user, verb=Verb.RELEASE, record=str(record))
        _add_ended(session, action, f"{count} holds ended")


def request_undo(context: DecisionContext, selection: Selection, *, user: str) -> None:
    """Ask the daemon to undo a run, or what was written to a record.

    Raise UserError where this portal has neither, or where the same undo waits already.
    """
    run, record = selection.run or "", str(selection.record or "")
    with context.begin() as session:
        if selection.run:
            require_run(session, selection.run)
        if selection.record:
            require_record(session, selection.record)
        for waiting in operator_actions.read_waiting(session):
            if (waiting.verb, waiting.run, waiting.record) == (Verb.UNDO, run, record):
                raise UserError(
                    f"{waiting.user} asked for this undo at {waiting.at:%H:%M} UTC already, and it "
                    "waits for the daemon: nothing more was done."
                )
        action = OperatorAction(
            at=context.api.now(), user=user, verb=Verb.UNDO, run=run, record=record
        )
        operator_actions.add(session, action)


def set_review_only(context: DecisionContext, *, review_only: bool, user: str) -> None:
    """Let the daemon only plan, or do again as its settings say; never more than these allow."""
    now = context.api.now()
    value = {"by": user, "at": now.isoformat()} if review_only else None
    with context.begin() as session:
        if bool(checkpoints.get(session, _REVIEW_ONLY)) == review_only:
            state = "only reviews" if review_only else "does as its settings say"
            raise UserError(f"The daemon {state} already: nothing was done.")
        checkpoints.put(session, _REVIEW_ONLY, value)
        verb = Verb.REVIEW_ONLY if review_only else Verb.FOLLOW_SETTINGS
        _add_ended(session, OperatorAction(at=now, user=user, verb=verb), "done")


def read_review_only(session: Transaction) -> str:
    """Return who let the daemon only review and since when, "" where nobody did."""
    stored: Mapping[str, Any] | None = checkpoints.get(session, _REVIEW_ONLY)
    if not stored:
        return ""
    return f"by {stored['by']} since {datetime.fromisoformat(stored['at']):%Y-%m-%d %H:%M} UTC"


def is_review_only(store: Store, portal_id: str) -> bool:
    """Return whether somebody lets the daemon of a portal only review."""
    with store.reading(portal_id) as session:
        return bool(read_review_only(session))


def carry_out_waiting(new_context: Callable[[], RunContext]) -> int:
    """Carry out what people asked for, the oldest first; return how many actions ended.

    The caller holds the writer's lock. What must not be done ends with the reason; a temporary
    failure leaves the action waiting, and is raised.
    """
    count = 0
    while action := _next_waiting(new_context()):
        context = new_context()
        with structlog.contextvars.bound_contextvars(run_id=context.run):
            try:
                outcome = _carry_out(context, action)
            except (UserError, PermanentError) as error:
                outcome = f"not done: {error}"
            with context.begin() as session:
                operator_actions.finish(
                    session,
                    action.position,
                    at=context.api.now(),
                    outcome=outcome,
                    run=context.run,
                )
            _log.info("action.ended", user=action.user, verb=str(action.verb))
        count += 1
    return count


def _next_waiting(context: RunContext) -> OperatorAction | None:
    with context.reading() as session:
        return next(iter(operator_actions.read_waiting(session)), None)


def _carry_out(context: RunContext, action: OperatorAction) -> str:
    """Do what was asked for; return how it ended, in words."""
    if action.verb is Verb.APPROVE:
        applied = carry_out_approval(context, action)
        skipped = len(applied.skipped)
        return _outcome_text(
            {**applied.outcomes, "no longer valid": skipped} if skipped else applied.outcomes
        )
    context = replace(context, permitted=True)
    recover(context)
    record = Ref.parse(action.record) if action.record else None
    prepared = plan_undo(context, Selection(run=action.run or None, record=record))
    result = undo(context, prepared)
    left = len(result.not_undone)
    return _outcome_text({**result.outcomes, "not undone": left} if left else result.outcomes)


def _outcome_text(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "nothing to do"


def _add_ended(session: Transaction, action: OperatorAction, outcome: str) -> None:
    """Store an action in the transaction that does it."""
    operator_actions.add(session, replace(action, finished_at=action.at, outcome=outcome))
