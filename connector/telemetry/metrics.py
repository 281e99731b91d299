"""Prometheus metrics: counters that the daemon moves, and figures read at each scrape."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from connector import __version__

_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The daemon's figures at this moment; `lag` is in seconds, None before the first poll."""

    due: int = 0
    open_moves: int = 0
    quarantined: int = 0
    unreadable: int = 0
    holds: int = 0
    paused: int = 0
    events_waiting: int = 0
    outgoing_events: int = 0
    outgoing_events_set_aside: int = 0
    database_bytes: int = 0
    free_bytes: int | None = 0
    lag: float | None = None
    requests_left: int | None = None
    left_alone: dict[str, int] = field(default_factory=dict)


class Metrics:
    """The metrics of one daemon, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
        self.registry = CollectorRegistry()
        self.requests = self._counter("requests", "Requests to HubSpot.", "route", "status")
        self.request_seconds = self._histogram("request_seconds", "HubSpot's answers.", "route")
        self.steps = self._counter("steps", "Steps of cycles.", "step", "result")
        self.step_seconds = self._histogram("step_seconds", "Steps of cycles.", "step")
        self.failing = Gauge(
            "connector_step_failing", "1 while a step fails.", ["step"], registry=self.registry
        )
        self.corrections = self._counter(
            "corrections", "Corrections that have ended, as audited.", "outcome", "rule"
        )
        build_info = Gauge(
            "connector_build_info",
            "1, with the versions of the connector and of Python.",
            ["version", "python"],
            registry=self.registry,
        )
        build_info.labels(__version__, platform.python_version()).set(1)
        self.deliveries = self._counter(
            "webhooks", "Deliveries refused, and events accepted or passed over.", "result"
        )

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(f"connector_{name}", description, labels, registry=self.registry)

    def _histogram(self, name: str, description: str, label: str) -> Histogram:
        return Histogram(
            f"connector_{name}", description, [label], buckets=_BUCKETS, registry=self.registry
        )

    def collect_status(self, read_status: Callable[[], Status]) -> None:
        """Read these figures at every scrape."""
        self.registry.register(_StatusCollector(read_status))

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count one response of HubSpot."""
        self.requests.labels(route, str(status)).inc()
        self.request_seconds.labels(route).observe(seconds)

    def count_deliveries(self, result: str, count: int) -> None:
        """Count deliveries or events by result."""
        self.deliveries.labels(result).inc(count)

    def count_correction(self, outcome: str, rule: str) -> None:
        """Count a correction that has ended."""
        self.corrections.labels(outcome, rule).inc()

    def count_step(self, step: str, seconds: float, *, ok: bool) -> None:
        """Count a step."""
        self.steps.labels(step, "done" if ok else "failed").inc()
        self.step_seconds.labels(step).observe(seconds)
        self.failing.labels(step).set(0 if ok else 1)


class _StatusCollector(Collector):
    """Figures that are read at each scrape."""

    def __init__(self, read_status: Callable[[], Status]) -> None:
        self._read_status = read_status

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return no description, so that registering reads nothing."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Read the figures; one that is not known yet is left out."""
        status = self._read_status()
        for name, description, value in (
            ("due", "Records that are to be decided now.", status.due),
            ("open_moves", "Records whose correction has begun and not ended.", status.open_moves),
            ("quarantined", "Corrections that came to nothing twice.", status.quarantined),
            ("unreadable", "Records that cannot be read and are left alone.", status.unreadable),
            ("holds", "Holds by the operator and by undo.", status.holds),
            ("paused", "1 while nothing is written because of a pause.", status.paused),
            ("events_waiting", "Webhook events that wait for a look.", status.events_waiting),
            ("outgoing_events", "Events that wait for their receiver.", status.outgoing_events),
            (
                "outgoing_events_set_aside",
                "Events that their receiver refuses for a day.",
                status.outgoing_events_set_aside,
            ),
            ("database_bytes", "Size of the database.", status.database_bytes),
            ("free_bytes", "Room left on its disk.", status.free_bytes),
            ("lag_seconds", "Age of the mirror behind the portal.", status.lag),
            ("requests_left", "Requests that the portal allows today.", status.requests_left),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"connector_{name}", description, value=value)
        left_alone = GaugeMetricFamily(
            "connector_left_alone", "Records left alone by the last plan.", labels=["why"]
        )
        for reason, count in status.left_alone.items():
            left_alone.add_metric([reason], count)
        yield left_alone
