"""Release the holds of an undo that died before it put back what they hold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from connector.context import RunContext
from connector.core.corrections.audit import AuditLine
from connector.core.corrections.holds import Hold, HoldOrigin, HoldScope
from connector.core.model import Outcome, Ref
from state import audit, due_times, holds, outbox, runs
from state.db.transaction import Transaction

UNDO: Final = "undo"
_RUN_PREFIX: Final = "run "


def hold_author(run: str) -> str:
    """Return the author that stands in the holds of an undo's run."""
    return f"{_RUN_PREFIX}{run}"


def release_unfinished_undos(context: RunContext) -> int:
    """End the holds of undos that never came to their end, where nothing was put back.

    An undo holds what it will put back before it sends anything, so that no crash lets it come
    again. Where it dies, what it did not reach is as it was, and decided as ever; the same
    command goes on with it. A record whose move is open stays held. Returns how many holds ended.
    """
    with context.reading() as session:
        if not _undo_holds(session, context.api.now()):
            return 0
    with context.begin() as session:
        open_refs = {str(move.record) for move in outbox.open_moves(session)}
        undo_holds = [
            hold
            for hold in _undo_holds(session, context.api.now())
            if hold.target not in open_refs and _is_of_unfinished_undo(session, hold)
        ]
        restored_keys = _restored_keys(session, undo_holds)
        to_release = [
            hold
            for hold in undo_holds
            if (hold.target, hold.property_name, hold.by) not in restored_keys
        ]
        for hold in to_release:
            _remove_hold(session, hold)
        refs = {Ref.parse(hold.target) for hold in to_release}
        due_times.mark_due(session, refs, at=context.api.now())
    return len(to_release)


def _undo_holds(session: Transaction, now: datetime) -> list[Hold]:
    active_holds = holds.read_active(session, now=now)
    return [hold for hold in active_holds if hold.origin is HoldOrigin.UNDONE]


def _is_of_unfinished_undo(session: Transaction, hold: Hold) -> bool:
    """Return whether the undo that holds this began, and never ended."""
    run = runs.get(session, hold.by.removeprefix(_RUN_PREFIX))
    return run is not None and run.finished_at is None


def _restored_keys(session: Transaction, undo_holds: Iterable[Hold]) -> set[tuple[str, str, str]]:
    """Return what was put back, and by which run; an undo that was undone is held no more."""
    lines = audit.read_of_records(session, [Ref.parse(hold.target) for hold in undo_holds])
    restored_keys: set[tuple[str, str, str]] = set()
    last_lines: dict[tuple[Ref, str], AuditLine] = {}
    for line in (audit_line for audit_line in lines if audit_line.outcome is Outcome.APPLIED):
        key = line.record, line.property_name
        previous = last_lines.get(key)
        if line.rule == UNDO and not (
            previous and previous.rule == UNDO and previous.run != line.run
        ):
            restored_keys.add((str(line.record), line.property_name, hold_author(line.run)))
        last_lines[key] = line
    return restored_keys


def _remove_hold(session: Transaction, hold: Hold) -> None:
    name = hold.property_name
    holds.remove(
        session,
        HoldScope.RECORD,
        hold.target,
        property_name=name,
        origin=HoldOrigin.UNDONE,
    )
