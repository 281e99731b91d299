"""Run the cycles of one portal in a worker: each cycle begins with recovery, as a daemon's does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from threading import Lock
from typing import Final

import structlog

from connector.app import DaemonParts, assemble
from connector.config import settings
from connector.config.portal_files import PortalFile
from connector.config.settings import Settings
from connector.daemon import daemon_settings
from connector.daemon.loop import RETRY_SECONDS
from connector.daemon.stop import SliceEnded, Stopping
from connector.errors import ConnectorError, PermanentError, TemporaryError
from connector.telemetry import logs
from state.db.store import Store

SLICE_SECONDS: Final = 60.0
"""Seconds after which the reading of a whole portal leaves its place to other portals."""

_STEP: Final = "cycle"
"""The step that fails where a cycle ends by an error that none of its own steps has."""
_RENEWED_SETTINGS: Final = frozenset(
    {"HUBSPOT_ACCESS_TOKEN", "CONNECTOR_POLICY", "CONNECTOR_WRITES"}
)
"""What an open portal takes from its file before each cycle."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleEnd:
    """How a cycle ended: after how many seconds the next one is due."""

    next_in_seconds: float


class PortalWork:
    """One portal as this worker has it open; its cycles run one after the other."""

    def __init__(self, parts: DaemonParts, file: PortalFile) -> None:
        self._fixed_settings = _fixed_settings(file)
        self._loop = parts.loop
        self._channels = parts.channels
        self._lock = Lock()

    def run_cycle(self) -> CycleEnd:
        """Run one cycle with its poll.

        A portal that cannot be opened or is busy elsewhere is tried again soon. A worker that
        stops leaves the next cycle to others at once. An error that nobody expected is logged and
        raises an alert, and the portal is tried again with its next poll.
        """
        if not self._lock.acquire(blocking=False):
            # The job was taken for dead and runs once more, while its first run goes on; or the
            # portal was closed in between.
            return CycleEnd(next_in_seconds=RETRY_SECONDS)
        try:
            return CycleEnd(next_in_seconds=self._run_open_portal())
        except SliceEnded:
            _log.info("slice.ended", message="other portals go first; the reading goes on after")
            return CycleEnd(next_in_seconds=0)
        except Stopping:
            return CycleEnd(next_in_seconds=0)
        except ConnectorError as error:
            return self._end_in_failure(error)
        except Exception as error:
            _log.error("cycle.crashed", exc_info=error)
            name = type(error).__name__
            message = f"A bug of the connector ({name}) ended the cycle: report it with the log."
            return self._end_in_failure(PermanentError(message))
        finally:
            self._lock.release()

    def request_stop(self) -> None:
        """Ask the running cycle to stop where that is safe."""
        self._loop.stop.request()

    def is_outdated(self, file: PortalFile) -> bool:
        """Return whether the file has settings that hold only once the portal is opened anew."""
        return _fixed_settings(file) != self._fixed_settings

    def close(self) -> bool:
        """Close the portal and its channels of alerts for good; False while its cycle runs."""
        # The lock is never given back: who still has this work in hand runs no cycle of it.
        if not self._lock.acquire(blocking=False):
            return False
        with ExitStack() as stack:
            for channel in self._channels:
                stack.enter_context(closing(channel))
            self._loop.close()
        return True

    def _end_in_failure(self, error: ConnectorError) -> CycleEnd:
        """Note that the cycle failed, and raise the alert of that."""
        loop = self._loop
        loop.steps.note_failure(_STEP, error)
        try:
            if loop.environment is None:
                loop.on_opening_failed(loop)
            else:
                loop.on_cycle_ended(loop, loop.environment)
        except Exception as alert_error:  # the very same, where it comes from the alerts
            _log.error("cycle.alert_failed", error=type(alert_error).__name__)
        is_temporary = isinstance(error, TemporaryError)
        seconds = RETRY_SECONDS if is_temporary else loop.schedule.poll_seconds
        return CycleEnd(next_in_seconds=seconds)

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
        loop.steps.note_success(_STEP)
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


def _fixed_settings(file: PortalFile) -> tuple[str, Mapping[str, str]]:
    """Return what of a file holds only once the portal is opened: addresses, alerts, an app."""
    values = {name: text for name, text in file.values.items() if name not in _RENEWED_SETTINGS}
    return file.time_zone, values


def new_portal_work(store: Store, file: PortalFile, monotonic: Callable[[], float]) -> PortalWork:
    """Return the work of a portal; raise UserError where a setting of its file is wrong."""

    def read_settings() -> Settings:
        return settings.read(portal=settings.read_portals().find(file.name))

    logs.add_secrets(*settings.read(portal=file).secrets)
    own_settings = daemon_settings.read(portal=file)
    return PortalWork(assemble(read_settings, own_settings, store, monotonic), file)
