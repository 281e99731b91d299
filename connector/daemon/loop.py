"""The loop: one cycle after the other, until the daemon is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from connector.core.corrections.audit import AuditLine
from connector.daemon.cycle import Schedule, cycle
from connector.daemon.environment import Environment
from connector.daemon.steps import Steps
from connector.daemon.stop import Stopping, StopSignal
from connector.errors import TemporaryError
from state import audit
from state.db.locks import Busy

CYCLE_PAUSE_SECONDS: Final = 0.2
"""Seconds between two cycles in any case, so that an operator's command gets the lock."""
RETRY_SECONDS: Final = 5.0
"""Seconds until the next try to open the portal, or to get a lock that another holds."""

_log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Loop:
    """What the loop holds: the ground it stands on, its steps, and when what is next."""

    environment: Environment
    steps: Steps
    stop: StopSignal
    schedule: Schedule
    on_correction_ended: Callable[[AuditLine], None] = lambda _line: None
    on_cycle_ended: Callable[[], None] = lambda: None

    def run(self) -> None:
        """Work until told to stop; UserError where the portal cannot be opened at all."""
        try:
            while not self.stop.is_requested and not self.open():
                self.stop.sleep(RETRY_SECONDS)
            while not self.stop.is_requested:
                seconds = self.run_cycle()
                self.on_cycle_ended()
                self.stop.yield_lock(CYCLE_PAUSE_SECONDS)
                self.stop.sleep(seconds)
        except Stopping:
            _log.info("daemon.interrupted", message="what is open is finished by the next start")
        finally:
            self.environment.close()

    def open(self) -> bool:
        """Open the portal; HubSpot being away is waited for, anything else ends the daemon."""
        try:
            self.environment.open()
        except TemporaryError as error:
            self.steps.note_failure("portal", error)
            return False
        self.steps.note_success("portal")
        _log.info(
            "daemon.started",
            portal=self.environment.portal_id,
            policy=self.environment.policy.name,
            writes=self.environment.settings.writes,
        )
        return True

    def run_cycle(self) -> float:
        """Renew what has changed, and go through one cycle; return the seconds to sleep."""
        if not self._renew():
            return self.schedule.poll_seconds
        try:
            lock = self.environment.store.writer_lock(
                self.environment.portal_id, holder_name="connector run"
            )
            with lock:
                self._run_locked_cycle()
        except Busy as error:
            _log.info("cycle.postponed", message=str(error))
            return RETRY_SECONDS
        now = self.steps.monotonic()
        return max(0.0, self.schedule.next_poll - now)

    def _renew(self) -> bool:
        """Follow settings, token, portal and policy; False where the token is not to be used."""
        environment, steps = self.environment, self.steps
        steps.run("settings", environment.renew_settings)
        if not steps.run("token", environment.renew_token):
            return False
        previous = (environment.portal, environment.policy)
        steps.run("portal", environment.renew_portal)
        steps.run("policy", environment.renew_policy)
        if previous != (environment.portal, environment.policy):
            self.schedule.poll_and_plan_now()
        return True

    def _run_locked_cycle(self) -> None:
        writes = self.environment.settings.writes == "apply"
        line_count, context = self._audit_line_count(), self.environment.new_context()
        try:
            with structlog.contextvars.bound_contextvars(run_id=context.run):
                cycle(context, self.steps, self.schedule, writes=writes)
        finally:
            self._report_ended_corrections(line_count)

    def _audit_line_count(self) -> int:
        with self.environment.store.reading(self.environment.portal_id) as session:
            return audit.head(session).line_count

    def _report_ended_corrections(self, line_count: int) -> None:
        """Tell of what the audit has gained; nobody else writes it while we hold the lock."""
        new_lines = self._audit_line_count() - line_count
        if not new_lines:
            return
        with self.environment.store.reading(self.environment.portal_id) as session:
            for line in audit.read(session, limit=new_lines):
                self.on_correction_ended(line)
