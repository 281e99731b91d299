"""Spans for OpenTelemetry, where it is installed (the extra `traces`).

The API alone does nothing; `opentelemetry-instrument connector run` sets up where spans go, by
OpenTelemetry's own environment.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_NANOSECONDS: Final = 1_000_000_000


class Tracing:
    """Tells of steps and of HubSpot's answers; of nothing where OpenTelemetry is not there."""

    def __init__(self) -> None:
        self._tracer = _tracer()

    @contextmanager
    def span(self, step: str) -> Iterator[None]:
        """Enclose a step, so that the requests within belong to it."""
        if self._tracer is None:
            yield
            return
        with self._tracer.start_as_current_span(f"connector.{step}"):
            yield

    def add_request_span(self, route: str, status: int, seconds: float) -> None:
        """Tell of a request that has just been answered; never of what it was about."""
        if self._tracer is None:
            return
        end_time = time.time_ns()
        span = self._tracer.start_span(
            f"hubspot.{route}",
            start_time=end_time - round(seconds * _NANOSECONDS),
            attributes={"http.response.status_code": status, "hubspot.route": route},
        )
        span.end(end_time)


def _tracer() -> Tracer | None:
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    return trace.get_tracer("connector")
