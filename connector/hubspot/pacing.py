"""The pace of requests: never more within an interval than the portal allows us."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

from connector.hubspot.routes import Route

OUR_SHARE: Final = 0.95
"""Of the burst limit; the rest is left to whoever else uses this app's token."""
LEAST_BURST: Final = 100
"""HubSpot's smallest burst limit per 10 s, assumed until an answer tells the real one."""
SEARCHES_PER_SECOND: Final = 4
"""Of the account's five, which all its apps share (HubSpot's guide to the search API)."""


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

    def take(self) -> None:
        """Wait for this request's turn; turns are given out in the order of asking."""
        with self._lock:
            now = self._monotonic()
            turn = self._next_turn(now)
            self._taken.append(turn)
        if turn > now:
            self._wait(turn - now)

    def adjust(self, limit: int, interval: float) -> None:
        """Follow a limit that an answer told."""
        with self._lock:
            self._limit, self._interval = max(1, limit), interval

    def _next_turn(self, now: float) -> float:
        while self._taken and self._taken[0] <= now - self._interval:
            self._taken.popleft()
        if len(self._taken) < self._limit:
            return max(now, self._taken[-1]) if self._taken else now
        return max(now, self._taken[-self._limit] + self._interval)


class Pacing:
    """The paces of one door: the burst limit for all requests, one more for searches."""

    def __init__(self, *, wait: Callable[[float], None], monotonic: Callable[[], float]) -> None:
        self._burst = Pace(int(LEAST_BURST * OUR_SHARE), 10.0, wait=wait, monotonic=monotonic)
        self._search = Pace(SEARCHES_PER_SECOND, 1.0, wait=wait, monotonic=monotonic)

    def take(self, route: Route) -> None:
        """Wait until a request of this kind may be sent."""
        if route is Route.SEARCH:
            self._search.take()
        self._burst.take()

    def learn(self, headers: Mapping[str, str]) -> None:
        """Follow the burst limit that an answer's headers tell; searches tell none."""
        limit = headers.get("x-hubspot-ratelimit-max", "")
        interval = headers.get("x-hubspot-ratelimit-interval-milliseconds", "")
        if limit.isdigit() and interval.isdigit():
            self._burst.adjust(int(int(limit) * OUR_SHARE), int(interval) / 1000)
