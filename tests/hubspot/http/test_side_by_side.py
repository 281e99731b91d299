"""Requests side by side: bounded, in order, and ended together."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from functools import partial
from threading import Barrier, Event, current_thread

import pytest

from connector.hubspot.http.side_by_side import WIDTH, SideBySide

SETTING: ContextVar[str] = ContextVar("setting", default="")


@pytest.fixture
def side_by_side() -> Iterator[SideBySide]:
    pool = SideBySide()
    yield pool
    pool.close()


def test_calls_are_under_way_together_and_their_results_come_in_order(
    side_by_side: SideBySide,
) -> None:
    everybody = Barrier(WIDTH, timeout=30)  # broken unless so many wait at once

    def meet(number: int) -> int:
        everybody.wait()
        return number

    assert side_by_side.run([partial(meet, number) for number in range(WIDTH)]) == list(
        range(WIDTH)
    )


def test_a_single_call_is_made_in_the_callers_own_thread(side_by_side: SideBySide) -> None:
    assert side_by_side.run([current_thread]) == [current_thread()]


def test_calls_see_the_context_variables_of_the_caller(side_by_side: SideBySide) -> None:
    token = SETTING.set("of the caller")
    try:
        assert side_by_side.run([SETTING.get, SETTING.get]) == ["of the caller"] * 2
    finally:
        SETTING.reset(token)


def test_the_first_failure_in_order_is_raised_when_no_call_is_under_way_any_more(
    side_by_side: SideBySide,
) -> None:
    all_begun, second_failed, ended = Barrier(3, timeout=30), Event(), []

    def fail_late() -> None:
        all_begun.wait()
        second_failed.wait(30)
        raise ValueError("the first")

    def fail_at_once() -> None:
        all_begun.wait()
        second_failed.set()
        raise ValueError("the second")

    def succeed_late() -> None:
        all_begun.wait()
        second_failed.wait(30)
        ended.append("the third")

    with pytest.raises(ValueError, match="the first"):
        side_by_side.run([fail_late, fail_at_once, succeed_late])
    assert ended == ["the third"]


def test_a_pool_that_was_never_used_or_is_closed_twice_ends(side_by_side: SideBySide) -> None:
    side_by_side.close()
    assert side_by_side.run([lambda: 1, lambda: 2]) == [1, 2]
    side_by_side.close()
    side_by_side.close()


def test_an_interrupt_waits_for_no_call_that_is_under_way(side_by_side: SideBySide) -> None:
    is_waiting, may_end, ended = Event(), Event(), Event()

    def wait_long() -> None:
        is_waiting.set()
        may_end.wait(60)
        ended.set()

    def interrupt() -> None:
        is_waiting.wait(30)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side.run([interrupt, wait_long])
    side_by_side.close()
    assert not ended.is_set()
    may_end.set()
    assert ended.wait(30)
