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
    """Makes spans of steps and requests; does nothing where OpenTelemetry is not installed."""

    def __init__(self) -> None:
        self._tracer = _tracer()

    @contextmanager
    def span(self, step: str) -> Iterator[None]:
        """Enclose a step in a span, which becomes the parent of its requests."""
        if self._tracer is None:
            yield
            return
        with self._tracer.start_as_current_span(f"connector.{step}"):
            yield

    def add_request_span(self, route: str, status: int, seconds: float) -> None:
        """Add a span of a request that was just answered, without ids or values."""
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
