"""The reader: complete under every habit of HubSpot's search, with the fewest requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.model import Account, ObjectType, Portal, Record, Ref
from connector.hubspot.door import Page
from connector.hubspot.faults import BadAnswer
from connector.hubspot.in_memory import MemoryDoor
from connector.hubspot.reader import changes

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONTACTS = ObjectType.CONTACTS
EMPTY = Portal(account=Account(portal_id="1"), definitions={}, pipelines=())


@dataclass(slots=True)
class Strange(MemoryDoor):
    """A door with a habit: `bend` changes the page of the n-th search."""

    bend: Any = None
    searches: list[tuple[datetime, datetime, str]] = field(default_factory=list)

    def changed(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        after_id: str = "",
    ) -> Page:
        self.searches.append((since, until, after_id))
        # Named outright, as `super()` does not reach through the class that slots make anew.
        page = MemoryDoor.changed(
            self, object_type, properties, since=since, until=until, after_id=after_id
        )
        return self.bend(len(self.searches), page) if self.bend else page


def door_with(seconds: Sequence[float], bend: Any = None) -> Strange:
    """Open a door to contacts 1, 2, 3 …, changed so many seconds after noon."""
    door = Strange(EMPTY, NOON + HOUR, bend=bend)
    for number, offset in enumerate(seconds, 1):
        at = NOON + timedelta(seconds=offset)
        ref = Ref(CONTACTS, str(number))
        door._records[ref] = Record(ref=ref, properties={}, modified_at=at, created_at=at)
    return door


def read(door: Strange, *, since: datetime = NOON, until: datetime = NOON + HOUR) -> list[Record]:
    pages = changes(door, CONTACTS, (), since=since, until=until)
    return [record for page in pages for record in page]


def ids(records: Sequence[Record]) -> set[int]:
    return {int(record.ref.id) for record in records}


def test_an_idle_window_costs_exactly_one_request() -> None:
    door = door_with([])
    assert read(door) == []
    assert len(door.searches) == 1


def test_a_window_of_one_page_costs_one_request() -> None:
    door = door_with(range(200))
    assert len(read(door)) == 200
    assert len(door.searches) == 1


def test_a_thousand_changes_cost_six_requests() -> None:
    door = door_with(range(1000))
    assert ids(read(door)) == set(range(1, 1001))
    assert len(door.searches) <= 6


def test_no_record_is_yielded_twice() -> None:
    door = door_with([number // 7 for number in range(900)])
    assert len(read(door)) == 900


def test_twelve_thousand_equal_timestamps_all_come() -> None:
    door = door_with([10.0] * 12_000)
    assert ids(read(door)) == set(range(1, 12_001))
    assert len(door.searches) <= 63


def test_equal_timestamps_between_others_all_come() -> None:
    door = door_with([*range(300), *[300.5] * 900, *range(301, 600)])
    assert len(read(door)) == 300 + 900 + 299


def test_equal_timestamps_at_the_very_end_of_the_window_all_come() -> None:
    door = door_with([3600.0] * 450)
    assert len(read(door)) == 450


def test_twenty_five_thousand_changes_all_come() -> None:
    door = door_with([number / 10 for number in range(25_000)])
    assert ids(read(door)) == set(range(1, 25_001))
    assert len(door.searches) <= 25_000 / 190 + 2


def test_no_search_ever_goes_beyond_the_first_page() -> None:
    door = door_with([number / 10 for number in range(3_000)])
    read(door)
    starts = [since for since, _, _ in door.searches]
    assert starts == sorted(set(starts))


def test_rows_out_of_order_across_a_pages_end_are_not_lost() -> None:
    door = door_with(range(1000))

    def blocks(_: int, page: Page) -> Page:
        since, until, _after = door.searches[-1]
        every = door._records.values()
        return in_blocks([one for one in every if since <= one.modified_at <= until])

    door.bend = blocks
    assert ids(read(door)) == set(range(1, 1001))
    assert {after for _, _, after in door.searches} == {""}


def test_what_was_overlooked_by_time_is_found_by_id() -> None:
    def blind(_: int, page: Page) -> Page:
        by_time = list(page.records) == sorted(page.records, key=lambda one: one.modified_at)
        rows = [one for one in page.records if one.ref.id != "5" or not by_time]
        return replace(page, records=tuple(rows))

    scrambled = [((number * 7) % 1000) * 3 for number in range(1000)]
    door = door_with(scrambled, blind)
    assert ids(read(door)) == set(range(1, 1001))
    assert any(after for _, _, after in door.searches)


def test_a_single_page_that_holds_less_than_its_count_is_read_again_by_id() -> None:
    def short(search: int, page: Page) -> Page:
        return replace(page, records=page.records[:-1]) if search == 1 else page

    door = door_with(range(50), short)
    assert len(read(door)) == 50
    assert len(door.searches) == 2


def test_a_record_changed_while_paging_comes_again_as_it_became() -> None:
    door = door_with(range(400))
    late = NOON + timedelta(seconds=2000)

    def edited(search: int, page: Page) -> Page:
        if search == 1:
            door._records[Ref(CONTACTS, "3")] = replace(page.records[2], modified_at=late)
        return page

    door.bend = edited
    states = [one.modified_at for one in read(door) if one.ref.id == "3"]
    assert states == [NOON + timedelta(seconds=2), late]


def test_records_that_leave_the_window_while_paging_do_not_stop_it() -> None:
    door = door_with(range(1000))

    def edited(search: int, page: Page) -> Page:
        ref = Ref(CONTACTS, str(1000 - search))
        if search < 20:
            door._records[ref] = replace(door._records[ref], modified_at=NOON + 2 * HOUR)
        return page

    door.bend = edited
    seen = ids(read(door))
    assert set(range(1, 981)) <= seen


def test_rows_outside_the_window_are_yielded_but_never_move_the_bound() -> None:
    alien = Record(
        ref=Ref(CONTACTS, "999999"),
        properties={},
        modified_at=NOON + 5 * HOUR,
        created_at=NOON,
    )

    def mixed(_: int, page: Page) -> Page:
        old = replace(alien, modified_at=NOON - HOUR)
        full = len(page.records) == 200
        return replace(page, records=(*page.records[:-2], alien, old)) if full else page

    door = door_with(range(1000), mixed)
    records = read(door)
    assert ids(records) == {*range(1, 1001), 999999}
    assert all(NOON <= since <= NOON + HOUR for since, _, _ in door.searches)


def test_a_full_page_from_outside_the_window_does_not_loop() -> None:
    def elsewhere(_: int, page: Page) -> Page:
        moved = [replace(one, modified_at=NOON - HOUR) for one in page.records]
        return replace(page, records=tuple(moved))

    door = door_with(range(500), elsewhere)
    assert len(read(door)) == 500
    assert len(door.searches) < 12


def test_ids_are_compared_as_numbers() -> None:
    door = door_with([1.0] * 1200)
    read(door)
    marks = [int(after) for _, _, after in door.searches if after]
    assert marks == sorted(marks)


def in_blocks(rows: Sequence[Record]) -> Page:
    """Show rows in the order of their ids, but every seven of them reversed."""
    blocks = sorted(rows, key=lambda one: (int(one.ref.id) // 7, -int(one.ref.id)))
    return Page(records=tuple(blocks[:200]), total=len(blocks))


def test_ids_out_of_order_across_a_pages_end_are_all_read() -> None:
    door = door_with([1.0] * 1200)

    def blocks(_: int, page: Page) -> Page:
        after = int(door.searches[-1][2] or 0)
        every = door._records.values() if page.records else ()
        return in_blocks([one for one in every if int(one.ref.id) > after])

    door.bend = blocks
    assert ids(read(door)) == set(range(1, 1201))
    assert len(door.searches) <= 10


def test_a_search_that_heeds_no_bound_does_not_loop() -> None:
    door = door_with([1.0] * 1200)

    def heedless(_: int, page: Page) -> Page:
        after = int(door.searches[-1][2] or 0)
        rows = [one for one in door._records.values() if int(one.ref.id) > after]
        return Page(records=tuple(rows[:200]), total=len(rows))

    door.bend = heedless
    assert ids(read(door)) == set(range(1, 1201))
    assert len(door.searches) < 20


def test_pages_whose_rows_are_shuffled_are_read_whole() -> None:
    def shuffled(_: int, page: Page) -> Page:
        return replace(page, records=(*page.records[1::2], *page.records[::2]))

    for times in ([1.0] * 1200, range(1200)):
        assert len(read(door_with(times, shuffled))) == 1200


def test_records_that_leave_the_window_while_disordered_pages_are_read_come_all_the_same() -> None:
    door = door_with([1.0] * 1200)

    def busy(number: int, page: Page) -> Page:
        door.advance(1)
        door.put(Ref(CONTACTS, str(1200 - number)), {"jobtitle": str(number)})
        return replace(page, records=(*page.records[1::2], *page.records[::2]))

    door.bend = busy
    assert ids(read(door)) == set(range(1, 1201))


def test_ids_that_do_not_advance_are_an_error_rather_than_a_loop() -> None:
    first: list[Page] = []

    def stuck(_: int, page: Page) -> Page:
        first.append(replace(page, total=10_000))
        return first[0]

    door = door_with([1.0] * 200, stuck)
    with pytest.raises(BadAnswer, match="in no order"):
        read(door)


def test_ids_sorted_as_text_are_an_error_rather_than_a_loss() -> None:
    door = door_with([1.0] * 1200)

    def as_text(_: int, page: Page) -> Page:
        after = int(door.searches[-1][2] or 0)
        rows = sorted(door._records.values(), key=lambda one: one.ref.id)
        rows = [one for one in rows if int(one.ref.id) > after]
        return Page(records=tuple(rows[:200]), total=len(rows))

    door.bend = as_text
    with pytest.raises(BadAnswer, match="in no order"):
        read(door)


def test_a_window_finer_than_a_millisecond_is_read_whole() -> None:
    odd = timedelta(microseconds=123_456)
    door = door_with([*[0.123456] * 300, *[0.1239] * 300, *[0.1251] * 5])
    records = read(door, since=NOON + odd, until=NOON + timedelta(microseconds=123_999))
    assert ids(records) == set(range(1, 601))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=0, max_size=1500),
    st.integers(0, 2**32),
)
def test_whatever_the_timestamps_every_record_comes_once(times: list[int], salt: int) -> None:
    door = door_with([(one * salt) % 41 for one in times])
    records = read(door)
    assert len(records) == len(times)
    assert ids(records) == set(range(1, len(times) + 1))
