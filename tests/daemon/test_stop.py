"""After a stop signal no new work begins, and the batch in flight gets some seconds."""

from __future__ import annotations

from threading import Timer

import pytest

from connector.daemon.stop import GRACE_SECONDS, SliceEnded, Stopping, StopSignal
from connector.hubspot.http.daily_budget import uninterruptible


class FakeClock:
    """A clock that moves only when a test moves it."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_a_wait_ends_when_told_to_stop() -> None:
    stop = StopSignal(FakeClock())
    Timer(0.05, stop.request).start()
    with pytest.raises(Stopping):
        stop.wait(60)


def test_progress_is_an_occasion_to_stop_but_not_within_a_batch() -> None:
    stop = StopSignal(FakeClock())
    stop.on_progress("apply", 1, None)
    stop.request()
    with uninterruptible():
        stop.on_progress("apply", 1, None)
        stop.wait(0.001)
    with pytest.raises(Stopping):
        stop.on_progress("apply", 1, None)


def test_a_batch_in_flight_is_left_after_its_grace() -> None:
    clock = FakeClock()
    stop = StopSignal(clock)
    stop.request()
    clock.seconds += GRACE_SECONDS
    with uninterruptible(), pytest.raises(Stopping):
        stop.wait(0.001)


def test_a_sleep_ends_by_a_wake_and_the_next_one_does_not() -> None:
    stop = StopSignal(FakeClock())
    stop.end_sleep()
    stop.sleep(60)
    stop.sleep(0.001)
    stop.yield_lock(0.001)
    assert not stop.is_requested


def test_the_reading_of_a_whole_portal_ends_with_its_slice_and_nothing_else_does() -> None:
    clock = FakeClock()
    stop = StopSignal(clock)
    stop.on_progress("pull contacts", 100, 200)
    stop.begin_slice(60)
    stop.on_progress("pull contacts", 100, 200)
    clock.seconds += 60
    stop.on_progress("pull contacts", 100, None)
    stop.on_progress("decide", 100, 200)
    with pytest.raises(SliceEnded):
        stop.on_progress("pull contacts", 100, 200)
