"""What the web needs to know of the daemon, and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connector.core.event import Event
from connector.hubspot.webhook_signature import SigningSettings


class DeliveryCounter(Protocol):
    """Hears what became of a delivery: `accepted`, `refused`, `unreadable`, and how many events."""

    def __call__(self, result: str, count: int) -> None:
        """Take note of it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonLink:
    """The daemon as the web sees it.

    `problems` says what is wrong, nothing where all is well; `portal_id` is "" and `now` tells
    our own time until the portal is known. `signing` is None where webhooks are off.
    """

    problems: Callable[[], Sequence[str]]
    metrics: Callable[[], bytes]
    portal_id: Callable[[], str]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    receive: Callable[[Sequence[Event]], Future[None]]
    signing: SigningSettings | None
    public_url: str
    count_deliveries: DeliveryCounter
