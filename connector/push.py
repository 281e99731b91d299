"""Push a plan to HubSpot: promise, recheck, clear, set, verify, batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, islice

import structlog

from connector.carrying import Native, carried, learn, native, stages_of, waits
from connector.core.model import STAGE, Correction, Outcome, Record, Ref
from connector.core.moves import Move, Phase
from connector.desk import Desk, chunks
from connector.ending import end
from connector.errors import TemporaryError
from connector.giving_back import Ending
from connector.hubspot.budget import never_stopped
from connector.limiting import Watch, check
from connector.marking import mark_first
from connector.pausing import refuse_if_paused
from connector.readings import drop, read, read_fresh
from connector.sending import Sent, send
from connector.verifying import Verified, verify
from state import outbox, plans, sendings
from state.plans import PlanHead

_log = structlog.get_logger()
BATCH = 100  # the most records that one batch update takes (HubSpot's CRM objects guide)


def push(desk: Desk, plan: PlanHead) -> Counter[Outcome]:
    """Apply a plan that lies complete in the store; return how its corrections ended.

    Raise OverLimit, or Paused, before anything is sent; Stopped where what was sent does not
    hold; TemporaryError where HubSpot stays away: what is open then is finished by the next
    start, before anything else. The day's share of requests may end between two batches, and
    never within one.
    """
    check(desk, plan)
    watch = Watch(desk, sum(plan.summary["records_to_correct"].values()))
    outcomes: Counter[Outcome] = Counter()
    for moves in _batches(desk, plan.plan_id, watch.first):
        refuse_if_paused(desk.store, desk.portal_id)
        desk.door.admit()
        with never_stopped():
            endings = push_carefully(desk, moves)
        outcomes.update(one.outcome for one in endings)
        desk.tell("apply", outcomes.total(), plan.summary["corrections"])
        watch.note(endings)
    return outcomes


def _batches(desk: Desk, plan_id: str, first: int) -> Iterator[Sequence[Move]]:
    """Stream the plan as batches of moves of one object type, the first few of them alone."""
    moves = (_move(desk, corrections, plan_id) for corrections in stream(desk, plan_id))
    parts = (islice(moves, first), moves) if first else (moves,)
    for part in parts:
        for _, group in groupby(part, key=lambda move: move.record.object_type):
            yield from chunks(group, BATCH)


def push_carefully(desk: Desk, moves: Sequence[Move]) -> tuple[Ending, ...]:
    """Push a batch; companies whose contacts HubSpot might carry along go one by one, or wait.

    While nobody knows whether HubSpot's own sync is on, each such company is a probe. Where it
    is on, such moves need the operator's permission.
    """
    behind = carried(desk, [one.stage for one in moves if one.stage])
    endings = push_batch(desk, [one for one in moves if one.record not in behind])
    for move in (one for one in moves if one.record in behind):
        match native(desk):
            case Native.ON if waits(desk):
                _log.warning(
                    "company.waits", record=str(move.record), contacts=len(behind[move.record])
                )
            case Native.UNKNOWN:
                before = stages_of(desk, behind[move.record])
                probe = push_batch(desk, [move])
                endings += probe
                if any(one.outcome is Outcome.APPLIED for one in probe):
                    learn(desk, move, before)
            case Native.ON | Native.OFF:
                endings += push_batch(desk, [move])
    return endings


def stream(desk: Desk, plan_id: str) -> Iterator[tuple[Correction, ...]]:
    """Yield the corrections of each record; a plan need not fit in memory."""
    after = 0
    while True:
        with desk.store.reading() as session:
            rows = plans.corrections(session, desk.portal_id, plan_id, after=after)
        if not rows:
            return
        for _, corrections in rows:
            yield corrections
        after = rows[-1][0]


def _move(desk: Desk, corrections: tuple[Correction, ...], plan_id: str) -> Move:
    return Move(
        record=corrections[0].record,
        corrections=corrections,
        run=desk.run,
        plan=plan_id,
        policy=desk.policy.name,
        promised_at=desk.door.now(),
    )


def push_batch(desk: Desk, moves: Sequence[Move]) -> tuple[Ending, ...]:
    """Carry at most 100 moves of one type to their end."""
    if not moves:
        return ()
    fresh, stale = _recheck(desk, moves)
    if not fresh:
        return stale
    with desk.store.begin() as session:
        outbox.promise(session, desk.portal_id, fresh)
        if not desk.permitted:
            sendings.note(session, desk.portal_id, fresh, at=desk.door.now())
    drop(desk, [move.record for move in fresh])
    fresh, unmarked = mark_first(desk, fresh)
    stale += unmarked
    cleared, refused = _clear(desk, [move for move in fresh if move.clears_first])
    ready = cleared + [move for move in fresh if not move.clears_first]
    return stale + refused + (set_and_verify(desk, ready) if ready else ())


def set_and_verify(desk: Desk, moves: Sequence[Move]) -> tuple[Ending, ...]:
    """Send what the moves want, read it back, and end them."""
    _advance(desk, moves, Phase.SETTING)
    sent = send(desk, {move.record: move.wanted for move in moves})
    _advance(desk, moves, Phase.SET)
    return conclude(desk, verify(desk, moves, sent))


def conclude(desk: Desk, verified: Verified) -> tuple[Ending, ...]:
    """Write the endings down; raise TemporaryError where a record stays blank for now."""
    end(desk, verified.endings, verified.records)
    if verified.open_moves:
        names = ", ".join(str(move.record) for move in verified.open_moves[:5])
        raise TemporaryError(
            f"{len(verified.open_moves)} records have no stage, because HubSpot takes neither the "
            f"new nor the old one: {names}. They stay open; run `connector sync` again."
        )
    return verified.endings


def _recheck(desk: Desk, moves: Sequence[Move]) -> tuple[list[Move], tuple[Ending, ...]]:
    """Compare each record with what its move rests on; end those that changed since."""
    current = read_fresh(desk, [move.record for move in moves])
    reasons = {move.record: _why_stale(move, current.get(move.record)) for move in moves}
    stale = tuple(
        Ending(move=move, correction=one, outcome=Outcome.STALE, note=reasons[move.record])
        for move in moves
        if reasons[move.record]
        for one in move.corrections
    )
    if stale:
        changed = {ref: record for ref, record in current.items() if reasons.get(ref)}
        end(desk, stale, changed)
    fresh = [move for move in moves if not reasons[move.record]]
    return [_having_seen(move, current[move.record]) for move in fresh], stale


def _having_seen(move: Move, record: Record) -> Move:
    """Return the move with when and to what its properties had been set."""
    newest = {name: versions[0] for name, versions in record.history.items() if versions}
    return replace(move, seen={name: (one.at, one.value) for name, one in newest.items()})


def _why_stale(move: Move, record: Record | None) -> str:
    """Return why the move no longer rests on anything, "" where it still does."""
    if record is None:
        return "archived or deleted meanwhile"
    if record.ref != move.record:
        return f"merged into {record.ref}"
    if any(record.value(name) != value for name, value in move.found.items()):
        return "changed since it was decided"
    return ""


def _clear(desk: Desk, moves: list[Move]) -> tuple[list[Move], tuple[Ending, ...]]:
    """Clear the stages that must go back; end the moves whose clear is refused.

    A refusal is believed only where the stage is still there: a blank must be filled.
    """
    if not moves:
        return [], ()
    _advance(desk, moves, Phase.CLEARING)
    sent = send(desk, {move.record: {STAGE: ""} for move in moves})
    doubtful = [move for move in moves if (move.record, STAGE) in sent.refused]
    found = read(desk, [move.record for move in doubtful])
    refused = [move for move in doubtful if not _is_blank(found.get(move.record))]
    cleared = [move for move in moves if move not in refused]
    _advance(desk, cleared, Phase.CLEARED)
    return cleared, _end_refused(desk, refused, sent, found) if refused else ()


def _is_blank(record: Record | None) -> bool:
    return record is not None and not record.value(STAGE)


def _end_refused(
    desk: Desk, moves: Sequence[Move], sent: Sent, found: Mapping[Ref, Record]
) -> tuple[Ending, ...]:
    """End moves whose clear HubSpot refuses; their lead status is decided anew."""
    there = {ref for ref, record in found.items() if record.ref == ref}
    endings = tuple(
        Ending(
            move=move,
            correction=one,
            outcome=Outcome.REFUSED
            if one is move.stage and move.record in there
            else Outcome.STALE,
            note=sent.refused[move.record, STAGE].message,
            correlation_id=sent.correlation_ids.get(move.record, ""),
        )
        for move in moves
        for one in move.corrections
    )
    ended = {move.record for move in moves}
    end(desk, endings, {ref: record for ref, record in found.items() if ref in ended})
    return endings


def _advance(desk: Desk, moves: Sequence[Move], phase: Phase) -> None:
    """Store how far these moves have come, before the next request is sent."""
    if moves:
        with desk.store.begin() as session:
            outbox.advance(session, desk.portal_id, [move.record for move in moves], phase)
