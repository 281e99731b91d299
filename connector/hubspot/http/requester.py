"""Send one request within the limits, try it again where that may help, and read its headers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from connector.hubspot.http.daily_budget import Allowance, DailyBudget, RateSlots, Reserve
from connector.hubspot.http.failures import BadAnswer, NotSent, Unavailable, failure_of
from connector.hubspot.http.own_tokens import OwnTokens
from connector.hubspot.http.portal_clock import PortalClock
from connector.hubspot.http.rate_limits import MIN_BURST, RateLimits
from connector.hubspot.http.request_limit import RequestLimit
from connector.hubspot.http.response import Answer
from connector.hubspot.http.retry import RetryLimits, RetryPolicy
from connector.hubspot.http.routes import Request, Route
from connector.hubspot.http.token_refresh import Tokens
from connector.hubspot.http.transport import TokenSource, Transport

OnAnswer = Callable[[str, int, float], None]
Result = TypeVar("Result")
_REFUSED_REQUESTS = frozenset({400, 404, 409})


class Exchange:
    """Sends requests and returns parsed answers; safe to use from many threads.

    `on_answer` is called with the route, status and seconds of each answer.
    """

    def __init__(
        self,
        token: TokenSource,
        url: str,
        *,
        wait: Callable[[float], None],
        monotonic: Callable[[], float],
        retry_limits: RetryLimits,
    ) -> None:
        self.on_answer: OnAnswer = lambda _route, _status, _seconds: None
        self._clock = PortalClock(monotonic)
        self._rate_limits = RateLimits(wait=wait, monotonic=monotonic)
        self._request_limit = RequestLimit()
        self._retry = RetryPolicy(wait=wait, monotonic=monotonic, limits=retry_limits)
        self._token = token
        self._tokens = token if isinstance(token, Tokens) else None
        self._own_tokens = OwnTokens()
        self._transport = Transport(
            url, timeouts=(retry_limits.connect, retry_limits.read), monotonic=monotonic
        )
        self._daily_budget = DailyBudget(Reserve())  # in UTC, until `time_zone` is the portal's own

    def now(self) -> datetime | None:
        """Return the portal's time, None before its first answer."""
        return self._clock.now()

    def compare_clocks(self, wall_clock: Callable[[], float]) -> None:
        """Compare each answer's date with the machine's clock, in seconds since 1970."""
        self._clock.wall_clock = wall_clock

    def clock_deviation(self) -> tuple[datetime, datetime] | None:
        """Return the last answer's date and the machine's time where they are a day apart."""
        return self._clock.deviation()

    @property
    def time_zone(self) -> str:
        """The portal's time zone, in which a day of requests begins at midnight."""
        return self._daily_budget.time_zone

    @time_zone.setter
    def time_zone(self, zone: str) -> None:
        self._daily_budget.time_zone = zone

    def allowance(self) -> Allowance:
        """Return the request limits that the portal's answers named."""
        limit = self._daily_budget.limit
        return Allowance(
            burst=self._rate_limits.burst_limit or MIN_BURST,
            interval=self._rate_limits.interval,
            daily=limit,
            remaining=self._daily_budget.remaining,
            reserve=self._daily_budget.reserve.requests_of(limit) if limit else 0,
            used=self._daily_budget.used,
        )

    def check_budget(self) -> None:
        """Raise LimitReached where the rest of the day's requests belongs to others."""
        self._daily_budget.check(self._clock.now())

    def configure_limits(self, reserve: Reserve, slots: RateSlots | None) -> None:
        """Leave this reserve of the day to other apps; `slots` shares the pace among processes."""
        self._daily_budget.reserve = reserve
        if slots:
            self._rate_limits.share_slots(slots)

    def require_portal(self, portal_id: str, account_request: Request) -> None:
        """Use no token of another portal from now on; ask now where the next one is not known."""
        self._own_tokens.pin(portal_id, account_request)

        def require_own_token() -> None:
            self._require_own_token(self._token())

        if self._tokens is not None:
            require_own_token = partial(self._tokens.retry_with_fresh_token, require_own_token)
        self._retry.run(account_request, require_own_token)

    def limit_requests(self, limit: int) -> None:
        """Send at most so many requests from now on; then raise RequestsUsedUp."""
        self._request_limit.begin(limit)

    def send(
        self, request: Request, parse: Callable[[Answer], Result], *, tries: int | None = None
    ) -> Result:
        """Return the answer as `parse` reads it; raise the failure that HubSpot's refusal means.

        At most `tries` times, where that is given, in place of the usual number.
        """

        def send_and_parse() -> Result:
            return parse(self._send_once(request))

        if self._tokens is None:
            return self._retry.run(request, send_and_parse, tries=tries)
        return self._retry.run(
            request, partial(self._tokens.retry_with_fresh_token, send_and_parse), tries=tries
        )

    def ask(self, request: Request) -> Answer:
        """Return the answer as it came, also where HubSpot refuses the request itself.

        That is 400, 404 and 409 with a JSON body; any other failure is raised as by `send`. A
        write is sent once.
        """

        def receive() -> Answer:
            answer = self._receive(request)
            if answer.status in _REFUSED_REQUESTS and answer.is_json():
                return answer
            return self._require_success(answer, request)

        return self._retry.run(request, receive, tries=1 if request.writes else None)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _send_once(self, request: Request) -> Answer:
        return self._require_success(self._receive(request), request)

    def _require_success(self, answer: Answer, request: Request) -> Answer:
        error = failure_of(answer, request, time_zone=self._daily_budget.time_zone)
        if error:
            raise error
        return answer

    def _receive(self, request: Request) -> Answer:
        token = self._token()
        if request.route is not Route.ACCOUNT:
            self._require_own_token(token)
        return self._receive_with(token, request)

    def _require_own_token(self, token: str) -> None:
        """Ask whose token it is where that is not known, before anything else is sent with it.

        The settings were read again, perhaps, or an OAuth app's token was renewed. Where no answer
        comes, the request behind it was certainly not sent.
        """
        account_request = self._own_tokens.request_about(token)
        if account_request is None:
            return
        granted_by = self._tokens.portal_of(token) if self._tokens else ""
        if granted_by:
            # HubSpot said so with the token: no request may stand between a clear and its set.
            self._own_tokens.note_portal(token, granted_by)
            self._own_tokens.require(token)
            return
        try:
            self._require_success(self._receive_with(token, account_request), account_request)
        except NotSent:
            raise
        except (Unavailable, BadAnswer) as error:
            raise NotSent(
                f"it is not known which portal the new token belongs to ({error})"
            ) from error
        self._own_tokens.require(token)

    def _receive_with(self, token: str, request: Request) -> Answer:
        self._request_limit.count()
        self._daily_budget.start_request(self._clock.now())
        try:
            self._rate_limits.wait_for_slot(request.route)
            answer = self._transport.send(request, token)
            self.on_answer(str(request.route), answer.status, answer.received_at - answer.sent_at)
            self._clock.update(answer)
            if request.route is Route.ACCOUNT and answer.status == HTTPStatus.OK:
                self._own_tokens.note(token, answer)
            # What another portal has left of its requests says nothing of this one.
            if not self._own_tokens.is_foreign(token):
                self._rate_limits.update(answer.headers, request.route)
                now = self._clock.now()
                self._daily_budget.update(answer.headers, now, self._rate_limits.slots)
        finally:
            self._daily_budget.end_request()
        return answer
