"""Store events before their delivery is answered: many deliveries in one commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, Full, Queue
from threading import Thread
from typing import Final

from connector.core.event import Event
from connector.errors import TemporaryError

MOST: Final = 2000
"""Deliveries that may wait to be stored; HubSpot sends ten at once, and repeats what it must."""
Parcel = tuple[Sequence[Event], "Future[None]"]


class Overloaded(TemporaryError):  # noqa: N818 - named by what it is
    """More deliveries wait to be stored than may."""


class Receiver:
    """One thread that stores what all deliveries bring, each time all that has come meanwhile.

    A commit reaches the disk, which takes some milliseconds: one for each delivery would let
    them queue up.
    """

    def __init__(self, put: Callable[[Sequence[Event]], None]) -> None:
        self._put = put
        self._queue: Queue[Parcel | None] = Queue(MOST)
        self._thread = Thread(target=self._work, name="inbox", daemon=True)

    def start(self) -> None:
        """Begin to store."""
        self._thread.start()

    def close(self) -> None:
        """Store what has come, and end."""
        self._queue.put(None)
        self._thread.join()

    def receive(self, events: Sequence[Event]) -> Future[None]:
        """Return a future that is done once these events are stored."""
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()  # who gives up waiting must not stop the thread
        try:
            self._queue.put_nowait((events, done))
        except Full:
            done.set_exception(Overloaded("too many deliveries wait to be stored"))
        return done

    def _work(self) -> None:
        while True:
            parcels, last = self._take()
            if parcels:
                self._store(parcels)
            if last:
                return

    def _take(self) -> tuple[list[Parcel], bool]:
        """Return what waits, at least one, and whether it is the last."""
        found: list[Parcel] = []
        next_one = self._queue.get()
        while next_one is not None:
            found.append(next_one)
            try:
                next_one = self._queue.get_nowait()
            except Empty:
                return found, False
        return found, True

    def _store(self, parcels: Sequence[Parcel]) -> None:
        try:
            self._put([event for events, _ in parcels for event in events])
        except Exception as error:
            # A bug of ours, too, is heard by those who wait, and the thread goes on.
            for _, done in parcels:
                done.set_exception(error)
        else:
            for _, done in parcels:
                done.set_result(None)
