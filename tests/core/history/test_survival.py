"""The survival estimate counts records still inside, and agrees with sums made by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.history.survival import Stay, survival_curve, survival_quantile


def stays(*seconds: float, lasting: tuple[float, ...] = ()) -> list[Stay]:
    ended = [Stay(seconds=value, ended=True) for value in seconds]
    return [*ended, *(Stay(seconds=value, ended=False) for value in lasting)]


def test_the_curve_agrees_with_a_sum_by_hand() -> None:
    # 5 inside; 1 of 5 ends at 2; one is lost from sight at 3; 1 of 3 ends at 4, 1 of 2 at 8.
    curve = list(survival_curve(stays(2, 4, 8, lasting=(3, 10))))
    assert [seconds for seconds, _ in curve] == [2, 4, 8]
    assert [share for _, share in curve] == pytest.approx([4 / 5, 8 / 15, 4 / 15])


def test_a_stay_that_lasts_as_long_as_another_ends_was_inside_at_that_end() -> None:
    assert list(survival_curve(stays(5, lasting=(5,)))) == [(5, 0.5)]


def test_the_median_of_stays_that_last_is_unknown_and_not_short() -> None:
    curve = list(survival_curve(stays(1, lasting=(100, 100, 100))))
    assert survival_quantile(curve, 0.25) == 1
    assert survival_quantile(curve, 0.5) is None


def test_without_any_stay_nothing_is_said() -> None:
    assert list(survival_curve([])) == []
    assert survival_quantile([], 0.5) is None


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.sampled_from([0.25, 0.5, 0.75]))
def test_where_all_have_left_it_is_the_plain_quantile(seconds: list[int], share: float) -> None:
    ordered = sorted(seconds)
    plain = next(
        value for number, value in enumerate(ordered, 1) if number >= share * len(ordered) - 1e-9
    )
    assert survival_quantile(list(survival_curve(stays(*seconds))), share) == plain
