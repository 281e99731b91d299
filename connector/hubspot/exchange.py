"""Ask HubSpot one request: in its turn, within the day, tried again, and learnt from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from connector.hubspot.answer import Answer
from connector.hubspot.budget import Allowance, Day, Reserve, Turns
from connector.hubspot.clock import PortalClock
from connector.hubspot.faults import fault
from connector.hubspot.oauth import Tokens
from connector.hubspot.pacing import LEAST_BURST, Pacing
from connector.hubspot.retrying import Patience, RetryPolicy
from connector.hubspot.routes import Request
from connector.hubspot.transport import TokenSource, Transport

Noted = Callable[[str, int, float], None]
Result = TypeVar("Result")


class Exchange:
    """What lies between a question and its answer; safe to use from many threads.

    `noted` hears of each answer its route, status and seconds.
    """

    def __init__(
        self,
        token: TokenSource,
        url: str,
        *,
        wait: Callable[[float], None],
        monotonic: Callable[[], float],
        patience: Patience,
    ) -> None:
        self.noted: Noted = lambda _route, _status, _seconds: None
        self._clock = PortalClock(monotonic)
        self._pacing = Pacing(wait=wait, monotonic=monotonic)
        self._retry = RetryPolicy(wait=wait, monotonic=monotonic, patience=patience)
        self._tokens = token if isinstance(token, Tokens) else None
        self._transport = Transport(
            token, url, timeouts=(patience.connect, patience.read), monotonic=monotonic
        )
        self._day = Day(Reserve())  # in UTC, until `time_zone` is the portal's own

    def now(self) -> datetime | None:
        """Return the portal's time, None before its first answer."""
        return self._clock.now()

    @property
    def time_zone(self) -> str:
        """The portal's time zone, in which a day of requests begins at midnight."""
        return self._day.zone

    @time_zone.setter
    def time_zone(self, zone: str) -> None:
        self._day.zone = zone

    def allowance(self) -> Allowance:
        """Return what the portal allows, as far as its answers told."""
        limit = self._day.limit
        return Allowance(
            burst=self._pacing.told_burst or LEAST_BURST,
            interval=self._pacing.interval,
            daily=limit,
            left=self._day.left,
            reserve=self._day.reserve.of(limit) if limit else 0,
            used=self._day.used,
        )

    def admit(self) -> None:
        """Raise LimitReached where the rest of the day's requests belongs to others."""
        self._day.check(self._clock.now())

    def live_within(self, reserve: Reserve, turns: Turns | None) -> None:
        """Leave this reserve of the day to others; `turns` shares the paces among processes."""
        self._day.reserve = reserve
        if turns:
            self._pacing.share(turns)

    def ask(self, request: Request, read: Callable[[Answer], Result]) -> Result:
        """Return what `read` makes of the answer; raise what HubSpot's refusal means."""

        def send() -> Result:
            return read(self._answer(request))

        if self._tokens is None:
            return self._retry.run(request, send)
        return self._retry.run(request, partial(self._tokens.once_more, send))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _answer(self, request: Request) -> Answer:
        self._day.admit(self._clock.now())
        try:
            self._pacing.take(request.route)
            answer = self._transport.send(request)
            self.noted(str(request.route), answer.status, answer.received - answer.sent)
            self._clock.learn(answer)
            self._pacing.learn(answer.headers, request.route)
            self._day.learn(answer.headers, self._clock.now(), self._pacing.turns)
        finally:
            self._day.end()
        error = fault(answer, request, time_zone=self._day.zone)
        if error:
            raise error
        return answer
