"""What a fact can be: its kinds, and how HubSpot's texts become values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import TypeAlias
from zoneinfo import ZoneInfo

Value: TypeAlias = "str | float | bool | datetime | tuple[Value, ...] | None"
"""A fact's value; `None` is missing, a tuple holds one value for each deal or choice."""

Values: TypeAlias = Mapping[str, Value]
"""The facts about one record by dotted name, as conditions look at them."""


class Kind(StrEnum):
    """The kinds of values that conditions compare, in the words of their messages."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    YES_NO = "yes or no"
    DOMAIN = "domain"
    CHOICE = "choice"
    CHOICES = "list of choices"
    STAGE = "stage"
    STATUS = "lead status"
    ANY = "value of unknown kind"


def text(raw: str | None) -> str | None:
    """Return a text, `None` for blank."""
    return raw or None


def number(raw: str | None) -> float | None:
    """Return a number, `None` for blank and for whatever is none.

    >>> number("12.5"), number("n/a"), number(""), number("inf")
    (12.5, None, None, None)
    """
    try:
        found = float(raw) if raw else None
    except ValueError:
        return None
    return found if found is not None and math.isfinite(found) else None


def yes_no(raw: str | None) -> bool | None:
    """Return a yes or no from HubSpot's `true` and `false`, `None` otherwise."""
    return {"true": True, "false": False}.get((raw or "").casefold())


def choices(raw: str | None) -> tuple[str, ...] | None:
    """Return the values of a multiple choice, which HubSpot joins by semicolons."""
    return tuple(one for one in (raw or "").split(";") if one) or None


def moment(raw: str | None) -> datetime | None:
    """Return a time from ISO 8601 or epoch milliseconds, `None` for whatever is none.

    >>> moment("2026-03-01T12:00:00Z") == moment("1772366400000")
    True
    """
    if not raw:
        return None
    try:
        if raw.lstrip("-").isdigit():
            return datetime.fromtimestamp(int(raw) / 1000, tz=UTC)
        found = datetime.fromisoformat(raw)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def day(raw: str | None, zone: ZoneInfo) -> datetime | None:
    """Return the midnight, in the portal's time zone, that begins a HubSpot date.

    HubSpot gives dates as `2026-03-01`, or as milliseconds of midnight UTC of that day.
    """
    found = moment(raw)
    return None if found is None else midnight(found.date(), zone)


def midnight(of: date, zone: ZoneInfo) -> datetime:
    """Return the moment when a day begins in a time zone."""
    return datetime.combine(of, time(), tzinfo=zone)


def domain(raw: str | None) -> str | None:
    """Return a bare domain, in lower case and ASCII, from a domain, address or web address.

    >>> domain("Anna@Fjord.EXAMPLE"), domain("https://www.fjord.example/om")
    ('fjord.example', 'www.fjord.example')
    """
    bare = (raw or "").strip().casefold().rpartition("@")[2].partition("://")
    host = (bare[2] or bare[0]).partition("/")[0].partition(":")[0]
    host = host.removeprefix("*.").strip(".")
    if host.isascii():
        return host or None
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host
