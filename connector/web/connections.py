"""Bound the open connections of the web server, and the time that each may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from connector.web.token_bucket import RateLimit

_WARNINGS_PER_SECOND = 1 / 60

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How many connections may be open, and for how many seconds.

    `idle_seconds` pass at most until the header of a request is complete, counted from the
    opening of the connection or from the last response. `request_seconds` pass at most from a
    complete header to the end of the response.
    """

    open_connections: int = 128
    idle_seconds: float = 5.0
    request_seconds: float = 60.0


def bounded_protocol(limits: ConnectionLimits, monotonic: Callable[[], float]) -> type[H11Protocol]:
    """Return uvicorn's HTTP protocol with these limits.

    Where too many connections are open, the oldest that still owes us a part of its request is
    closed. So half-open connections, however many, cannot keep a complete request from being
    answered: a health check costs only the oldest of them.
    """

    class BoundedProtocol(_BoundedProtocol):
        connection_limits = limits
        warning_limit = RateLimit(_WARNINGS_PER_SECOND, burst=1, monotonic=monotonic)

    return BoundedProtocol


class _BoundedProtocol(H11Protocol):
    """One connection, with a deadline for its present phase."""

    connection_limits: ConnectionLimits
    warning_limit: RateLimit
    _deadline: asyncio.TimerHandle | None = None
    _opened_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Accept a connection, and close the oldest waiting one where there are too many."""
        super().connection_made(transport)
        self._opened_at = self.loop.time()
        self._set_deadline(self.connection_limits.idle_seconds)
        if self._open_count() > self.connection_limits.open_connections:
            self._close_oldest_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline of a connection that ended."""
        self._clear_deadline()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Let uvicorn parse what arrived; a request that began gets its own deadline."""
        previous_cycle = self.cycle
        super().handle_events()
        if self.cycle is not previous_cycle and not self.cycle.response_complete:
            self._set_deadline(self.connection_limits.request_seconds)

    def on_response_complete(self) -> None:
        """Start the deadline of the next request; data alone does not extend it."""
        self._set_deadline(self.connection_limits.idle_seconds)
        super().on_response_complete()

    def is_waiting(self) -> bool:
        """Return whether the client still owes us a part of its request."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete or cycle.more_body

    def _open_count(self) -> int:
        return sum(not connection.transport.is_closing() for connection in self._bounded())

    def _close_oldest_waiting(self) -> None:
        """Close the oldest connection that waits for its client, else this new one."""
        waiting = [
            connection
            for connection in self._bounded()
            if connection is not self
            and connection.is_waiting()
            and not connection.transport.is_closing()
        ]
        oldest = min(waiting, key=lambda connection: connection._opened_at, default=self)
        oldest.transport.abort()
        if self.warning_limit.try_acquire():
            _log.warning("web.connection_closed", open=self._open_count())

    def _bounded(self) -> list[_BoundedProtocol]:
        return [
            connection
            for connection in self.connections
            if isinstance(connection, _BoundedProtocol)
        ]

    def _set_deadline(self, seconds: float) -> None:
        self._clear_deadline()
        if not self.transport.is_closing():
            self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
