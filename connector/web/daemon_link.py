"""The functions of the daemon that the web calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connector.config.dashboard_access import DashboardAccessSettings
from connector.core.webhook_event import Event
from connector.hubspot.webhook_signature import SigningSettings
from connector.web.dashboard.source import DashboardSource


class DeliveryCounter(Protocol):
    """Counts deliveries or events by result: accepted, passed over, refused, unreadable."""

    def __call__(self, result: str, count: int) -> None:
        """Add `count` to a result."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonLink:
    """The daemon as the web sees it; each function may be called from any thread.

    `problems` returns what keeps the daemon from working, nothing where it works; `failures`
    which other steps fail, `remarks` what an operator may have forgotten. Until the
    portal is open, `portal_id` returns "" and `now` this machine's time. `receive` returns a
    future that is done once the events are stored. `signing` is None where webhooks are off.
    `dashboard_source` returns the open portal, None before; `dashboard_access` says who may see it.
    A page waits `report_seconds` for a report to be counted, and shows the one before then.
    """

    problems: Callable[[], Sequence[str]]
    failures: Callable[[], Sequence[str]]
    remarks: Callable[[], Sequence[str]]
    metrics: Callable[[], bytes]
    portal_id: Callable[[], str]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    receive: Callable[[Sequence[Event]], Future[None]]
    signing: SigningSettings | None
    public_url: str
    count_deliveries: DeliveryCounter
    dashboard_source: Callable[[], DashboardSource | None]
    dashboard_access: DashboardAccessSettings
    report_seconds: float = 0.1
