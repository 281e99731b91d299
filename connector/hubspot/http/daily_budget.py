"""The day's requests: how many the portal has left, and how many stay for its other apps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock
from typing import Final, Protocol

from connector.errors import StorageError
from connector.hubspot.http.failures import DAILY, LimitReached
from connector.hubspot.http.quota_reset import until_midnight, zone_of

DEFAULT_RESERVE: Final = 0.2


class RateSlots(Protocol):
    """Gives each request a time to be sent, by limit, and counts requests by day."""

    def take(self, name: str, now: float, *, limit: int, interval: float) -> float:
        """Take the next free time under this limit, and return it."""
        ...

    def add(self, name: str, times: Sequence[float], now: float) -> None:
        """Note times that were taken elsewhere."""
        ...

    def count_request(self, day: date) -> int:
        """Count a request of that day, and return how many that makes."""
        ...


_UNINTERRUPTIBLE: Final[ContextVar[bool]] = ContextVar("uninterruptible", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """What is left to the portal's other apps: a share of the day's limit, or a number."""

    share: float = DEFAULT_RESERVE
    number: int | None = None

    def requests_of(self, limit: int) -> int:
        """Return how many requests of this limit are not ours."""
        return round(limit * self.share) if self.number is None else self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """The request limits that the portal's answers named.

    `burst` requests in `interval` seconds; `daily` and `remaining` are None where no answer
    named them, as for OAuth apps, which have no daily limit. `reserve` of them are kept for
    other apps, and `used` were answered to us today.
    """

    burst: int
    interval: float = 10.0
    daily: int | None = None
    remaining: int | None = None
    reserve: int = 0
    used: int = 0


@contextmanager
def uninterruptible() -> Iterator[None]:
    """Let requests pass whatever is left of the day, to finish writes that were begun."""
    token = _UNINTERRUPTIBLE.set(True)
    try:
        yield
    finally:
        _UNINTERRUPTIBLE.reset(token)


def is_uninterruptible() -> bool:
    """Return whether the present work must be finished, whatever is left of the day."""
    return _UNINTERRUPTIBLE.get()


class DailyBudget:
    """The requests of the portal's present day; HubSpot's own count, shared by all its apps.

    Where HubSpot names a limit and no count, `used` replaces the count: the answers of today to
    all our processes on one database. Requests under way are counted as used, so that many
    threads do not overshoot together.
    """

    def __init__(self, reserve: Reserve) -> None:
        self.reserve = reserve
        self.limit: int | None = None
        self.remaining: int | None = None
        self.time_zone = "UTC"
        self.used = 0
        self._day: date | None = None
        self._in_flight = 0
        self._lock = Lock()

    def start_request(self, now: datetime | None) -> None:
        """Count a request; raise LimitReached where the rest of the day belongs to others."""
        self.check(now)
        with self._lock:
            self._in_flight += 1
            if self.remaining is not None:
                self.remaining -= 1

    def check(self, now: datetime | None) -> None:
        """Raise LimitReached where the rest of the day belongs to others."""
        with self._lock:
            if now is not None and now.astimezone(zone_of(self.time_zone)).date() != self._day:
                self.remaining = None  # another day: the next answer names what is left
            self._raise_if_used_up(now)

    def update(self, headers: Mapping[str, str], now: datetime | None, slots: RateSlots) -> None:
        """Count an answer, and take over the limits that its headers name."""
        if now is None:
            return
        today = now.astimezone(zone_of(self.time_zone)).date()
        used = self.used + 1
        with suppress(StorageError):  # what the database cannot count, this process does
            used = slots.count_request(today)
        limit = headers.get("x-hubspot-ratelimit-daily", "")
        remaining_header = headers.get("x-hubspot-ratelimit-daily-remaining", "")
        with self._lock:
            self.used = used
            if not limit.isdigit():
                return
            self._day, self.limit = today, int(limit)
            remaining = int(remaining_header) if remaining_header.isdigit() else self.limit - used
            self.remaining = remaining - max(0, self._in_flight - 1)

    def end_request(self) -> None:
        """Note that a request is not under way any more."""
        with self._lock:
            self._in_flight -= 1

    def _raise_if_used_up(self, now: datetime | None) -> None:
        if self.limit is None or self.remaining is None or now is None or is_uninterruptible():
            return
        reserve = self.reserve.requests_of(self.limit)
        if self.remaining <= reserve:
            wait = until_midnight(now, self.time_zone)
            raise LimitReached(
                f"the day's requests are used up but for {max(self.remaining, 0):,} of "
                f"{self.limit:,}, of which {reserve:,} are kept for the portal's other apps "
                f"(CONNECTOR_DAILY_RESERVE): it goes on at midnight in {self.time_zone}, "
                f"{(now + wait):%Y-%m-%d %H:%M} UTC",
                policy_name=DAILY,
                retry_after=wait.total_seconds(),
            )
