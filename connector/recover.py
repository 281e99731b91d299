"""Finish what a stopped process left open, before anything else is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby

import structlog

from connector.core.model import STAGE, STATUS, Correction, Outcome, Record, Ref
from connector.core.moves import Move, Phase
from connector.desk import Desk, chunks
from connector.ending import end
from connector.errors import ConnectorError
from connector.giving_back import Ending, covered, give_back, put
from connector.hubspot.budget import never_stopped
from connector.push import BATCH, set_and_verify
from connector.readings import read
from connector.releasing import release
from connector.verifying import filled_by_automation
from state import fates, mirror, outbox, sendings

_CLEARED_BY_US = frozenset({Phase.CLEARING, Phase.CLEARED, Phase.SETTING, Phase.SET})
_SETTING = frozenset({Phase.SETTING, Phase.SET, Phase.RESTORING})
_NAMED = 20
_log = structlog.get_logger()


@contextmanager
def alarmed(desk: Desk) -> Iterator[None]:
    """Let whatever ends the work pass, having named the records that it leaves open.

    Nobody else may see that a record has no stage: the error tells of a token or a network.
    """
    try:
        yield
    except ConnectorError:
        with desk.store.reading() as session:
            moves = outbox.open_moves(session, desk.portal_id)
        if moves:
            blank = [str(one.record) for one in moves if _may_be_blank(one)]
            _log.error(
                "moves.left_open",
                portal=desk.portal_id,
                count=len(moves),
                maybe_blank=len(blank),
                records=blank[:_NAMED],
            )
        raise


def _may_be_blank(move: Move) -> bool:
    return move.clears_first and move.phase in _CLEARED_BY_US


def recover(desk: Desk) -> int:
    """Finish, restore or withdraw every open move; return how many there were.

    What the process was doing is read from the outbox, what HubSpot has is read from
    HubSpot: a blank that we made is filled, a write that arrived is verified, and one
    that never arrived is withdrawn, so that its record is decided anew.
    """
    with desk.store.begin() as session:
        moves = outbox.open_moves(session, desk.portal_id)
    # The policy that asked for a mark may have been replaced since.
    desk.marks.update({name for move in moves for name in move.wanted} - {STAGE, STATUS})
    for _, group in groupby(
        sorted(moves, key=lambda move: move.record), key=lambda move: move.record.object_type
    ):
        for part in chunks(group, BATCH):
            with never_stopped():
                _recover_batch(desk, part)
    release(desk)
    if moves:
        _log.info("moves.recovered", portal=desk.portal_id, count=len(moves))
    return len(moves)


def _recover_batch(desk: Desk, moves: Sequence[Move]) -> None:
    """Finish the open gaps first; of the rest, write down what happened, or withdraw."""
    moves, settled = _follow_merges(desk, moves, _read_settled(desk, moves))
    found = _finish_restoring(desk, moves, settled)
    open_gap = [move for move in moves if _blank_by_us(move, found.get(move.record))]
    cleared = [move for move in moves if move.phase in _CLEARED_BY_US]
    open_gap += filled_by_automation(cleared, found)
    if open_gap:
        set_and_verify(desk, open_gap)
    rest = [move for move in moves if move not in open_gap]
    endings = [one for move in rest for one in _endings(desk, move, found.get(move.record))]
    endings, found = give_back(desk, endings, found)
    ended = {one.move.record for one in endings}
    records = {ref: record for ref, record in found.items() if ref in ended}
    end(desk, endings, records)
    _withdraw(desk, [move for move in rest if move.record not in ended])


def _follow_merges(
    desk: Desk, moves: Sequence[Move], found: Mapping[Ref, Record]
) -> tuple[Sequence[Move], Mapping[Ref, Record]]:
    """Let survivors take over the moves of records that were merged meanwhile.

    HubSpot takes no batch update by an old id.
    """
    merged = {ref: one.ref for ref, one in found.items() if one.ref != ref}
    if not merged:
        return moves, found
    with desk.store.begin() as session:
        fates.succeed(session, desk.portal_id, merged, at=desk.door.now())
        open_moves = {move.record: move for move in outbox.open_moves(session, desk.portal_id)}
    records = {one.ref: one for one in found.values()}
    refs = dict.fromkeys(merged.get(move.record, move.record) for move in moves)
    return [open_moves[ref] for ref in refs if ref in open_moves], records


def _finish_restoring(
    desk: Desk, moves: Sequence[Move], found: Mapping[Ref, Record]
) -> Mapping[Ref, Record]:
    """Set at once what people had set, where we stopped while giving it back."""
    edits = {
        (move.record, one.property_name): edit
        for move in moves
        if move.phase is Phase.RESTORING
        for one in move.corrections
        if (edit := covered(desk, move, one, found.get(move.record)))
    }
    if not edits:
        return found
    put(desk, edits, found)
    return {**found, **read(desk, sorted({ref for ref, _ in edits}))}


def _read_settled(desk: Desk, moves: Sequence[Move]) -> dict[Ref, Record]:
    """Read what HubSpot has; where something was sent and nothing of it shows, read once more.

    The last request of a killed process may take effect only now, and a reading may lag
    behind a write: a clear that is not seen would leave a blank which nobody knows of.
    """
    found = read(desk, [move.record for move in moves])
    unseen = [move.record for move in moves if _shows_nothing(move, found.get(move.record))]
    if not unseen or not desk.rechecks:
        return found
    desk.wait(desk.rechecks[0])
    return found | read(desk, unseen)


def _shows_nothing(move: Move, record: Record | None) -> bool:
    return (
        record is not None
        and move.phase is not Phase.PROMISED
        and all(record.value(name) == value for name, value in move.found.items())
    )


def _blank_by_us(move: Move, record: Record | None) -> bool:
    """Whether the record stands in the gap between our clear and our set."""
    return (
        record is not None
        and move.clears_first
        and move.phase in _CLEARED_BY_US
        and not record.value(STAGE)
    )


def _endings(desk: Desk, move: Move, record: Record | None) -> list[Ending]:
    """Tell what became of a move that was left open; [] where nothing of it was sent or arrived."""
    if move.phase is Phase.PROMISED:
        return []
    endings = []
    for one in move.corrections:
        outcome, note = _outcome(move, one, record)
        if outcome is None and covered(desk, move, one, record):
            outcome = Outcome.REVERTED  # a person's edit is back: `give_back` says so
        if outcome is not None:
            endings.append(Ending(move=move, correction=one, outcome=outcome, note=note))
    return endings


def _outcome(move: Move, one: Correction, record: Record | None) -> tuple[Outcome | None, str]:
    """Tell what a reading means for a correction whose sending was interrupted."""
    if record is None:
        return Outcome.STALE, "archived or deleted meanwhile"
    value = record.value(one.property_name)
    if value == one.after:
        return Outcome.APPLIED, "found done at the next start"
    if value == one.before:
        return None, ""
    outcome = Outcome.REVERTED if move.phase in _SETTING else Outcome.STALE
    return outcome, f"somebody set {value or 'blank'!r} meanwhile"


def _withdraw(desk: Desk, moves: Sequence[Move]) -> None:
    """Take back promises of which nothing reached HubSpot; their records stay due."""
    refs = [move.record for move in moves]
    with desk.store.begin() as session:
        outbox.close(session, desk.portal_id, refs)
        sendings.forget(session, desk.portal_id, refs)
        mirror.mark_due(session, desk.portal_id, refs, at=desk.door.now())
