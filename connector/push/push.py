"""Push a plan to HubSpot: promise, recheck, clear, set, verify, batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, islice

import structlog

from connector.context import RunContext, chunks
from connector.core.corrections.moves import Move, Phase
from connector.core.model import STAGE, Correction, Outcome, Record, Ref
from connector.errors import TemporaryError
from connector.hubspot.http.daily_budget import uninterruptible
from connector.plan.fresh_reads import drop_readings, read_fresh, read_records
from connector.plan.native_company_sync import (
    NativeSync,
    contacts_synced_natively,
    evaluate_probe,
    native_sync_state,
    needs_permission,
    read_stages,
)
from connector.push.finish_moves import finish_moves
from connector.push.former_customer_marks import write_marks
from connector.push.limits import FailureMonitor, check_limits
from connector.push.pause import refuse_if_paused
from connector.push.restore import CorrectionResult
from connector.push.send import SendResult, send
from connector.push.verify import Verification, verify
from state import outbox, plans, recent_writes
from state.db.pages import read_pages
from state.plans import PlanHead

_log = structlog.get_logger()
BATCH_SIZE = 100  # the most records that one batch update takes (HubSpot's CRM objects guide)


def push(
    context: RunContext, plan: PlanHead, *, waiting_rules: frozenset[str] = frozenset()
) -> Counter[Outcome]:
    """Apply a plan that lies complete in the store; return how its corrections ended.

    Records that `waiting_rules` concern are left out; the figures of `plan` are without them.
    Raise OverLimit, or Paused, before anything is sent; Stopped where what was sent does not
    hold; TemporaryError where HubSpot stays away: what is open then is finished by the next
    start, before anything else. The day's share of requests may end between two batches, and
    never within one.
    """
    check_limits(context, plan)
    monitor = FailureMonitor(context, sum(plan.summary.records_to_correct.values()))
    outcomes: Counter[Outcome] = Counter()
    for moves in _batches(context, plan.plan_id, monitor.canary_size, waiting_rules):
        refuse_if_paused(context.store, context.portal_id)
        context.store.require_same_file()
        context.api.check_budget()
        with uninterruptible():
            results = push_moves(context, moves)
        outcomes.update(result.outcome for result in results)
        context.progress("apply", outcomes.total(), plan.summary.corrections)
        monitor.check_results(results)
    return outcomes


def _batches(
    context: RunContext, plan_id: str, first: int, waiting_rules: frozenset[str]
) -> Iterator[Sequence[Move]]:
    """Stream the plan as batches of moves of one object type, the first few of them alone."""
    moves = (
        _new_move(context, corrections, plan_id)
        for corrections in plan_corrections(context, plan_id)
        if waiting_rules.isdisjoint(correction.rule for correction in corrections)
    )
    parts = (islice(moves, first), moves) if first else (moves,)
    for part in parts:
        for _, group in groupby(part, key=lambda move: move.record.object_type):
            yield from chunks(group, BATCH_SIZE)


def push_moves(context: RunContext, moves: Sequence[Move]) -> tuple[CorrectionResult, ...]:
    """Push a batch; companies whose contacts HubSpot might carry along go one by one, or wait.

    While nobody knows whether HubSpot's own sync is on, each such company is a probe. Where it
    is on, such moves need the operator's permission.
    """
    contacts_behind = contacts_synced_natively(
        context, [move.stage_correction for move in moves if move.stage_correction]
    )
    results = push_batch(context, [move for move in moves if move.record not in contacts_behind])
    for move in (candidate for candidate in moves if candidate.record in contacts_behind):
        match native_sync_state(context):
            case NativeSync.ON if needs_permission(context):
                _log.warning(
                    "company.waits",
                    record=str(move.record),
                    contacts=len(contacts_behind[move.record]),
                )
            case NativeSync.UNKNOWN:
                stages_before = read_stages(context, contacts_behind[move.record])
                probe_results = push_batch(context, [move])
                results += probe_results
                if any(result.outcome is Outcome.APPLIED for result in probe_results):
                    evaluate_probe(context, move, stages_before)
            case NativeSync.ON | NativeSync.OFF:
                results += push_batch(context, [move])
    return results


def plan_corrections(context: RunContext, plan_id: str) -> Iterator[tuple[Correction, ...]]:
    """Yield the corrections of each record; a plan need not fit in memory."""
    pages = read_pages(
        context.reading,
        lambda session, place: plans.read_corrections(session, plan_id, after=place),
        start=0,
        key_of=lambda row: row[0],
    )
    for page in pages:
        yield from (corrections for _, corrections in page)


def _new_move(context: RunContext, corrections: tuple[Correction, ...], plan_id: str) -> Move:
    return Move(
        record=corrections[0].record,
        corrections=corrections,
        run=context.run,
        plan=plan_id,
        policy=context.policy.name,
        promised_at=context.api.now(),
    )


def push_batch(context: RunContext, moves: Sequence[Move]) -> tuple[CorrectionResult, ...]:
    """Carry at most 100 moves of one type to their end."""
    if not moves:
        return ()
    fresh, stale = _recheck(context, moves)
    if not fresh:
        return stale
    with context.begin() as session:
        outbox.promise(session, fresh)
        if not context.permitted:
            recent_writes.add(session, fresh, at=context.api.now())
    drop_readings(context, [move.record for move in fresh])
    fresh, unmarked = write_marks(context, fresh)
    stale += unmarked
    cleared, refused = _clear(context, [move for move in fresh if move.clears_first])
    ready = cleared + [move for move in fresh if not move.clears_first]
    return stale + refused + (set_and_verify(context, ready) if ready else ())


def set_and_verify(context: RunContext, moves: Sequence[Move]) -> tuple[CorrectionResult, ...]:
    """Send what the moves want, read it back, and end them."""
    _advance(context, moves, Phase.SETTING)
    sent = send(context, {move.record: move.target_values for move in moves})
    _advance(context, moves, Phase.SET)
    return finish_verified(context, verify(context, moves, sent))


def finish_verified(context: RunContext, verified: Verification) -> tuple[CorrectionResult, ...]:
    """Write the endings down; raise TemporaryError where a record stays blank for now."""
    finish_moves(context, verified.results, verified.records)
    if verified.open_moves:
        names = ", ".join(str(move.record) for move in verified.open_moves[:5])
        raise TemporaryError(
            f"{len(verified.open_moves)} records have no stage, because HubSpot takes neither the "
            f"new nor the old one: {names}. They stay open; run `connector sync` again."
        )
    return verified.results


def _recheck(
    context: RunContext, moves: Sequence[Move]
) -> tuple[list[Move], tuple[CorrectionResult, ...]]:
    """Compare each record with what its move rests on; end those that changed since."""
    result = read_fresh(context, [move.record for move in moves])
    current = result.records
    # What HubSpot does not serve is set aside: nothing is promised for it, and nothing sent.
    moves = [move for move in moves if move.record not in result.unreadable]
    reasons = {move.record: _stale_reason(move, current.get(move.record)) for move in moves}
    stale = tuple(
        CorrectionResult(
            move=move, correction=correction, outcome=Outcome.STALE, note=reasons[move.record]
        )
        for move in moves
        if reasons[move.record]
        for correction in move.corrections
    )
    if stale:
        changed = {ref: record for ref, record in current.items() if reasons.get(ref)}
        finish_moves(context, stale, changed)
    fresh = [move for move in moves if not reasons[move.record]]
    return [_with_last_versions(move, current[move.record]) for move in fresh], stale


def _with_last_versions(move: Move, record: Record) -> Move:
    """Return the move with when and to what its properties had been set."""
    newest = {name: versions[0] for name, versions in record.history.items() if versions}
    return replace(
        move, last_read={name: (version.at, version.value) for name, version in newest.items()}
    )


def _stale_reason(move: Move, record: Record | None) -> str:
    """Return why the move no longer rests on anything, "" where it still does."""
    if record is None:
        return "archived or deleted meanwhile"
    if record.ref != move.record:
        return f"merged into {record.ref}"
    if any(record.value(name) != value for name, value in move.original_values.items()):
        return "changed since it was decided"
    return ""


def _clear(
    context: RunContext, moves: list[Move]
) -> tuple[list[Move], tuple[CorrectionResult, ...]]:
    """Clear the stages that must go back; end the moves whose clear is refused.

    A refusal is believed only where the stage is still there: a blank must be filled.
    """
    if not moves:
        return [], ()
    _advance(context, moves, Phase.CLEARING)
    sent = send(context, {move.record: {STAGE: ""} for move in moves})
    maybe_refused = [move for move in moves if (move.record, STAGE) in sent.refused]
    records = read_records(context, [move.record for move in maybe_refused])
    refused = [move for move in maybe_refused if not _is_blank(records.get(move.record))]
    cleared = [move for move in moves if move not in refused]
    _advance(context, cleared, Phase.CLEARED)
    return cleared, _finish_refused(context, refused, sent, records) if refused else ()


def _is_blank(record: Record | None) -> bool:
    return record is not None and not record.value(STAGE)


def _finish_refused(
    context: RunContext, moves: Sequence[Move], sent: SendResult, records: Mapping[Ref, Record]
) -> tuple[CorrectionResult, ...]:
    """End moves whose clear HubSpot refuses; their lead status is decided anew."""
    present = {ref for ref, record in records.items() if record.ref == ref}
    results = tuple(
        CorrectionResult(
            move=move,
            correction=correction,
            outcome=Outcome.REFUSED
            if correction is move.stage_correction and move.record in present
            else Outcome.STALE,
            note=sent.refused[move.record, STAGE].message,
            correlation_id=sent.correlation_ids.get(move.record, ""),
        )
        for move in moves
        for correction in move.corrections
    )
    refs = {move.record for move in moves}
    finish_moves(context, results, {ref: record for ref, record in records.items() if ref in refs})
    return results


def _advance(context: RunContext, moves: Sequence[Move], phase: Phase) -> None:
    """Store how far these moves have come, before the next request is sent."""
    if moves:
        with context.begin() as session:
            outbox.advance(session, [move.record for move in moves], phase)
