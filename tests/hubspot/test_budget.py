"""The day's requests: the reserve stays, and several processes keep one pace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.hubspot.budget import Day, Reserve, never_stopped
from connector.hubspot.client import HubSpotDoor
from connector.hubspot.faults import DAILY, LimitReached
from connector.hubspot.pacing import OwnTurns, Pacing
from connector.hubspot.routes import Route
from state.store import Store
from tests.hubspot.conftest import Waits
from tests.hubspot.scripted import Reply, scripted

EVENING = datetime(2026, 3, 12, 20, tzinfo=UTC)  # 21:00 in Oslo
ACCOUNT = {"portalId": 1, "timeZone": "Europe/Oslo"}
Open = Callable[..., HubSpotDoor]


def told(left: int, limit: int = 1000) -> dict[str, str]:
    return {
        "x-hubspot-ratelimit-daily": str(limit),
        "x-hubspot-ratelimit-daily-remaining": str(left),
    }


def day(left: int, *, reserve: Reserve | None = None) -> Day:
    found = Day(reserve or Reserve(number=300))
    found.zone = "Europe/Oslo"
    found.learn(told(left), EVENING, OwnTurns())
    return found


def test_what_is_left_of_the_day_down_to_the_reserve_is_ours() -> None:
    found = day(303)
    for _ in range(3):
        found.admit(EVENING)
    with pytest.raises(LimitReached) as stopped:
        found.admit(EVENING)
    assert stopped.value.policy_name == DAILY
    assert stopped.value.retry_after == 3 * 3600
    assert "midnight in Europe/Oslo, 2026-03-12 23:00 UTC" in str(stopped.value)
    assert "300 are kept" in str(stopped.value)


def test_a_new_day_of_the_portal_lets_requests_through_again() -> None:
    found = day(300)
    found.admit(EVENING + timedelta(hours=3))


def test_what_was_begun_is_finished_on_the_reserve() -> None:
    found = day(300)
    with never_stopped():
        found.admit(EVENING)
    with pytest.raises(LimitReached):
        found.admit(EVENING)


def test_requests_under_way_count_as_used() -> None:
    found = day(310)
    for _ in range(10):
        found.admit(EVENING)
    found.learn(
        told(309), EVENING, OwnTurns()
    )  # the first of them is answered, nine are still under way
    with pytest.raises(LimitReached):
        found.admit(EVENING)


@pytest.mark.parametrize(
    ("reserve", "kept"), [(Reserve(), 200), (Reserve(share=0.3), 300), (Reserve(number=7), 7)]
)
def test_the_reserve_is_a_share_or_a_number(reserve: Reserve, kept: int) -> None:
    assert reserve.of(1000) == kept
    day(kept + 1, reserve=reserve).admit(EVENING)
    with pytest.raises(LimitReached):
        day(kept, reserve=reserve).admit(EVENING)


def test_without_a_daily_limit_nothing_is_stopped() -> None:
    found = Day(Reserve())
    for _ in range(100):
        found.learn({}, EVENING, OwnTurns())
        found.admit(EVENING)


def test_where_hubspot_tells_a_limit_and_no_count_ours_stands_for_it_over_restarts(
    tmp_path: Path,
) -> None:
    limit = {"x-hubspot-ratelimit-daily": "10"}
    for _ in range(2):  # a process sends three requests and ends
        with Store.open(f"sqlite:///{tmp_path / 'kept.db'}") as store:
            process = Day(Reserve(number=4))
            for _ in range(3):
                process.admit(EVENING)
                process.learn(limit, EVENING, store.turns("1"))
                process.end()
    assert (process.used, process.left) == (6, 4)
    with pytest.raises(LimitReached):
        process.admit(EVENING)
    process.learn(limit, EVENING + timedelta(days=1), store.turns("1"))
    assert (process.used, process.left) == (1, 9)


def test_a_stopped_request_is_never_sent(open_door: Open) -> None:
    date = {"date": "Thu, 12 Mar 2026 20:00:00 GMT"}
    with scripted(Reply(body=ACCOUNT, headers={**told(301), **date})) as server:
        door = open_door(server.url)
        door.live_within(Reserve(number=301))
        door.account()
        with pytest.raises(LimitReached):
            door.account()
        with pytest.raises(LimitReached):
            door.admit()
        assert len(server.heard) == 1
    assert (door.allowance().daily, door.allowance().left) == (1000, 301)
    assert door.allowance().reserve == 301


def test_associations_have_a_pace_of_their_own(waits: Waits) -> None:
    pacing = Pacing(wait=waits.wait, monotonic=waits.monotonic)
    limits = {"x-hubspot-ratelimit-interval-milliseconds": "10000"}
    pacing.learn({**limits, "x-hubspot-ratelimit-max": "190"}, Route.LIST)
    pacing.learn({**limits, "x-hubspot-ratelimit-max": "150"}, Route.ASSOCIATIONS)
    began = waits.time
    for _ in range(142):
        pacing.take(Route.ASSOCIATIONS)
    assert waits.time - began < 10
    pacing.take(Route.LIST)
    assert waits.time - began < 10
    pacing.take(Route.ASSOCIATIONS)
    assert waits.time - began == pytest.approx(10)


class Process:
    """One process on the common database, with a time of its own that only waiting moves."""

    def __init__(self, store: Store) -> None:
        self.time = 0.0
        self.sent: list[float] = []
        self.pacing = Pacing(wait=self._wait, monotonic=lambda: self.time)
        self.pacing.learn(
            {
                "x-hubspot-ratelimit-max": "190",
                "x-hubspot-ratelimit-interval-milliseconds": "10000",
            }
        )
        self.pacing.share(store.turns("1"))

    def send(self, route: Route) -> None:
        self.pacing.take(route)
        self.sent.append(self.time)

    def _wait(self, seconds: float) -> None:
        self.time += seconds


def most_within(times: list[float], seconds: float) -> int:
    return max(sum(start <= one < start + seconds for one in times) for start in times)


def busy(tmp_path: Path, route: Route, requests: int) -> list[Process]:
    """Let two processes on one database send as fast as they may."""
    with Store.open(f"sqlite:///{tmp_path / 'shared.db'}") as store:
        processes = [Process(store), Process(store)]
        for _ in range(requests):
            min(processes, key=lambda one: one.time).send(route)
    return processes


def test_two_processes_on_one_database_keep_the_burst_limit_together(tmp_path: Path) -> None:
    both = busy(tmp_path, Route.LIST, 700)
    times = sorted(time for one in both for time in one.sent)
    assert most_within(times, 10.0) <= 180
    assert 700 / (times[-1] - times[0]) * 10 > 0.9 * 180
    assert min(len(one.sent) for one in both) > 250


def test_two_processes_on_one_database_keep_the_search_limit_together(tmp_path: Path) -> None:
    times = sorted(time for one in busy(tmp_path, Route.SEARCH, 60) for time in one.sent)
    assert most_within(times, 1.0) <= 4
