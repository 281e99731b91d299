"""Give people their own word back, where our write covered an edit that nobody could foresee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from connector.core.holds import Hold, buried, of_edit
from connector.core.model import STAGE, Correction, Direction, Outcome, Record, Ref, Version
from connector.core.moves import Move, Phase
from connector.core.rules import direction
from connector.core.writers import named
from connector.desk import Desk
from connector.readings import read
from connector.sending import send
from state import outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one correction of a move ended; `note` says what stood in the way.

    `hold` is the hold on a person's edit that our write had covered and that was put back.
    """

    move: Move
    correction: Correction
    outcome: Outcome
    note: str = ""
    correlation_id: str = ""
    hold: Hold | None = None


def give_back(
    desk: Desk, endings: Sequence[Ending], found: Mapping[Ref, Record]
) -> tuple[list[Ending], dict[Ref, Record]]:
    """Put back each edit that a person made between our last reading and our write.

    HubSpot has no conditional write, so such an edit shows only in the history, afterwards.
    Returns the endings, `restored` where an edit is back, and the records as they are then.
    """
    edits = {
        (one.move.record, one.correction.property_name): edit
        for one in endings
        if (edit := covered(desk, one.move, one.correction, found.get(one.move.record)))
    }
    if not edits:
        return list(endings), dict(found)
    refs = sorted({ref for ref, _ in edits})
    with desk.store.begin() as session:
        outbox.advance(session, desk.portal_id, refs, Phase.RESTORING)
    put(desk, edits, found)
    after = {**found, **read(desk, refs)}
    return [_ended(desk, one, edits, after) for one in endings], after


def covered(desk: Desk, move: Move, one: Correction, record: Record | None) -> Version | None:
    """Return the edit of a person that our write covers, None where there is none."""
    if record is None or record.ref != move.record:
        return None
    history = record.history.get(one.property_name, ())
    return buried(history, move.seen.get(one.property_name), one.after, desk.hold_terms)


def put(desk: Desk, edits: Mapping[tuple[Ref, str], Version], found: Mapping[Ref, Record]) -> None:
    """Set again what people had set, having cleared the stages that must go back."""
    wanted: dict[Ref, dict[str, str]] = {}
    for (ref, name), edit in edits.items():
        if found[ref].value(name) != edit.value:
            wanted.setdefault(ref, {})[name] = edit.value
    back = [ref for ref, values in wanted.items() if _goes_back(desk, found[ref], values)]
    for kind in {ref.object_type for ref in wanted}:
        clear = {ref: {STAGE: ""} for ref in back if ref.object_type is kind}
        if clear:
            send(desk, clear)
        send(desk, {ref: values for ref, values in wanted.items() if ref.object_type is kind})


def _goes_back(desk: Desk, record: Record, values: Mapping[str, str]) -> bool:
    stage = values.get(STAGE)
    side = desk.policy.sides[record.ref.object_type]
    return bool(stage) and direction(side, record.value(STAGE), stage or "") is Direction.BACKWARD


def _ended(
    desk: Desk,
    one: Ending,
    edits: Mapping[tuple[Ref, str], Version],
    found: Mapping[Ref, Record],
) -> Ending:
    """Name the outcome of a correction that covered an edit: restored, if the edit is back."""
    name = one.correction.property_name
    edit = edits.get((one.move.record, name))
    if edit is None:
        return one
    record = found.get(one.move.record)
    if record is None or record.value(name) != edit.value:
        said = f"{named(edit)} had set {edit.value or 'blank'!r}, which could not be put back"
        return replace(one, outcome=Outcome.REVERTED, note=said)
    return replace(
        one,
        outcome=Outcome.RESTORED,
        note=f"{named(edit)} had set {edit.value or 'blank'!r} just before our write: it is back",
        hold=of_edit(name, str(one.move.record), edit, desk.hold_terms),
    )
