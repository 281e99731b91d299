"""Stop gracefully: nothing new is begun, and the batch in flight is finished or journalled."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from connector.hubspot.budget import is_never_stopped

GRACE = 6.0
"""Seconds that a batch in flight may still wait; after it, the outbox says how to go on."""


class Stopping(Exception):  # noqa: N818 - named by what it is
    """The daemon was told to stop, and what was under way is safe to leave."""


class Stop:
    """Told once, by a signal; whoever waits hears of it."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._asked = Event()
        self._woken = Event()
        self._until = 0.0

    @property
    def asked(self) -> bool:
        """Whether the daemon was told to stop."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Tell the daemon to stop."""
        self._until = self._monotonic() + GRACE
        self._asked.set()
        self._woken.set()

    def wake(self) -> None:
        """End the sleep between two cycles: there is something to look at."""
        self._woken.set()

    def sleep(self, seconds: float) -> None:
        """Sleep between two cycles, until somebody wakes us."""
        self._woken.wait(max(0.0, seconds))
        self._woken.clear()

    def rest(self, seconds: float) -> None:
        """Leave the lock to others for a moment, whoever would wake us."""
        self._asked.wait(seconds)

    def wait(self, seconds: float) -> None:
        """Wait within a cycle; raise Stopping when told to stop, in a batch only after its grace.

        Between the clear and the set of a batch a record has no stage: it is given the time
        to come to its end.
        """
        if not self._asked.wait(seconds):
            return
        self.check()
        left = min(seconds, self._until - self._monotonic())
        if left <= 0:
            raise Stopping
        Event().wait(left)

    def check(self) -> None:
        """Raise Stopping when told to stop, outside of a batch in flight."""
        if self.asked and not is_never_stopped():
            raise Stopping

    def heard(self, what: str, done: int, total: int | None) -> None:
        """Take every word about progress as an occasion to stop."""
        self.check()
