"""Take what a person asks for on the dashboard, and carry out what waits for the daemon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from connector.context import DecisionContext, RunContext
from connector.core.corrections.holds import Hold, HoldScope
from connector.core.corrections.operator_action import OperatorAction, Verb
from connector.core.model import Ref
from connector.errors import ConnectorError, PermanentError, TemporaryError, UserError
from connector.operations.ended_actions import log_ended
from connector.operations.require_known import require_record, require_run
from connector.operations.review_plan import carry_out_approval, carry_out_rejection
from connector.operations.undo import Selection, plan_undo, undo
from connector.push.recover_open_moves import recover
from connector.push.review_only import put_review_only
from state import audit, audit_counts, due_times, holds, mirror, operator_actions
from state.db.transaction import Transaction

_RECENT_ACTIONS: Final = 100
_MOMENT: Final = timedelta(milliseconds=1)
"""The audit stores times in milliseconds."""


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
        due_times.mark_due(session, [record], at=now)
        action = OperatorAction(
            at=now, user=user, verb=Verb.HOLD, record=str(record), reason=hold.reason
        )
        _add_ended(session, action, "held")
    log_ended(context, action)


def release_record(context: DecisionContext, record: Ref, *, user: str) -> None:
    """End every hold on a record itself; UserError where there is none."""
    now = context.api.now()
    with context.begin() as session:
        count = holds.remove(session, HoldScope.RECORD, str(record))
        if not count:
            raise UserError(f"There is no hold on {record} any more: nothing was done.")
        due_times.mark_due(session, [record], at=now)
        action = OperatorAction(at=now, user=user, verb=Verb.RELEASE, record=str(record))
        _add_ended(session, action, f"{count} holds ended")
    log_ended(context, action)


def request_undo(
    context: DecisionContext, selection: Selection, *, user: str, confirmed_at: datetime
) -> None:
    """Ask the daemon to undo a run, or what was written to a record.

    `confirmed_at` is when the person looked at what would be put back. Raise UserError where
    this portal has neither, where the same undo waits already, or where something was written
    or undone there since the person looked.
    """
    run, record = selection.run or "", str(selection.record or "")
    with context.begin() as session:
        if selection.run:
            require_run(session, selection.run)
        if selection.record:
            require_record(session, selection.record)
        _refuse_changed(session, selection, confirmed_at)
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


def _refuse_changed(session: Transaction, selection: Selection, confirmed_at: datetime) -> None:
    """Raise UserError where an undo would concern other writes than the person looked at."""
    newer_lines = audit.read(
        session,
        run=selection.run,
        record=selection.record,
        since=confirmed_at + _MOMENT,
        limit=1,
    )
    if any(True for _ in newer_lines):
        raise UserError(
            f"Something was written to {selection.record or selection.run} since you looked: "
            "nothing was done. Look at it again."
        )
    asked_for = Verb.UNDO, selection.run or "", str(selection.record or "")
    for action in operator_actions.read(session, limit=_RECENT_ACTIONS):
        is_newer = action.finished_at is not None and action.finished_at > confirmed_at
        if is_newer and (action.verb, action.run, action.record) == asked_for:
            raise UserError(
                f"{action.user} asked for this undo, and it was carried out since you looked "
                f"({action.outcome}): nothing more was done."
            )


def set_review_only(context: DecisionContext, *, review_only: bool, user: str) -> None:
    """Let the daemon only plan, or do again as its settings say; never more than these allow."""
    now = context.api.now()
    with context.begin() as session:
        if not put_review_only(session, review_only=review_only, user=user, at=now):
            state = "only reviews" if review_only else "does as its settings say"
            raise UserError(f"The daemon {state} already: nothing was done.")
        verb = Verb.REVIEW_ONLY if review_only else Verb.FOLLOW_SETTINGS
        action = OperatorAction(at=now, user=user, verb=verb)
        _add_ended(session, action, "done")
    log_ended(context, action)


def carry_out_waiting(
    new_context: Callable[[], RunContext], *, on_ended: Callable[[], None] = lambda: None
) -> int:
    """Carry out what people asked for, the oldest first; return how many actions ended.

    The caller holds the writer's lock. What must not be done ends with the reason. A temporary
    failure leaves its action waiting, is noted on it, and holds up no later action: the first one
    is raised after all of them were tried. `on_ended` is called after each action that ended.
    """
    count, position = 0, 0
    first_failure: TemporaryError | None = None
    while action := _next_waiting(new_context(), after=position):
        position = action.position
        try:
            _carry_out_and_finish(new_context(), action)
        except TemporaryError as error:
            first_failure = first_failure or error
        else:
            count += 1
            on_ended()
    if first_failure:
        raise first_failure
    return count


def _next_waiting(context: RunContext, *, after: int) -> OperatorAction | None:
    with context.reading() as session:
        waiting = operator_actions.read_waiting(session)
    return next((action for action in waiting if action.position > after), None)


def _carry_out_and_finish(context: RunContext, action: OperatorAction) -> None:
    """Carry out an action and store how it ended, or why it still waits."""
    with structlog.contextvars.bound_contextvars(run_id=context.run):
        try:
            outcome = _carry_out(context, action)
        except (UserError, PermanentError) as error:
            outcome = _outcome_of_stopped(context, error)
        except TemporaryError as error:
            note = _outcome_of_stopped(context, error)
            with context.begin() as session:
                operator_actions.note_failure(session, action.position, note)
            raise
        with context.begin() as session:
            operator_actions.finish(
                session,
                action.position,
                at=context.api.now(),
                outcome=_with_earlier_try(outcome, action),
                run=context.run,
            )
        log_ended(context, action)


def _outcome_of_stopped(context: RunContext, error: ConnectorError) -> str:
    """Return how an action was stopped: what its run had written by then, and the error."""
    with context.reading() as session:
        written = audit_counts.count_run_outcomes(session, context.run)
    if not written:
        return f"not done: {error}"
    return f"stopped after {_outcome_text(written)}: {error}"


def _with_earlier_try(outcome: str, action: OperatorAction) -> str:
    """Return how an action ended, with what was noted of the try before it."""
    return f"{outcome} (the try before: {action.outcome})" if action.outcome else outcome


def _carry_out(context: RunContext, action: OperatorAction) -> str:
    """Do what was asked for; return how it ended, in words."""
    # Whoever rejected it did not come to the end: the process ended meanwhile.
    if action.verb is Verb.REJECT:
        return carry_out_rejection(context, action)
    if action.verb is Verb.APPROVE:
        applied = carry_out_approval(context, action)
        skipped = len(applied.skipped)
        return _outcome_text(
            {**applied.outcomes, "no longer valid": skipped} if skipped else applied.outcomes
        )
    context = replace(context, permitted=True)
    recover(context)
    record = Ref.parse(action.record) if action.record else None
    # What was written since somebody asked for it was not looked at.
    until = action.at + _MOMENT
    prepared = plan_undo(context, Selection(run=action.run or None, record=record, until=until))
    result = undo(context, prepared)
    left = len(result.not_undone)
    return _outcome_text({**result.outcomes, "not undone": left} if left else result.outcomes)


def _outcome_text(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "nothing to do"


def _add_ended(session: Transaction, action: OperatorAction, outcome: str) -> None:
    """Store an action in the transaction that does it."""
    operator_actions.add(session, replace(action, finished_at=action.at, outcome=outcome))
