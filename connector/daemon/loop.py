"""The loop: one cycle after the other, until the daemon is asked to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Event
from typing import Final

import structlog

from connector.core.corrections.audit import AuditLine
from connector.daemon.cycle import CycleWork, Schedule, cycle
from connector.daemon.environment import Environment, EnvironmentSources, open_environment
from connector.daemon.steps import Steps
from connector.daemon.stop import Stopping, StopSignal
from connector.errors import StorageError, TemporaryError, UserError
from connector.hubspot.http.failures import REFUSALS
from connector.operations.operator_requests import carry_out_waiting
from connector.push.review_only import is_review_only
from state import audit, portal_policy, portals
from state.db.locks import Busy

CYCLE_PAUSE_SECONDS: Final = 0.2
"""Seconds between two cycles in any case, so that an operator's command gets the lock."""
RETRY_SECONDS: Final = 5.0
"""Seconds until the next try to open the portal, or to get a lock that another process holds."""

_log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Loop:
    """The daemon's work: its steps, when the next is due, and what hears of the results.

    `environment` is None until the portal was opened. `plan_wanted` is set while somebody waits for
    a new plan.
    """

    sources: EnvironmentSources
    steps: Steps
    stop: StopSignal
    schedule: Schedule
    on_corrections_ended: Callable[[Environment, Iterator[AuditLine]], None] = (
        lambda _environment, _lines: None
    )
    on_cycle_ended: Callable[[Loop, Environment], None] = lambda _loop, _environment: None
    on_opening_failed: Callable[[Loop], None] = lambda _loop: None
    environment: Environment | None = None
    plan_wanted: Event = field(default_factory=Event)

    def want_plan(self) -> None:
        """Start a cycle now, and decide in it: somebody changed what is due; from any thread."""
        self.plan_wanted.set()
        self.stop.end_sleep()

    def run(self) -> None:
        """Work until asked to stop; UserError where the portal cannot be opened at all."""
        try:
            while not self.stop.is_requested and self.environment is None:
                if not self.open():
                    self.on_opening_failed(self)
                    self.stop.sleep(RETRY_SECONDS)
            while not self.stop.is_requested and self.environment is not None:
                seconds = self.run_cycle(self.environment)
                self.on_cycle_ended(self, self.environment)
                self.stop.yield_lock(CYCLE_PAUSE_SECONDS)
                self.stop.sleep(seconds)
        except Stopping:
            _log.info("daemon.interrupted", message="what is open is finished by the next start")
        finally:
            self.close()

    def open(self) -> bool:
        """Open the portal; False where that is to be tried again, any other error is raised.

        It is tried again where HubSpot does not answer. A refused token, scope or address
        passes by itself now and then: with a portal that was read before, it ends no daemon, since
        systemd would not start it again after exit code 1.
        """
        try:
            environment = open_environment(self.sources)
        except TemporaryError as error:
            self.steps.note_failure("portal", error)
            return False
        except REFUSALS as error:
            if not self.known_portal_ids():
                raise
            self.steps.note_failure("portal", error)
            return False
        self.environment = environment
        self.steps.note_success("portal")
        self._review_changed_policy(environment)
        _log.info(
            "daemon.started",
            portal=environment.portal_id,
            policy=environment.policy.name,
            writes=environment.settings.writes,
        )
        return True

    def _review_changed_policy(self, environment: Environment) -> None:
        """Review a policy before the daemon writes by it, where the last one that wrote differs.

        A policy that was edited while no daemon ran is no less new than one edited under it.
        """
        try:
            with environment.store.reading(environment.portal_id) as session:
                written_digest = portal_policy.read_daemon_digest(session)
        except StorageError as error:
            # What the last daemon wrote by is not known: a look too many does no harm.
            _log.warning("policy.memory_unread", message=str(error))
            self.schedule.review_next = True
            return
        self.schedule.written_digest = written_digest
        self.schedule.review_next = written_digest not in {"", environment.policy.digest}

    def known_portal_ids(self) -> tuple[str, ...]:
        """Return the portals that were read before, as far as the settings allow them."""
        with self.sources.store.reading_all_portals() as session:
            portal_ids = portals.ids(session)
        pinned = self.sources.current.settings.portal_id
        return tuple(portal_id for portal_id in portal_ids if pinned in {"", portal_id})

    def close(self) -> None:
        """Close the portal, where it was opened."""
        if self.environment is not None:
            self.environment.close()

    def run_cycle(self, environment: Environment) -> float:
        """Renew what changed, and run one cycle; return the seconds to sleep after it."""
        if not self._renew(environment):
            return self.schedule.poll_seconds
        try:
            lock = environment.store.writer_lock(environment.portal_id, holder_name="connector run")
            with lock:
                self._run_locked_cycle(environment)
        except Busy as error:
            _log.info("cycle.postponed", message=str(error))
            return RETRY_SECONDS
        now = self.steps.monotonic()
        return max(0.0, self.schedule.next_poll - now)

    def _renew(self, environment: Environment) -> bool:
        """Renew settings, token, portal and policy; False where the token must not be used."""
        steps = self.steps
        steps.run("settings", environment.renew_settings)
        if not steps.run("token", environment.renew_token):
            return False
        # Where the clocks are a day apart, holds and windows would end at the wrong time.
        if not steps.run("clock", environment.api.now):
            return False
        previous = (environment.portal, environment.policy)
        steps.run("portal", environment.renew_portal)
        steps.run("policy", environment.renew_policy)
        if previous != (environment.portal, environment.policy):
            self.schedule.poll_and_plan_now()
        is_edited = previous[1].digest != environment.policy.digest
        if is_edited:
            # Whoever edits the policy decides anew which one holds; it is reviewed first.
            self._review_changed_policy(environment)
        if is_edited and environment.settings.writes == "apply":
            self.schedule.review_next = True
        return True

    def _run_locked_cycle(self, environment: Environment) -> None:
        line_count, context = _audit_line_count(environment), environment.new_context()
        writes = (
            environment.settings.writes == "apply"
            and not is_review_only(environment.store, environment.portal_id)
            and self._is_own_policy_in_force(environment)
        )
        work = CycleWork(
            writes=writes, carry_out_requests=lambda: self._carry_out_requests(environment)
        )
        try:
            with structlog.contextvars.bound_contextvars(run_id=context.run):
                cycle(context, self.steps, self.schedule, work)
        finally:
            self._report_ended_corrections(environment, line_count)

    def _is_own_policy_in_force(self, environment: Environment) -> bool:
        """Return whether no other worker writes by another policy; the caller holds the lock.

        Two machines with different copies of a policy would else correct each other for ever.
        """
        schedule, own_digest = self.schedule, environment.policy.digest
        with environment.store.reading(environment.portal_id) as session:
            written_digest = portal_policy.read_daemon_digest(session)
        if written_digest in {schedule.written_digest, own_digest}:
            schedule.written_digest, schedule.other_digest = written_digest, ""
            self.steps.note_success("other-policy")
            return True
        # A stage that was added to the portal changes the policy too: look at the portal first.
        if schedule.other_digest != written_digest:
            schedule.other_digest = written_digest
            environment.expire_portal()
            return False
        self.steps.note_failure(
            "other-policy",
            UserError(
                f"Another worker writes to portal {environment.portal_id} by another policy than "
                f"{environment.policy.name} as it is here: this one writes nothing. Give all "
                "workers the same policy file, and the same version of the connector."
            ),
        )
        return False

    def _carry_out_requests(self, environment: Environment) -> None:
        """Carry out what people asked for on the dashboard, and decide afterwards."""
        if self.plan_wanted.is_set():
            self.plan_wanted.clear()
            self._plan_in_this_cycle()
        carry_out_waiting(environment.new_context, on_ended=self._plan_in_this_cycle)

    def _plan_in_this_cycle(self) -> None:
        self.schedule.next_plan = 0.0
        self.schedule.decide_again = True

    def _report_ended_corrections(self, environment: Environment, line_count: int) -> None:
        """Report the lines that the audit gained; nobody else writes it while we hold the lock."""
        new_lines = _audit_line_count(environment) - line_count
        if not new_lines:
            return
        with environment.store.reading(environment.portal_id) as session:
            self.on_corrections_ended(environment, audit.read(session, limit=new_lines))


def _audit_line_count(environment: Environment) -> int:
    with environment.store.reading(environment.portal_id) as session:
        return audit.head(session).line_count
