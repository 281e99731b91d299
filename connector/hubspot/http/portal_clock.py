"""The portal's clock, read from the dates of its answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

from connector.hubspot.http.response import Answer

RESOLUTION = 1.0
"""Seconds: a `Date` header is cut off to the whole second."""


class PortalClock:
    """The portal's time as our monotonic clock plus an offset that each answer narrows.

    An answer proves that the portal's clock stood between its date and a second later, at some
    moment between sending and receiving. The offset moves only as far as that proof demands:
    so it does not jitter with the second, yet follows a clock that was really moved.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._offset: float | None = None
        self._lock = Lock()

    def update(self, answer: Answer) -> None:
        """Take the proof of one answer; an answer without a date proves nothing."""
        date = answer.date()
        if date is None:
            return
        earliest = date.timestamp() - answer.received_at
        latest = date.timestamp() + RESOLUTION - answer.sent_at
        with self._lock:
            offset = earliest if self._offset is None else self._offset
            self._offset = min(max(offset, earliest), latest)

    def now(self) -> datetime | None:
        """Return the portal's time, `None` before its first answer."""
        with self._lock:
            offset = self._offset
        return None if offset is None else datetime.fromtimestamp(offset + self._monotonic(), UTC)
