"""Run the steps of a cycle, and keep which of them fail and since when."""

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
class FailingStep:
    """A step that fails, with its latest error; `since` is in seconds of the monotonic clock."""

    step: str
    error: ConnectorError
    since: float


class StepObserver(Protocol):
    """Is called when a step ran, begins to fail, fails with another error, and recovers."""

    def on_run(self, step: str, seconds: float, *, ok: bool) -> None:
        """Handle the end of a step."""
        ...

    def on_failure(self, failing_step: FailingStep) -> None:
        """Handle a failure that is new or has another error than before."""
        ...

    def on_recovery(self, failing_step: FailingStep, seconds: float) -> None:
        """Handle the first success after a failure that lasted `seconds`."""
        ...


class Steps:
    """Runs steps, and logs each once when it begins to fail and once when it recovers."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        observers: Sequence[StepObserver] = (),
        span: Callable[[str], AbstractContextManager[None]] = lambda _step: nullcontext(),
    ) -> None:
        self.monotonic = monotonic
        self._span = span
        self._observers = observers
        self._failing_steps: dict[str, FailingStep] = {}
        self._lock = Lock()

    def run(self, step: str, work: Callable[[], object]) -> bool:
        """Do the work; return whether it succeeded. A bug of ours is not caught."""
        started = self.monotonic()
        try:
            with self._span(step):
                work()
        except ConnectorError as error:
            self._notify_run(step, started, ok=False)
            self.note_failure(step, error)
            return False
        self._notify_run(step, started, ok=True)
        self.note_success(step)
        return True

    def note_failure(self, step: str, error: ConnectorError) -> None:
        """Note that a step failed."""
        previous = self._failing_steps.get(step)
        since = previous.since if previous else self.monotonic()
        failing_step = FailingStep(step=step, error=error, since=since)
        with self._lock:
            self._failing_steps[step] = failing_step
        if previous is not None and type(previous.error) is type(error):
            return
        _log.warning("step.failing", step=step, error=type(error).__name__, message=str(error))
        for observer in self._observers:
            observer.on_failure(failing_step)

    def note_success(self, step: str) -> None:
        """Note that a step succeeded."""
        with self._lock:
            previous = self._failing_steps.pop(step, None)
        if previous is None:
            return
        seconds = self.monotonic() - previous.since
        _log.info("step.recovered", step=step, seconds=round(seconds, 1))
        for observer in self._observers:
            observer.on_recovery(previous, seconds)

    def _notify_run(self, step: str, started: float, *, ok: bool) -> None:
        for observer in self._observers:
            observer.on_run(step, self.monotonic() - started, ok=ok)

    def failing_steps(self) -> tuple[FailingStep, ...]:
        """Return what is failing now; from any thread."""
        with self._lock:
            return tuple(self._failing_steps.values())
