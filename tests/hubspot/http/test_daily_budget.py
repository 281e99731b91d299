"""The day's requests: the reserve stays, and several processes keep one pace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.daily_budget import DailyBudget, Reserve, uninterruptible
from connector.hubspot.http.failures import DAILY, LimitReached
from connector.hubspot.http.rate_limits import LocalSlots, RateLimits
from connector.hubspot.http.routes import Route
from state.db.store import Store
from tests.hubspot.conftest import FakeTimer
from tests.hubspot.scripted_server import Reply, serve_replies

EVENING = datetime(2026, 3, 12, 20, tzinfo=UTC)  # 21:00 in Oslo
ACCOUNT = {"portalId": 1, "timeZone": "Europe/Oslo"}
OpenClient = Callable[..., HubSpotClient]


def limit_headers(remaining: int, limit: int = 1000) -> dict[str, str]:
    return {
        "x-hubspot-ratelimit-daily": str(limit),
        "x-hubspot-ratelimit-daily-remaining": str(remaining),
    }


def day(remaining: int, *, reserve: Reserve | None = None) -> DailyBudget:
    budget = DailyBudget(reserve or Reserve(number=300))
    budget.time_zone = "Europe/Oslo"
    budget.update(limit_headers(remaining), EVENING, LocalSlots())
    return budget


def test_what_is_left_of_the_day_down_to_the_reserve_is_ours() -> None:
    budget = day(303)
    for _ in range(3):
        budget.start_request(EVENING)
    with pytest.raises(LimitReached) as error:
        budget.start_request(EVENING)
    assert error.value.policy_name == DAILY
    assert error.value.retry_after == 3 * 3600
    assert "midnight in Europe/Oslo, 2026-03-12 23:00 UTC" in str(error.value)
    assert "300 are kept" in str(error.value)


def test_a_new_day_of_the_portal_lets_requests_through_again() -> None:
    budget = day(300)
    budget.start_request(EVENING + timedelta(hours=3))


def test_what_was_begun_is_finished_on_the_reserve() -> None:
    budget = day(300)
    with uninterruptible():
        budget.start_request(EVENING)
    with pytest.raises(LimitReached):
        budget.start_request(EVENING)


def test_requests_under_way_count_as_used() -> None:
    budget = day(310)
    for _ in range(10):
        budget.start_request(EVENING)
    budget.update(
        limit_headers(309), EVENING, LocalSlots()
    )  # the first of them is answered, nine are still under way
    with pytest.raises(LimitReached):
        budget.start_request(EVENING)


@pytest.mark.parametrize(
    ("reserve", "kept_requests"),
    [(Reserve(), 200), (Reserve(share=0.3), 300), (Reserve(number=7), 7)],
)
def test_the_reserve_is_a_share_or_a_number(reserve: Reserve, kept_requests: int) -> None:
    assert reserve.requests_of(1000) == kept_requests
    day(kept_requests + 1, reserve=reserve).start_request(EVENING)
    with pytest.raises(LimitReached):
        day(kept_requests, reserve=reserve).start_request(EVENING)


def test_without_a_daily_limit_nothing_is_stopped() -> None:
    budget = DailyBudget(Reserve())
    for _ in range(100):
        budget.update({}, EVENING, LocalSlots())
        budget.start_request(EVENING)


def test_where_hubspot_tells_a_limit_and_no_count_ours_stands_for_it_over_restarts(
    tmp_path: Path,
) -> None:
    limit = {"x-hubspot-ratelimit-daily": "10"}
    for _ in range(2):  # a process sends three requests and ends
        with Store.open(f"sqlite:///{tmp_path / 'kept.db'}") as store:
            process = DailyBudget(Reserve(number=4))
            for _ in range(3):
                process.start_request(EVENING)
                process.update(limit, EVENING, store.rate_slots("1"))
                process.end_request()
    assert (process.used, process.remaining) == (6, 4)
    with pytest.raises(LimitReached):
        process.start_request(EVENING)
    process.update(limit, EVENING + timedelta(days=1), store.rate_slots("1"))
    assert (process.used, process.remaining) == (1, 9)


def test_a_stopped_request_is_never_sent(open_client: OpenClient) -> None:
    date = {"date": "Thu, 12 Mar 2026 20:00:00 GMT"}
    with serve_replies(Reply(body=ACCOUNT, headers={**limit_headers(301), **date})) as server:
        client = open_client(server.url)
        client.configure_limits(Reserve(number=301))
        client.account()
        with pytest.raises(LimitReached):
            client.account()
        with pytest.raises(LimitReached):
            client.check_budget()
        assert len(server.requests) == 1
    assert (client.allowance().daily, client.allowance().remaining) == (1000, 301)
    assert client.allowance().reserve == 301


def test_associations_have_a_pace_of_their_own(timer: FakeTimer) -> None:
    pacing = RateLimits(wait=timer.wait, monotonic=timer.monotonic)
    limits = {"x-hubspot-ratelimit-interval-milliseconds": "10000"}
    pacing.update({**limits, "x-hubspot-ratelimit-max": "190"}, Route.LIST)
    pacing.update({**limits, "x-hubspot-ratelimit-max": "150"}, Route.ASSOCIATIONS)
    start = timer.time
    for _ in range(142):
        pacing.wait_for_slot(Route.ASSOCIATIONS)
    assert timer.time - start < 10
    pacing.wait_for_slot(Route.LIST)
    assert timer.time - start < 10
    pacing.wait_for_slot(Route.ASSOCIATIONS)
    assert timer.time - start == pytest.approx(10)


class Process:
    """One process on the common database, with a time of its own that only waiting moves."""

    def __init__(self, store: Store) -> None:
        self.time = 0.0
        self.sent: list[float] = []
        self.pacing = RateLimits(wait=self._wait, monotonic=lambda: self.time)
        self.pacing.update(
            {
                "x-hubspot-ratelimit-max": "190",
                "x-hubspot-ratelimit-interval-milliseconds": "10000",
            }
        )
        self.pacing.share_slots(store.rate_slots("1"))

    def send(self, route: Route) -> None:
        self.pacing.wait_for_slot(route)
        self.sent.append(self.time)

    def _wait(self, seconds: float) -> None:
        self.time += seconds


def most_requests_within(times: list[float], seconds: float) -> int:
    return max(sum(start <= sent_at < start + seconds for sent_at in times) for start in times)


def send_from_two_processes(tmp_path: Path, route: Route, requests: int) -> list[Process]:
    """Let two processes on one database send as fast as they may."""
    with Store.open(f"sqlite:///{tmp_path / 'shared.db'}") as store:
        processes = [Process(store), Process(store)]
        for _ in range(requests):
            min(processes, key=lambda process: process.time).send(route)
    return processes


def test_two_processes_on_one_database_keep_the_burst_limit_together(tmp_path: Path) -> None:
    processes = send_from_two_processes(tmp_path, Route.LIST, 700)
    times = sorted(time for process in processes for time in process.sent)
    assert most_requests_within(times, 10.0) <= 180
    assert 700 / (times[-1] - times[0]) * 10 > 0.9 * 180
    assert min(len(process.sent) for process in processes) > 250


def test_two_processes_on_one_database_keep_the_search_limit_together(tmp_path: Path) -> None:
    times = sorted(
        time
        for process in send_from_two_processes(tmp_path, Route.SEARCH, 60)
        for time in process.sent
    )
    assert most_requests_within(times, 1.0) <= 4
