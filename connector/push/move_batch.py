"""Bring one batch of moves to its end: promise, recheck, clear, set, verify, finish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from connector.context import RunContext
from connector.core.corrections.holds import hold_scopes
from connector.core.corrections.moves import Move, Phase
from connector.core.model import STAGE, Correction, Outcome, Record, Ref
from connector.errors import ConnectorError
from connector.hubspot.api import ReadResult
from connector.plan.fresh_reads import (
    drop_readings,
    read_available_records,
    read_fresh,
)
from connector.plan.storing import try_to_store
from connector.push.disk_room import require_room
from connector.push.evidence import changed_evidence
from connector.push.finish_moves import finish_moves
from connector.push.former_customer_marks import write_marks
from connector.push.required_properties import (
    ask_for_stages,
    asks_first,
    note_refused_stages,
)
from connector.push.restore_edits import CorrectionResult, restore_edits
from connector.push.send import SendResult, send
from connector.push.stuck_moves import note_stuck
from connector.push.verify import is_left_blank, verify
from state import holds, mirror, outbox, plans, recent_writes


def push_batch(context: RunContext, moves: Sequence[Move]) -> tuple[CorrectionResult, ...]:
    """Bring at most 100 moves of one type to their end; return how their corrections ended.

    The order is the promise of crash safety: promise in the outbox, mark, clear, set, verify,
    finish, and each phase is stored before the request that it names. No write is begun without
    the room on the disk for its end; after a clear, a database that does not store stops nothing,
    and `recover` writes down later how the moves ended.

    Moves that HubSpot neither writes nor refuses stay open in `context.state.unserved`; those
    whose record it leaves without a stage stay open and are tried again by `recover`.
    """
    moves, blocked = _without_open_moves(context, moves)
    if not moves:
        return blocked
    require_room(context)
    fresh, stale = _recheck(context, moves)
    stale += blocked
    if not fresh:
        return stale
    # From the promise on, whatever fills the disk finds the room for finishing taken.
    context.store.keep_reserve()
    with context.begin() as session:
        outbox.promise(session, fresh)
        if not context.permitted:
            recent_writes.add(session, fresh, at=context.api.now())
    drop_readings(context, [move.record for move in fresh])
    fresh, unmarked = write_marks(context, fresh)
    stale += unmarked
    asked = _ask_first(context, [move for move in fresh if move.clears_first])
    cleared = _clear(context, asked.goes_on)
    ready = cleared.goes_on + [move for move in fresh if not move.clears_first]
    results = set_and_verify(context, ready) if ready else ()
    # Only now, since it may send more: what was cleared stands blank until its set.
    return stale + results + _finish_refused(context, asked) + _finish_refused(context, cleared)


def _without_open_moves(
    context: RunContext, moves: Sequence[Move]
) -> tuple[Sequence[Move], tuple[CorrectionResult, ...]]:
    """Leave out records with an open move: that one is finished first, and not by this."""
    with context.reading() as session:
        open_refs = {move.record for move in outbox.open_moves(session)}
    blocked = tuple(
        CorrectionResult(
            move=move,
            correction=correction,
            outcome=Outcome.STALE,
            note="an earlier move of the record is open: `connector recover --list` shows it",
        )
        for move in moves
        if move.record in open_refs
        for correction in move.corrections
    )
    return [move for move in moves if move.record not in open_refs], blocked


def set_and_verify(context: RunContext, moves: Sequence[Move]) -> tuple[CorrectionResult, ...]:
    """Send the target values of moves, read them back, and finish the moves; return the results.

    A record that HubSpot leaves without a stage keeps its move open, is named in the log, and
    holds up nothing else. A move of which nothing was written, since HubSpot failed each time,
    waits in `context.state.unserved` for the end of the run.
    """
    moves = _advance_to_set(context, moves)
    may_be_blank = any(move.clears_first for move in moves)
    changes = {move.record: move.target_values for move in moves}
    sent = send(context, changes, finishing=may_be_blank)
    _try_to_advance(context, moves, Phase.SET)
    # HubSpot failed at each try, and nothing was cleared: the run tries these moves again.
    unserved = [move for move in moves if _is_unserved(move, sent)]
    _note_unserved(context, unserved, sent)
    verified = verify(context, [move for move in moves if move not in unserved], sent)
    finish_moves(context, verified.results, verified.records)
    note_refused_stages(context, moves, sent)
    # HubSpot takes neither the new stage nor the old one: the moves stay open.
    note_stuck(
        context,
        {move.record: verified.open_reasons.get(move.record, "") for move in verified.open_moves},
    )
    for move in verified.open_moves:
        context.state.blank_moves[move.record.object_type] += move.clears_first
    # Backward moves that held let the run clear more records at once.
    for result in verified.results:
        if result.move.clears_first and result.correction is result.move.stage_correction:
            held = result.outcome is Outcome.APPLIED
            context.state.proven_moves[result.move.record.object_type] += held
    return verified.results


def _is_unserved(move: Move, sent: SendResult) -> bool:
    """Return whether nothing of a move that cleared nothing was written or refused."""
    return not move.clears_first and all(
        (move.record, name) in sent.failures for name in move.target_values
    )


def _note_unserved(context: RunContext, moves: Sequence[Move], sent: SendResult) -> None:
    """Remember moves that HubSpot failed at, until the rest of the run shows what that means."""
    for move in moves:
        failure = next(error for (ref, _), error in sent.failures.items() if ref == move.record)
        context.state.unserved[move.record] = (move, failure)


def finish_unserved(context: RunContext) -> tuple[CorrectionResult, ...]:
    """End the moves that HubSpot failed at each time, at the end of a run.

    Where HubSpot took other writes of the run, it is these records that it cannot write: they
    are refused, counted by the quarantine, and named. Where it took none, it may be HubSpot
    that fails, and nothing is said of the records: raise the first failure; the moves stay
    open, and the next start withdraws what did not arrive.
    """
    unserved = dict(context.state.unserved)
    context.state.unserved.clear()
    if not unserved:
        return ()
    if not context.state.accepted_writes:
        raise next(error for _, error in unserved.values())
    result = read_available_records(context, list(unserved))
    records = result.records
    note_stuck(context, result.unreadable)
    unserved = {ref: item for ref, item in unserved.items() if ref not in result.unreadable}
    moves = [move for move, _ in unserved.values()]
    # A clear may have arrived after all.
    blank = [move for move in moves if is_left_blank(move, records.get(move.record))]
    results = tuple(
        CorrectionResult(
            move=move,
            correction=correction,
            outcome=_unserved_outcome(correction, records.get(move.record)),
            note=f"HubSpot fails whenever this is sent: {failure}",
        )
        for move, failure in unserved.values()
        if move not in blank
        for correction in move.corrections
    )
    refs = {result.move.record for result in results}
    finish_moves(context, results, {ref: record for ref, record in records.items() if ref in refs})
    return results + (set_and_verify(context, blank) if blank else ())


def _unserved_outcome(correction: Correction, record: Record | None) -> Outcome:
    """Return how a correction ended whose write failed each time, by what is there now."""
    if record is None or record.ref != correction.record:
        return Outcome.STALE
    value = record.value(correction.property_name)
    if value == correction.after:
        return Outcome.APPLIED
    return Outcome.REFUSED if value == correction.before else Outcome.REVERTED


def _recheck(
    context: RunContext, moves: Sequence[Move]
) -> tuple[list[Move], tuple[CorrectionResult, ...]]:
    """Compare each record and its evidence with those of the decision; finish stale moves.

    Return the moves to send, each with the newest versions that were read, and the results of
    the stale ones. HubSpot has no conditional write, so this read comes just before the promise.
    """
    result = read_fresh(context, [move.record for move in moves])
    current = result.records
    # What HubSpot does not serve is set aside: nothing is promised for it, and nothing sent.
    moves = [move for move in moves if move.record not in result.unreadable]
    reasons = {move.record: stale_reason(move, current.get(move.record)) for move in moves}
    # Somebody may have held or rejected it while the run went on.
    reasons |= _new_holds(context, [move for move in moves if not reasons[move.record]])
    # The record is as decided: are its deals?
    unchanged = [move for move in moves if not reasons[move.record]]
    reasons |= changed_evidence(context, unchanged)
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


def _new_holds(context: RunContext, moves: Sequence[Move]) -> dict[Ref, str]:
    """Return why moves must not be sent that people held since their plan was made.

    What was held before is not in a plan. An undo has no plan, and holds what it puts back itself.
    """
    reasons: dict[Ref, str] = {}
    with context.reading() as session:
        plan = plans.get(session, moves[0].plan) if moves else None
        if plan is None:
            return reasons
        active_holds = holds.read_active(session, now=context.api.now(), since=plan.created_at)
        mirrored = mirror.get(session, [move.record for move in moves]) if active_holds else {}
    for move in moves:
        scopes = set(hold_scopes(mirrored[move.record])) if move.record in mirrored else set()
        names = {"", *move.target_values}
        for hold in active_holds:
            if (hold.scope, hold.target) in scopes and hold.property_name in names:
                reasons[move.record] = f"held by {hold.by} since it was decided: {hold.reason}"
    return reasons


def _with_last_versions(move: Move, record: Record) -> Move:
    """Return the move with when and to what its properties had been set."""
    newest = {name: versions[0] for name, versions in record.history.items() if versions}
    return replace(
        move, last_read={name: (version.at, version.value) for name, version in newest.items()}
    )


def stale_reason(move: Move, record: Record | None) -> str:
    """Return why the move no longer rests on anything, "" where it still does."""
    if record is None:
        return "archived or deleted meanwhile"
    if record.ref != move.record:
        return f"merged into {record.ref}"
    if any(record.value(name) != value for name, value in move.original_values.items()):
        return "changed since it was decided"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What came of a step before the set: the moves that go on, and those that are refused.

    `sent` has what HubSpot said of the refused ones, and `records` how they were read afterwards.
    """

    goes_on: list[Move]
    refused: Sequence[Move] = ()
    sent: SendResult = field(default_factory=SendResult)
    records: Mapping[Ref, Record] = field(default_factory=dict)


