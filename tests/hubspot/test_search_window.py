"""The search reader is complete whatever HubSpot's search does, with the fewest requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.model import Account, ObjectType, Portal, Record, Ref
from connector.hubspot.api import Page
from connector.hubspot.http.failures import BadAnswer, IncompleteWindow
from connector.hubspot.search_window import read_changes
from tests.fakes.portal import FakeHubSpot

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONTACTS = ObjectType.CONTACTS
EMPTY = Portal(account=Account(portal_id="1"), definitions={}, pipelines=())


@dataclass(slots=True)
class MisbehavingHubSpot(FakeHubSpot):
    """A fake whose `change_page` changes the page of the n-th search."""

    change_page: Any = None
    searches: list[tuple[datetime, datetime, str]] = field(default_factory=list)

    def search_changed(
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
        page = FakeHubSpot.search_changed(
            self, object_type, properties, since=since, until=until, after_id=after_id
        )
        return self.change_page(len(self.searches), page) if self.change_page else page


def fake_with(seconds: Sequence[float], change_page: Any = None) -> MisbehavingHubSpot:
    """Return a fake with contacts 1, 2, 3 …, changed so many seconds after noon."""
    api = MisbehavingHubSpot(EMPTY, NOON + HOUR, change_page=change_page)
    for number, offset in enumerate(seconds, 1):
        at = NOON + timedelta(seconds=offset)
        ref = Ref(CONTACTS, str(number))
        api._records[ref] = Record(ref=ref, properties={}, modified_at=at, created_at=at)
    return api


def read_window(
    api: MisbehavingHubSpot, *, since: datetime = NOON, until: datetime = NOON + HOUR
) -> list[Record]:
    pages = read_changes(api, CONTACTS, (), since=since, until=until)
    return [record for page in pages for record in page.records]


def ids(records: Sequence[Record]) -> set[int]:
    return {int(record.ref.id) for record in records}


def test_an_idle_window_costs_exactly_one_request() -> None:
    api = fake_with([])
    assert read_window(api) == []
    assert len(api.searches) == 1


def test_a_window_of_one_page_costs_one_request() -> None:
    api = fake_with(range(200))
    assert len(read_window(api)) == 200
    assert len(api.searches) == 1


def test_a_thousand_changes_cost_six_requests() -> None:
    api = fake_with(range(1000))
    assert ids(read_window(api)) == set(range(1, 1001))
    assert len(api.searches) <= 6


def test_no_record_is_yielded_twice() -> None:
    api = fake_with([number // 7 for number in range(900)])
    assert len(read_window(api)) == 900


def test_twelve_thousand_equal_timestamps_all_come() -> None:
    api = fake_with([10.0] * 12_000)
    assert ids(read_window(api)) == set(range(1, 12_001))
    assert len(api.searches) <= 63


def test_equal_timestamps_between_others_all_come() -> None:
    api = fake_with([*range(300), *[300.5] * 900, *range(301, 600)])
    assert len(read_window(api)) == 300 + 900 + 299


def test_equal_timestamps_at_the_very_end_of_the_window_all_come() -> None:
    api = fake_with([3600.0] * 450)
    assert len(read_window(api)) == 450


def test_twenty_five_thousand_changes_all_come() -> None:
    api = fake_with([number / 10 for number in range(25_000)])
    assert ids(read_window(api)) == set(range(1, 25_001))
    assert len(api.searches) <= 25_000 / 190 + 2


def test_no_search_ever_goes_beyond_the_first_page() -> None:
    api = fake_with([number / 10 for number in range(3_000)])
    read_window(api)
    starts = [since for since, _, _ in api.searches]
    assert starts == sorted(set(starts))


def test_rows_out_of_order_across_a_pages_end_are_not_lost() -> None:
    api = fake_with(range(1000))

    def show_in_blocks(_: int, page: Page) -> Page:
        since, until, _after = api.searches[-1]
        records = api._records.values()
        return page_in_blocks(
            [record for record in records if since <= record.modified_at <= until]
        )

    api.change_page = show_in_blocks
    assert ids(read_window(api)) == set(range(1, 1001))
    assert {after for _, _, after in api.searches} == {""}


def test_what_was_overlooked_by_time_is_found_by_id() -> None:
    def hide_record(_: int, page: Page) -> Page:
        by_time = list(page.records) == sorted(page.records, key=lambda record: record.modified_at)
        rows = [record for record in page.records if record.ref.id != "5" or not by_time]
        return replace(page, records=tuple(rows))

    scrambled = [((number * 7) % 1000) * 3 for number in range(1000)]
    api = fake_with(scrambled, hide_record)
    assert ids(read_window(api)) == set(range(1, 1001))
    assert any(after for _, _, after in api.searches)


def test_a_single_page_that_holds_less_than_its_count_is_read_again_by_id() -> None:
    def drop_last(search: int, page: Page) -> Page:
        return replace(page, records=page.records[:-1]) if search == 1 else page

    api = fake_with(range(50), drop_last)
    assert len(read_window(api)) == 50
    assert len(api.searches) == 2


def test_a_record_changed_while_paging_comes_again_as_it_became() -> None:
    api = fake_with(range(400))
    later_time = NOON + timedelta(seconds=2000)

    def edit_meanwhile(search: int, page: Page) -> Page:
        if search == 1:
            api._records[Ref(CONTACTS, "3")] = replace(page.records[2], modified_at=later_time)
        return page

    api.change_page = edit_meanwhile
    states = [record.modified_at for record in read_window(api) if record.ref.id == "3"]
    assert states == [NOON + timedelta(seconds=2), later_time]


def test_records_that_leave_the_window_while_paging_do_not_stop_it() -> None:
    api = fake_with(range(1000))

    def edit_meanwhile(search: int, page: Page) -> Page:
        ref = Ref(CONTACTS, str(1000 - search))
        if search < 20:
            api._records[ref] = replace(api._records[ref], modified_at=NOON + 2 * HOUR)
        return page

    api.change_page = edit_meanwhile
    ids_read = ids(read_window(api))
    assert set(range(1, 981)) <= ids_read


def test_rows_outside_the_window_are_yielded_but_never_move_the_bound() -> None:
    outside_record = Record(
        ref=Ref(CONTACTS, "999999"),
        properties={},
        modified_at=NOON + 5 * HOUR,
        created_at=NOON,
    )

    def add_outside_rows(_: int, page: Page) -> Page:
        old = replace(outside_record, modified_at=NOON - HOUR)
        full = len(page.records) == 200
        return replace(page, records=(*page.records[:-2], outside_record, old)) if full else page

    api = fake_with(range(1000), add_outside_rows)
    records = read_window(api)
    assert ids(records) == {*range(1, 1001), 999999}
    assert all(NOON <= since <= NOON + HOUR for since, _, _ in api.searches)


def test_a_full_page_from_outside_the_window_does_not_loop() -> None:
    def move_outside(_: int, page: Page) -> Page:
        moved = [replace(record, modified_at=NOON - HOUR) for record in page.records]
        return replace(page, records=tuple(moved))

    api = fake_with(range(500), move_outside)
    assert len(read_window(api)) == 500
    assert len(api.searches) < 12


def test_ids_are_compared_as_numbers() -> None:
    api = fake_with([1.0] * 1200)
    read_window(api)
    after_ids = [int(after) for _, _, after in api.searches if after]
    assert after_ids == sorted(after_ids)


def page_in_blocks(rows: Sequence[Record]) -> Page:
    """Show rows in the order of their ids, but every seven of them reversed."""
    block_rows = sorted(rows, key=lambda record: (int(record.ref.id) // 7, -int(record.ref.id)))
    return Page(records=tuple(block_rows[:200]), total=len(block_rows))


def test_ids_out_of_order_across_a_pages_end_are_all_read() -> None:
    api = fake_with([1.0] * 1200)

    def show_in_blocks(_: int, page: Page) -> Page:
        after = int(api.searches[-1][2] or 0)
        records = api._records.values() if page.records else ()
        return page_in_blocks([record for record in records if int(record.ref.id) > after])

    api.change_page = show_in_blocks
    assert ids(read_window(api)) == set(range(1, 1201))
    assert len(api.searches) <= 10


def test_a_search_that_heeds_no_bound_does_not_loop() -> None:
    api = fake_with([1.0] * 1200)

    def ignore_limit(_: int, page: Page) -> Page:
        after = int(api.searches[-1][2] or 0)
        rows = [record for record in api._records.values() if int(record.ref.id) > after]
        return Page(records=tuple(rows[:200]), total=len(rows))

    api.change_page = ignore_limit
    assert ids(read_window(api)) == set(range(1, 1201))
    assert len(api.searches) < 20


def test_pages_whose_rows_are_shuffled_are_read_whole() -> None:
    def shuffle(_: int, page: Page) -> Page:
        return replace(page, records=(*page.records[1::2], *page.records[::2]))

    for times in ([1.0] * 1200, range(1200)):
        assert len(read_window(fake_with(times, shuffle))) == 1200


def test_records_that_leave_the_window_while_disordered_pages_are_read_come_all_the_same() -> None:
    api = fake_with([1.0] * 1200)

    def edit_meanwhile(number: int, page: Page) -> Page:
        api.advance(1)
        api.put(Ref(CONTACTS, str(1200 - number)), {"jobtitle": str(number)})
        return replace(page, records=(*page.records[1::2], *page.records[::2]))

    api.change_page = edit_meanwhile
    assert ids(read_window(api)) == set(range(1, 1201))


def test_ids_that_do_not_advance_are_an_error_rather_than_a_loop() -> None:
    first: list[Page] = []

    def repeat_first(_: int, page: Page) -> Page:
        first.append(replace(page, total=10_000))
        return first[0]

    api = fake_with([1.0] * 200, repeat_first)
    with pytest.raises(BadAnswer, match="in no order"):
        read_window(api)


def test_ids_sorted_as_text_are_an_error_rather_than_a_loss() -> None:
    api = fake_with([1.0] * 1200)

    def sort_as_text(_: int, page: Page) -> Page:
        after = int(api.searches[-1][2] or 0)
        rows = sorted(api._records.values(), key=lambda record: record.ref.id)
        rows = [record for record in rows if int(record.ref.id) > after]
        return Page(records=tuple(rows[:200]), total=len(rows))

    api.change_page = sort_as_text
    with pytest.raises(BadAnswer, match="in no order"):
        read_window(api)


def shorten(count_of: Callable[[int, int], int]) -> Callable[[int, Page], Page]:
    """Return a change of pages: `count_of` the number of the search and of its rows are shown."""

    def change_page(search: int, page: Page) -> Page:
        shown = count_of(search, len(page.records))
        after = str(shown) if shown < (page.total or 0) else None
        return replace(page, records=page.records[:shown], after=after)

    return change_page


@pytest.mark.parametrize(
    "count_of",
    [
        lambda _search, rows: rows,
        lambda _search, rows: min(rows, 199),
        lambda _search, rows: rows * 9 // 10 if rows > 10 else rows,
        lambda search, rows: 0 if search == 1 else rows,
        lambda search, rows: 0 if search % 3 == 1 else rows,
        lambda search, rows: 1 + (search * 7919) % rows if rows else 0,
    ],
    ids=["full", "one row short", "a tenth short", "first empty", "each third empty", "any length"],
)
@pytest.mark.parametrize("step", [1.0, 0.0], ids=["spread", "one moment"])
def test_pages_shorter_than_asked_for_lose_nothing(
    count_of: Callable[[int, int], int], step: float
) -> None:
    api = fake_with([number * step for number in range(600)], shorten(count_of))
    assert ids(read_window(api)) == set(range(1, 601))


def test_pages_that_stay_empty_are_an_error_rather_than_a_loop() -> None:
    api = fake_with(range(300), shorten(lambda _search, _rows: 0))
    with pytest.raises(IncompleteWindow, match="0 rows and counts 300"):
        read_window(api)
    assert len(api.searches) < 10


def test_rows_that_no_page_shows_are_an_error_after_all_others_were_read() -> None:
    def hide_record(_: int, page: Page) -> Page:
        return replace(page, records=tuple(row for row in page.records if row.ref.id != "7"))

    api = fake_with(range(300), hide_record)
    records: list[Record] = []
    with pytest.raises(IncompleteWindow):
        for page in read_changes(api, CONTACTS, (), since=NOON, until=NOON + HOUR):
            records.extend(page.records)
    assert ids(records) == set(range(1, 301)) - {7}


def test_records_deleted_while_they_are_read_by_id_are_no_error() -> None:
    api = fake_with([1.0] * 600)

    def delete_meanwhile(search: int, page: Page) -> Page:
        if search == 3:
            del api._records[Ref(CONTACTS, "590")]
        return page

    api.change_page = delete_meanwhile
    assert set(range(1, 590)) <= ids(read_window(api))


def test_an_unreadable_row_is_named_and_counts_as_shown() -> None:
    odd = Ref(CONTACTS, "7")

    def make_odd(_: int, page: Page) -> Page:
        rows = tuple(row for row in page.records if row.ref != odd)
        shown = len(rows) < len(page.records)
        return replace(page, records=rows, unreadable={odd: "no createdAt"} if shown else {})

    api = fake_with([1.0] * 500, make_odd)
    pages = list(read_changes(api, CONTACTS, (), since=NOON, until=NOON + HOUR))
    assert ids([row for page in pages for row in page.records]) == set(range(1, 501)) - {7}
    assert [page.unreadable for page in pages if page.unreadable] == [{odd: "no createdAt"}]


def test_a_window_finer_than_a_millisecond_is_read_whole() -> None:
    odd = timedelta(microseconds=123_456)
    api = fake_with([*[0.123456] * 300, *[0.1239] * 300, *[0.1251] * 5])
    records = read_window(api, since=NOON + odd, until=NOON + timedelta(microseconds=123_999))
    assert ids(records) == set(range(1, 601))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=0, max_size=1500),
    st.integers(0, 2**32),
)
def test_whatever_the_timestamps_every_record_comes_once(times: list[int], salt: int) -> None:
    api = fake_with([(second * salt) % 41 for second in times])
    records = read_window(api)
    assert len(records) == len(times)
    assert ids(records) == set(range(1, len(times) + 1))
