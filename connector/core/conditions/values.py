"""Define the kinds of facts, and parse HubSpot's texts into their values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Final, TypeAlias
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


# HubSpot writes them whole, with a fraction, or, where a number was stored, with an exponent.
_EPOCH_MILLISECONDS: Final = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def parse_text(raw: str | None) -> str | None:
    """Return a text, `None` for blank."""
    return raw or None


def parse_number(raw: str | None) -> float | None:
    """Return a number, `None` for blank and for any other text.

    >>> parse_number("12.5"), parse_number("n/a"), parse_number(""), parse_number("inf")
    (12.5, None, None, None)
    """
    try:
        value = float(raw) if raw else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) else None


def parse_yes_no(raw: str | None) -> bool | None:
    """Return a yes or no from HubSpot's `true` and `false`, `None` otherwise."""
    return {"true": True, "false": False}.get((raw or "").casefold())


def parse_choices(raw: str | None) -> tuple[str, ...] | None:
    """Return the values of a multiple choice, which HubSpot joins by semicolons."""
    return tuple(choice for choice in (raw or "").split(";") if choice) or None


def parse_time(raw: str | None) -> datetime | None:
    """Return a time from ISO 8601 or epoch milliseconds, `None` for any other text.

    >>> parse_time("2026-03-01T12:00:00Z") == parse_time("1772366400000")
    True
    >>> parse_time("1772366400000.0") == parse_time("1.7723664E12") == parse_time("1772366400000")
    True
    """
    if not raw:
        return None
    try:
        if _EPOCH_MILLISECONDS.fullmatch(raw):
            return datetime.fromtimestamp(float(raw) / 1000, tz=UTC)
        parsed = datetime.fromisoformat(raw)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def parse_date(raw: str | None, zone: ZoneInfo) -> datetime | None:
    """Return the midnight, in the portal's time zone, that begins a HubSpot date.

    HubSpot gives dates as `2026-03-01`, or as milliseconds of midnight UTC of that day.
    """
    parsed = parse_time(raw)
    return None if parsed is None else midnight(parsed.date(), zone)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment when a day begins in a time zone."""
    return datetime.combine(day, time(), tzinfo=zone)


def parse_domain(raw: str | None) -> str | None:
    """Return a bare domain, in lower case and ASCII, from a domain, address or web address.

    >>> parse_domain("Anna@Fjord.EXAMPLE"), parse_domain("https://www.fjord.example/om")
    ('fjord.example', 'www.fjord.example')
    """
    parts = (raw or "").strip().casefold().rpartition("@")[2].partition("://")
    host = (parts[2] or parts[0]).partition("/")[0].partition(":")[0]
    host = host.removeprefix("*.").strip(".")
    if host.isascii():
        return host or None
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host