def _ask_first(context: RunContext, moves: list[Move]) -> _Step:
    """Find the moves whose new stage HubSpot is known to refuse, before anything is cleared.

    A set that is refused only after the clear would leave its record blank. Where HubSpot fails
    whenever it is asked for a record, nothing of that record is cleared either.
    """
    if not moves or not asks_first(context, moves[0].record.object_type):
        return _Step(goes_on=moves)
    # What is sent may take effect, where somebody moved the record further back meanwhile.
    _advance(context, moves, Phase.SETTING)
    sent, refusals = ask_for_stages(context, moves)
    unserved = [move for move in moves if (move.record, STAGE) in sent.failures]
    _note_unserved(context, unserved, sent)
    to_clear = [move for move in moves if move not in unserved and move.record not in refusals]
    if not refusals:
        return _Step(goes_on=to_clear)
    result = _read_what_can_be_read(context, list(refusals))
    # What cannot be read is not taken for archived: its move stays open.
    note_stuck(context, result.unreadable)
    refused = [
        move for move in moves if move.record in refusals and move.record not in result.unreadable
    ]
    context.state.refused_clears[moves[0].record.object_type] += len(refused)
    explained = SendResult()
    for ref, refusal in refusals.items():
        message = f"{refusal.message} (asked before its stage was cleared: it keeps the old one)"
        explained.note_refusal(ref, [STAGE], replace(refusal, message=message))
    return _Step(goes_on=to_clear, refused=refused, sent=explained, records=result.records)


