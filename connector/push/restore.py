"""Give people their own word back, where our write covered an edit that nobody could foresee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from connector.context import RunContext
from connector.core.corrections.holds import Hold, hold_for_edit, overwritten_edit
from connector.core.corrections.moves import Move, Phase
from connector.core.decide.decision import stage_direction
from connector.core.history.writers import writer_text
from connector.core.model import STAGE, Correction, Direction, Outcome, Record, Ref, Version
from connector.plan.fresh_reads import read_records
from connector.push.send import send
from state import outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionResult:
    """How one correction of a move ended; `note` says what stood in the way.

    `hold` is the hold on a person's edit that our write had covered and that was put back.
    """

    move: Move
    correction: Correction
    outcome: Outcome
    note: str = ""
    correlation_id: str = ""
    hold: Hold | None = None


def restore_edits(
    context: RunContext, results: Sequence[CorrectionResult], records: Mapping[Ref, Record]
) -> tuple[list[CorrectionResult], dict[Ref, Record]]:
    """Put back each edit that a person made between our last reading and our write.

    HubSpot has no conditional write, so such an edit shows only in the history, afterwards.
    Returns the endings, `restored` where an edit is back, and the records as they are then.
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
        return list(results), dict(records)
    refs = sorted({ref for ref, _ in edits})
    with context.begin() as session:
        outbox.advance(session, refs, Phase.RESTORING)
    put_back(context, edits, records)
    current = {**records, **read_records(context, refs)}
    return [_restored_result(context, result, edits, current) for result in results], current


def find_overwritten_edit(
    context: RunContext, move: Move, correction: Correction, record: Record | None
) -> Version | None:
    """Return the edit of a person that our write covers, None where there is none."""
    if record is None or record.ref != move.record:
        return None
    history = record.history.get(correction.property_name, ())
    return overwritten_edit(
        history, move.last_read.get(correction.property_name), correction.after, context.hold_terms
    )


def put_back(
    context: RunContext, edits: Mapping[tuple[Ref, str], Version], records: Mapping[Ref, Record]
) -> None:
    """Set again what people had set, having cleared the stages that must go back."""
    wanted: dict[Ref, dict[str, str]] = {}
    for (ref, name), edit in edits.items():
        if records[ref].value(name) != edit.value:
            wanted.setdefault(ref, {})[name] = edit.value
    backward_refs = [
        ref for ref, values in wanted.items() if _goes_back(context, records[ref], values)
    ]
    for kind in {ref.object_type for ref in wanted}:
        clear = {ref: {STAGE: ""} for ref in backward_refs if ref.object_type is kind}
        if clear:
            send(context, clear)
        send(context, {ref: values for ref, values in wanted.items() if ref.object_type is kind})


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
    """Name the outcome of a correction that covered an edit: restored, if the edit is back."""
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
