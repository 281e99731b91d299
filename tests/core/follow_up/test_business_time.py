"""A term in business hours: weekends, holidays and changes of the clock do not shorten it."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.config.presets import policy_text
from connector.core.binding.bind import bind
from connector.core.explain.policy_text import describe_policy
from connector.core.follow_up.business_time import BusinessCalendar
from connector.core.follow_up.overlooked import follow_up_terms
from connector.core.lint.default_portal import default_portal
from connector.core.policy.load import load_policy
from connector.core.problem import PolicyError

OSLO = ZoneInfo("Europe/Oslo")
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
WEEK = frozenset(range(5))
EIGHT_HOURS = (8 * 60, 16 * 60)
EVERY_DAY = BusinessCalendar(zone=OSLO)
WORKING_WEEK = BusinessCalendar(zone=OSLO, weekdays=WEEK)
WORKING_HOURS = BusinessCalendar(zone=OSLO, weekdays=WEEK, hours=EIGHT_HOURS)
NORWEGIAN = BusinessCalendar(zone=OSLO, weekdays=WEEK, country="NO")


def local(text: str) -> datetime:
    """Return a time by the clocks in Oslo."""
    return datetime.fromisoformat(text).replace(tzinfo=OSLO)


@pytest.mark.parametrize(
    ("calendar", "term", "since", "last"),
    [
        pytest.param(EVERY_DAY, 5 * DAY, "2026-03-12T12:00", "2026-03-17T12:00", id="every day"),
        # Thursday to Thursday.
        pytest.param(WORKING_WEEK, 5 * DAY, "2026-03-12T12:00", "2026-03-19T12:00", id="weekend"),
        # What comes on a Saturday waits from Monday on.
        pytest.param(
            WORKING_WEEK, 0.5 * DAY, "2026-03-14T09:00", "2026-03-16T12:00", id="saturday"
        ),
        # Wednesday; then Maundy Thursday, Good Friday, the weekend and Easter Monday.
        pytest.param(NORWEGIAN, DAY, "2026-04-01T12:00", "2026-04-07T12:00", id="easter"),
        # Friday at three, to Monday at nine: two of eight hours.
        pytest.param(WORKING_HOURS, 0.25 * DAY, "2026-03-13T15:00", "2026-03-16T09:00", id="hours"),
        # On 29 March 2026 the clocks go from two to three: the day has 23 hours, and is one.
        pytest.param(EVERY_DAY, 2 * DAY, "2026-03-28T12:00", "2026-03-30T12:00", id="summer time"),
        pytest.param(EVERY_DAY, 2 * DAY, "2026-10-24T12:00", "2026-10-26T12:00", id="winter time"),
        # Eight o'clock stays eight o'clock on the Monday after.
        pytest.param(
            WORKING_HOURS, 0.5 * DAY, "2026-03-27T16:00", "2026-03-30T12:00", id="hours in summer"
        ),
        # Hours that do not exist on that Sunday are no day.
        pytest.param(
            BusinessCalendar(zone=OSLO, hours=(120, 180)),
            DAY,
            "2026-03-28T12:00",
            "2026-03-31T02:00",
            id="no such hours",
        ),
        # The national day of 2027 is a Monday: the year of the day counts, not that of today.
        pytest.param(NORWEGIAN, DAY, "2027-05-14T12:00", "2027-05-18T12:00", id="another year"),
    ],
)
def test_a_term_is_over_right_after_its_last_business_moment(
    calendar: BusinessCalendar, term: timedelta, since: str, last: str
) -> None:
    assert not calendar.is_over(term, local(since), local(last))
    assert calendar.is_over(term, local(since), local(last) + SECOND)


def test_a_part_of_a_country_has_holidays_of_its_own() -> None:
    since, now = local("2026-01-05T12:00"), local("2026-01-06T18:00")
    assert BusinessCalendar(zone=OSLO, country="DE").is_over(DAY, since, now)
    assert not BusinessCalendar(zone=OSLO, country="DE-BY").is_over(DAY, since, now)


PORTAL = default_portal()


def calendar_of(follow_up: str) -> BusinessCalendar | None:
    """Return the calendar of a policy with these settings of `follow_up`."""
    text = f"extends: standard\nsettings: {{follow_up: {{{follow_up}}}}}"
    policy = bind(load_policy(text, source="test.yaml", preset_text=policy_text), PORTAL)
    return follow_up_terms(policy, PORTAL).calendar


def test_by_default_every_hour_counts() -> None:
    assert calendar_of("days: 3") is None


def test_a_policy_names_weekdays_hours_and_a_country() -> None:
    zone = ZoneInfo(PORTAL.account.time_zone)
    assert calendar_of("workdays: [monday, friday]") == BusinessCalendar(
        zone=zone, weekdays=frozenset({0, 4})
    )
    assert calendar_of("hours: 08:00-16:00") == BusinessCalendar(zone=zone, hours=EIGHT_HOURS)
    assert calendar_of("holidays: NO") == BusinessCalendar(zone=zone, country="NO")
    assert calendar_of("hours: ~, holidays: ~, workdays: []") is None


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("workdays: [mondey]", "is one of monday, .*did you mean .?monday"),
        ("hours: 8-16", "a time from and to, such as 08:00-16:00 .*this is '8-16'"),
        ("hours: 16:00-08:00", "a time from and to"),
        ("hours: 08:60-16:00", "a time from and to"),
        ("hours: 08:00-24:01", "a time from and to"),
        ("holidays: Norway", "code of two letters such as NO.*'NORWAY' is not known"),
        ("holidays: DE-XX", "DE has no part 'XX'; known are: .*BY"),
    ],
)
def test_what_cannot_be_is_refused_by_its_place(setting: str, message: str) -> None:
    with pytest.raises(PolicyError, match=f"test.yaml:2:\\d+: .*({message})"):
        calendar_of(setting)


def test_a_policy_shows_when_terms_are_counted() -> None:
    text = (
        "extends: standard\nsettings: {follow_up: "
        "{workdays: [monday, friday], hours: 08:00-16:00, holidays: no}}"
    )
    policy = bind(load_policy(text, source="test.yaml", preset_text=policy_text), PORTAL)
    shown = {name: value for name, value, _ in describe_policy(policy, PORTAL).settings}
    assert shown["follow_up.workdays"] == "monday, friday"
    assert shown["follow_up.hours"] == "08:00-16:00"
    assert shown["follow_up.holidays"] == "no"
