"""Stop gracefully: no new work begins, and the batch in flight ends or stays in the outbox."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from threading import Event

from connector.hubspot.http.daily_budget import is_uninterruptible

GRACE_SECONDS = 6.0
"""Seconds that a batch in flight may still wait; the next start finishes what is open then."""


class Stopping(Exception):
    """The daemon was asked to stop, and the work under way is safe to leave."""


class SliceEnded(Stopping):
    """The reading of a whole portal has had its time, and goes on where it is."""


class StopSignal:
    """The request to stop, which also ends every sleep and wait of the loop."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._requested = Event()
        self._sleep_ended = Event()
        self._grace_until = 0.0
        self._slice_until = inf

    @property
    def is_requested(self) -> bool:
        """Return whether the daemon was asked to stop."""
        return self._requested.is_set()

    def request(self) -> None:
        """Ask the daemon to stop."""
        self._grace_until = self._monotonic() + GRACE_SECONDS
        self._requested.set()
        self._sleep_ended.set()

    def end_sleep(self) -> None:
        """End the sleep between two cycles, since records were named."""
        self._sleep_ended.set()

    def sleep(self, seconds: float) -> None:
        """Sleep between two cycles, until `end_sleep` or a request to stop."""
        self._sleep_ended.wait(max(0.0, seconds))
        self._sleep_ended.clear()

    def yield_lock(self, seconds: float) -> None:
        """Leave the writer's lock to others for a moment; only a request to stop ends it early."""
        self._requested.wait(seconds)

    def wait(self, seconds: float) -> None:
        """Wait within a cycle; raise Stopping when asked to stop, in a batch only after its grace.

        Between the clear and the set of a batch records have no stage, so the batch gets
        `GRACE_SECONDS` to end.
        """
        if not self._requested.wait(seconds):
            return
        self.raise_if_stopping()
        remaining = min(seconds, self._grace_until - self._monotonic())
        if remaining <= 0:
            raise Stopping
        Event().wait(remaining)

    def raise_if_stopping(self) -> None:
        """Raise Stopping when asked to stop, outside of a batch in flight."""
        if self.is_requested and not is_uninterruptible():
            raise Stopping

    def begin_slice(self, seconds: float) -> None:
        """Let the reading of a whole portal end after so many seconds, between two pages."""
        self._slice_until = self._monotonic() + seconds

    def on_progress(self, label: str, done: int, total: int | None) -> None:
        """Use each progress report as a chance to stop.

        Only the reading of a whole portal knows its total while it pulls, and only it goes on later
        where it was: whatever else was begun is not cut into slices.
        """
        self.raise_if_stopping()
        is_full_scan = label.startswith("pull ") and total is not None
        if is_full_scan and self._monotonic() >= self._slice_until:
            raise SliceEnded
