"""The portal's clock, which can be moved."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock


class Clock:
    """A clock that starts at a given time, runs on, and can be moved.

    Without `start` it follows real time; with `running=False` only `advance` and `set` move it.
    """

    def __init__(
        self,
        start: datetime | None = None,
        *,
        running: bool = True,
        real_time: Callable[[], float] = time.time,
    ) -> None:
        self._real_time = real_time if running else _fixed_time(real_time())
        self._offset = 0.0 if start is None else start.timestamp() - self._real_time()
        self._lock = Lock()

    def ms(self) -> int:
        """Return the time in milliseconds since 1970."""
        return round((self._real_time() + self._offset) * 1000)

    def now(self) -> datetime:
        """Return the time, in UTC, to the millisecond."""
        return datetime.fromtimestamp(self.ms() / 1000, UTC)

    def advance(self, seconds: float) -> None:
        """Move the clock ahead, or back with a negative number."""
        with self._lock:
            self._offset += seconds

    def set(self, instant: datetime) -> None:
        """Move the clock to an instant."""
        with self._lock:
            self._offset = instant.timestamp() - self._real_time()


def _fixed_time(instant: float) -> Callable[[], float]:
    return lambda: instant
