"""The progress bar shows the rate, the remaining time, and the budget that is left of the day."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from connector.cli.render.progress import show_progress
from connector.hubspot.http.daily_budget import Allowance


def rendered_progress(allowance: Allowance | None) -> str:
    """Return what a terminal shows after 20 of 60 thousand records in ten seconds."""
    terminal, elapsed = StringIO(), [0.0]
    console = Console(file=terminal, force_terminal=True, color_system=None, width=160)
    with show_progress(console, get_time=lambda: elapsed[0]) as report_progress:
        if allowance:
            report_progress.allowance = lambda: allowance
        for seconds, count in ((0.0, 0), (5.0, 10_000), (10.0, 20_000)):
            elapsed[0] = seconds
            report_progress("pull contacts", count, 60_000)
    return terminal.getvalue()


def test_the_bar_shows_rate_and_remaining_time() -> None:
    text = rendered_progress(None)
    assert "20000/60000" in text
    assert "2,000/s" in text
    assert "0:00:20" in text
    assert "left today" not in text


def test_the_bar_shows_what_is_left_to_us_of_the_day() -> None:
    assert "1,500 requests left today" in rendered_progress(
        Allowance(burst=190, daily=10_000, remaining=3_500, reserve=2_000)
    )


def test_a_used_up_day_leaves_nothing_and_no_negative_number() -> None:
    assert " 0 requests left today" in rendered_progress(
        Allowance(burst=190, daily=10_000, remaining=1_500, reserve=2_000)
    )
