"""Store the events of many deliveries in one commit, before the deliveries are answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, Full, Queue
from threading import Thread
from typing import Final

from connector.core.webhook_event import Event
from connector.errors import TemporaryError

MAX_WAITING: Final = 2000
"""Deliveries that may wait; HubSpot sends ten at once, and repeats those that are refused."""
PendingDelivery = tuple[Sequence[Event], "Future[None]"]


class Overloaded(TemporaryError):
    """More than `MAX_WAITING` deliveries wait to be stored."""


class EventStore:
    """One thread that stores the events of all deliveries that wait, in one commit.

    A commit takes some milliseconds to reach the disk: with one for each delivery they would
    queue up.
    """

    def __init__(self, store_events: Callable[[Sequence[Event]], None]) -> None:
        self._store_events = store_events
        self._queue: Queue[PendingDelivery | None] = Queue(MAX_WAITING)
        self._thread = Thread(target=self._run, name="inbox", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Store the events that wait, and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def receive(self, events: Sequence[Event]) -> Future[None]:
        """Return a future that is done once these events are stored."""
        stored: Future[None] = Future()
        # A running future cannot be cancelled, so a delivery that gives up stops no thread.
        stored.set_running_or_notify_cancel()
        try:
            self._queue.put_nowait((events, stored))
        except Full:
            stored.set_exception(Overloaded("too many deliveries wait to be stored"))
        return stored

    def _run(self) -> None:
        while True:
            deliveries, is_last = self._take_waiting()
            if deliveries:
                self._store_deliveries(deliveries)
            if is_last:
                return

    def _take_waiting(self) -> tuple[list[PendingDelivery], bool]:
        """Wait for a delivery; return all that wait, and whether the store is closing."""
        deliveries: list[PendingDelivery] = []
        delivery = self._queue.get()
        while delivery is not None:
            deliveries.append(delivery)
            try:
                delivery = self._queue.get_nowait()
            except Empty:
                return deliveries, False
        return deliveries, True

    def _store_deliveries(self, deliveries: Sequence[PendingDelivery]) -> None:
        try:
            self._store_events([event for events, _ in deliveries for event in events])
        except Exception as error:
            # Any error, bugs included, fails these deliveries alone: the thread goes on.
            for _, stored in deliveries:
                stored.set_exception(error)
        else:
            for _, stored in deliveries:
                stored.set_result(None)
