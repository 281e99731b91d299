"""The portal's clock is steady, and follows a portal whose clock was moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from connector.hubspot.http.portal_clock import PortalClock
from connector.hubspot.http.response import Answer
from tests.hubspot.conftest import FakeTimer

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


def answer_at(portal_time: datetime, timer: FakeTimer, *, took: float = 0.0) -> Answer:
    date = format_datetime(portal_time.replace(microsecond=0), usegmt=True)
    return Answer(
        status=200, headers={"date": date}, sent_at=timer.time - took, received_at=timer.time
    )


def test_it_knows_nothing_before_the_first_answer(timer: FakeTimer) -> None:
    clock = PortalClock(timer.monotonic)
    clock.update(Answer(status=200, headers={"date": "yesterday"}))
    assert clock.now() is None


def test_it_goes_on_between_answers(timer: FakeTimer) -> None:
    clock = PortalClock(timer.monotonic)
    clock.update(answer_at(NOON, timer))
    timer.wait(90)
    assert clock.now() == NOON + timedelta(seconds=90)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 2)), min_size=1, max_size=40))
def test_it_never_goes_back_and_stays_within_a_second(steps: list[tuple[float, float]]) -> None:
    timer = FakeTimer()
    clock = PortalClock(timer.monotonic)
    start, before = timer.time, NOON - timedelta(seconds=5)
    for pause, took in steps:
        timer.wait(pause + took)
        before = max(before, clock.now() or before)
        true_time = NOON + timedelta(seconds=timer.time - start)
        clock.update(answer_at(true_time, timer, took=took))
        now = clock.now()
        assert now is not None
        assert now >= before - timedelta(microseconds=5)
        assert abs(now - true_time) <= timedelta(seconds=1, microseconds=5)


def test_it_follows_a_clock_that_was_moved(timer: FakeTimer) -> None:
    clock = PortalClock(timer.monotonic)
    for shift in (timedelta(hours=2), timedelta(days=-3)):
        clock.update(answer_at(NOON, timer))
        clock.update(answer_at(NOON + shift, timer))
        now = clock.now()
        assert now is not None
        assert abs(now - (NOON + shift)) <= timedelta(seconds=1)
