"""What the steps promise: told once when one begins to fail, and once when it recovers."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import structlog

from connector.daemon.steps import Steps, Trouble
from connector.errors import TemporaryError, UserError


@dataclass
class Watching:
    heard: list[str] = field(default_factory=list)

    def ran(self, step: str, seconds: float, *, ok: bool) -> None:
        self.heard.append(f"{step} {'done' if ok else 'failed'}")

    def failing(self, trouble: Trouble) -> None:
        self.heard.append(f"{trouble.step} failing: {trouble.error}")

    def recovered(self, trouble: Trouble, seconds: float) -> None:
        self.heard.append(f"{trouble.step} recovered after {seconds:g}")


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def failing(error: Exception) -> None:
    raise error


def test_a_failing_step_is_told_once_and_its_recovery_once() -> None:
    clock, watching = Clock(), Watching()
    steps = Steps(clock, [watching])
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            assert not steps.run("poll", lambda: failing(TemporaryError("away")))
            clock.seconds += 60
        assert steps.run("poll", lambda: None)
        assert steps.run("poll", lambda: None)
    assert [one["event"] for one in logs] == ["step.failing", "step.recovered"]
    assert logs[1]["seconds"] == 180
    told = [one for one in watching.heard if " failing" in one or " recovered" in one]
    assert told == ["poll failing: away", "poll recovered after 180"]
    assert watching.heard.count("poll failed") == 3


def test_a_step_that_fails_otherwise_is_told_again_and_keeps_its_beginning() -> None:
    clock = Clock()
    steps = Steps(clock)
    steps.run("poll", lambda: failing(TemporaryError("away")))
    clock.seconds = 60
    with structlog.testing.capture_logs() as logs:
        steps.run("poll", lambda: failing(UserError("the token is revoked")))
    assert [one["message"] for one in logs] == ["the token is revoked"]
    assert [(one.step, one.since) for one in steps.troubles()] == [("poll", 0.0)]


def test_a_bug_of_ours_is_not_caught() -> None:
    with pytest.raises(ZeroDivisionError):
        Steps(Clock()).run("poll", lambda: 1 / 0)
