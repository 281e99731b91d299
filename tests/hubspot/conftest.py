"""What the tests of the door share: a clock that only waiting moves, and doors upon it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from connector.hubspot.client import HubSpotDoor
from connector.hubspot.retrying import Patience

TOKEN = "pat-eu1-never-to-be-shown"


@dataclass
class Waits:
    """Waiting that takes no time: it is written down, and moves the clock."""

    taken: list[float] = field(default_factory=list)
    time: float = 1000.0

    def wait(self, seconds: float) -> None:
        self.taken.append(seconds)
        self.time += seconds

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def open_door(waits: Waits) -> Iterator[Callable[..., HubSpotDoor]]:
    """Open doors that are closed after the test."""
    doors: list[HubSpotDoor] = []

    def door(url: str, family: str = "2026-03", **patience: object) -> HubSpotDoor:
        chosen = {"connect": 1.0, "read": 0.3, "random": lambda: 0.5, **patience}
        doors.append(
            HubSpotDoor(
                TOKEN,
                url,
                family,
                wait=waits.wait,
                monotonic=waits.monotonic,
                patience=Patience(**chosen),  # type: ignore[arg-type]  # a test names its own
            )
        )
        return doors[-1]

    yield door
    for one in doors:
        one.close()
