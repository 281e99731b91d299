"""Read a write back until it is known to hold, and never leave a record blank."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from connector.context import RunContext
from connector.core.corrections.moves import Move, Phase
from connector.core.history.writers import is_by_integration, writer_text
from connector.core.model import (
    STAGE,
    Correction,
    Outcome,
    Record,
    Ref,
    Version,
)
from connector.plan.fresh_reads import read_available_records
from connector.push.restore_edits import CorrectionResult, restore_edits
from connector.push.send import SendResult, send

# Sources of a version that no person, import or integration stands behind.
_AUTOMATION_SOURCES = frozenset(
    {
        *("AUTOMATION_PLATFORM", "AUTOMATION_JOURNEY", "PRIMARY_AUTOMATION", "WORKFLOWS"),
        *("PIPELINE_SETTINGS", "PROPERTY_SETTINGS", "PROPERTY_DEFAULT_VALUE", "SETTINGS"),
        *("COMPANIES", "DEALS"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What reading back showed: results, the records as they are, and moves still open.

    `open_reasons` says, for each open move, why HubSpot took neither stage, or does not serve
    the record.
    """

    results: tuple[CorrectionResult, ...]
    records: Mapping[Ref, Record]
    open_moves: tuple[Move, ...]
    open_reasons: Mapping[Ref, str]


def verify(context: RunContext, moves: Sequence[Move], sent: SendResult) -> Verification:
    """Read the moves back, now and after each recheck, until nothing of them is uncertain.

    Comes in: moves whose values were sent, and what sending showed. Goes out: how each
    correction ended, and the moves whose record HubSpot leaves without a stage. An old value
    counts as ignored only after the last recheck, since HubSpot's batch reads may lag behind
    its writes. A record that HubSpot does not serve leaves its move open, and nothing else.
    Raises where no reading succeeds; the moves are open then, and recovered later.
    """
    records: dict[Ref, Record] = {}
    unserved: dict[Ref, str] = {}
    _read_until_final(context, moves, records, unserved, sent)
    # HubSpot does not take the new stage: the old one goes back, which is forward from blank.
    still_blank = [
        move
        for move in moves
        if move.record not in unserved and is_left_blank(move, records.get(move.record))
    ]
    _restore_old_stages(context, still_blank, records, unserved, sent)
    # HubSpot takes neither, or does not say what the record has: the move stays open.
    open_moves = [
        move
        for move in moves
        if move.record in unserved
        or (move in still_blank and is_left_blank(move, records.get(move.record)))
    ]
    restored = frozenset(move.record for move in still_blank)
    results = [
        _result(move, correction, records.get(move.record), sent, restored=move.record in restored)
        for move in moves
        if move not in open_moves
        for correction in move.corrections
    ]
    # A person had set something between our last reading and our write: it is put back.
    restoration = restore_edits(context, results, records)
    return Verification(
        results=restoration.results,
        records=restoration.records,
        open_moves=(*open_moves, *restoration.open_moves),
        open_reasons={
            move.record: unserved.get(move.record) or sent.reason(move.record, STAGE)
            for move in open_moves
        },
    )


def _read_until_final(
    context: RunContext,
    moves: Sequence[Move],
    records: dict[Ref, Record],
    unserved: dict[Ref, str],
    sent: SendResult,
) -> None:
    """Read now and after each recheck, and set what is blank, until waiting changes nothing."""
    pending: Sequence[Move] = moves
    retried: set[Ref] = set()
    for delay in (0.0, *context.recheck_seconds):
        if delay and pending:
            context.wait(delay)
        _read_into(context, [move.record for move in pending], records, unserved)
        # The set was accepted, and the record is blank all the same: set it at once.
        _fill_blanks(context, pending, records, unserved, sent)
        # A workflow put a third stage into our gap: once, the new stage is set again.
        candidates = [move for move in pending if move.record not in retried | unserved.keys()]
        retried |= _set_again(
            context, moves_filled_by_automation(candidates, records), records, unserved, sent
        )
        pending = [
            move
            for move in pending
            if move.record in unserved or not _is_final(move, records.get(move.record), sent)
        ]
        if not pending:
            break


def _read_into(
    context: RunContext,
    refs: Collection[Ref],
    records: dict[Ref, Record],
    unserved: dict[Ref, str],
) -> None:
    """Read records, and keep apart those that HubSpot does not serve now."""
    result = read_available_records(context, refs)
    for ref in refs:
        unserved.pop(ref, None)
    records |= result.records
    unserved |= result.unreadable


def is_left_blank(move: Move, record: Record | None) -> bool:
    """Return whether the record has no stage because of us, though it shall have one.

    A blank that somebody else made, by a workflow that clears in order to set, is left to them.
    """
    stage = move.stage_correction
    if stage is None or record is None or not stage.after:
        return False
    if not (move.clears_first or move.phase is Phase.RESTORING):
        return False
    return not record.value(STAGE) and not is_cleared_by_other_writer(record)


def is_cleared_by_other_writer(record: Record) -> bool:
    """Return whether the history says that the present blank stage is not an integration's.

    Where the history does not show the blank, it may lag behind, and the blank may be ours.
    """
    history = record.history.get(STAGE, ())
    return bool(history) and not history[0].value and not is_by_integration(history[0])


