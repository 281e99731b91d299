"""The day's requests: how many the portal has left, and how many of them we leave to others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock
from typing import Final, Protocol

from connector.hubspot.faults import DAILY, LimitReached
from connector.hubspot.midnight import until_midnight, zone_of

DEFAULT_RESERVE: Final = 0.2


class Turns(Protocol):
    """Gives out the turns of requests, by bucket, and counts them by day."""

    def take(self, name: str, now: float, *, limit: int, interval: float) -> float:
        """Take the next turn, and return when it is."""
        ...

    def note(self, name: str, times: Sequence[float]) -> None:
        """Note turns that were taken elsewhere."""
        ...

    def count(self, day: date) -> int:
        """Count a request of that day, and return how many that makes."""
        ...


_NEVER_STOPPED: Final[ContextVar[bool]] = ContextVar("never_stopped", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """What is left to the portal's other apps: a share of the day's limit, or a number."""

    share: float = DEFAULT_RESERVE
    number: int | None = None

    def of(self, limit: int) -> int:
        """Return how many requests of this limit are not ours."""
        return round(limit * self.share) if self.number is None else self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What the portal allows, as far as its answers told.

    `burst` requests in `interval` seconds; `daily` and `left` are None where no answer told
    them, as for OAuth apps, which have no daily limit. `reserve` of them are not ours, and
    `used` were answered to us today.
    """

    burst: int
    interval: float = 10.0
    daily: int | None = None
    left: int | None = None
    reserve: int = 0
    used: int = 0


@contextmanager
def never_stopped() -> Iterator[None]:
    """Let requests through whatever is left of the day: for finishing what was begun."""
    token = _NEVER_STOPPED.set(True)
    try:
        yield
    finally:
        _NEVER_STOPPED.reset(token)


def is_never_stopped() -> bool:
    """Whether what goes on now is to be finished, whatever else is."""
    return _NEVER_STOPPED.get()


class Day:
    """The requests of the portal's present day; HubSpot's own count, shared by all its apps.

    Where HubSpot tells a limit and no count, `used` stands for it: what all our processes on one
    database were answered today. Requests under way are counted as used, so that many
    threads do not overshoot together.
    """

    def __init__(self, reserve: Reserve) -> None:
        self.reserve = reserve
        self.limit: int | None = None
        self.left: int | None = None
        self.zone = "UTC"
        self.used = 0
        self._day: date | None = None
        self._under_way = 0
        self._lock = Lock()

    def admit(self, now: datetime | None) -> None:
        """Count a request; raise LimitReached where the rest of the day belongs to others."""
        self.check(now)
        with self._lock:
            self._under_way += 1
            if self.left is not None:
                self.left -= 1

    def check(self, now: datetime | None) -> None:
        """Raise LimitReached where the rest of the day belongs to others."""
        with self._lock:
            if now is not None and now.astimezone(zone_of(self.zone)).date() != self._day:
                self.left = None  # another day: the next answer tells what it allows
            self._refuse(now)

    def learn(self, headers: Mapping[str, str], now: datetime | None, turns: Turns) -> None:
        """Follow what an answer tells, and count it."""
        if now is None:
            return
        today = now.astimezone(zone_of(self.zone)).date()
        used = turns.count(today)
        limit = headers.get("x-hubspot-ratelimit-daily", "")
        left = headers.get("x-hubspot-ratelimit-daily-remaining", "")
        with self._lock:
            self.used = used
            if not limit.isdigit():
                return
            self._day, self.limit = today, int(limit)
            told = int(left) if left.isdigit() else self.limit - used
            self.left = told - max(0, self._under_way - 1)

    def end(self) -> None:
        """Note that a request is not under way any more."""
        with self._lock:
            self._under_way -= 1

    def _refuse(self, now: datetime | None) -> None:
        if self.limit is None or self.left is None or now is None or is_never_stopped():
            return
        reserve = self.reserve.of(self.limit)
        if self.left <= reserve:
            wait = until_midnight(now, self.zone)
            raise LimitReached(
                f"the day's requests are used up but for {max(self.left, 0):,} of "
                f"{self.limit:,}, of which {reserve:,} are kept for the portal's other apps "
                f"(CONNECTOR_DAILY_RESERVE): it goes on at midnight in {self.zone}, "
                f"{(now + wait):%Y-%m-%d %H:%M} UTC",
                policy_name=DAILY,
                retry_after=wait.total_seconds(),
            )
