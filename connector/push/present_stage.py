"""Ask HubSpot whether it takes a stage at all, by setting the one that a record has."""

from __future__ import annotations

from dataclasses import replace

from connector.context import RunContext
from connector.core.corrections.moves import Move, Phase
from connector.core.model import STAGE, Correction, Direction, Outcome, Record
from connector.plan.fresh_reads import drop_readings, read_available_records, read_fresh
from connector.plan.storing import try_to_store
from connector.push.disk_room import require_room
from connector.push.finish_moves import finish_moves
from connector.push.move_batch import stale_reason
from connector.push.restore_edits import CorrectionResult, restore_edits
from connector.push.send import send
from connector.push.stuck_moves import note_stuck
from state import outbox


def takes_present_stage(context: RunContext, move: Move) -> bool | None:
    """Return whether HubSpot takes a set of the stage that the record has, which changes nothing.

    Return None where it was not asked, since the move is stale: its recheck ends it, without a
    clear, and says nothing of other records.

    It changes something where somebody sets another stage between our reading and our set. So
    the set is promised as every write is, and such an edit is put back, by the next start where
    this process dies. Raise DiskNearlyFull without the room to write that down.
    """
    present = read_fresh(context, [move.record]).records.get(move.record)
    correction = move.stage_correction
    if correction is None or present is None or stale_reason(move, present):
        return None
    probe = _probe(move, correction, present)
    require_room(context)
    context.store.keep_reserve()
    with context.begin() as session:
        outbox.promise(session, [probe])
        outbox.advance(session, [probe.record], Phase.SETTING)
    drop_readings(context, [move.record])
    sent = send(context, {probe.record: probe.target_values})
    _end(context, probe)
    return not sent.was_not_taken(move.record, STAGE)


def _probe(move: Move, correction: Correction, present: Record) -> Move:
    stage = replace(correction, after=correction.before, direction=Direction.SET)
    history = present.history.get(STAGE, ())
    last_read = {STAGE: (history[0].at, history[0].value)} if history else {}
    return replace(move, corrections=(stage,), last_read=last_read)


def _end(context: RunContext, probe: Move) -> None:
    """Take the promise back; where it replaced an edit, put that back and write it down."""
    reading = read_available_records(context, [probe.record])
    if reading.unreadable:
        note_stuck(context, reading.unreadable)
        return
    result = CorrectionResult(move=probe, correction=probe.corrections[0], outcome=Outcome.APPLIED)
    restoration = restore_edits(context, [result], reading.records)
    note_stuck(context, {open_move.record: "" for open_move in restoration.open_moves})
    restored = [item for item in restoration.results if item.outcome is not Outcome.APPLIED]
    if restored:
        finish_moves(context, restored, restoration.records)
    elif not restoration.open_moves:
        try_to_store(context, lambda session: outbox.close(session, [probe.record]))
