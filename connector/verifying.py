"""Read a write back until it is known to hold, and never leave a record blank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.core.model import (
    STAGE,
    Correction,
    Outcome,
    Record,
    Ref,
    Version,
)
from connector.core.moves import Move
from connector.core.writers import named
from connector.desk import Desk
from connector.giving_back import Ending, give_back
from connector.readings import read
from connector.sending import Sent, send

# Sources of a version that no person, import or integration stands behind.
_AUTOMATIONS = frozenset(
    {
        *("AUTOMATION_PLATFORM", "AUTOMATION_JOURNEY", "PRIMARY_AUTOMATION", "WORKFLOWS"),
        *("PIPELINE_SETTINGS", "PROPERTY_SETTINGS", "PROPERTY_DEFAULT_VALUE", "SETTINGS"),
        *("COMPANIES", "DEALS"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What reading back showed: endings, the records as they are, and moves still open."""

    endings: tuple[Ending, ...]
    records: Mapping[Ref, Record]
    open_moves: tuple[Move, ...]


def verify(desk: Desk, moves: Sequence[Move], sent: Sent) -> Verified:
    """Read the moves back, now and after each recheck, until all are clear.

    An old value counts as ignored only after the last recheck, since an answer may lag.
    A blank that we made is filled at once; where the new stage is refused, the old one is
    put back. So is what a person set between our last reading and our write. A move stays
    open only where even that does not hold. A gap that an automation filled is won back once.
    """
    found: dict[Ref, Record] = {}
    pending: Sequence[Move] = moves
    fought: set[Ref] = set()
    for pause in (0.0, *desk.rechecks):
        if pause and pending:
            desk.wait(pause)
        found |= read(desk, [move.record for move in pending])
        _fill_blanks(desk, pending, found, sent)
        rivals = [move for move in pending if move.record not in fought]
        fought |= _win_back(desk, filled_by_automation(rivals, found), found, sent)
        pending = [move for move in pending if not _is_clear(move, found.get(move.record), sent)]
        if not pending:
            break
    still_blank = [move for move in moves if _left_blank(move, found.get(move.record))]
    found |= _put_back(desk, still_blank, found)
    stuck = [move for move in still_blank if _left_blank(move, found.get(move.record))]
    restored = frozenset(move.record for move in still_blank)
    endings = [
        _ending(move, one, found.get(move.record), sent, restored=move.record in restored)
        for move in moves
        if move not in stuck
        for one in move.corrections
    ]
    endings, found = give_back(desk, endings, found)
    return Verified(endings=tuple(endings), records=found, open_moves=tuple(stuck))


def _left_blank(move: Move, record: Record | None) -> bool:
    """Whether the record has no stage, though it had one before and shall have one."""
    stage = move.stage
    if stage is None or record is None:
        return False
    return bool(stage.before and stage.after) and not record.value(STAGE)


def _fill_blanks(desk: Desk, moves: Sequence[Move], found: dict[Ref, Record], sent: Sent) -> None:
    """Set again what is still blank after the set, unless HubSpot refused that very stage."""
    again = {
        found[move.record].ref: {STAGE: move.wanted[STAGE]}
        for move in moves
        if _left_blank(move, found.get(move.record)) and (move.record, STAGE) not in sent.refused
    }
    if not again:
        return
    answer = send(desk, again)
    sent.refused.update(answer.refused)
    blank = [move.record for move in moves if _left_blank(move, found.get(move.record))]
    found |= read(desk, blank)


def filled_by_automation(moves: Sequence[Move], found: Mapping[Ref, Record]) -> list[Move]:
    """Return the moves whose gap between clear and set an automation filled with a third stage.

    Without this, the next decision would take for somebody's word what only our own clear
    brought about.
    """
    return [move for move in moves if _is_filled(move, found.get(move.record))]


def _is_filled(move: Move, record: Record | None) -> bool:
    return (
        record is not None
        and _has_third_stage(move, record)
        and _is_of_automation(record.history.get(STAGE, ()))
    )


def _has_third_stage(move: Move, record: Record) -> bool:
    stage = move.stage
    if stage is None or not move.clears_first or record.ref != move.record:
        return False
    return record.value(STAGE) not in {"", stage.before, stage.after}


def _is_of_automation(history: Sequence[Version]) -> bool:
    """Whether the present stage, and nothing before it since the clear, is of an automation."""
    return len(history) > 1 and history[0].source_type in _AUTOMATIONS and not history[1].value


def _win_back(
    desk: Desk, moves: Sequence[Move], found: dict[Ref, Record], sent: Sent
) -> frozenset[Ref]:
    """Clear and set these stages once more; return whose."""
    refs = frozenset(move.record for move in moves)
    if moves:
        send(desk, {ref: {STAGE: ""} for ref in refs})
        answer = send(desk, {move.record: {STAGE: move.wanted[STAGE]} for move in moves})
        sent.refused.update(answer.refused)
        found |= read(desk, refs)
    return refs


def _put_back(desk: Desk, moves: Sequence[Move], found: Mapping[Ref, Record]) -> dict[Ref, Record]:
    """Give back the old stage to records that the new one could not be set on."""
    old = {
        found[move.record].ref: {STAGE: move.stage.before}
        for move in moves
        if move.stage is not None
    }
    if not old:
        return {}
    send(desk, old)
    return read(desk, [move.record for move in moves])


def _is_clear(move: Move, record: Record | None, sent: Sent) -> bool:
    """Whether waiting cannot change what the reading says."""
    if record is None:
        return True
    if _left_blank(move, record):
        return (move.record, STAGE) in sent.refused
    return all(
        record.value(one.property_name) != one.before
        or (move.record, one.property_name) in sent.refused
        for one in move.corrections
    )


def _ending(
    move: Move, one: Correction, record: Record | None, sent: Sent, *, restored: bool
) -> Ending:
    """Name the outcome of one correction by what was read last."""
    refusal = sent.refused.get((move.record, one.property_name))
    outcome, note = _outcome(one, record)
    if outcome is Outcome.IGNORED and restored and one.property_name == STAGE:
        outcome, note = Outcome.RESTORED, "the new stage did not hold, the old one is back"
    elif outcome is Outcome.IGNORED and refusal:
        outcome = Outcome.REFUSED
    return Ending(
        move=move,
        correction=one,
        outcome=outcome,
        note=refusal.message if refusal and outcome is not Outcome.APPLIED else note,
        correlation_id=sent.correlation_ids.get(move.record, ""),
    )


def _outcome(one: Correction, record: Record | None) -> tuple[Outcome, str]:
    """Tell what a reading means for one correction."""
    if record is None:
        return Outcome.STALE, "archived or deleted meanwhile"
    value = record.value(one.property_name)
    if value == one.after:
        return Outcome.APPLIED, ""
    if value == one.before:
        return Outcome.IGNORED, "HubSpot still shows the old value"
    history = record.history.get(one.property_name, ())
    who = named(history[0]) if history and history[0].value == value else "somebody"
    return Outcome.REVERTED, f"{who} set {value or 'blank'!r} meanwhile"
