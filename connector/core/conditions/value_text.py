"""Put values into words, for reasons, evidence and explanations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from connector.core.conditions.values import Value

BLANK = "blank"


def format_value(value: Value, zone: ZoneInfo, labels: Mapping[str, str] | None = None) -> str:
    """Return a value in words: dates in the portal's time zone, choices by their label.

    >>> utc = ZoneInfo("UTC")
    >>> format_value(0.0, utc), format_value(None, utc), format_value(True, utc)
    ('0', 'blank', 'yes')
    """
    match value:
        case None | "" | ():
            return BLANK
        # Before the numbers: a bool is an int.
        case bool():
            return "yes" if value else "no"
        case float() | int():
            # From a million on, `g` would write an exponent.
            return f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"
        case datetime():
            return format_date(value, zone)
        case tuple():
            return ", ".join(format_value(item, zone, labels) for item in value)
        case str():
            return (labels or {}).get(value, value)
        case _:
            assert_never(value)


def format_date(at: datetime, zone: ZoneInfo) -> str:
    """Return the day of a moment in the portal's time zone, as `2026-03-01`."""
    try:
        return at.astimezone(zone).date().isoformat()
    except OverflowError:
        return at.date().isoformat()


def format_moment(at: datetime, zone: ZoneInfo) -> str:
    """Return a moment to the minute in the portal's time zone, which it names.

    >>> format_moment(datetime.fromisoformat("2026-03-01T23:30:00+00:00"), ZoneInfo("Europe/Oslo"))
    '2026-03-02 00:30 Europe/Oslo'
    """
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"
