"""The second search after an hour finds late rows of the search index, once and cheaply."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.model import ObjectType
from connector.hubspot.api import Page
from connector.hubspot.http.failures import BadAnswer
from connector.pull.poll import pull
from connector.pull.read_position import SEARCH_DELAY, ReadPosition, windows_to_read
from tests.fakes.connected_portal import CONTACTS, ConnectedPortal
from tests.fakes.portal import FakeHubSpot

START = datetime(2026, 3, 12, 12, tzinfo=UTC)
OVERLAP = timedelta(minutes=5)


def poll(portal: ConnectedPortal, *, minutes: int, interval: int = 5) -> int:
    """Poll for so long; return how many searches that took."""
    for _ in range(minutes // interval):
        portal.api.advance(interval * 60)
        pull(portal.context())
    return portal.take_requests()["changed"]


def test_a_record_that_the_search_shows_fifty_minutes_late_is_found(
    portal: ConnectedPortal,
) -> None:
    pull(portal.context())
    poll(portal, minutes=30)
    late_contact = portal.contact("lead")
    portal.api.hidden_from_search.add(late_contact)
    poll(portal, minutes=50)
    assert portal.due() == ()
    portal.api.hidden_from_search.clear()

    poll(portal, minutes=120)

    assert portal.due() == (late_contact,)


def test_a_second_reading_that_fails_does_not_hold_up_what_is_new(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(portal.context())
    poll(portal, minutes=90)
    search = FakeHubSpot.search_changed

    def fail_behind_the_newest(
        api: FakeHubSpot, kind: ObjectType, *names: object, until: datetime, **options: object
    ) -> Page:
        if until < api.now() - SEARCH_DELAY / 2:
            raise BadAnswer("HubSpot's answer is no JSON")
        return search(api, kind, *names, until=until, **options)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(FakeHubSpot, "search_changed", fail_behind_the_newest)
    failure_count = 0
    for _ in range(24):
        portal.api.advance(300)
        contact = portal.contact("lead")
        try:
            pull(portal.context())
        except BadAnswer:
            failure_count += 1
        assert portal.mirrored(contact) is not None
    assert failure_count


def test_an_idle_hour_costs_three_searches_a_poll_and_one_more_for_each_type(
    portal: ConnectedPortal,
) -> None:
    portal.contact("lead")
    pull(portal.context())
    poll(portal, minutes=120)
    assert poll(portal, minutes=600) == 3 * 120 + 3 * 10


def test_a_poll_after_a_long_pause_is_its_own_second_pass(portal: ConnectedPortal) -> None:
    pull(portal.context())
    late_contact = portal.contact("lead")
    portal.api.hidden_from_search.add(late_contact)
    poll(portal, minutes=10)
    portal.api.hidden_from_search.clear()

    searches = poll(portal, minutes=1440, interval=1440)

    assert searches == 3
    assert portal.due() == (late_contact,)


def test_the_second_pass_reads_a_record_once_and_no_more(portal: ConnectedPortal) -> None:
    pull(portal.context())
    poll(portal, minutes=30)
    portal.contact("lead")
    read_counts = []
    for _ in range(60):
        portal.api.advance(300)
        read_counts.append(pull(portal.context()).read[CONTACTS])
    assert sum(read_counts) == 3  # news, the overlap of the next poll, and the second pass


@given(st.lists(st.integers(1, 400), min_size=3, max_size=60), st.integers(0, 4000))
def test_every_moment_is_read_soon_and_again_after_the_delay(
    pauses: list[int], moment: int
) -> None:
    """Whenever one polls, a moment is read by the first poll after it, and once it is ripe."""
    read_until, now, happened = (
        ReadPosition(until=START, complete_until=START),
        START,
        START + timedelta(minutes=moment),
    )
    readings = []
    for minutes in [*pauses, 130, 130]:
        now += timedelta(minutes=minutes)
        for window in windows_to_read(read_until, now, overlap=OVERLAP):
            if window.since <= happened <= window.until:
                readings.append(now)
            read_until = window.position
    if happened <= now - 2 * SEARCH_DELAY:
        assert any(at - happened >= SEARCH_DELAY for at in readings)
    if happened <= now:
        assert readings
