"""Compute when time alone will change the answer of a comparison with the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, TypeAlias, cast
from zoneinfo import ZoneInfo

from connector.core.conditions.operands import Getter, Term
from connector.core.conditions.values import Value, Values, midnight

DueTime: TypeAlias = Callable[[Values], datetime | None]
_TICK: Final = timedelta(milliseconds=1)


def build_due_time(left: Term, right: Term, zone: ZoneInfo) -> DueTime | None:
    """Return a function from facts to the next moment of change, or None without a clock.

    `x < now + d` and its kin change when the clock passes `x - d`; a tick later every
    operator has changed. With `today` the change comes at a midnight of the portal.
    """
    clock_term, other_term = (left, right) if left.clock else (right, left)
    if not clock_term.clock:
        return None
    shift = timedelta(days=clock_term.days)
    change_times = _surrounding_midnights if clock_term.clock == "today" else _just_after
    get = other_term.get or _constant_getter(other_term.value)

    def due_time(values: Values) -> datetime | None:
        now = cast("datetime", values["now"])
        value = get(values)
        times = _shift_back(value if isinstance(value, tuple) else (value,), shift)
        return min(
            (
                change_at
                for time in times
                for change_at in change_times(time, zone)
                if change_at > now
            ),
            default=None,
        )

    return due_time


def _constant_getter(value: Value) -> Getter:
    return lambda _: value


def _shift_back(values: Iterable[Value], shift: timedelta) -> Iterator[datetime]:
    """Yield each time that much earlier, but none outside the calendar."""
    for value in values:
        if isinstance(value, datetime) and 1902 < value.year - shift.days / 365 < 9990:
            yield value - shift


def _just_after(at: datetime, _: ZoneInfo) -> Iterator[datetime]:
    yield at + _TICK


def _surrounding_midnights(at: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    day = at.astimezone(zone).date()
    yield midnight(day, zone)
    yield midnight(day + timedelta(days=1), zone)
