"""Tells when time alone will change the answer of a comparison with the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, TypeAlias, cast
from zoneinfo import ZoneInfo

from connector.core.condition_terms import Getter, Term
from connector.core.values import Value, Values, midnight

Flip: TypeAlias = Callable[[Values], datetime | None]
_TICK: Final = timedelta(milliseconds=1)


def flip(left: Term, right: Term, zone: ZoneInfo) -> Flip | None:
    """Return a function from facts to the next moment of change, or None without a clock.

    `x < now + d` and its kin change when the clock passes `x - d`; a tick later every
    operator has changed. With `today` the change comes at a midnight of the portal.
    """
    moving, still = (left, right) if left.clock else (right, left)
    if not moving.clock:
        return None
    shift = timedelta(days=moving.days)
    moments = _midnights if moving.clock == "today" else _passing
    get = still.get or _always(still.value)

    def flips(values: Values) -> datetime | None:
        now = cast("datetime", values["now"])
        found = get(values)
        passed = _earlier(found if isinstance(found, tuple) else (found,), shift)
        return min((at for one in passed for at in moments(one, zone) if at > now), default=None)

    return flips


def _always(value: Value) -> Getter:
    return lambda _: value


def _earlier(found: Iterable[Value], shift: timedelta) -> Iterator[datetime]:
    """Yield each time that much earlier, but none outside the calendar."""
    for one in found:
        if isinstance(one, datetime) and 1902 < one.year - shift.days / 365 < 9990:
            yield one - shift


def _passing(at: datetime, _: ZoneInfo) -> Iterator[datetime]:
    yield at + _TICK


def _midnights(at: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    begun = at.astimezone(zone).date()
    yield midnight(begun, zone)
    yield midnight(begun + timedelta(days=1), zone)
