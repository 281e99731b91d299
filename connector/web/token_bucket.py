"""Limit requests to a number per second."""

from __future__ import annotations

from collections.abc import Callable


class RateLimit:
    """A bucket that gains `per_second` tokens, up to `burst`; for one thread."""

    def __init__(self, per_second: float, *, burst: float, monotonic: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._monotonic = monotonic
        self._tokens = burst
        self._updated_at = monotonic()

    def try_acquire(self) -> bool:
        """Take a token; False where none is left."""
        now = self._monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._updated_at) * self._per_second)
        self._updated_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def return_token(self) -> None:
        """Return the token that was taken last."""
        self._tokens = min(self._burst, self._tokens + 1)
