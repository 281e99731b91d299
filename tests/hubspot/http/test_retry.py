"""The retry policy: what is sent again, after which wait, and when it ends."""

from __future__ import annotations

import pytest

from connector.errors import ConnectorError
from connector.hubspot.http.failures import (
    BadAnswer,
    BatchRefused,
    LimitReached,
    Locked,
    Migrating,
    NotSent,
    NotTheApi,
    RecordMissing,
    RequestRefused,
    ScopeMissing,
    TokenRefused,
    Unavailable,
    WrongAddress,
)
from connector.hubspot.http.retry import REFUSAL_TRIES, RetryLimits, RetryPolicy, retry_delay
from connector.hubspot.http.routes import Request, Route
from tests.hubspot.conftest import FakeTimer

READ = Request(route=Route.SEARCH, path="/", body={})
WRITE = Request(route=Route.BATCH_UPDATE, path="/", body={})
SECONDLY = LimitReached("…", policy_name="SECONDLY", retry_after=1.0)
DAILY = LimitReached("…", policy_name="DAILY", retry_after=1.0)


class Failing:
    """Fails with these errors, one by one, and then succeeds."""

    def __init__(self, *errors: ConnectorError) -> None:
        self.errors = list(errors)
        self.sent = 0

    def __call__(self) -> str:
        self.sent += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def run(request: Request, failing: Failing, timer: FakeTimer, **retry_limits: object) -> str:
    options = {"random": lambda: 0.5, **retry_limits}
    policy = RetryPolicy(
        wait=timer.wait,
        monotonic=timer.monotonic,
        limits=RetryLimits(**options),  # type: ignore[arg-type]  # a test names its own
    )
    return policy.run(request, failing)


@pytest.mark.parametrize(
    "error",
    [SECONDLY, Locked("…", retry_after=2.0), NotSent("…"), Unavailable("…"), BadAnswer("…")],
)
def test_a_read_that_failed_for_now_is_sent_again(error: ConnectorError, timer: FakeTimer) -> None:
    failing = Failing(error, error)
    assert run(READ, failing, timer) == "done"
    assert failing.sent == 3


@pytest.mark.parametrize("error", [SECONDLY, Locked("…", retry_after=2.0), NotSent("…")])
def test_a_write_that_was_certainly_not_executed_is_sent_again(
    error: ConnectorError, timer: FakeTimer
) -> None:
    failing = Failing(error)
    assert run(WRITE, failing, timer) == "done"
    assert failing.sent == 2


@pytest.mark.parametrize("error", [Unavailable("…"), BadAnswer("…")])
def test_a_write_whose_outcome_is_open_is_never_sent_again(
    error: ConnectorError, timer: FakeTimer
) -> None:
    failing = Failing(error)
    with pytest.raises(type(error)):
        run(WRITE, failing, timer)
    assert failing.sent == 1


@pytest.mark.parametrize("request_", [READ, WRITE])
@pytest.mark.parametrize(
    "error",
    [
        DAILY,
        Migrating("…", retry_after=1.0),
        BatchRefused("…", category="VALIDATION_ERROR"),
        RecordMissing("…", category="OBJECT_NOT_FOUND"),
    ],
)
def test_what_waiting_here_cannot_heal_is_raised_at_once(
    request_: Request, error: ConnectorError, timer: FakeTimer
) -> None:
    failing = Failing(error)
    with pytest.raises(type(error)):
        run(request_, failing, timer)
    assert (failing.sent, timer.waits) == (1, [])


SINGLE_READ = Request(route=Route.READ, path="/")


@pytest.mark.parametrize("request_", [READ, WRITE])
@pytest.mark.parametrize(
    "error",
    [
        TokenRefused("…"),
        ScopeMissing("…"),
        WrongAddress("…"),
        RequestRefused("…"),
        BatchRefused("…"),
        NotTheApi("…"),
    ],
)
def test_a_refusal_that_may_pass_is_asked_again(
    request_: Request, error: ConnectorError, timer: FakeTimer
) -> None:
    failing = Failing(error, error)
    assert run(request_, failing, timer) == "done"
    assert failing.sent == 3


@pytest.mark.parametrize("error", [TokenRefused("…"), ScopeMissing("…"), RequestRefused("…")])
def test_a_refusal_that_stays_is_raised_after_three_tries(
    error: ConnectorError, timer: FakeTimer
) -> None:
    failing = Failing(*[error] * 9)
    with pytest.raises(type(error)):
        run(READ, failing, timer)
    assert failing.sent == REFUSAL_TRIES


def test_a_read_that_lacks_a_named_scope_is_not_asked_again(timer: FakeTimer) -> None:
    named_scope = ScopeMissing("…", scopes=("automation",))
    reading, writing = Failing(named_scope), Failing(named_scope)
    with pytest.raises(ScopeMissing):
        run(READ, reading, timer)
    assert run(WRITE, writing, timer) == "done"  # a record may stand blank
    assert (reading.sent, writing.sent) == (1, 2)


def test_a_single_record_that_is_not_found_is_asked_for_again(timer: FakeTimer) -> None:
    missing = RecordMissing("…", category="OBJECT_NOT_FOUND")
    failing = Failing(missing)
    assert run(SINGLE_READ, failing, timer) == "done"


def test_the_servers_wait_is_honoured_with_a_little_spread(timer: FakeTimer) -> None:
    run(READ, Failing(SECONDLY, Locked("…", retry_after=2.0)), timer)
    assert timer.waits == [1.125, 2.25]


def test_without_a_named_wait_the_backoff_doubles_up_to_its_longest() -> None:
    waited = [retry_delay(Unavailable("…"), attempt, lambda: 0.5) for attempt in (1, 2, 3, 4, 9)]
    assert waited == [0.5, 1.0, 2.0, 4.0, 15.0]


def test_the_jitter_is_full() -> None:
    assert retry_delay(Unavailable("…"), 5, lambda: 0.0) == 0.0
    assert retry_delay(Unavailable("…"), 5, lambda: 1.0) == 16.0


def test_retries_end_after_their_tries_with_the_last_error(timer: FakeTimer) -> None:
    failing = Failing(*(Unavailable(str(number)) for number in range(9)))
    with pytest.raises(Unavailable, match="2"):
        run(READ, failing, timer, tries=3)
    assert failing.sent == 3


def test_retries_end_after_their_seconds(timer: FakeTimer) -> None:
    failing = Failing(*(LimitReached("…", retry_after=10.0) for _ in range(9)))
    with pytest.raises(LimitReached):
        run(READ, failing, timer, tries=9, seconds=30.0)
    assert (failing.sent, sum(timer.waits)) == (3, 22.5)


def test_the_time_that_the_tries_take_counts_as_well(timer: FakeTimer) -> None:
    def slow() -> str:
        timer.time += 70
        raise Unavailable("…")

    policy = RetryPolicy(wait=timer.wait, monotonic=timer.monotonic, limits=RetryLimits())
    with pytest.raises(Unavailable):
        policy.run(READ, slow)
    assert timer.time - 1000 < 3 * 70 + 5


def test_a_bug_of_ours_is_not_retried(timer: FakeTimer) -> None:
    def broken() -> str:
        raise KeyError("ours")

    policy = RetryPolicy(wait=timer.wait, monotonic=timer.monotonic, limits=RetryLimits())
    with pytest.raises(KeyError):
        policy.run(READ, broken)
    assert timer.waits == []


def test_a_refused_request_stays_refused(timer: FakeTimer) -> None:
    with pytest.raises(RequestRefused):
        run(READ, Failing(RequestRefused("…", category="VALIDATION_ERROR")), timer)
