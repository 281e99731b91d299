"""The bar of a long reading: how fast, how long still, and what it leaves of the day."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from connector.hubspot.budget import Allowance
from connector.screens.bar import progress


def shown(allowance: Allowance | None) -> str:
    """Return what a terminal shows after 20 of 60 thousand records in ten seconds."""
    terminal, now = StringIO(), [0.0]
    console = Console(file=terminal, force_terminal=True, color_system=None, width=160)
    with progress(console, seconds=lambda: now[0]) as tell:
        if allowance:
            tell.allowance = lambda: allowance
        for seconds, done in ((0.0, 0), (5.0, 10_000), (10.0, 20_000)):
            now[0] = seconds
            tell("pull contacts", done, 60_000)
    return terminal.getvalue()


def test_the_bar_shows_rate_and_remaining_time() -> None:
    last = shown(None)
    assert "20000/60000" in last
    assert "2,000/s" in last
    assert "0:00:20" in last
    assert "left today" not in last


def test_the_bar_shows_what_is_left_to_us_of_the_day() -> None:
    assert "1,500 requests left today" in shown(
        Allowance(burst=190, daily=10_000, left=3_500, reserve=2_000)
    )


def test_a_used_up_day_leaves_nothing_and_no_negative_number() -> None:
    assert " 0 requests left today" in shown(
        Allowance(burst=190, daily=10_000, left=1_500, reserve=2_000)
    )
