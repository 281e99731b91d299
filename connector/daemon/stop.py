"""Stop gracefully: nothing new is begun, and the batch in flight is finished or journalled."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from connector.hubspot.http.daily_budget import is_uninterruptible

GRACE_SECONDS = 6.0
"""Seconds that a batch in flight may still wait; after it, the outbox says how to go on."""


class Stopping(Exception):
    """The daemon was told to stop, and what was under way is safe to leave."""


class StopSignal:
    """Told once, by a signal; whoever waits hears of it."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._requested = Event()
        self._sleep_ended = Event()
        self._grace_until = 0.0

    @property
    def is_requested(self) -> bool:
        """Whether the daemon was told to stop."""
        return self._requested.is_set()

    def request(self) -> None:
        """Tell the daemon to stop."""
        self._grace_until = self._monotonic() + GRACE_SECONDS
        self._requested.set()
        self._sleep_ended.set()

    def end_sleep(self) -> None:
        """End the sleep between two cycles: there is something to look at."""
        self._sleep_ended.set()

    def sleep(self, seconds: float) -> None:
        """Sleep between two cycles, until somebody wakes us."""
        self._sleep_ended.wait(max(0.0, seconds))
        self._sleep_ended.clear()

    def yield_lock(self, seconds: float) -> None:
        """Leave the lock to others for a moment, whoever would wake us."""
        self._requested.wait(seconds)

    def wait(self, seconds: float) -> None:
        """Wait within a cycle; raise Stopping when told to stop, in a batch only after its grace.

        Between the clear and the set of a batch a record has no stage: it is given the time
        to come to its end.
        """
        if not self._requested.wait(seconds):
            return
        self.raise_if_stopping()
        remaining = min(seconds, self._grace_until - self._monotonic())
        if remaining <= 0:
            raise Stopping
        Event().wait(remaining)

    def raise_if_stopping(self) -> None:
        """Raise Stopping when told to stop, outside of a batch in flight."""
        if self.is_requested and not is_uninterruptible():
            raise Stopping

    def on_progress(self, label: str, done: int, total: int | None) -> None:
        """Take every word about progress as an occasion to stop."""
        self.raise_if_stopping()
