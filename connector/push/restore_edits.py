"""Put back what a person set between our last reading of a record and our write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from connector.context import RunContext
from connector.core.corrections.holds import Hold, hold_for_edit, overwritten_edit
from connector.core.corrections.moves import Move, Phase
from connector.core.decide.decision import stage_direction
from connector.core.history.writers import writer_text
from connector.core.model import STAGE, Correction, Direction, Outcome, Record, Ref, Version
from connector.hubspot.api import ReadResult
from connector.plan.fresh_reads import read_available_records
from connector.plan.own_sources import own_sources
from connector.plan.storing import try_to_store
from connector.push.send import Changes, send
from state import outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionResult:
    """How one correction of a move ended; `note` says what stood in the way.

    `hold` is the hold on a person's edit that our write had replaced and that was put back.
    `is_clear` says that the clear before a backward move was refused: nothing was changed.
    """

    move: Move
    correction: Correction
    outcome: Outcome
    note: str = ""
    correlation_id: str = ""
    hold: Hold | None = None
    is_clear: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """How corrections ended once edits were put back, the records then, and moves still open."""

    results: tuple[CorrectionResult, ...]
    records: Mapping[Ref, Record]
    open_moves: tuple[Move, ...] = ()


def restore_edits(
    context: RunContext, results: Sequence[CorrectionResult], records: Mapping[Ref, Record]
) -> Restoration:
    """Put back each edit that a person made between our last reading and our write.

    Comes in: how the corrections ended, and the records as read after the write. Goes out: the
    same, `restored` where an edit is back, `reverted` where HubSpot did not take it; a record
    that HubSpot leaves without a stage meanwhile keeps its move open. HubSpot has no
    conditional writes, so that such an edit shows only in the history, afterwards.
    """
    edits = {
        (result.move.record, result.correction.property_name): edit
        for result in results
        if (
            edit := find_overwritten_edit(
                context, result.move, result.correction, records.get(result.move.record)
            )
        )
    }
    if not edits:
        return Restoration(results=tuple(results), records=records)
    refs = sorted({ref for ref, _ in edits})
    # Where this is not stored and we die, the move is finished first, and then the edit put back.
    try_to_store(context, lambda session: outbox.advance(session, refs, Phase.RESTORING))
    result_of_reading = put_back(context, edits, records)
    current = {**records, **result_of_reading.records}
    # HubSpot leaves these without a stage, or does not serve them now.
    open_refs = result_of_reading.unreadable.keys() | {
        ref for ref in refs if (ref, STAGE) in edits and ref in current and _is_blank(current[ref])
    }
    open_moves = {
        result.move.record: result.move for result in results if result.move.record in open_refs
    }
    return Restoration(
        results=tuple(
            _restored_result(context, result, edits, current)
            for result in results
            if result.move.record not in open_refs
        ),
        records=current,
        open_moves=tuple(open_moves.values()),
    )


def find_overwritten_edit(
    context: RunContext, move: Move, correction: Correction, record: Record | None
) -> Version | None:
    """Return the edit of a person that our write replaced, None where there is none."""
    if record is None or record.ref != move.record:
        return None
    history = record.history.get(correction.property_name, ())
    return overwritten_edit(
        history,
        move.last_read.get(correction.property_name),
        correction.after,
        context.hold_terms,
        own_sources(context),
    )


def put_back(
    context: RunContext, edits: Mapping[tuple[Ref, str], Version], records: Mapping[Ref, Record]
) -> ReadResult:
    """Set again what people had set; return the records as read afterwards, by asked ref.

    A stage that must move backward is cleared before. Where HubSpot refuses the edit after the
    clear, the stage before the clear is set again, which is forward from blank.
    """
    # Some edits are in place again already.
    wanted: dict[Ref, dict[str, str]] = {}
    for (ref, name), edit in edits.items():
        if records[ref].value(name) != edit.value:
            wanted.setdefault(ref, {})[name] = edit.value
    backward_refs = [
        ref for ref, values in wanted.items() if _goes_back(context, records[ref], values)
    ]
    _send_by_type(context, {ref: {STAGE: ""} for ref in backward_refs})
    _send_by_type(context, wanted)
    result = read_available_records(context, sorted({ref for ref, _ in edits}))
    # HubSpot took the clear and refused the edit: no record may stay blank.
    refused = {
        ref: {STAGE: records[ref].value(STAGE)}
        for ref in backward_refs
        if ref in result.records and _is_blank(result.records[ref])
    }
    if refused:
        _send_by_type(context, refused)
        later = read_available_records(context, sorted(refused))
        result.records.update(later.records)
        result.unreadable.update(later.unreadable)
    return result


def _send_by_type(context: RunContext, changes: Changes) -> None:
    """Send changes of several types, each type by itself: HubSpot takes one type at a time."""
    for kind in sorted({ref.object_type for ref in changes}):
        of_type = {ref: values for ref, values in changes.items() if ref.object_type is kind}
        send(context, of_type, finishing=True)


def _is_blank(record: Record) -> bool:
    return not record.value(STAGE)


def _goes_back(context: RunContext, record: Record, values: Mapping[str, str]) -> bool:
    stage = values.get(STAGE)
    object_policy = context.policy.object_policies[record.ref.object_type]
    return (
        bool(stage)
        and stage_direction(object_policy, record.value(STAGE), stage or "") is Direction.BACKWARD
    )


def _restored_result(
    context: RunContext,
    result: CorrectionResult,
    edits: Mapping[tuple[Ref, str], Version],
    records: Mapping[Ref, Record],
) -> CorrectionResult:
    """Name the outcome of a correction that replaced an edit: restored, if the edit is back."""
    name = result.correction.property_name
    edit = edits.get((result.move.record, name))
    if edit is None:
        return result
    record = records.get(result.move.record)
    if record is None or record.value(name) != edit.value:
        note = f"{writer_text(edit)} had set {edit.value or 'blank'!r}, which could not be put back"
        return replace(result, outcome=Outcome.REVERTED, note=note)
    return replace(
        result,
        outcome=Outcome.RESTORED,
        note=f"{writer_text(edit)} had set {edit.value or 'blank'!r} just before our write: it is "
        "back",
        hold=hold_for_edit(name, str(result.move.record), edit, context.hold_terms),
    )
