"""How a run waits, and what it measures time by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunClock:
    """How to wait, and a clock that never goes back, both in seconds.

    `wall_clock` is the machine's clock in seconds since 1970, None where time is made up.
    """

    wait: Callable[[float], None]
    monotonic: Callable[[], float]
    wall_clock: Callable[[], float] | None = None
