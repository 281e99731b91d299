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

from connector.hubspot.budget import Allowance


class Bar:
    """Hears how far long work has come, as the desk tells it, and shows it where somebody looks.

    `allowance` is asked what of the day's requests is left, once there is a door to ask.
    """

    def __init__(self, bars: Progress | None = None) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self.allowance: Callable[[], Allowance] | None = None

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Show it."""
        if self._bars is None:
            return
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total, budget="")
        budget = left(self.allowance()) if self.allowance else ""
        self._bars.update(self._tasks[what], completed=done, total=total, budget=budget)


class _Rate(ProgressColumn):
    """How many records a second."""

    def render(self, task: Task) -> Text:
        """Return the rate of a task; nothing before there is one."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "")


def left(found: Allowance) -> str:
    """Return in words how many of the day's requests we may still send.

    >>> left(Allowance(burst=190, daily=1000, left=700, reserve=200))
    '500 requests left today'
    >>> left(Allowance(burst=190))
    ''
    """
    if found.left is None:
        return ""
    return f"{max(0, found.left - found.reserve):,} requests left today"


@contextmanager
def progress(
    console: Console | None = None, *, seconds: Callable[[], float] | None = None
) -> Iterator[Bar]:
    """Show bars while the block runs, on a terminal only; yield whom to tell."""
    console = console or Console(file=sys.stderr)
    if not console.is_terminal:
        yield Bar()
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
    with Progress(*columns, console=console, transient=True, get_time=seconds) as bars:
        yield Bar(bars)
