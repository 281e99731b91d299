"""When the portal's day ends, in its own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def until_midnight(now: datetime, zone: str) -> timedelta:
    """Return how long the portal's day still lasts.

    >>> until_midnight(datetime(2026, 3, 28, 23, 30, tzinfo=UTC), "Europe/Oslo").total_seconds()
    81000.0
    """
    local = now.astimezone(zone_of(zone))
    midnight = datetime.combine(local.date() + timedelta(days=1), time(), local.tzinfo)
    # Compared in UTC, since a day on which the clocks change has 23 or 25 hours.
    return midnight.astimezone(UTC) - now.astimezone(UTC)


def zone_of(name: str) -> tzinfo:
    """Return a time zone, UTC where the name is unknown."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
