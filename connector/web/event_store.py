"""Store events before their delivery is answered: many deliveries in one commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, Full, Queue
from threading import Thread
from typing import Final

from connector.core.event import Event
from connector.errors import TemporaryError

MAX_WAITING: Final = 2000
"""Deliveries that may wait to be stored; HubSpot sends ten at once, and repeats what it must."""
PendingDelivery = tuple[Sequence[Event], "Future[None]"]


class Overloaded(TemporaryError):
    """More deliveries wait to be stored than may."""


class EventStore:
    """One thread that stores what all deliveries bring, each time all that has come meanwhile.

    A commit reaches the disk, which takes some milliseconds: one for each delivery would let
    them queue up.
    """

    def __init__(self, store_events: Callable[[Sequence[Event]], None]) -> None:
        self._store_events = store_events
        self._queue: Queue[PendingDelivery | None] = Queue(MAX_WAITING)
        self._thread = Thread(target=self._run, name="inbox", daemon=True)

    def start(self) -> None:
        """Begin to store."""
        self._thread.start()

    def close(self) -> None:
        """Store what has come, and end."""
        self._queue.put(None)
        self._thread.join()

    def receive(self, events: Sequence[Event]) -> Future[None]:
        """Return a future that is done once these events are stored."""
        stored: Future[None] = Future()
        stored.set_running_or_notify_cancel()  # who gives up waiting must not stop the thread
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
        """Return what waits, at least one, and whether it is the last."""
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
            # A bug of ours, too, is heard by those who wait, and the thread goes on.
            for _, stored in deliveries:
                stored.set_exception(error)
        else:
            for _, stored in deliveries:
                stored.set_result(None)
