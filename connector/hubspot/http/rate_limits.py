"""The pace of requests: never more within an interval than the portal allows us."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from threading import Lock
from typing import Final

from connector.core.rate_slots import next_slot, recent_slots
from connector.errors import StorageError
from connector.hubspot.http.daily_budget import RateSlots
from connector.hubspot.http.routes import Route

OUR_SHARE: Final = 0.95
"""Of the burst limit; the rest stays free for other users of this app's token."""
MIN_BURST: Final = 100
"""HubSpot's smallest burst limit per 10 s, assumed until an answer names the real one."""
SEARCHES_PER_SECOND: Final = 4
"""Of the account's five, which all its apps share (HubSpot's guide to the search API)."""


class LocalSlots:
    """The times of requests of a single process."""

    def __init__(self) -> None:
        self._times: dict[str, list[float]] = {}
        self._day: tuple[date, int] | None = None
        self._lock = Lock()

    def take(self, name: str, now: float, *, limit: int, interval: float) -> float:
        """Take the next free time; times are given out in the order of asking."""
        with self._lock:
            recent = recent_slots(self._times.get(name, ()), now, interval=interval)
            slot = next_slot(recent, now, limit=limit, interval=interval)
            self._times[name] = [*recent, slot]
        return slot

    def add(self, name: str, times: Sequence[float], now: float) -> None:
        """Note times that were taken elsewhere."""
        with self._lock:
            self._times[name] = sorted([*self._times.get(name, ()), *times])

    def count_request(self, day: date) -> int:
        """Count a request of that day, and return how many that makes."""
        with self._lock:
            number = self._day[1] + 1 if self._day and self._day[0] == day else 1
            self._day = (day, number)
        return number

    def copy_to(self, slots: RateSlots, now: float) -> None:
        """Add what was taken and counted so far to other slots."""
        for name, times in self._times.items():
            slots.add(name, times, now)
        day, number = self._day or (date.min, 0)
        for _ in range(number):
            slots.count_request(day)


class RateLimit:
    """At most `limit` requests within any `interval` seconds, counted under a name."""

    def __init__(self, name: str, limit: int, interval: float) -> None:
        self._name = name
        self.limit = limit
        self.interval = interval

    def adjust(self, limit: int, interval: float) -> None:
        """Take over a limit that an answer named."""
        self.limit, self.interval = max(1, limit), interval

    def take_slot(self, slots: RateSlots, now: float) -> float:
        """Take the next free time, and return it."""
        return slots.take(self._name, now, limit=self.limit, interval=self.interval)


class RateLimits:
    """The pace of all requests, and those of searches and of association reads."""

    def __init__(self, *, wait: Callable[[float], None], monotonic: Callable[[], float]) -> None:
        min_burst = int(MIN_BURST * OUR_SHARE)
        self._burst = RateLimit("burst", min_burst, 10.0)
        self._search = RateLimit("search", SEARCHES_PER_SECOND, 1.0)
        self._associations = RateLimit("associations", min_burst, 10.0)
        self._wait = wait
        self._monotonic = monotonic
        self._local_slots = LocalSlots()
        self.slots: RateSlots = self._local_slots
        self.burst_limit: int | None = None

    @property
    def interval(self) -> float:
        """Return the interval of the burst limit in seconds."""
        return self._burst.interval

    def wait_for_slot(self, route: Route) -> None:
        """Wait until a request of this kind may be sent."""
        if route is Route.SEARCH:
            self._wait_for(self._search)
        elif route is Route.ASSOCIATIONS:
            self._wait_for(self._associations)
        self._wait_for(self._burst)

    def share_slots(self, slots: RateSlots) -> None:
        """Share the pace with other processes from now on; what was sent so far counts as well."""
        self._local_slots.copy_to(slots, self._monotonic())
        self.slots = slots

    def update(self, headers: Mapping[str, str], route: Route | None = None) -> None:
        """Take over the burst limit that an answer's headers name; searches name none.

        Association requests have a limit of their own, lower than the others' in most plans.
        """
        limit = headers.get("x-hubspot-ratelimit-max", "")
        interval = headers.get("x-hubspot-ratelimit-interval-milliseconds", "")
        if not (limit.isdigit() and interval.isdigit()):
            return
        rate_limit = self._associations if route is Route.ASSOCIATIONS else self._burst
        rate_limit.adjust(int(int(limit) * OUR_SHARE), int(interval) / 1000)
        if rate_limit is self._burst:
            self.burst_limit = int(limit)

    def _wait_for(self, rate_limit: RateLimit) -> None:
        now = self._monotonic()
        try:
            slot = rate_limit.take_slot(self.slots, now)
        except StorageError:
            # A record may stand blank: a full disk must not stop the request that fills it.
            slot = rate_limit.take_slot(self._local_slots, now)
        if slot > now:
            self._wait(slot - now)
