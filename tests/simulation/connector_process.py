"""The connector in a simulation: a store on disk, a daemon's cycle, and a life that may end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path

from connector.config.presets import policy_text
from connector.context import RunContext, RunState
from connector.core.binding.bind import bind
from connector.core.policy.load import load_policy
from connector.daemon.cycle import CycleWork, Schedule, cycle
from connector.daemon.steps import Steps
from connector.errors import ConnectorError
from connector.sandbox.http.served_portal import ServedPortal
from state.db.errors import DatabaseUnusable
from state.db.store import Store
from state.db.transaction import Transaction
from tests.simulation.in_process import in_process_client

ALWAYS_ALLOWED = 12
POLICIES = (
    f"""
extends: standard
settings:
  limits: {{always: {ALWAYS_ALLOWED}, day_share: 0.05, day_backward_share: 0.05}}
""",
    f"""
extends: standard
settings:
  limits: {{always: {ALWAYS_ALLOWED}, day_share: 0.05, day_backward_share: 0.05}}
  after_lost: {{quiet_days: 30, lead_status: UNQUALIFIED}}
""",
)


class KilledError(BaseException):
    """The process is dead: nothing of it runs any more, its `finally` blocks included."""


@dataclass(slots=True)
class Machine:
    """What a process runs on: how many steps it still has to live, and whether its disk is full."""

    steps_left: int | None = None
    disk_is_full: bool = False

    def count_step(self) -> None:
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                raise KilledError


class SimulatedStore(Store):
    """A store whose every writing transaction may be the last, or meet a full disk."""

    machine = Machine()

    def begin(self, portal_id: str) -> AbstractContextManager[Transaction]:
        self.machine.count_step()
        if self.machine.disk_is_full:
            return self._refuse()
        return super().begin(portal_id)

    def free_bytes(self) -> int:
        return 0 if self.machine.disk_is_full else 10 * 2**30

    @contextmanager
    def _refuse(self) -> Iterator[Transaction]:
        raise DatabaseUnusable("the disk is full: free some space and start again")
        yield


@dataclass
class ConnectorProcess:
    """A daemon that starts, runs cycles, is killed, and starts again on the same database."""

    served: ServedPortal
    database: Path
    machine: Machine = field(default_factory=Machine)
    policy: int = 0
    run_numbers: count[int] = field(default_factory=lambda: count(1))
    last_run: str = ""
    started: RunContext | None = None

    def run_cycle(self) -> bool:
        """Run one cycle of the daemon; return whether nothing failed in it."""
        context = self.open_context()
        if context is None:
            return False
        steps = self._steps
        self._schedule.next_poll = self._schedule.next_plan = 0.0
        try:
            cycle(context, steps, self._schedule, CycleWork(writes=True))
        except KilledError:
            self.stop()
            return False
        finally:
            self.machine.steps_left = None
        return not steps.failing_steps()

    def open_context(self, *, permitted: bool = False) -> RunContext | None:
        """Return the context of a new run; None where the connector cannot start now."""
        try:
            if self.started is None:
                self._start()
            assert self.started is not None
            self.last_run = f"run-{next(self.run_numbers)}"
            return replace(self.started, run=self.last_run, state=RunState(), permitted=permitted)
        except (ConnectorError, KilledError):
            self.stop()
            return None

    def _start(self) -> None:
        clock = self.served.portal.clock
        api = in_process_client(self.served, self.machine.count_step)
        portal = api.portal()
        policy = load_policy(POLICIES[self.policy], source="sim.yaml", preset_text=policy_text)
        store = SimulatedStore.open(f"sqlite:///{self.database}")
        store.machine = self.machine
        self._steps = Steps(lambda: clock.ms() / 1000)
        self._schedule = Schedule(poll_seconds=60)
        self.started = RunContext(
            run="",
            api=api,
            store=store,
            portal=portal,
            policy=bind(policy, portal),
            wait=clock.advance,
            overlap=timedelta(minutes=5),
        )

    def stop(self) -> None:
        """End the process; its database stays."""
        if self.started is not None:
            self.started.store.close()
        self.started = None
        self.machine.steps_left = None
