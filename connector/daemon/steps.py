"""Run the steps of a cycle, and know which of them are failing since when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import structlog

from connector.errors import ConnectorError

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A step that fails: why, and since when by the clock that never goes back."""

    step: str
    error: ConnectorError
    since: float


class Watcher(Protocol):
    """Hears when a step ran, begins to fail, fails otherwise than before, and recovers."""

    def ran(self, step: str, seconds: float, *, ok: bool) -> None:
        """Take note of it."""
        ...

    def failing(self, trouble: Trouble) -> None:
        """Take note of it."""
        ...

    def recovered(self, trouble: Trouble, seconds: float) -> None:
        """Take note of it."""
        ...


class Steps:
    """Each step is logged once when it begins to fail, and once when it recovers."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        watchers: Sequence[Watcher] = (),
        span: Callable[[str], AbstractContextManager[None]] = lambda _step: nullcontext(),
    ) -> None:
        self.monotonic = monotonic
        self._span = span
        self._watchers = watchers
        self._troubles: dict[str, Trouble] = {}
        self._lock = Lock()

    def run(self, step: str, work: Callable[[], object]) -> bool:
        """Do the work; return whether it succeeded. A bug of ours is not caught."""
        began = self.monotonic()
        try:
            with self._span(step):
                work()
        except ConnectorError as error:
            self._ran(step, began, ok=False)
            self.fail(step, error)
            return False
        self._ran(step, began, ok=True)
        self.succeed(step)
        return True

    def fail(self, step: str, error: ConnectorError) -> None:
        """Note that a step failed."""
        before = self._troubles.get(step)
        since = before.since if before else self.monotonic()
        trouble = Trouble(step=step, error=error, since=since)
        with self._lock:
            self._troubles[step] = trouble
        if before is not None and type(before.error) is type(error):
            return
        _log.warning("step.failing", step=step, error=type(error).__name__, message=str(error))
        for watcher in self._watchers:
            watcher.failing(trouble)

    def succeed(self, step: str) -> None:
        """Note that a step succeeded."""
        with self._lock:
            before = self._troubles.pop(step, None)
        if before is None:
            return
        seconds = self.monotonic() - before.since
        _log.info("step.recovered", step=step, seconds=round(seconds, 1))
        for watcher in self._watchers:
            watcher.recovered(before, seconds)

    def _ran(self, step: str, began: float, *, ok: bool) -> None:
        for watcher in self._watchers:
            watcher.ran(step, self.monotonic() - began, ok=ok)

    def troubles(self) -> tuple[Trouble, ...]:
        """Return what is failing now; from any thread."""
        with self._lock:
            return tuple(self._troubles.values())
