"""Count the business days of a wait, in a portal's time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from connector.core.policy.business_hours import parse_hours, split_country
from connector.core.policy.read_settings import Setting
from connector.core.policy.setting_type import WEEKDAYS

_WHOLE_DAY: Final = (0, 24 * 60)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessCalendar:
    """When work is done: `weekdays` are numbers from Monday, 0, and none of them means all.

    `hours` are begin and end in minutes of the day, `country` is "" where no holiday is left out,
    else a code such as `NO` or `DE-BY`.
    """

    zone: ZoneInfo
    weekdays: frozenset[int] = frozenset()
    hours: tuple[int, int] = _WHOLE_DAY
    country: str = ""

    def is_over(self, term: timedelta, since: datetime, now: datetime) -> bool:
        """Return whether more business days than those of a term lie between two times.

        The hours of a business day are one day, however long they are; a day on which clocks are
        changed is one day as well.
        """
        waited_days, days = 0.0, term / _DAY
        day, last_day = since.astimezone(self.zone).date(), now.astimezone(self.zone).date()
        while day <= last_day and waited_days <= days:
            if self._is_business_day(day):
                waited_days += self._share(day, since, now)
            day += _DAY
        return waited_days > days

    def _is_business_day(self, day: date) -> bool:
        if self.weekdays and day.weekday() not in self.weekdays:
            return False
        return not (self.country and day in _holidays(self.country, day.year))

    def _share(self, day: date, since: datetime, now: datetime) -> float:
        """Return which share of a day's hours lies between two times."""
        begin, end = (self._at(day, minutes) for minutes in self.hours)
        # A change to summer time takes an hour away: hours that lie in it do not exist.
        if end <= begin:
            return 0.0
        waited = min(now, end) - max(since, begin)
        return max(waited / (end - begin), 0.0)

    def _at(self, day: date, minutes: int) -> datetime:
        """Return a time of the day by the portal's clock, in UTC."""
        # Times of one zone are subtracted as if its clocks were never changed.
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        return (midnight + timedelta(minutes=minutes)).astimezone(UTC)


def business_calendar(settings: Mapping[str, Setting], zone: ZoneInfo) -> BusinessCalendar | None:
    """Return the calendar of a policy's settings, None where every hour of every day counts."""
    weekdays, hours, country = (
        settings[f"follow_up.{name}"].texts for name in ("workdays", "hours", "holidays")
    )
    if not (weekdays or hours or country):
        return None
    return BusinessCalendar(
        zone=zone,
        weekdays=frozenset(map(WEEKDAYS.index, weekdays)),
        hours=(parse_hours(hours[0]) if hours else None) or _WHOLE_DAY,
        country=country[0] if country else "",
    )


@lru_cache(maxsize=128)
def _holidays(country_code: str, year: int) -> frozenset[date]:
    """Return the public holidays of a country, or of a part of it, in a year."""
    # It takes a third of a second to load, and few policies name a country.
    from holidays import country_holidays

    country, part = split_country(country_code)
    return frozenset(country_holidays(country, subdiv=part or None, years=year))
