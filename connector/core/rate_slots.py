"""Give out rate slots: when the next request may be sent, so that no interval holds too many."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

_MAX_AHEAD: Final = 60.0
"""Seconds. A slot further ahead comes from a clock that was set back since, and is ignored."""


def recent_slots(slots: Sequence[float], now: float, *, interval: float) -> list[float]:
    """Return the slots, in their order, that still count.

    >>> recent_slots([1.0, 2.5, 900.0], 12.0, interval=10.0)
    [2.5]
    """
    return list(slots[bisect_right(slots, now - interval) : bisect_right(slots, now + _MAX_AHEAD)])


def next_slot(slots: Sequence[float], now: float, *, limit: int, interval: float) -> float:
    """Return the next slot after those in `slots`, at most `limit` within any interval.

    The first half of an interval's slots is given out at once, so that short work need not wait.
    The other half is spread evenly: requests arrive with varying delays, so the portal could
    otherwise receive two bursts, sent an interval apart, within one interval.

    >>> next_slot([0.0, 0.0], 0.0, limit=4, interval=1.0)
    0.25
    >>> next_slot([0.0, 0.0, 0.25, 0.5], 0.5, limit=4, interval=1.0)
    1.0
    """
    if not slots:
        return now
    last_slot = slots[-1]
    spaced_at = last_slot + interval / limit if 2 * len(slots) >= limit else last_slot
    freed_at = slots[-limit] + interval if len(slots) >= limit else now
    return max(now, spaced_at, freed_at)
