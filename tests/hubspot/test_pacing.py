"""The pace of requests: inside the limits, whatever the callers do."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.hubspot.pacing import Pace, Pacing
from connector.hubspot.routes import Route
from tests.hubspot.conftest import Waits

TOLD = {"x-hubspot-ratelimit-max": "190", "x-hubspot-ratelimit-interval-milliseconds": "10000"}


def sent_within(times: list[float], seconds: float) -> int:
    return max(sum(start <= one < start + seconds - 1e-9 for one in times) for start in times)


@given(st.integers(1, 7), st.lists(st.floats(0, 4), min_size=1, max_size=60))
def test_no_interval_ever_sees_more_than_the_limit(limit: int, pauses: list[float]) -> None:
    waits = Waits()
    pace = Pace(limit, 10.0, wait=waits.wait, monotonic=waits.monotonic)
    times = []
    for pause in pauses:
        waits.time += pause
        pace.take()
        times.append(waits.time)
    assert sent_within(times, 10.0) <= limit


def test_whoever_stays_below_the_limit_never_waits(waits: Waits) -> None:
    pace = Pace(3, 1.0, wait=waits.wait, monotonic=waits.monotonic)
    for _ in range(9):
        pace.take()
        waits.time += 0.34
    assert waits.taken == []


def test_turns_that_are_asked_for_at_once_are_given_out_one_after_the_other() -> None:
    taken: list[float] = []
    pace = Pace(2, 10.0, wait=taken.append, monotonic=lambda: 0.0)
    for _ in range(6):
        pace.take()
    assert taken == [10.0, 10.0, 20.0, 20.0]


def test_searches_take_four_a_second_and_lists_the_burst_limit(waits: Waits) -> None:
    pacing = Pacing(wait=waits.wait, monotonic=waits.monotonic)
    times = []
    for _ in range(13):
        pacing.take(Route.SEARCH)
        times.append(waits.time)
    assert times[-1] - times[0] == 3.0
    assert all(later >= earlier for earlier, later in pairwise(times))


@pytest.mark.parametrize(("headers", "at_once"), [({}, 95), (TOLD, 180)])
def test_the_burst_limit_is_learnt_from_the_answers(
    headers: dict[str, str], at_once: int, waits: Waits
) -> None:
    pacing = Pacing(wait=waits.wait, monotonic=waits.monotonic)
    pacing.learn(headers)
    for _ in range(at_once):
        pacing.take(Route.LIST)
    assert waits.taken == []
    pacing.take(Route.LIST)
    assert waits.taken == [10.0]
