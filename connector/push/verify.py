"""Read a write back until it is known to hold, and never leave a record blank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.context import RunContext
from connector.core.corrections.moves import Move
from connector.core.history.writers import writer_text
from connector.core.model import (
    STAGE,
    Correction,
    Outcome,
    Record,
    Ref,
    Version,
)
from connector.plan.fresh_reads import read_records
from connector.push.restore import CorrectionResult, restore_edits
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
    """What reading back showed: endings, the records as they are, and moves still open."""

    results: tuple[CorrectionResult, ...]
    records: Mapping[Ref, Record]
    open_moves: tuple[Move, ...]


def verify(context: RunContext, moves: Sequence[Move], sent: SendResult) -> Verification:
    """Read the moves back, now and after each recheck, until all are clear.

    An old value counts as ignored only after the last recheck, since an answer may lag.
    A blank that we made is filled at once; where the new stage is refused, the old one is
    put back. So is what a person set between our last reading and our write. A move stays
    open only where even that does not hold. A gap that an automation filled is won back once.
    """
    records: dict[Ref, Record] = {}
    pending: Sequence[Move] = moves
    retried: set[Ref] = set()
    for delay in (0.0, *context.recheck_seconds):
        if delay and pending:
            context.wait(delay)
        records |= read_records(context, [move.record for move in pending])
        _fill_blanks(context, pending, records, sent)
        candidates = [move for move in pending if move.record not in retried]
        retried |= _set_again(
            context, moves_filled_by_automation(candidates, records), records, sent
        )
        pending = [move for move in pending if not _is_final(move, records.get(move.record), sent)]
        if not pending:
            break
    still_blank = [move for move in moves if _is_left_blank(move, records.get(move.record))]
    records |= _restore_old_stages(context, still_blank, records)
    open_moves = [move for move in still_blank if _is_left_blank(move, records.get(move.record))]
    restored = frozenset(move.record for move in still_blank)
    results = [
        _result(move, correction, records.get(move.record), sent, restored=move.record in restored)
        for move in moves
        if move not in open_moves
        for correction in move.corrections
    ]
    results, records = restore_edits(context, results, records)
    return Verification(results=tuple(results), records=records, open_moves=tuple(open_moves))


def _is_left_blank(move: Move, record: Record | None) -> bool:
    """Whether the record has no stage, though it had one before and shall have one."""
    stage = move.stage_correction
    if stage is None or record is None:
        return False
    return bool(stage.before and stage.after) and not record.value(STAGE)


def _fill_blanks(
    context: RunContext, moves: Sequence[Move], records: dict[Ref, Record], sent: SendResult
) -> None:
    """Set again what is still blank after the set, unless HubSpot refused that very stage."""
    changes = {
        records[move.record].ref: {STAGE: move.target_values[STAGE]}
        for move in moves
        if _is_left_blank(move, records.get(move.record))
        and (move.record, STAGE) not in sent.refused
    }
    if not changes:
        return
    answer = send(context, changes)
    sent.refused.update(answer.refused)
    blank = [move.record for move in moves if _is_left_blank(move, records.get(move.record))]
    records |= read_records(context, blank)


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
    """Whether the present stage, and nothing before it since the clear, is of an automation."""
    return (
        len(history) > 1 and history[0].source_type in _AUTOMATION_SOURCES and not history[1].value
    )


def _set_again(
    context: RunContext, moves: Sequence[Move], records: dict[Ref, Record], sent: SendResult
) -> frozenset[Ref]:
    """Clear and set these stages once more; return whose."""
    refs = frozenset(move.record for move in moves)
    if moves:
        send(context, {ref: {STAGE: ""} for ref in refs})
        answer = send(context, {move.record: {STAGE: move.target_values[STAGE]} for move in moves})
        sent.refused.update(answer.refused)
        records |= read_records(context, refs)
    return refs


def _restore_old_stages(
    context: RunContext, moves: Sequence[Move], records: Mapping[Ref, Record]
) -> dict[Ref, Record]:
    """Give back the old stage to records that the new one could not be set on."""
    old_stages = {
        records[move.record].ref: {STAGE: move.stage_correction.before}
        for move in moves
        if move.stage_correction is not None
    }
    if not old_stages:
        return {}
    send(context, old_stages)
    return read_records(context, [move.record for move in moves])


def _is_final(move: Move, record: Record | None, sent: SendResult) -> bool:
    """Whether waiting cannot change what the reading says."""
    if record is None:
        return True
    if _is_left_blank(move, record):
        return (move.record, STAGE) in sent.refused
    return all(
        record.value(correction.property_name) != correction.before
        or (move.record, correction.property_name) in sent.refused
        for correction in move.corrections
    )


def _result(
    move: Move, correction: Correction, record: Record | None, sent: SendResult, *, restored: bool
) -> CorrectionResult:
    """Name the outcome of one correction by what was read last."""
    refusal = sent.refused.get((move.record, correction.property_name))
    outcome, note = _outcome(correction, record)
    if outcome is Outcome.IGNORED and restored and correction.property_name == STAGE:
        outcome, note = Outcome.RESTORED, "the new stage did not hold, the old one is back"
    elif outcome is Outcome.IGNORED and refusal:
        outcome = Outcome.REFUSED
    return CorrectionResult(
        move=move,
        correction=correction,
        outcome=outcome,
        note=refusal.message if refusal and outcome is not Outcome.APPLIED else note,
        correlation_id=sent.correlation_ids.get(move.record, ""),
    )


def _outcome(correction: Correction, record: Record | None) -> tuple[Outcome, str]:
    """Tell what a reading means for one correction."""
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
