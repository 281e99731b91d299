"""A step is logged once when it begins to fail, and once when it recovers."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import structlog

from connector.daemon.steps import FailingStep, Steps
from connector.errors import TemporaryError, UserError


@dataclass
class StepRecorder:
    events: list[str] = field(default_factory=list)

    def on_run(self, step: str, seconds: float, *, ok: bool) -> None:
        self.events.append(f"{step} {'done' if ok else 'failed'}")

    def on_failure(self, failing_step: FailingStep) -> None:
        self.events.append(f"{failing_step.step} failing: {failing_step.error}")

    def on_recovery(self, failing_step: FailingStep, seconds: float) -> None:
        self.events.append(f"{failing_step.step} recovered after {seconds:g}")


class FakeClock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def fail(error: Exception) -> None:
    raise error


def test_a_failing_step_is_told_once_and_its_recovery_once() -> None:
    clock, recorder = FakeClock(), StepRecorder()
    steps = Steps(clock, [recorder])
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            assert not steps.run("poll", lambda: fail(TemporaryError("away")))
            clock.seconds += 60
        assert steps.run("poll", lambda: None)
        assert steps.run("poll", lambda: None)
    assert [entry["event"] for entry in logs] == ["step.failing", "step.recovered"]
    assert logs[1]["seconds"] == 180
    transitions = [
        event for event in recorder.events if " failing" in event or " recovered" in event
    ]
    assert transitions == ["poll failing: away", "poll recovered after 180"]
    assert recorder.events.count("poll failed") == 3


def test_a_step_that_fails_otherwise_is_told_again_and_keeps_its_beginning() -> None:
    clock = FakeClock()
    steps = Steps(clock)
    steps.run("poll", lambda: fail(TemporaryError("away")))
    clock.seconds = 60
    with structlog.testing.capture_logs() as logs:
        steps.run("poll", lambda: fail(UserError("the token is revoked")))
    assert [entry["message"] for entry in logs] == ["the token is revoked"]
    assert [(trouble.step, trouble.since) for trouble in steps.failing_steps()] == [("poll", 0.0)]


def test_a_bug_of_ours_is_not_caught() -> None:
    with pytest.raises(ZeroDivisionError):
        Steps(FakeClock()).run("poll", lambda: 1 / 0)
