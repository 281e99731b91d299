"""Know whether HubSpot may require other properties for a stage, and ask before a clear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connector.context import RunContext
from connector.core.corrections.moves import Move
from connector.core.model import STAGE, ObjectType, Ref
from connector.hubspot.api import Refusal
from connector.plan.storing import try_to_store
from connector.push.send import SendResult, send
from state import checkpoints
from state.db.transaction import Transaction

_CHECKPOINT: Final = "required-for-stage"
_REFUSAL_WORD: Final = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRefusal:
    """The last refusal of a stage for a required property, by HubSpot's own message."""

    message: str
    at: datetime


def asks_first(context: RunContext, object_type: ObjectType) -> bool:
    """Return whether a backward move asks HubSpot for its new stage before it clears the old one.

    So it does in an API family that enforces the portal's required properties on writes, and
    where HubSpot has refused a stage of this type for one before. No API lists such properties.
    """
    if context.api.enforces_required_properties:
        return True
    with context.reading() as session:
        return object_type in read_stage_refusals(session)


def ask_for_stages(
    context: RunContext, moves: Sequence[Move]
) -> tuple[SendResult, dict[Ref, Refusal]]:
    """Send the new stages of backward moves; return what came of it, and what was refused.

    HubSpot takes a stage back only after a clear
    (https://developers.hubspot.com/docs/api-reference/latest/crm/objects/contacts/guide), and
    ignores such a write alone: so this shows what the portal's rules refuse, while every record
    still has its stage. What counts are the refusals for a required property. Any other is not
    believed, since a portal may refuse just the backward write; nor is one that names only
    properties which the move itself sets together with the stage.
    """
    sent = send(context, {move.record: {STAGE: move.target_values[STAGE]} for move in moves})
    refusals = {
        move.record: refusal
        for move in moves
        if (refusal := sent.refused.get((move.record, STAGE))) and _asks_for_more(move, refusal)
    }
    _remember(context, moves, refusals)
    return sent, refusals


def note_refused_stages(context: RunContext, moves: Sequence[Move], sent: SendResult) -> None:
    """Remember for later moves that HubSpot refused a stage for a required property."""
    refusals = {
        move.record: refusal
        for move in moves
        if (refusal := sent.refused.get((move.record, STAGE))) and _asks_for_more(move, refusal)
    }
    _remember(context, moves, refusals)


def read_stage_refusals(session: Transaction) -> Mapping[ObjectType, StageRefusal]:
    """Return the last refusal for a required property, of each type that has had any."""
    stored = checkpoints.get(session, _CHECKPOINT) or {}
    return {
        ObjectType(kind): StageRefusal(message=row["message"], at=datetime.fromisoformat(row["at"]))
        for kind, row in stored.items()
    }


def _remember(context: RunContext, moves: Sequence[Move], refusals: Mapping[Ref, Refusal]) -> None:
    if not refusals:
        return
    kind = moves[0].record.object_type
    message = next(iter(refusals.values())).message
    row = {"message": message, "at": context.api.now().isoformat()}

    def store(session: Transaction) -> None:
        stored = checkpoints.get(session, _CHECKPOINT) or {}
        checkpoints.put(session, _CHECKPOINT, {**stored, kind.value: row})

    try_to_store(context, store)


def _asks_for_more(move: Move, refusal: Refusal) -> bool:
    """Return whether a refusal of a stage asks for a property that the move does not set itself.

    HubSpot's code for it is not documented: a stage that is refused for another property depends
    on that one, whatever the code. Where no property is named, the word must be there.
    """
    other_names = set(refusal.property_names) - {STAGE}
    if other_names:
        return not other_names <= move.target_values.keys()
    return _REFUSAL_WORD in refusal.message.lower()
