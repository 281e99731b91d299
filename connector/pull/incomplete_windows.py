"""Give up a window that searches never show completely: log it, list its type by id, go on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from connector.context import RunContext
from connector.core.model import ObjectType
from connector.errors import PermanentError
from connector.hubspot.http.failures import BadAnswer, IncompleteWindow
from connector.pull.full_scan import scan_object_type
from connector.pull.read_position import ReadPosition, position_checkpoint, windows_to_read
from state import checkpoints
from state.db.transaction import Transaction

MAX_TRIES: Final = 3
MIN_AGE: Final = timedelta(minutes=15)
"""The search index was seen to lag by as much: a window may still add up until then."""
SCAN_INTERVAL: Final = timedelta(days=1)
"""A type is listed so often at most; in between, the daily rescan finds what a search hides."""
_log = structlog.get_logger()


def types_with_incomplete_windows(
    session: Transaction, kinds: Collection[ObjectType]
) -> frozenset[ObjectType]:
    """Return the types whose searches did not add up when they were last tried."""
    stored = checkpoints.get_all(session, map(_checkpoint, kinds))
    return frozenset(kind for kind in kinds if stored.get(_checkpoint(kind), {}).get("tries"))


def forget_incomplete_windows(context: RunContext, kinds: Iterable[ObjectType]) -> None:
    """Begin to count anew, since the searches of these types add up."""
    for kind in kinds:
        with context.begin() as session:
            stored = checkpoints.get(session, _checkpoint(kind))
            checkpoints.put(session, _checkpoint(kind), {**stored, "tries": 0})


def give_up_window(
    context: RunContext,
    kind: ObjectType,
    properties: Sequence[str],
    position: ReadPosition,
    failure: BadAnswer,
) -> bool:
    """Count a window that did not add up; return whether its type was read in another way.

    After three tries within a quarter of an hour and more, the type is listed by id, which needs
    no search, once a day at most; otherwise the window is left to the daily rescan. Either way
    the checkpoint moves on, and the log names the window.
    """
    now = context.api.now()
    with context.reading() as session:
        stored = checkpoints.get(session, _checkpoint(kind)) or {"tries": 0, "listed_at": ""}
    since = datetime.fromisoformat(stored["since"]) if stored["tries"] else now
    tries = stored["tries"] + 1
    if tries < MAX_TRIES or now - since < MIN_AGE:
        _store(context, kind, tries=tries, since=since, listed_at=stored["listed_at"])
        return False
    listed_at = stored["listed_at"]
    is_due = not listed_at or now - datetime.fromisoformat(listed_at) >= SCAN_INTERVAL
    # Searches that break say nothing of the window: it is read once they work again.
    is_given_up = (
        _list_all(context, kind, properties) if is_due else isinstance(failure, IncompleteWindow)
    )
    if not is_given_up:
        return False
    _log.error(
        "window.given_up",
        portal=context.portal_id,
        object_type=str(kind),
        since=position.until.isoformat(),
        until=now.isoformat(),
        tries=tries,
        reason=str(failure),
        read_by="a list of all ids" if is_due else "the daily rescan",
    )
    if is_due:
        listed_at = now.isoformat()
    else:
        window = windows_to_read(position, now, overlap=context.overlap)[-1]
        with context.begin() as session:
            checkpoints.put(session, position_checkpoint(kind), window.position.to_checkpoint())
    _store(context, kind, tries=0, since=now, listed_at=listed_at)
    return True


def _list_all(context: RunContext, kind: ObjectType, properties: Sequence[str]) -> bool:
    """List a type by id; return False where that does not work either: other types are read."""
    try:
        scan_object_type(context, kind, properties)
    except (BadAnswer, PermanentError) as error:
        _log.error(
            "window.list_failed",
            portal=context.portal_id,
            object_type=str(kind),
            message=str(error),
        )
        return False
    return True


def _store(
    context: RunContext, kind: ObjectType, *, tries: int, since: datetime, listed_at: str
) -> None:
    document = {"tries": tries, "since": since.isoformat(), "listed_at": listed_at}
    with context.begin() as session:
        checkpoints.put(session, _checkpoint(kind), document)


def _checkpoint(kind: ObjectType) -> str:
    return f"incomplete.{kind}"
