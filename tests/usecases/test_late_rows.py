"""The delayed second pass: what the search index shows late is found, once, and cheaply."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from connector.pull import pull
from connector.windows import DELAY, Mark, windows
from tests.usecases.office import CONTACTS, Office

START = datetime(2026, 3, 12, 12, tzinfo=UTC)
OVERLAP = timedelta(minutes=5)


def poll(office: Office, *, minutes: int, every: int = 5) -> int:
    """Poll for so long; return how many searches that took."""
    for _ in range(minutes // every):
        office.door.advance(every * 60)
        pull(office.desk())
    return office.requests()["changed"]


def test_a_record_that_the_search_shows_fifty_minutes_late_is_found(office: Office) -> None:
    pull(office.desk())
    poll(office, minutes=30)
    late = office.contact("lead")
    office.door.hidden.add(late)
    poll(office, minutes=50)
    assert office.due() == ()
    office.door.hidden.clear()

    poll(office, minutes=120)

    assert office.due() == (late,)


def test_an_idle_hour_costs_three_searches_a_poll_and_one_more_for_each_type(
    office: Office,
) -> None:
    office.contact("lead")
    pull(office.desk())
    poll(office, minutes=120)
    assert poll(office, minutes=600) == 3 * 120 + 3 * 10


def test_a_poll_after_a_long_pause_is_its_own_second_pass(office: Office) -> None:
    pull(office.desk())
    late = office.contact("lead")
    office.door.hidden.add(late)
    poll(office, minutes=10)
    office.door.hidden.clear()

    searches = poll(office, minutes=1440, every=1440)

    assert searches == 3
    assert office.due() == (late,)


def test_the_second_pass_reads_a_record_once_and_no_more(office: Office) -> None:
    pull(office.desk())
    poll(office, minutes=30)
    office.contact("lead")
    read = []
    for _ in range(60):
        office.door.advance(300)
        read.append(pull(office.desk()).read[CONTACTS])
    assert sum(read) == 3  # news, the overlap of the next poll, and the second pass


@given(st.lists(st.integers(1, 400), min_size=3, max_size=60), st.integers(0, 4000))
def test_every_moment_is_read_soon_and_again_after_the_delay(
    pauses: list[int], moment: int
) -> None:
    """Whenever one polls, a moment is read by the first poll after it, and once it is ripe."""
    mark, now, happened = Mark(until=START, late=START), START, START + timedelta(minutes=moment)
    readings = []
    for minutes in [*pauses, 130, 130]:
        now += timedelta(minutes=minutes)
        for window in windows(mark, now, overlap=OVERLAP):
            if window.since <= happened <= window.until:
                readings.append(now)
            mark = window.mark
    if happened <= now - 2 * DELAY:
        assert any(at - happened >= DELAY for at in readings)
    if happened <= now:
        assert readings
