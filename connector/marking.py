"""Mark former customers before their stage goes back, so that nobody meets one unmarked."""

from __future__ import annotations

from collections.abc import Sequence

from connector.core.model import STAGE, STATUS, Correction, Outcome
from connector.core.moves import Move, Phase
from connector.desk import Desk
from connector.ending import end
from connector.giving_back import Ending
from connector.readings import read
from connector.sending import send
from state import outbox


def mark_first(desk: Desk, moves: Sequence[Move]) -> tuple[list[Move], tuple[Ending, ...]]:
    """Write the marks and read them back; end the moves whose mark did not hold.

    Stage and lead status of such a record stay as they are: they are decided anew.
    """
    marks = {move.record: found for move in moves if (found := _mark(move))}
    if not marks:
        return list(moves), ()
    with desk.store.begin() as session:
        outbox.advance(session, desk.portal_id, list(marks), Phase.MARKING)
    sent = send(desk, {ref: {one.property_name: one.after} for ref, one in marks.items()})
    records = read(desk, list(marks))
    ready: list[Move] = []
    endings: list[Ending] = []
    for move in moves:
        mark = marks.get(move.record)
        record = records.get(move.record)
        if mark is None or (record and record.properties.get(mark.property_name) == mark.after):
            ready.append(move)
            continue
        refusal = sent.refused.get((move.record, mark.property_name))
        endings += [_ending(move, one, mark, refused=bool(refusal)) for one in move.corrections]
    if endings:
        unmarked = {one.move.record for one in endings}
        there = {ref: one for ref, one in records.items() if ref in unmarked}
        end(desk, endings, there)
    return ready, tuple(endings)


def _mark(move: Move) -> Correction | None:
    names = {STAGE, STATUS}
    return next((one for one in move.corrections if one.property_name not in names), None)


def _ending(move: Move, correction: Correction, mark: Correction, *, refused: bool) -> Ending:
    outcome = Outcome.STALE
    if correction is mark:
        outcome = Outcome.REFUSED if refused else Outcome.IGNORED
    note = "the mark of a former customer could not be written"
    return Ending(move=move, correction=correction, outcome=outcome, note=note)
