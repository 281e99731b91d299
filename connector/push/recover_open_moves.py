"""Finish what a stopped process left open, before anything else is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import groupby

import structlog

from connector.context import RunContext, chunks
from connector.core.corrections.moves import Move, Phase
from connector.core.model import STAGE, STATUS, Correction, Outcome, Record, Ref
from connector.errors import ConnectorError, StorageError
from connector.hubspot.api import ReadResult
from connector.hubspot.http.daily_budget import uninterruptible
from connector.hubspot.http.failures import LimitReached, Migrating, NotSent
from connector.plan.fresh_reads import read_available_records
from connector.plan.storing import (
    noting_storage_failures,
    raise_storage_failure,
    try_to_store,
)
from connector.push.disk_room import release_room
from connector.push.finish_moves import finish_moves
from connector.push.move_batch import finish_unserved, set_and_verify
from connector.push.push import BATCH_SIZE
from connector.push.release_holds import release_unfinished_undos
from connector.push.restore_edits import (
    CorrectionResult,
    find_overwritten_edit,
    put_back,
    restore_edits,
)
from connector.push.stuck_moves import note_stuck, read_stuck_moves
from connector.push.verify import is_left_blank, moves_filled_by_automation
from state import cascade, due_times, outbox, recent_writes
from state.db.transaction import Transaction

_CLEARED_BY_US = frozenset({Phase.CLEARING, Phase.CLEARED, Phase.SETTING, Phase.SET})
_MAY_HAVE_CLEARED = _CLEARED_BY_US | {Phase.RESTORING}
_SETTING_PHASES = frozenset({Phase.SETTING, Phase.SET, Phase.RESTORING})
_MAX_LOGGED = 20
_MAX_FAILING_RECORDS = 3
_log = structlog.get_logger()


@contextmanager
def log_open_moves_on_error(context: RunContext) -> Iterator[None]:
    """Name the records that an error leaves open, in the log, and raise it again.

    The error itself is about a token or a network, and says nothing of records without a stage.
    """
    try:
        yield
    except ConnectorError:
        moves: tuple[Move, ...] = ()
        with suppress(StorageError), context.reading() as session:
            moves = outbox.open_moves(session)
        if moves:
            maybe_blank = [str(move.record) for move in moves if _may_be_blank(move)]
            _log.error(
                "moves.left_open",
                portal=context.portal_id,
                count=len(moves),
                maybe_blank=len(maybe_blank),
                records=maybe_blank[:_MAX_LOGGED],
            )
        raise


def _may_be_blank(move: Move) -> bool:
    return move.clears_first and move.phase in _CLEARED_BY_US


def recover(context: RunContext, *, only_due: bool = False) -> int:
    """Finish, restore or withdraw every open move; return how many there were.

    What the process was doing is read from the outbox, what HubSpot has is read from HubSpot:
    a blank that we made is filled, a write that arrived is verified, and one that never arrived
    is withdrawn, so that its record is decided anew. With `only_due`, moves that were tried in
    vain wait for their next time.

    A move that cannot be finished stays open, is named in the log, and holds up neither the
    others nor whatever comes next. Raise TemporaryError only where no request arrives at all:
    no connection, no requests left, or an account that HubSpot is moving. Blanks are filled
    although the database stores nothing; StorageError is raised afterwards.
    """
    with context.reading() as session:
        moves = outbox.open_moves(session)
        stuck_moves = read_stuck_moves(session)
    if only_due:
        now = context.api.now()
        moves = tuple(
            move
            for move in moves
            if move.record not in stuck_moves or stuck_moves[move.record].next_try_at <= now
        )
    # The policy that asked for a mark may have been replaced since.
    context.state.open_move_properties.update(
        {name for move in moves for name in move.target_values} - {STAGE, STATUS}
    )
    for _, group in groupby(
        sorted(moves, key=lambda move: move.record), key=lambda move: move.record.object_type
    ):
        # Those that are blank, or may be, before all others.
        urgent_first = sorted(group, key=lambda move: not _may_be_blank(move))
        for batch in chunks(urgent_first, BATCH_SIZE):
            with uninterruptible():
                _recover_in_parts(context, batch, [])
    with uninterruptible():
        finish_unserved(context)
    with noting_storage_failures(context):
        release_unfinished_undos(context)
    if moves:
        _log.info("moves.recovered", portal=context.portal_id, count=len(moves))
    raise_storage_failure(context)
    release_room(context)
    return len(moves)


def _recover_in_parts(
    context: RunContext, moves: Sequence[Move], failing: list[ConnectorError]
) -> None:
    """Recover a batch; where that fails, each half by itself, until the record is alone.

    After three records that fail alone the others are not tried: HubSpot fails, not they.
    """
    if len(failing) >= _MAX_FAILING_RECORDS:
        note_stuck(context, {move.record: str(failing[-1]) for move in moves})
        return
    try:
        _recover_batch(context, moves)
    except (LimitReached, Migrating, NotSent):
        raise
    except ConnectorError as error:
        if len(moves) > 1:
            middle = len(moves) // 2
            _recover_in_parts(context, moves[:middle], failing)
            _recover_in_parts(context, moves[middle:], failing)
            return
        failing.append(error)
        note_stuck(context, {moves[0].record: str(error)})


def _recover_batch(context: RunContext, moves: Sequence[Move]) -> None:
    """Finish the open gaps first; of the rest, write down what happened, or withdraw.

    Comes in: open moves of one type, as the outbox holds them. Afterwards each is ended, with
    its audit lines, or withdrawn, or stuck. Rests on batch reads with history, which answer a
    merged id with its survivor (HubSpot's guide to the CRM object APIs).
    """
    # A part of a batch may have ended before the rest of it failed.
    moves = _still_open(context, moves)
    result = _read_until_visible(context, moves)
    # What HubSpot does not serve waits by itself: it holds up no other record.
    note_stuck(context, result.unreadable)
    moves = [move for move in moves if move.record not in result.unreadable]
    moves, first_records = _follow_merges(context, moves, result.records)
    # We died while a person's edit was put back: that goes on first.
    records = _finish_restoring(context, moves, first_records)
    # Our clear arrived and our set did not, or a workflow put a third stage into our gap.
    open_gaps = [move for move in moves if _is_blank_by_us(move, records.get(move.record))]
    cleared = [move for move in moves if move.phase in _CLEARED_BY_US]
    open_gaps += moves_filled_by_automation(cleared, records)
    if open_gaps:
        set_and_verify(context, open_gaps)
    # Everything else: what arrived is written down, and what did not is withdrawn.
    remaining = [move for move in moves if move not in open_gaps]
    restoration = restore_edits(
        context,
        [
            result
            for move in remaining
            for result in _results(context, move, records.get(move.record))
        ],
        records,
    )
    finished = {result.move.record for result in restoration.results}
    finished_records = {
        ref: record for ref, record in restoration.records.items() if ref in finished
    }
    finish_moves(context, restoration.results, finished_records)
    stuck_refs = {move.record for move in restoration.open_moves}
    note_stuck(context, dict.fromkeys(stuck_refs, ""))
    _withdraw(context, [move for move in remaining if move.record not in finished | stuck_refs])


def _still_open(context: RunContext, moves: Sequence[Move]) -> list[Move]:
    """Return these moves as the outbox has them now, without those that have ended."""
    open_moves = {move.record: move for move in moves}
    with noting_storage_failures(context), context.reading() as session:
        open_moves = {move.record: move for move in outbox.open_moves(session)}
    return [open_moves[move.record] for move in moves if move.record in open_moves]


def _follow_merges(
    context: RunContext, moves: Sequence[Move], records: Mapping[Ref, Record]
) -> tuple[Sequence[Move], Mapping[Ref, Record]]:
    """Let survivors take over the moves of records that were merged meanwhile.

    HubSpot takes no batch update by the id of a merged record.
    """
    merged = {ref: record.ref for ref, record in records.items() if record.ref != ref}
    if not merged:
        return moves, records
    open_moves = {move.record: move for move in (*_moved(moves, merged), *moves)}

    def follow(session: Transaction) -> None:
        cascade.follow_merge(session, merged, at=context.api.now())
        open_moves.clear()
        open_moves.update({move.record: move for move in outbox.open_moves(session)})

    try_to_store(context, follow)
    records_by_ref = {record.ref: record for record in records.values()}
    refs = dict.fromkeys(merged.get(move.record, move.record) for move in moves)
    return [open_moves[ref] for ref in refs if ref in open_moves], records_by_ref


def _moved(moves: Sequence[Move], merged: Mapping[Ref, Ref]) -> list[Move]:
    """Return the moves of merged records as moves of their survivors."""
    return [
        replace(
            move,
            record=merged[move.record],
            corrections=tuple(
                replace(correction, record=merged[move.record]) for correction in move.corrections
            ),
        )
        for move in moves
        if move.record in merged
    ]


def _finish_restoring(
    context: RunContext, moves: Sequence[Move], records: Mapping[Ref, Record]
) -> Mapping[Ref, Record]:
    """Set at once what people had set, where we stopped while giving it back."""
    edits = {
        (move.record, correction.property_name): edit
        for move in moves
        if move.phase is Phase.RESTORING
        for correction in move.corrections
        if (edit := find_overwritten_edit(context, move, correction, records.get(move.record)))
    }
    if not edits:
        return records
    return {**records, **put_back(context, edits, records).records}


def _read_until_visible(context: RunContext, moves: Sequence[Move]) -> ReadResult:
    """Read what HubSpot has; where something was sent and nothing of it shows, read once more.

    The last request of a killed process may take effect only now, and a reading may lag
    behind a write: a clear that is not seen would leave a blank that no move stands for.
    """
    result = read_available_records(context, [move.record for move in moves])
    unseen = [
        move.record for move in moves if _shows_no_write(move, result.records.get(move.record))
    ]
    if not unseen or not context.recheck_seconds:
        return result
    context.wait(context.recheck_seconds[0])
    later = read_available_records(context, unseen)
    return ReadResult(
        records=result.records | later.records, unreadable=result.unreadable | later.unreadable
    )


def _shows_no_write(move: Move, record: Record | None) -> bool:
    return (
        record is not None
        and move.phase is not Phase.PROMISED
        and all(record.value(name) == value for name, value in move.original_values.items())
    )


def _is_blank_by_us(move: Move, record: Record | None) -> bool:
    """Return whether the record stands in the gap between our clear and our set.

    A blank that a workflow, an import or a person made is left to them: who clears in order to
    set, as workflows must, would find our value in between, and HubSpot would ignore theirs.
    """
    return move.phase in _MAY_HAVE_CLEARED and is_left_blank(move, record)


def _results(context: RunContext, move: Move, record: Record | None) -> list[CorrectionResult]:
    """Return how an open move ended; [] where nothing of it was sent, or nothing arrived."""
    if move.phase is Phase.PROMISED:
        return []
    results = []
    for correction in move.corrections:
        outcome, note = _outcome(move, correction, record)
        if outcome is None and find_overwritten_edit(context, move, correction, record):
            outcome = Outcome.REVERTED  # a person's edit is back: `restore_edits` names it
        if outcome is not None:
            results.append(
                CorrectionResult(move=move, correction=correction, outcome=outcome, note=note)
            )
    return results


def _outcome(
    move: Move, correction: Correction, record: Record | None
) -> tuple[Outcome | None, str]:
    """Return what a reading means for a correction whose sending was interrupted, and a note."""
    if record is None:
        return Outcome.STALE, "archived or deleted meanwhile"
    value = record.value(correction.property_name)
    if value == correction.after == correction.before:
        return None, ""  # it only asked whether HubSpot takes the stage
    if value == correction.after:
        return Outcome.APPLIED, "found done at the next start"
    if value == correction.before:
        return None, ""
    outcome = Outcome.REVERTED if move.phase in _SETTING_PHASES else Outcome.STALE
    return outcome, f"somebody set {value or 'blank'!r} meanwhile"


def _withdraw(context: RunContext, moves: Sequence[Move]) -> None:
    """Take back promises of which nothing reached HubSpot; their records stay due."""
    refs = [move.record for move in moves]
    # What changes nothing was never counted.
    counted = [move.record for move in moves if move.original_values != move.target_values]

    def store_withdrawal(session: Transaction) -> None:
        outbox.close(session, refs)
        recent_writes.remove_last(session, counted)
        due_times.mark_due(session, refs, at=context.api.now())

    try_to_store(context, store_withdrawal)
