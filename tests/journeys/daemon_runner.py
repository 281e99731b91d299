"""Run a daemon cycle by cycle, on a clock that moves when it waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog

from connector.config import settings
from connector.config.run_clock import RunClock
from connector.config.settings import Settings
from connector.daemon.cycle import Schedule
from connector.daemon.environment import (
    CurrentSettings,
    Environment,
    EnvironmentSources,
)
from connector.daemon.loop import Loop
from connector.daemon.status import problems
from connector.daemon.steps import Steps
from connector.daemon.stop import StopSignal
from state.db.store import Store
from tests.journeys.workspace import Workspace

SQL, OPPORTUNITY = "salesqualifiedlead", "opportunity"
POLL = 60.0


@dataclass
class DaemonRunner:
    """A daemon cycle by cycle, in a workspace whose clock moves when the daemon waits."""

    workspace: Workspace
    loop: Loop
    logs: list[Any] = field(default_factory=list)

    def run_cycle(self, seconds: float = POLL) -> None:
        """Let time pass, and the daemon go through one cycle."""
        self.workspace.portal.clock.advance(seconds)
        self.loop.run_cycle(self.environment)

    @property
    def environment(self) -> Environment:
        assert self.loop.environment is not None
        return self.loop.environment

    def failing_steps(self) -> set[str]:
        return {failure.step for failure in self.loop.steps.failing_steps()}

    def problems(self) -> list[str]:
        return problems(self.loop)

    def logged_steps(self, event: str) -> list[str]:
        return [entry.get("step", "") for entry in self.logs if entry["event"] == event]


@contextmanager
def run_daemon(
    workspace: Workspace, store_class: type[Store] = Store, **overrides: str
) -> Iterator[DaemonRunner]:
    """Make a daemon whose portal is not opened yet."""
    workspace.overrides = {
        "CONNECTOR_WRITES": "apply",
        "CONNECTOR_RECHECK_SECONDS": "2",
        **overrides,
    }

    def monotonic() -> float:
        return workspace.portal.clock.ms() / 1000

    def read_settings() -> Settings:
        return settings.read(workspace.environment, folder=workspace.folder)

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(20))
    clock = RunClock(wait=workspace.portal.clock.advance, monotonic=monotonic)
    with (
        store_class.open(
            workspace.environment["CONNECTOR_DATABASE_URL"], busy_timeout=0.1
        ) as store,
        structlog.testing.capture_logs() as logs,
    ):
        sources = EnvironmentSources(
            current=CurrentSettings(read_settings), clock=clock, store=store
        )
        loop = Loop(
            sources=sources,
            steps=Steps(monotonic),
            stop=StopSignal(monotonic),
            schedule=Schedule(poll_seconds=POLL),
        )
        with closing(loop):
            yield DaemonRunner(workspace, loop, logs)


def stage_of(workspace: Workspace, contact_id: str) -> str:
    return workspace.value(f"contacts/{contact_id}.lifecyclestage")
