"""Queue events in the order in which they happened: what others changed, and what was applied."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Final

from connector.alerts.event_document import applied_event, is_event
from state import audit, checkpoints, outgoing_events
from state.db.transaction import Transaction
from state.outgoing_events import OutgoingEvent

_CHECKPOINT: Final = "events"  # the place in the audit up to which lines are queued
_PAGE: Final = 500
TimedEvent = tuple[datetime, OutgoingEvent]


def queue_events(
    session: Transaction,
    portal_id: str,
    observed_events: Sequence[TimedEvent],
    *,
    until: datetime | None,
    at: datetime,
) -> bool:
    """Queue events of what others changed among those of the next applied lines, by their time.

    Only lines of up to `until` are queued, all where it is None. Of one moment the change of
    others comes first: a correction answers what was observed. The first time of a portal, what
    was applied before is passed over. Return whether more lines may wait.
    """
    place = checkpoints.get(session, _CHECKPOINT)
    if place is None:
        place = audit.head(session).line_count
        checkpoints.put(session, _CHECKPOINT, place)
    next_lines = audit.read_after(session, place, limit=_PAGE)
    lines = [(number, line) for number, line in next_lines if until is None or line.at <= until]
    applied_events = [
        (line.at, applied_event(portal_id, number, line))
        for number, line in lines
        if is_event(line)
    ]
    in_order = sorted([*observed_events, *applied_events], key=itemgetter(0))
    outgoing_events.add(session, [event for _, event in in_order], at=at)
    if lines:
        checkpoints.put(session, _CHECKPOINT, lines[-1][0])
    return len(lines) == _PAGE
