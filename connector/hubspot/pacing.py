"""The pace of requests: never more within an interval than the portal allows us."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from threading import Lock
from typing import Final

from connector.core.turns import lately, next_turn
from connector.hubspot.budget import Turns
from connector.hubspot.routes import Route

OUR_SHARE: Final = 0.95
"""Of the burst limit; the rest is left to whoever else uses this app's token."""
LEAST_BURST: Final = 100
"""HubSpot's smallest burst limit per 10 s, assumed until an answer tells the real one."""
SEARCHES_PER_SECOND: Final = 4
"""Of the account's five, which all its apps share (HubSpot's guide to the search API)."""


class OwnTurns:
    """The turns of one door that shares them with nobody."""

    def __init__(self) -> None:
        self._taken: dict[str, list[float]] = {}
        self._day: tuple[date, int] | None = None
        self._lock = Lock()

    def take(self, name: str, now: float, *, limit: int, interval: float) -> float:
        """Take the next turn; turns are given out in the order of asking."""
        with self._lock:
            taken = lately(self._taken.get(name, ()), now, interval=interval)
            turn = next_turn(taken, now, limit=limit, interval=interval)
            self._taken[name] = [*taken, turn]
        return turn

    def note(self, name: str, times: Sequence[float]) -> None:
        """Note turns that were taken elsewhere."""
        with self._lock:
            self._taken[name] = sorted([*self._taken.get(name, ()), *times])

    def count(self, day: date) -> int:
        """Count a request of that day, and return how many that makes."""
        with self._lock:
            number = self._day[1] + 1 if self._day and self._day[0] == day else 1
            self._day = (day, number)
        return number

    def hand_over(self, turns: Turns) -> None:
        """Let others know what was taken and counted so far."""
        for name, taken in self._taken.items():
            turns.note(name, taken)
        day, number = self._day or (date.min, 0)
        for _ in range(number):
            turns.count(day)


class Pace:
    """At most `limit` requests within any `interval` seconds, counted under a name."""

    def __init__(self, name: str, limit: int, interval: float) -> None:
        self._name = name
        self.limit = limit
        self.interval = interval

    def adjust(self, limit: int, interval: float) -> None:
        """Follow a limit that an answer told."""
        self.limit, self.interval = max(1, limit), interval

    def turn(self, turns: Turns, now: float) -> float:
        """Take the next turn, and return when it is."""
        return turns.take(self._name, now, limit=self.limit, interval=self.interval)


class Pacing:
    """The paces of one door: for all requests, one more each for searches and associations."""

    def __init__(self, *, wait: Callable[[float], None], monotonic: Callable[[], float]) -> None:
        least = int(LEAST_BURST * OUR_SHARE)
        self._burst = Pace("burst", least, 10.0)
        self._search = Pace("search", SEARCHES_PER_SECOND, 1.0)
        self._associations = Pace("associations", least, 10.0)
        self._wait = wait
        self._monotonic = monotonic
        self._own = OwnTurns()
        self.turns: Turns = self._own
        self.told_burst: int | None = None

    @property
    def interval(self) -> float:
        """Return the interval of the burst limit in seconds."""
        return self._burst.interval

    def take(self, route: Route) -> None:
        """Wait until a request of this kind may be sent."""
        if route is Route.SEARCH:
            self._take(self._search)
        elif route is Route.ASSOCIATIONS:
            self._take(self._associations)
        self._take(self._burst)

    def share(self, turns: Turns) -> None:
        """Take turns with other processes from now on; what was sent so far counts as well."""
        self._own.hand_over(turns)
        self.turns = turns

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

    def _take(self, pace: Pace) -> None:
        now = self._monotonic()
        turn = pace.turn(self.turns, now)
        if turn > now:
            self._wait(turn - now)
