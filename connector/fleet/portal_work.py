"""Run the cycles of one portal in a worker: each cycle begins with recovery, as a daemon's does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from threading import Lock
from typing import Final

import structlog

from connector.app import DaemonParts, assemble
from connector.config import settings
from connector.config.settings import Settings
from connector.daemon import daemon_settings
from connector.daemon.loop import RETRY_SECONDS
from connector.daemon.stop import SliceEnded, Stopping
from connector.errors import ConnectorError
from connector.telemetry import logs
from state.db.store import Store

SLICE_SECONDS: Final = 60.0
"""Seconds after which the reading of a whole portal leaves its place to other portals."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleEnd:
    """How a cycle ended: after how many seconds the next one is due."""

    next_in_seconds: float


class PortalWork:
    """One portal as this worker has it open; its cycles run one after the other."""

    def __init__(self, parts: DaemonParts) -> None:
        self._loop = parts.loop
        self._channels = parts.channels
        self._lock = Lock()

    def run_cycle(self) -> CycleEnd:
        """Run one cycle with its poll.

        A portal that cannot be opened or is busy elsewhere is tried again soon. A worker that
        stops leaves the next cycle to others at once.
        """
        if not self._lock.acquire(blocking=False):
            # The job was taken for dead and runs once more, while its first run goes on.
            return CycleEnd(next_in_seconds=RETRY_SECONDS)
        try:
            return CycleEnd(next_in_seconds=self._run_open_portal())
        except SliceEnded:
            _log.info("slice.ended", message="other portals go first; the reading goes on after")
            return CycleEnd(next_in_seconds=0)
        except Stopping:
            return CycleEnd(next_in_seconds=0)
        finally:
            self._lock.release()

    def request_stop(self) -> None:
        """Ask the running cycle to stop where that is safe."""
        self._loop.stop.request()

    def close(self) -> None:
        """Close the portal and its channels of alerts."""
        with ExitStack() as stack:
            for channel in self._channels:
                stack.enter_context(closing(channel))
            self._loop.close()

    def _run_open_portal(self) -> float:
        loop = self._loop
        if not self._open():
            loop.on_opening_failed(loop)
            return loop.schedule.poll_seconds
        environment = loop.environment
        if environment is None:
            return RETRY_SECONDS
        # The queue says when to poll: the job that runs is the poll that is due.
        loop.schedule.next_poll = 0.0
        loop.stop.begin_slice(SLICE_SECONDS)
        seconds = loop.run_cycle(environment)
        loop.on_cycle_ended(loop, environment)
        return min(seconds, loop.schedule.poll_seconds)

    def _open(self) -> bool:
        """Open the portal where it is not; a mistake of one portal ends no worker."""
        loop = self._loop
        if loop.environment is not None:
            return True
        try:
            return loop.open()
        except ConnectorError as error:
            loop.steps.note_failure("portal", error)
            return False


def new_portal_work(store: Store, name: str, monotonic: Callable[[], float]) -> PortalWork:
    """Return the work of a portal; raise UserError where its file is wrong or missing."""

    def read_settings() -> Settings:
        return settings.read(portal=settings.read_portals().find(name))

    loaded_settings = read_settings()
    logs.add_secrets(*loaded_settings.secrets)
    own_settings = daemon_settings.read(portal=loaded_settings.portal)
    return PortalWork(assemble(read_settings, own_settings, store, monotonic))