def _clear(context: RunContext, moves: list[Move]) -> _Step:
    """Clear the stages that must go back; return the cleared moves, and the refused ones.

    A refusal, or a failure, is believed only where the stage is still there when it is read: a
    blank must be filled, whatever was answered.
    """
    if not moves:
        return _Step(goes_on=[])
    _advance(context, moves, Phase.CLEARING)
    sent = send(context, {move.record: {STAGE: ""} for move in moves})
    not_taken = [move for move in moves if sent.was_not_taken(move.record, STAGE)]
    result = _read_what_can_be_read(context, [move.record for move in not_taken])
    records = result.records
    # What cannot be read may be blank: it is set, which changes nothing where the stage stands.
    still_set = [
        move
        for move in not_taken
        if move.record not in result.unreadable and not _is_blank(records.get(move.record))
    ]
    unserved = [move for move in still_set if (move.record, STAGE) in sent.failures]
    _note_unserved(context, unserved, sent)
    refused = [move for move in still_set if move not in unserved]
    context.state.refused_clears[moves[0].record.object_type] += len(refused)
    cleared = [move for move in moves if move not in still_set]
    _try_to_advance(context, cleared, Phase.CLEARED)
    return _Step(goes_on=cleared, refused=refused, sent=sent, records=records)


def _read_what_can_be_read(context: RunContext, refs: Sequence[Ref]) -> ReadResult:
    """Read records; where no reading succeeds, all of them are unreadable."""
    try:
        return read_available_records(context, refs)
    except ConnectorError as error:
        return ReadResult(unreadable=dict.fromkeys(refs, str(error)))


def _is_blank(record: Record | None) -> bool:
    return record is not None and not record.value(STAGE)


def _finish_refused(context: RunContext, step: _Step) -> tuple[CorrectionResult, ...]:
    """End moves whose clear, or new stage, HubSpot refuses; their lead status is decided anew."""
    moves, sent, records = step.refused, step.sent, step.records
    if not moves:
        return ()
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
            is_clear=True,
        )
        for move in moves
        for correction in move.corrections
    )
    # What was asked for before the clear may have replaced a person's edit: it is put back.
    restoration = restore_edits(context, results, records)
    refs = {result.move.record for result in restoration.results}
    finished_records = {ref: row for ref, row in restoration.records.items() if ref in refs}
    finish_moves(context, restoration.results, finished_records)
    note_stuck(context, {move.record: "" for move in restoration.open_moves})
    return restoration.results


def _advance_to_set(context: RunContext, moves: Sequence[Move]) -> Sequence[Move]:
    """Store that these are set now; return those to be set.

    Where that is not stored, only records that may stand blank are set: a write of which the
    outbox says nothing would not be in the audit.
    """
    if _try_to_advance(context, moves, Phase.SETTING):
        return moves
    return [move for move in moves if move.clears_first or move.phase is Phase.RESTORING]


def _try_to_advance(context: RunContext, moves: Sequence[Move], phase: Phase) -> bool:
    """Store how far these moves have come, where the database stores; return whether it did."""
    refs = [move.record for move in moves]
    return not refs or try_to_store(context, lambda session: outbox.advance(session, refs, phase))


def _advance(context: RunContext, moves: Sequence[Move], phase: Phase) -> None:
    """Store how far these moves have come, before the next request is sent."""
    if moves:
        with context.begin() as session:
            outbox.advance(session, [move.record for move in moves], phase)
