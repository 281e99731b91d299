"""Let only so many requests in a second."""

from __future__ import annotations

from collections.abc import Callable


class Rate:
    """A bucket that fills with `per_second` turns, up to `burst`; for one thread."""

    def __init__(self, per_second: float, *, burst: float, monotonic: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._monotonic = monotonic
        self._left = burst
        self._at = monotonic()

    def take(self) -> bool:
        """Take a turn; False where none is left."""
        now = self._monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
