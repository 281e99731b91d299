"""The one retry policy: what is sent again, when, and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import Final, TypeVar

import structlog
from tenacity import RetryCallState, Retrying

from connector.errors import TemporaryError
from connector.hubspot.http.failures import (
    DAILY,
    REFUSALS,
    BadAnswer,
    LimitReached,
    Locked,
    NotSent,
    RecordMissing,
    RequestRefused,
    ScopeMissing,
    Unavailable,
)
from connector.hubspot.http.routes import Request, Route

Result = TypeVar("Result")

MAX_BACKOFF: Final = 30.0
JITTER: Final = 0.25
"""Of a named wait, added at random so that those who were refused together part."""

NOT_EXECUTED: Final = (LimitReached, Locked, NotSent)
"""After these HubSpot certainly did nothing, so that even a write may be sent again."""
READS_RETRIED_AFTER: Final = (*NOT_EXECUTED, Unavailable, BadAnswer)

REFUSAL_TRIES: Final = 3
"""Tries of a request that is refused: a good one is refused now and then, for a moment."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLimits:
    """The timeouts of one try in seconds, the number of tries, and the seconds of all together.

    `random` returns a number from 0 up to 1.
    """

    connect: float = 5.0
    read: float = 60.0
    tries: int = 6
    seconds: float = 180.0
    random: Callable[[], float] = SystemRandom().random


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Sends a failed request again, until it succeeds or the limits are reached."""

    wait: Callable[[float], None]
    monotonic: Callable[[], float]
    limits: RetryLimits

    def run(
        self, request: Request, send: Callable[[], Result], *, tries: int | None = None
    ) -> Result:
        """Return what `send` returns, or raise its last error when the limits are reached."""
        started_at, max_tries = self.monotonic(), self.limits.tries

        def should_stop(state: RetryCallState) -> bool:
            spent = max(self.monotonic() - started_at, state.idle_for)
            out_of_time = spent + state.upcoming_sleep > self.limits.seconds
            return state.attempt_number >= min(tries or max_tries, max_tries) or out_of_time

        retrying = Retrying(
            sleep=self.wait,
            retry=lambda state: _should_retry(_error(state), request, state.attempt_number),
            wait=lambda state: retry_delay(_error(state), state.attempt_number, self.limits.random),
            stop=should_stop,
            before_sleep=lambda state: _log_retry(state, request),
            reraise=True,
        )
        return retrying(send)


def retry_delay(error: BaseException | None, attempt: int, random: Callable[[], float]) -> float:
    """Return the seconds before the next try: the server's wait, or full-jitter backoff.

    >>> retry_delay(Locked("…", retry_after=2.0), 1, lambda: 0.0)
    2.0
    """
    server_wait = error.retry_after if isinstance(error, TemporaryError) else None
    if server_wait is not None:
        return server_wait * (1 + JITTER * random())
    return random() * min(MAX_BACKOFF, 2.0 ** (attempt - 1))


def _should_retry(error: BaseException | None, request: Request, attempt: int) -> bool:
    if _may_pass(error, request):
        return attempt < REFUSAL_TRIES
    if isinstance(error, LimitReached) and error.policy_name == DAILY:
        return False
    return isinstance(error, NOT_EXECUTED if request.writes else READS_RETRIED_AFTER)


def _may_pass(error: BaseException | None, request: Request) -> bool:
    """Return whether a refusal is of a kind that is seen to pass by itself; nothing was executed.

    That is a refused token, scope or address, a 400 without a category ("There was a problem
    with the request"), and a single record that is not found. A read that is refused for a
    scope which HubSpot names is refused the next time as well.
    """
    if isinstance(error, RecordMissing):
        return request.route is Route.READ
    if isinstance(error, ScopeMissing) and error.scopes and not request.writes:
        return False
    return isinstance(error, REFUSALS) or (isinstance(error, RequestRefused) and not error.category)


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _log_retry(state: RetryCallState, request: Request) -> None:
    error = _error(state)
    _log.info(
        "hubspot.request_delayed",
        route=str(request.route),
        error=type(error).__name__,
        seconds=round(state.upcoming_sleep, 1),
        attempt=state.attempt_number,
        correlation_id=error.correlation_id if isinstance(error, TemporaryError) else "",
    )
