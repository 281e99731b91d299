"""Show how far long work has come: a bar with its rate, what remains, and the day's budget."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from connector.hubspot.http.daily_budget import Allowance


class ProgressBar:
    """Show the progress of long work; an instance is the `Progress` of a run context.

    `allowance` returns how many of the day's requests are left; it is set once the API is open.
    Without `bars` (not a terminal) nothing is shown.
    """

    def __init__(self, bars: Progress | None = None) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self.allowance: Callable[[], Allowance] | None = None

    def __call__(self, label: str, done: int, total: int | None) -> None:
        """Show it."""
        if self._bars is None:
            return
        if label not in self._tasks:
            self._tasks[label] = self._bars.add_task(label, total=total, budget="")
        budget = requests_left_text(self.allowance()) if self.allowance else ""
        self._bars.update(self._tasks[label], completed=done, total=total, budget=budget)


class _Rate(ProgressColumn):
    """How many records a second."""

    def render(self, task: Task) -> Text:
        """Return the rate of a task; nothing before there is one."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "")


def requests_left_text(allowance: Allowance) -> str:
    """Return in words how many of the day's requests we may still send.

    >>> requests_left_text(Allowance(burst=190, daily=1000, remaining=700, reserve=200))
    '500 requests left today'
    >>> requests_left_text(Allowance(burst=190))
    ''
    """
    if allowance.remaining is None:
        return ""
    return f"{max(0, allowance.remaining - allowance.reserve):,} requests left today"


@contextmanager
def show_progress(
    console: Console | None = None, *, get_time: Callable[[], float] | None = None
) -> Iterator[ProgressBar]:
    """Show bars while the block runs, on a terminal only; yield the progress to report to."""
    console = console or Console(file=sys.stderr)
    if not console.is_terminal:
        yield ProgressBar()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[budget]}"),
    )
    with Progress(*columns, console=console, transient=True, get_time=get_time) as bars:
        yield ProgressBar(bars)