def _fill_blanks(
    context: RunContext,
    moves: Sequence[Move],
    records: dict[Ref, Record],
    unserved: dict[Ref, str],
    sent: SendResult,
) -> None:
    """Set again what is still blank after the set, unless HubSpot did not take that stage."""
    changes = {
        records[move.record].ref: {STAGE: move.target_values[STAGE]}
        for move in moves
        if is_left_blank(move, records.get(move.record))
        and not sent.was_not_taken(move.record, STAGE)
    }
    if not changes:
        return
    sent.add(send(context, changes, finishing=True))
    blank = [move.record for move in moves if is_left_blank(move, records.get(move.record))]
    _read_into(context, blank, records, unserved)


def moves_filled_by_automation(moves: Sequence[Move], records: Mapping[Ref, Record]) -> list[Move]:
    """Return the moves whose gap between clear and set an automation filled with a third stage.

    Without this, the next decision would take for somebody's word what only our own clear
    brought about.
    """
    return [move for move in moves if _is_filled_by_automation(move, records.get(move.record))]


def _is_filled_by_automation(move: Move, record: Record | None) -> bool:
    return (
        record is not None
        and _has_third_stage(move, record)
        and _is_of_automation(record.history.get(STAGE, ()))
    )


def _has_third_stage(move: Move, record: Record) -> bool:
    stage = move.stage_correction
    if stage is None or not move.clears_first or record.ref != move.record:
        return False
    return record.value(STAGE) not in {"", stage.before, stage.after}


def _is_of_automation(history: Sequence[Version]) -> bool:
    """Return whether an automation set the present stage right after an integration's clear.

    Where the workflow itself had cleared the stage before, it is in a move of its own.
    """
    return (
        len(history) > 1
        and history[0].source_type in _AUTOMATION_SOURCES
        and not history[1].value
        and is_by_integration(history[1])
    )


def _set_again(
    context: RunContext,
    moves: Sequence[Move],
    records: dict[Ref, Record],
    unserved: dict[Ref, str],
    sent: SendResult,
) -> frozenset[Ref]:
    """Clear and set these stages once more; return whose."""
    refs = frozenset(move.record for move in moves)
    if moves:
        send(context, {ref: {STAGE: ""} for ref in refs})
        changes = {move.record: {STAGE: move.target_values[STAGE]} for move in moves}
        sent.add(send(context, changes, finishing=True))
        _read_into(context, refs, records, unserved)
    return refs


def _restore_old_stages(
    context: RunContext,
    moves: Sequence[Move],
    records: dict[Ref, Record],
    unserved: dict[Ref, str],
    sent: SendResult,
) -> None:
    """Set the old stage again on records that HubSpot does not take the new one for.

    Its refusals are noted only where nothing is known of why the new stage was not taken.
    """
    old_stages = {
        records[move.record].ref: {STAGE: move.stage_correction.before}
        for move in moves
        if move.stage_correction is not None
    }
    if not old_stages:
        return
    restoring = send(context, old_stages, finishing=True)
    for key, refusal in restoring.refused.items():
        sent.refused.setdefault(key, refusal)
    for key, failure in restoring.failures.items():
        sent.failures.setdefault(key, failure)
    _read_into(context, [move.record for move in moves], records, unserved)


def _is_final(move: Move, record: Record | None, sent: SendResult) -> bool:
    """Return whether waiting cannot change what the reading says."""
    if record is None:
        return True
    if is_left_blank(move, record):
        return sent.was_not_taken(move.record, STAGE)
    return all(
        record.value(correction.property_name) != correction.before
        or sent.was_not_taken(move.record, correction.property_name)
        for correction in move.corrections
    )


def _result(
    move: Move, correction: Correction, record: Record | None, sent: SendResult, *, restored: bool
) -> CorrectionResult:
    """Name the outcome of one correction by what was read last."""
    name = correction.property_name
    reason = sent.reason(move.record, name)
    outcome, note = _outcome(correction, record)
    if outcome is Outcome.IGNORED and restored and name == STAGE:
        outcome, note = Outcome.RESTORED, "the new stage did not hold, the old one is back"
    elif outcome is Outcome.IGNORED and sent.was_not_taken(move.record, name):
        outcome = Outcome.REFUSED
    return CorrectionResult(
        move=move,
        correction=correction,
        outcome=outcome,
        note=reason if reason and outcome is not Outcome.APPLIED else note,
        correlation_id=sent.correlation_ids.get(move.record, ""),
    )


def _outcome(correction: Correction, record: Record | None) -> tuple[Outcome, str]:
    """Return what a reading means for one correction, and a note."""
    if record is None:
        return Outcome.STALE, "archived or deleted meanwhile"
    value = record.value(correction.property_name)
    if value == correction.after:
        return Outcome.APPLIED, ""
    if value == correction.before:
        return Outcome.IGNORED, "HubSpot still shows the old value"
    history = record.history.get(correction.property_name, ())
    writer = writer_text(history[0]) if history and history[0].value == value else "somebody"
    return Outcome.REVERTED, f"{writer} set {value or 'blank'!r} meanwhile"
