"""Release what an undo that died on the way had held, and not put back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy.orm import Session

from connector.core.audit import AuditLine
from connector.core.holds import Hold, Origin, Scope
from connector.core.model import Outcome, Ref
from connector.desk import Desk
from state import audit, holds, mirror, runs

UNDO: Final = "undo"
_BY: Final = "run "


def signature(run: str) -> str:
    """Return whom the holds of an undo's run are by."""
    return f"{_BY}{run}"


def release(desk: Desk) -> int:
    """End the holds of undos that never came to their end, where nothing was put back.

    An undo holds what it will put back before it sends anything, so that no crash lets it come
    again. Where it dies, what it did not reach is as it was, and decided as ever; the same
    command goes on with it. Call it once no move is open. Returns how many holds ended.
    """
    with desk.store.begin() as session:
        held = [
            one
            for one in holds.listed(session, desk.portal_id, now=desk.door.now())
            if one.origin is Origin.UNDONE and _died(session, desk.portal_id, one)
        ]
        put_back = _put_back(session, desk.portal_id, held)
        loose = [one for one in held if (one.of, one.property_name, one.by) not in put_back]
        for one in loose:
            _end(session, desk.portal_id, one)
        refs = {Ref.parse(one.of) for one in loose}
        mirror.mark_due(session, desk.portal_id, refs, at=desk.door.now())
    return len(loose)


def _died(session: Session, portal_id: str, hold: Hold) -> bool:
    """Whether the undo that holds this began, and never ended."""
    run = runs.get(session, portal_id, hold.by.removeprefix(_BY))
    return run is not None and run.finished_at is None


def _put_back(session: Session, portal_id: str, held: Iterable[Hold]) -> set[tuple[str, str, str]]:
    """Return what was put back, and by which run; an undo that was undone is held no more."""
    lines = audit.of_records(session, portal_id, [Ref.parse(one.of) for one in held])
    found: set[tuple[str, str, str]] = set()
    before: dict[tuple[Ref, str], AuditLine] = {}
    for one in (each for each in lines if each.outcome is Outcome.APPLIED):
        key = one.record, one.property_name
        last = before.get(key)
        if one.rule == UNDO and not (last and last.rule == UNDO and last.run != one.run):
            found.add((str(one.record), one.property_name, signature(one.run)))
        before[key] = one
    return found


def _end(session: Session, portal_id: str, one: Hold) -> None:
    name = one.property_name
    holds.remove(session, portal_id, Scope.RECORD, one.of, property_name=name, origin=Origin.UNDONE)
