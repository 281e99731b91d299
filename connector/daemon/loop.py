"""The loop: one cycle after the other, until the daemon is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from connector.core.audit import AuditLine
from connector.daemon.cycle import Rhythm, cycle
from connector.daemon.ground import Ground
from connector.daemon.steps import Steps
from connector.daemon.stop import Stop, Stopping
from connector.errors import TemporaryError
from state import audit
from state.locks import Busy

BREATH: Final = 0.2
"""Seconds between two cycles in any case, so that an operator's command gets the lock."""
AGAIN: Final = 5.0
"""Seconds until the next try to open the portal, or to get a lock that another holds."""

_log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Loop:
    """What the loop holds: the ground it stands on, its steps, and when what is next."""

    ground: Ground
    steps: Steps
    stop: Stop
    rhythm: Rhythm
    ended: Callable[[AuditLine], None] = lambda _line: None
    turned: Callable[[], None] = lambda: None

    def run(self) -> None:
        """Work until told to stop; UserError where the portal cannot be opened at all."""
        try:
            while not self.stop.asked and not self.open():
                self.stop.sleep(AGAIN)
            while not self.stop.asked:
                seconds = self.turn()
                self.turned()
                self.stop.rest(BREATH)
                self.stop.sleep(seconds)
        except Stopping:
            _log.info("daemon.interrupted", message="what is open is finished by the next start")
        finally:
            self.ground.close()

    def open(self) -> bool:
        """Open the portal; HubSpot being away is waited for, anything else ends the daemon."""
        try:
            self.ground.open()
        except TemporaryError as error:
            self.steps.fail("portal", error)
            return False
        self.steps.succeed("portal")
        _log.info(
            "daemon.started",
            portal=self.ground.portal_id,
            policy=self.ground.policy.name,
            writes=self.ground.settings.writes,
        )
        return True

    def turn(self) -> float:
        """Renew what has changed, and go through one cycle; return the seconds to sleep."""
        if not self._renew():
            return self.rhythm.poll_seconds
        try:
            lock = self.ground.store.writer_lock(self.ground.portal_id, who="connector run")
            with lock:
                self._cycle()
        except Busy as error:
            _log.info("cycle.postponed", message=str(error))
            return AGAIN
        now = self.steps.monotonic()
        return max(0.0, self.rhythm.poll - now)

    def _renew(self) -> bool:
        """Follow settings, token, portal and policy; False where the token is not to be used."""
        ground, steps = self.ground, self.steps
        steps.run("settings", ground.renew_settings)
        if not steps.run("token", ground.renew_token):
            return False
        before = (ground.portal, ground.policy)
        steps.run("portal", ground.renew_portal)
        steps.run("policy", ground.renew_policy)
        if before != (ground.portal, ground.policy):
            self.rhythm.hurry()
        return True

    def _cycle(self) -> None:
        writes = self.ground.settings.writes == "apply"
        before, desk = self._lines(), self.ground.desk()
        try:
            with structlog.contextvars.bound_contextvars(run_id=desk.run):
                cycle(desk, self.steps, self.rhythm, writes=writes)
        finally:
            self._tell_endings(before)

    def _lines(self) -> int:
        with self.ground.store.reading() as session:
            return audit.head(session, self.ground.portal_id).lines

    def _tell_endings(self, before: int) -> None:
        """Tell of what the audit has gained; nobody else writes it while we hold the lock."""
        news = self._lines() - before
        if not news:
            return
        with self.ground.store.reading() as session:
            for line in audit.read(session, self.ground.portal_id, limit=news):
                self.ended(line)
