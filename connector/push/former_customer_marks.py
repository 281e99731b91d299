"""Mark former customers before their stage goes back, so that nobody meets one unmarked."""

from __future__ import annotations

from collections.abc import Sequence

from connector.context import RunContext
from connector.core.corrections.moves import Move, Phase
from connector.core.model import STAGE, STATUS, Correction, Outcome
from connector.plan.fresh_reads import read_available_records
from connector.push.finish_moves import finish_moves
from connector.push.restore_edits import CorrectionResult
from connector.push.send import send
from connector.push.stuck_moves import note_stuck
from state import outbox


def write_marks(
    context: RunContext, moves: Sequence[Move]
) -> tuple[list[Move], tuple[CorrectionResult, ...]]:
    """Write the marks and read them back; end the moves whose mark did not hold.

    Stage and lead status of such a record stay as they are: they are decided anew. Returned: the
    moves that go on, and how the corrections of the others ended. Raises what reading raises.
    """
    marks = {move.record: correction for move in moves if (correction := _mark_correction(move))}
    if not marks:
        return list(moves), ()
    # A process that dies from here on is known to have meant the mark alone.
    with context.begin() as session:
        outbox.advance(session, list(marks), Phase.MARKING)
    sent = send(
        context,
        {ref: {correction.property_name: correction.after} for ref, correction in marks.items()},
    )
    result = read_available_records(context, list(marks))
    records = result.records
    # Whether the mark arrived is not known: nothing more is sent for these now.
    note_stuck(context, result.unreadable)
    moves = [move for move in moves if move.record not in result.unreadable]
    ready: list[Move] = []
    results: list[CorrectionResult] = []
    for move in moves:
        mark = marks.get(move.record)
        record = records.get(move.record)
        # No mark is wanted, or it was read back as written: the stage may follow.
        if mark is None or (record and record.properties.get(mark.property_name) == mark.after):
            ready.append(move)
            continue
        refusal = sent.refused.get((move.record, mark.property_name))
        results += [
            _failed_result(move, correction, mark, refused=bool(refusal))
            for correction in move.corrections
        ]
    if results:
        unmarked = {result.move.record for result in results}
        unmarked_records = {ref: current for ref, current in records.items() if ref in unmarked}
        finish_moves(context, results, unmarked_records)
    return ready, tuple(results)


def _mark_correction(move: Move) -> Correction | None:
    names = {STAGE, STATUS}
    return next(
        (correction for correction in move.corrections if correction.property_name not in names),
        None,
    )


def _failed_result(
    move: Move, correction: Correction, mark: Correction, *, refused: bool
) -> CorrectionResult:
    outcome = Outcome.STALE
    if correction is mark:
        outcome = Outcome.REFUSED if refused else Outcome.IGNORED
    note = "the mark of a former customer could not be written"
    return CorrectionResult(move=move, correction=correction, outcome=outcome, note=note)
