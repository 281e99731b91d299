"""Know which moves stand open because HubSpot takes neither stage, and when each is tried next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from connector.context import RunContext
from connector.core.corrections.audit import AuditLine
from connector.core.corrections.moves import Move
from connector.core.model import Correction, Outcome, Ref
from connector.errors import UserError
from connector.plan.storing import try_to_store
from state import audit, checkpoints, due_times, outbox
from state.db.transaction import Transaction

_CHECKPOINT: Final = "stuck-moves"
FIRST_INTERVAL: Final = timedelta(minutes=1)
LONGEST_INTERVAL: Final = timedelta(hours=1)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckMove:
    """How often an open move was tried to be finished, since when, and when it is tried next.

    `reason` is what HubSpot last answered.
    """

    record: Ref
    tries: int
    since: datetime
    next_try_at: datetime
    reason: str

    def to_document(self) -> dict[str, Any]:
        """Return what the checkpoint holds, without the record."""
        return {
            "tries": self.tries,
            "since": self.since.isoformat(),
            "next_try_at": self.next_try_at.isoformat(),
            "reason": self.reason,
        }

    @classmethod
    def from_document(cls, record: str, document: Mapping[str, Any]) -> StuckMove:
        """Read what `to_document` wrote."""
        return cls(
            record=Ref.parse(record),
            tries=int(document["tries"]),
            since=datetime.fromisoformat(document["since"]),
            next_try_at=datetime.fromisoformat(document["next_try_at"]),
            reason=str(document["reason"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMove:
    """A move that is open; `stuck` is None where nothing was tried in vain yet."""

    move: Move
    stuck: StuckMove | None


def read_stuck_moves(session: Transaction) -> dict[Ref, StuckMove]:
    """Return the open moves that were tried in vain, by record; closed ones are left out."""
    stored = checkpoints.get(session, _CHECKPOINT) or {}
    open_refs = {move.record for move in outbox.open_moves(session)} if stored else set()
    stuck_moves = (StuckMove.from_document(record, item) for record, item in stored.items())
    return {stuck.record: stuck for stuck in stuck_moves if stuck.record in open_refs}


def list_open_moves(context: RunContext) -> tuple[OpenMove, ...]:
    """Return every open move, by type and id, with what is known of its tries."""
    with context.reading() as session:
        stuck_moves = read_stuck_moves(session)
        moves = outbox.open_moves(session)
    return tuple(OpenMove(move=move, stuck=stuck_moves.get(move.record)) for move in moves)


def note_stuck(context: RunContext, reasons: Mapping[Ref, str]) -> None:
    """Count one more try in vain for each of these records, and put off the next one.

    The interval begins with a minute, doubles with each try, and is an hour at most.
    """
    if not reasons:
        return
    now = context.api.now()
    stuck_moves: dict[Ref, StuckMove] = {}

    def count_tries(session: Transaction) -> None:
        stuck_moves.update(read_stuck_moves(session))
        for ref, reason in reasons.items():
            previous = stuck_moves.get(ref)
            tries = previous.tries + 1 if previous else 1
            interval = min(FIRST_INTERVAL * 2 ** min(tries - 1, 10), LONGEST_INTERVAL)
            stuck_moves[ref] = StuckMove(
                record=ref,
                tries=tries,
                since=previous.since if previous else now,
                next_try_at=now + interval,
                reason=reason or "HubSpot takes neither the new stage nor the old one",
            )
        _save(session, stuck_moves.values())

    try_to_store(context, count_tries)
    for ref in reasons.keys() & stuck_moves.keys():
        stuck = stuck_moves[ref]
        _log.error(
            "move.stuck",
            portal=context.portal_id,
            record=str(ref),
            tries=stuck.tries,
            next_try_at=stuck.next_try_at.isoformat(),
            reason=stuck.reason,
            message="the record may have no stage: `connector recover --list` shows it",
        )


def release(context: RunContext, ref: Ref) -> Move:
    """Give up an open move: its record stays as it is in HubSpot, and is decided anew.

    Raise UserError where the record has no open move.
    """
    now = context.api.now()
    with context.begin() as session:
        move = next((item for item in outbox.open_moves(session) if item.record == ref), None)
        if move is None:
            raise UserError(
                f"{ref} has no open move: `connector recover --list` shows which there are."
            )
        audit.append(session, [_release_line(move, item, at=now) for item in move.corrections])
        outbox.close(session, [ref])
        _save(session, read_stuck_moves(session).values())
        due_times.mark_due(session, [ref], at=now)
    _log.warning("move.released", portal=context.portal_id, record=str(ref))
    return move


def _release_line(move: Move, correction: Correction, *, at: datetime) -> AuditLine:
    return AuditLine(
        at=at,
        run=move.run,
        record=move.record,
        property_name=correction.property_name,
        before=correction.before,
        after=correction.after,
        rule=correction.rule,
        policy=move.policy,
        outcome=Outcome.REFUSED,
        correlation_id="",
    )


def _save(session: Transaction, stuck_moves: Iterable[StuckMove]) -> None:
    documents = {str(stuck.record): stuck.to_document() for stuck in stuck_moves}
    checkpoints.put(session, _CHECKPOINT, documents or None)
