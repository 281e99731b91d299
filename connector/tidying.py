"""Forget what nobody needs any more, and cut the old audit into files where that is wished."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from connector.core.audit import Cut, Intact
from connector.core.retention import limit
from connector.desk import Desk
from connector.errors import UserError
from state import archives, audit, checkpoints, inbox, ledger, mirror, plans, runs

MOST: Final = 50_000
"""Lines in one file: the transaction that deletes them takes about a second."""
_PROMISE: Final = "audit.cut"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Promise:
    """A cut on its way: the lines from the beginning up to `place` go into this file."""

    place: int
    file: Path
    begins: Intact


def tidy(desk: Desk) -> None:
    """Forget what is older than `desk.keep` says; doing it twice is doing it once."""
    _forget(desk)
    promise = _promise(desk)
    if promise:
        _keep(desk, promise)
        _cut(desk, promise)


def _forget(desk: Desk) -> None:
    """Forget events, runs, plans and histories, each for itself."""
    now, portal_id = desk.door.now(), desk.portal_id
    if seen := limit(now, desk.keep.inbox):
        with desk.store.begin() as session:
            inbox.prune(session, portal_id, before=seen)
    if ended := limit(now, desk.keep.runs):
        with desk.store.begin() as session:
            runs.prune(session, portal_id, before=ended)
            plans.expire(session, portal_id, before=ended)
    if passed := limit(now, desk.keep.ledger):
        with desk.store.begin() as session:
            gone = mirror.archived_before(session, portal_id, passed)
            ledger.erase(session, portal_id, gone)
            ledger.prune(session, portal_id, before=passed)


def _promise(desk: Desk) -> _Promise | None:
    """Return the cut that an earlier process began and did not end, else a new one, or None."""
    before = limit(desk.door.now(), desk.keep.audit)
    if before is None:
        return None
    with desk.store.begin() as session:
        begins = _begins(audit.head(session, desk.portal_id).cut)
        promised = checkpoints.get(session, desk.portal_id, _PROMISE)
        if not promised:
            place = audit.older(session, desk.portal_id, than=before, most=MOST)
            promised = place and _noted(desk, begins.lines + 1, place)
            checkpoints.put(session, desk.portal_id, _PROMISE, promised)
    if not promised:
        return None
    return _Promise(place=promised["place"], file=Path(promised["file"]), begins=begins)


def _begins(cut: Cut | None) -> Intact:
    return Intact(lines=cut.place, head=cut.hash) if cut else Intact(lines=0, head="")


def _noted(desk: Desk, first: int, place: int) -> dict[str, Any]:
    folder = Path(desk.keep.folder) if desk.keep.folder else desk.store.folder
    path = archives.name(folder.resolve(), desk.portal_id, first, place)
    return {"place": place, "file": str(path)}


def _keep(desk: Desk, promise: _Promise) -> None:
    """Write the file; what an earlier process wrote of it is written again, and the same."""
    with desk.store.reading() as session:
        rows = audit.stored(session, desk.portal_id, until=promise.place)
        archives.write(promise.file, desk.portal_id, promise.begins, rows)


def _cut(desk: Desk, promise: _Promise) -> None:
    """Delete what the file proves to hold, with the promise."""
    kept = archives.read(promise.file)
    if kept.ends is None or kept.ends.lines != promise.place:
        raise UserError(
            "The audit was changed after it was written, so it is not cut: `connector audit "
            "verify` names the line; compare with a backup."
        )
    with desk.store.begin() as session:
        if audit.redacted(session, desk.portal_id, until=promise.place) != kept.redacted:
            return  # redacted meanwhile: the promise stands, and the next time writes it anew
        made = audit.cut(
            session,
            desk.portal_id,
            promise.place,
            at=desk.door.now(),
            file=str(promise.file),
        )
        checkpoints.put(session, desk.portal_id, _PROMISE, None)
    _log.info("audit.cut", portal=desk.portal_id, lines=made.place, file=made.file)
