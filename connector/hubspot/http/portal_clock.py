"""The portal's clock, read from the dates of its answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

from connector.hubspot.http.response import Answer

RESOLUTION = 1.0
"""Seconds: a `Date` header is cut off to the whole second."""


MAX_DEVIATION: Final = timedelta(days=1)
"""How far the portal's clock and the machine's may be apart; a wrong time zone is less."""


class PortalClock:
    """The portal's time as our monotonic clock plus an offset that each answer narrows.

    An answer proves that the portal's clock stood between its date and a second later, at some
    moment between sending and receiving. The offset moves only as far as that proof demands:
    so it does not jitter with the second, yet follows a clock that was really moved.

    An answer that is dated more than a day away from the machine's clock proves nothing: one of
    the two clocks is wrong, and `deviation` says so until the next answer. `wall_clock` is the
    machine's, in seconds since 1970; without one nothing is compared.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.wall_clock: Callable[[], float] | None = None
        self._monotonic = monotonic
        self._deviation: tuple[datetime, datetime] | None = None
        self._offset: float | None = None
        self._lock = Lock()

    def update(self, answer: Answer) -> None:
        """Take the proof of one answer; an answer without a date proves nothing."""
        date = answer.date()
        if date is None:
            return
        if self.wall_clock is not None:
            machine_time = datetime.fromtimestamp(self.wall_clock(), UTC)
            is_odd = abs(date - machine_time) > MAX_DEVIATION
            self._deviation = (date, machine_time) if is_odd else None
            if is_odd:
                return
        earliest = date.timestamp() - answer.received_at
        latest = date.timestamp() + RESOLUTION - answer.sent_at
        with self._lock:
            offset = earliest if self._offset is None else self._offset
            self._offset = min(max(offset, earliest), latest)

    def deviation(self) -> tuple[datetime, datetime] | None:
        """Return the portal's and the machine's time where the last answer had them apart."""
        return self._deviation

    def now(self) -> datetime | None:
        """Return the portal's time, `None` before its first answer."""
        with self._lock:
            offset = self._offset
        return None if offset is None else datetime.fromtimestamp(offset + self._monotonic(), UTC)
