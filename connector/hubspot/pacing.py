"""The pace of requests: never more within an interval than the portal allows us."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

from connector.hubspot.budget import Claim
from connector.hubspot.routes import Route

OUR_SHARE: Final = 0.95
"""Of the burst limit; the rest is left to whoever else uses this app's token."""
LEAST_BURST: Final = 100
"""HubSpot's smallest burst limit per 10 s, assumed until an answer tells the real one."""
SEARCHES_PER_SECOND: Final = 4
"""Of the account's five, which all its apps share (HubSpot's guide to the search API)."""
_LEASE: Final = 20
"""A claim among processes takes a twentieth of an interval's turns: what 95% leaves over."""


class Pace:
    """At most `limit` requests within any `interval` seconds; who comes too early waits."""

    def __init__(
        self,
        limit: int,
        interval: float,
        *,
        wait: Callable[[float], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._limit = limit
        self._interval = interval
        self._wait = wait
        self._monotonic = monotonic
        self._taken: deque[float] = deque()
        self._lock = Lock()
        self._claim: Callable[[float], float] | None = None
        self._leased, self._begins, self._expires = 0, 0.0, 0.0

    def take(self) -> None:
        """Wait for this request's turn; turns are given out in the order of asking."""
        with self._lock:
            earliest = self._lease()
            now = self._monotonic()
            turn = max(self._next_turn(now), earliest)
            self._taken.append(turn)
        if turn > now:
            self._wait(turn - now)

    def adjust(self, limit: int, interval: float) -> None:
        """Follow a limit that an answer told."""
        with self._lock:
            self._limit, self._interval = max(1, limit), interval

    def share(self, claim: Callable[[float], float]) -> None:
        """Claim turns from now on, so that several processes keep the limit together."""
        with self._lock:
            self._claim = claim

    @property
    def limit(self) -> int:
        """Return how many requests an interval may see."""
        return self._limit

    @property
    def interval(self) -> float:
        """Return the interval in seconds."""
        return self._interval

    def _lease(self) -> float:
        """Return from when on a turn may be taken; claim some where none is left."""
        if self._claim is None:
            return 0.0
        if self._leased == 0 or self._monotonic() > self._expires:
            turns = max(1, self._limit // _LEASE)
            length = turns * self._interval / self._limit
            delay = self._claim(length)
            self._leased, self._begins = turns, self._monotonic() + delay
            self._expires = self._begins + length
        self._leased -= 1
        return self._begins

    def _next_turn(self, now: float) -> float:
        while self._taken and self._taken[0] <= now - self._interval:
            self._taken.popleft()
        if len(self._taken) < self._limit:
            return max(now, self._taken[-1]) if self._taken else now
        return max(now, self._taken[-self._limit] + self._interval)


class Pacing:
    """The paces of one door: for all requests, one more each for searches and associations."""

    def __init__(self, *, wait: Callable[[float], None], monotonic: Callable[[], float]) -> None:
        least = int(LEAST_BURST * OUR_SHARE)
        self._burst = Pace(least, 10.0, wait=wait, monotonic=monotonic)
        self._search = Pace(SEARCHES_PER_SECOND, 1.0, wait=wait, monotonic=monotonic)
        self._associations = Pace(least, 10.0, wait=wait, monotonic=monotonic)
        self.told_burst: int | None = None

    @property
    def interval(self) -> float:
        """Return the interval of the burst limit in seconds."""
        return self._burst.interval

    def take(self, route: Route) -> None:
        """Wait until a request of this kind may be sent."""
        if route is Route.SEARCH:
            self._search.take()
        elif route is Route.ASSOCIATIONS:
            self._associations.take()
        self._burst.take()

    def share(self, claim: Claim) -> None:
        """Let other processes take turns from the same buckets."""
        self._burst.share(lambda seconds: claim("burst", seconds))
        self._search.share(lambda seconds: claim("search", seconds))
        self._associations.share(lambda seconds: claim("associations", seconds))

    def learn(self, headers: Mapping[str, str], route: Route | None = None) -> None:
        """Follow the burst limit that an answer's headers tell; searches tell none.

        Association requests have a limit of their own, lower than the others' in most plans.
        """
        limit = headers.get("x-hubspot-ratelimit-max", "")
        interval = headers.get("x-hubspot-ratelimit-interval-milliseconds", "")
        if not (limit.isdigit() and interval.isdigit()):
            return
        pace = self._associations if route is Route.ASSOCIATIONS else self._burst
        pace.adjust(int(int(limit) * OUR_SHARE), int(interval) / 1000)
        if pace is self._burst:
            self.told_burst = int(limit)
