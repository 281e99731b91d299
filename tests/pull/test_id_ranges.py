"""Id ranges: into how many a full scan is cut, and what they may cost."""

from __future__ import annotations

from datetime import UTC, datetime

from connector.core.model import ObjectType, Record, Ref
from connector.hubspot.api import Page
from connector.pull.id_ranges import MAX_RANGES, RECORDS_PER_EXTRA_RANGE, IdRange
from connector.pull.scan_progress import ScanProgress

PAGE = 100
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def contact(number: int) -> Record:
    ref = Ref(ObjectType.CONTACTS, str(number))
    return Record(ref=ref, properties={}, modified_at=NOON, created_at=NOON)


def page(ids: range, id_range: IdRange) -> Page:
    """Answer a page as HubSpot does: a hundred ids from where the range stands."""
    cursor = id_range.next_cursor()
    start = 0 if cursor is None else max(0, -(-(int(cursor) - ids.start) // ids.step))
    shown_ids = ids[start : start + PAGE]
    next_ids = ids[start + PAGE : start + PAGE + 1]
    return Page(
        records=tuple(contact(record_id) for record_id in shown_ids),
        after=str(next_ids[0]) if next_ids else None,
    )


def test_cutting_costs_a_tenth_of_the_requests_at_most() -> None:
    ids = range(10**9, 10**9 + 37 * 12_000, 37)
    progress = ScanProgress(
        kind=ObjectType.CONTACTS,
        started="",
        properties=(),
        total=len(ids),
        last_id=ids[-1],
        is_repeat=False,
    )
    progress.start()
    pages = 0
    while progress.id_ranges:
        range_number = sorted(progress.id_ranges)[pages % len(progress.id_ranges)]
        progress.add_page(range_number, page(ids, progress.id_ranges[range_number]))
        pages += 1
        if len(progress.id_ranges) < MAX_RANGES:
            progress.split_largest_range()
    assert progress.count == len(ids)
    assert 1 < progress.range_count <= 1 + len(ids) / RECORDS_PER_EXTRA_RANGE
    assert len(ids) / PAGE <= pages <= 1.1 * len(ids) / PAGE
