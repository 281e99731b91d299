"""Share clients, and a clock that only waiting moves, among the tests of the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.retry import RetryLimits

TOKEN = "pat-eu1-never-to-be-shown"


@dataclass
class FakeTimer:
    """Waiting that takes no time: it is written down, and moves the clock."""

    waits: list[float] = field(default_factory=list)
    time: float = 1000.0

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def timer() -> FakeTimer:
    return FakeTimer()


@pytest.fixture
def open_client(timer: FakeTimer) -> Iterator[Callable[..., HubSpotClient]]:
    """Return a function that opens clients, which are closed after the test."""
    clients: list[HubSpotClient] = []

    def connect(url: str, family: str = "2026-03", **retry_limits: object) -> HubSpotClient:
        options = {"connect": 1.0, "read": 0.3, "random": lambda: 0.5, **retry_limits}
        clients.append(
            HubSpotClient(
                TOKEN,
                url,
                family,
                wait=timer.wait,
                monotonic=timer.monotonic,
                retry_limits=RetryLimits(**options),  # type: ignore[arg-type]  # a test names its own
            )
        )
        return clients[-1]

    yield connect
    for client in clients:
        client.close()
