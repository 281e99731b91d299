"""Post events in the order of each record, until the receiver has taken them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any, Final

import structlog

from connector.alerts.event_receiver import EventNotTaken, EventReceiver, EventRefused, post
from connector.errors import ConnectorError
from state import checkpoints, outgoing_events
from state.db.locks import Busy
from state.db.store import Store
from state.db.transaction import Transaction
from state.outgoing_events import WaitingEvent

_TAKEN_CHECKPOINT: Final = "events-taken"  # when the receiver last took an event
_PAGE: Final = 100
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 600.0
_SHUTDOWN_SECONDS: Final = 2.0
_REFUSALS_IN_A_ROW: Final = 5
"""After so many records were refused and none was taken, the receiver itself is wrong."""
_FIRST_RETRY: Final = timedelta(minutes=1)
_LONGEST_RETRY: Final = timedelta(hours=1)
SET_ASIDE_AFTER: Final = timedelta(days=1)
"""An event that is refused for so long, while others are taken, no longer holds up its record."""
_RETRY_SET_ASIDE: Final = timedelta(days=1)
_log = structlog.get_logger()


def deliver_waiting(
    store: Store, portal_id: str, receiver: EventReceiver, now: Callable[[], datetime]
) -> int:
    """Post what waits in the queue; return how many events were taken.

    An event is deleted when it was taken, so that none is lost while the receiver is down or this
    process dies; the receiver may see an event twice, with the same id.

    An event that the receiver refuses waits, and the later events of its record with it; those of
    other records go on. Raise EventNotTaken where the receiver takes nothing at all: it is down,
    or refuses one record after the other.

    Of several processes one delivers at a time, so that the events of a record keep their order;
    where another one is at it, nothing is done.
    """
    lock = store.writer_lock(f"events-{portal_id}", wait=0, holder_name="the delivery of events")
    with ExitStack() as stack:
        try:
            stack.enter_context(lock)
        except Busy:
            return 0
        return _deliver(store, portal_id, receiver, now)


def _deliver(
    store: Store, portal_id: str, receiver: EventReceiver, now: Callable[[], datetime]
) -> int:
    count = refusals = 0
    # Each record's first event is due; once it was taken, the next reading has the record's second.
    while True:
        with store.reading(portal_id) as session:
            due_events = outgoing_events.read_due(session, now=now(), limit=_PAGE)
        if not due_events:
            return count
        for waiting in due_events:
            try:
                post(receiver, waiting.event, now())
            # This event waits, unless too many records are refused: then the receiver is wrong.
            except EventRefused as error:
                refusals += 1
                _note_refusal(store, portal_id, waiting, now(), error)
                if refusals >= _REFUSALS_IN_A_ROW:
                    raise EventNotTaken(f"{error} So it does to others.") from error
            else:
                refusals, count = 0, count + 1
                _note_taken(store, portal_id, waiting, now())


def _note_taken(store: Store, portal_id: str, waiting: WaitingEvent, now: datetime) -> None:
    with store.begin(portal_id) as session:
        outgoing_events.remove(session, waiting)
        checkpoints.put(session, _TAKEN_CHECKPOINT, now.isoformat())


def _note_refusal(
    store: Store, portal_id: str, waiting: WaitingEvent, now: datetime, error: EventRefused
) -> None:
    """Store when an event is tried again; set it aside where the receiver takes others meanwhile.

    A receiver that refuses everything, with a wrong secret say, sets nothing aside.
    """
    with store.begin(portal_id) as session:
        is_hopeless = _is_hopeless(session, waiting, now)
        is_set_aside = waiting.is_set_aside or is_hopeless
        retry = min(_FIRST_RETRY * 2 ** min(waiting.tries, 10), _LONGEST_RETRY)
        next_try = now + (_RETRY_SET_ASIDE if is_set_aside else retry)
        outgoing_events.note_refusal(
            session, waiting, now=now, next_try=next_try, set_aside=is_set_aside
        )
    if is_set_aside and not waiting.is_set_aside:
        _log.error(
            "events.set_aside",
            record=str(waiting.event.record),
            event_id=waiting.event.event_id,
            message=str(error),
        )
    elif not waiting.tries:
        _log.warning("events.refused", record=str(waiting.event.record), message=str(error))


def _is_hopeless(session: Transaction, waiting: WaitingEvent, now: datetime) -> bool:
    taken_at: Any = checkpoints.get(session, _TAKEN_CHECKPOINT)
    refused_at = waiting.refused_at
    return (
        refused_at is not None
        and now - refused_at >= SET_ASIDE_AFTER
        and taken_at is not None
        and datetime.fromisoformat(taken_at) > refused_at
    )


class EventDelivery:
    """Delivers events in a thread of its own, so that a slow receiver delays nothing.

    `deliver` posts what waits in a portal. What the receiver does not take is posted again after
    `first_pause` seconds, then after twice as many, and so on; 10 minutes at most. No error ends
    the thread, a bug of ours neither: it is logged, and everything is tried again.
    """

    def __init__(self, deliver: Callable[[str], int], *, first_pause: float = _FIRST_PAUSE) -> None:
        self._deliver, self._first_pause = deliver, first_pause
        self._portal_id = ""
        self._wakes, self._is_closed = Event(), Event()
        self._thread = Thread(target=self._deliver_until_closed, name="events", daemon=True)
        self._thread.start()

    def wake(self, portal_id: str) -> None:
        """Deliver now what waits in a portal, unless a pause after a failure still lasts."""
        self._portal_id = portal_id
        self._wakes.set()

    def close(self) -> None:
        """End after the event that is being posted, waiting two seconds at most."""
        self._is_closed.set()
        self._wakes.set()
        self._thread.join(_SHUTDOWN_SECONDS)

    def _deliver_until_closed(self) -> None:
        pause = 0.0
        while not self._is_closed.wait(pause):
            if not pause:
                self._wakes.wait()
                self._wakes.clear()
                if self._is_closed.is_set():
                    return
            pause = self._deliver_once(pause)

    def _deliver_once(self, pause: float) -> float:
        """Return the pause until the next try, in seconds; 0 where everything was taken."""
        try:
            self._deliver(self._portal_id)
        except ConnectorError as error:
            if not pause:
                _log.warning("events.failing", message=str(error))
        except Exception:
            if not pause:
                _log.exception("events.broken")
        else:
            if pause:
                _log.info("events.recovered")
            return 0.0
        return min(max(2 * pause, self._first_pause), _LONGEST_PAUSE)
