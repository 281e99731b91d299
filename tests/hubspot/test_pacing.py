"""The pace of requests: inside the limits, whatever the callers do."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.hubspot.pacing import OwnTurns, Pacing
from connector.hubspot.routes import Route
from tests.hubspot.conftest import Waits

TOLD = {"x-hubspot-ratelimit-max": "190", "x-hubspot-ratelimit-interval-milliseconds": "10000"}


def sent_within(times: list[float], seconds: float) -> int:
    return max(sum(start <= one < start + seconds - 1e-9 for one in times) for start in times)


@given(st.integers(1, 7), st.lists(st.floats(0, 4), min_size=1, max_size=60))
def test_no_interval_ever_sees_more_than_the_limit(limit: int, pauses: list[float]) -> None:
    turns, times, now = OwnTurns(), [], 1000.0
    for pause in pauses:
        now += pause
        now = turns.take("all", now, limit=limit, interval=10.0)
        times.append(now)
    assert sent_within(times, 10.0) <= limit


def test_the_portal_sees_no_more_though_each_request_arrives_late() -> None:
    turns, dice, now, arrived = OwnTurns(), Random(4), 0.0, []
    for _ in range(1500):
        now = turns.take("all", now, limit=180, interval=10.0)
        arrived.append(now + dice.uniform(0, 0.5))
    arrived.sort()
    assert all(later - one >= 10.0 for one, later in zip(arrived, arrived[190:], strict=False))


def test_whoever_stays_below_the_limit_never_waits() -> None:
    turns = OwnTurns()
    times = [0.34 * place for place in range(9)]
    assert [turns.take("all", now, limit=3, interval=1.0) for now in times] == times


def test_half_of_the_turns_are_given_out_at_once_and_the_others_evenly() -> None:
    turns = OwnTurns()
    taken = [turns.take("all", 0.0, limit=4, interval=10.0) for _ in range(7)]
    assert taken == [0.0, 0.0, 2.5, 5.0, 10.0, 12.5, 15.0]


def test_a_clock_that_was_set_back_stops_nobody() -> None:
    turns = OwnTurns()
    turns.take("all", 9000.0, limit=1, interval=10.0)
    assert turns.take("all", 5.0, limit=1, interval=10.0) == 5.0


def test_searches_take_four_a_second_and_lists_the_burst_limit(waits: Waits) -> None:
    pacing = Pacing(wait=waits.wait, monotonic=waits.monotonic)
    times = []
    for _ in range(13):
        pacing.take(Route.SEARCH)
        times.append(waits.time)
    assert times[-1] - times[0] == 3.0
    assert all(later >= earlier for earlier, later in pairwise(times))


@pytest.mark.parametrize(("headers", "within"), [({}, 95), (TOLD, 180)])
def test_the_burst_limit_is_learnt_from_the_answers(
    headers: dict[str, str], within: int, waits: Waits
) -> None:
    pacing = Pacing(wait=waits.wait, monotonic=waits.monotonic)
    pacing.learn(headers)
    times = []
    for _ in range(within + 1):
        pacing.take(Route.LIST)
        times.append(waits.time)
    assert times[within - 1] - times[0] < 10.0
    assert times[within] - times[0] == pytest.approx(10.0)
