"""Requests stay within the rate limits, whatever the callers do."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.hubspot.http.daily_budget import DailyBudget, Reserve
from connector.hubspot.http.rate_limits import LocalSlots, RateLimits
from connector.hubspot.http.routes import Route
from state.db.errors import DatabaseUnusable
from tests.hubspot.conftest import FakeTimer

LIMIT_HEADERS = {
    "x-hubspot-ratelimit-max": "190",
    "x-hubspot-ratelimit-interval-milliseconds": "10000",
}


def most_within(times: list[float], seconds: float) -> int:
    return max(
        sum(start <= sent_at < start + seconds - 1e-9 for sent_at in times) for start in times
    )


@given(st.integers(1, 7), st.lists(st.floats(0, 4), min_size=1, max_size=60))
def test_no_interval_ever_sees_more_than_the_limit(limit: int, pauses: list[float]) -> None:
    slots, times, now = LocalSlots(), [], 1000.0
    for pause in pauses:
        now += pause
        now = slots.take("all", now, limit=limit, interval=10.0)
        times.append(now)
    assert most_within(times, 10.0) <= limit


def test_the_portal_sees_no_more_though_each_request_arrives_late() -> None:
    slots, random_source, now, arrivals = LocalSlots(), Random(4), 0.0, []
    for _ in range(1500):
        now = slots.take("all", now, limit=180, interval=10.0)
        arrivals.append(now + random_source.uniform(0, 0.5))
    arrivals.sort()
    assert all(
        later - earlier >= 10.0 for earlier, later in zip(arrivals, arrivals[190:], strict=False)
    )


def test_below_the_limit_no_request_waits() -> None:
    slots = LocalSlots()
    times = [0.34 * index for index in range(9)]
    assert [slots.take("all", now, limit=3, interval=1.0) for now in times] == times


def test_half_of_the_slots_are_given_out_at_once_and_the_others_evenly() -> None:
    slots = LocalSlots()
    times = [slots.take("all", 0.0, limit=4, interval=10.0) for _ in range(7)]
    assert times == [0.0, 0.0, 2.5, 5.0, 10.0, 12.5, 15.0]


def test_a_clock_that_was_set_back_stops_no_request() -> None:
    slots = LocalSlots()
    slots.take("all", 9000.0, limit=1, interval=10.0)
    assert slots.take("all", 5.0, limit=1, interval=10.0) == 5.0


def test_searches_take_four_a_second_and_lists_the_burst_limit(timer: FakeTimer) -> None:
    pacing = RateLimits(wait=timer.wait, monotonic=timer.monotonic)
    times = []
    for _ in range(13):
        pacing.wait_for_slot(Route.SEARCH)
        times.append(timer.time)
    assert times[-1] - times[0] == 3.0
    assert all(later >= earlier for earlier, later in pairwise(times))


@pytest.mark.parametrize(("headers", "within"), [({}, 95), (LIMIT_HEADERS, 180)])
def test_the_burst_limit_is_learnt_from_the_answers(
    headers: dict[str, str], within: int, timer: FakeTimer
) -> None:
    pacing = RateLimits(wait=timer.wait, monotonic=timer.monotonic)
    pacing.update(headers)
    times = []
    for _ in range(within + 1):
        pacing.wait_for_slot(Route.LIST)
        times.append(timer.time)
    assert times[within - 1] - times[0] < 10.0
    assert times[within] - times[0] == pytest.approx(10.0)


class UnstoredSlots(LocalSlots):
    """Slots in a database that stores nothing now."""

    def take(self, name: str, now: float, *, limit: int, interval: float) -> float:
        raise DatabaseUnusable("the disk is full")

    def count_request(self, day: date) -> int:
        raise DatabaseUnusable("the disk is full")


def test_a_database_that_stores_nothing_stops_no_request_and_no_pace() -> None:
    timer = FakeTimer()
    rate_limits = RateLimits(wait=timer.wait, monotonic=timer.monotonic)
    rate_limits.slots = UnstoredSlots()
    times = []
    for _ in range(300):
        rate_limits.wait_for_slot(Route.BATCH_READ)
        times.append(timer.monotonic())
    assert most_within(times, 10.0) <= 95


def test_a_database_that_stores_nothing_lets_this_process_count_the_day() -> None:
    budget = DailyBudget(Reserve())
    now = datetime(2026, 3, 12, 12, tzinfo=UTC)
    for _ in range(3):
        budget.update({}, now, UnstoredSlots())
    assert budget.used == 3
