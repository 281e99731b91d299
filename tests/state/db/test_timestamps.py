"""Times are stored to the millisecond, and never without a zone."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.db import timestamps
from state.db.timestamps import from_millis, to_millis


@given(st.integers(-(10**13), 10**14))
def test_milliseconds_come_back_as_they_were(millis: int) -> None:
    assert to_millis(from_millis(millis)) == millis


@given(st.datetimes(timezones=st.just(UTC)))
def test_less_than_a_millisecond_is_cut_off(moment: datetime) -> None:
    lost = moment - from_millis(to_millis(moment))
    assert timedelta(0) <= lost < timedelta(milliseconds=1)


def test_a_moment_without_a_zone_is_our_bug() -> None:
    with pytest.raises(TypeError):
        to_millis(datetime(2026, 3, 1))  # noqa: DTZ001 - it is what must be refused


def test_the_examples_run() -> None:
    assert doctest.testmod(timestamps) == doctest.TestResults(failed=0, attempted=2)
