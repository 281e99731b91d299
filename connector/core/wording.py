"""Puts values into words, for reasons, evidence and explanations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from connector.core.values import Value

BLANK = "blank"


def show(value: Value, zone: ZoneInfo, labels: Mapping[str, str] | None = None) -> str:
    """Return a value in words: dates in the portal's time zone, choices by their label.

    >>> show(0.0, ZoneInfo("UTC")), show(None, ZoneInfo("UTC")), show(True, ZoneInfo("UTC"))
    ('0', 'blank', 'yes')
    """
    match value:
        case None | "" | ():
            return BLANK
        case bool():
            return "yes" if value else "no"
        case float() | int():
            return f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"
        case datetime():
            return date(value, zone)
        case tuple():
            return ", ".join(show(one, zone, labels) for one in value)
        case str():
            return (labels or {}).get(value, value)
        case _:
            assert_never(value)


def date(at: datetime, zone: ZoneInfo) -> str:
    """Return the day of a moment in the portal's time zone, as `2026-03-01`."""
    try:
        return at.astimezone(zone).date().isoformat()
    except OverflowError:
        return at.date().isoformat()
