"""Print how many rows a second `mirror.put` inserts, updates and passes over.

Run it: `python tests/benchmarks/bench_mirror.py [ROWS] [PAGE]`.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from connector.core.model import ObjectType, Record, Ref
from state import due_times, mirror
from state.db.store import Store

PORTAL = "4711"
START = datetime(2026, 1, 1, tzinfo=UTC)


def records(count: int, *, score: int) -> list[Record]:
    """Return contacts with 13 properties."""
    return [_contact(number, score=score) for number in range(1, count + 1)]


def _contact(number: int, *, score: int) -> Record:
    return Record(
        ref=Ref(ObjectType.CONTACTS, str(100_000 + number)),
        properties={
            "lifecyclestage": "marketingqualifiedlead",
            "hs_lead_status": None,
            "email": f"person{number}@example{number % 977}.com",
            "recent_conversion_event_name": "E-book: a form of some length",
            "recent_conversion_date": "2026-01-01T10:00:00.000Z",
            "num_conversion_events": "3",
            "associatedcompanyid": str(7_000_000 + number % 5000),
            "hubspot_owner_id": "1234567",
            "hs_v2_date_entered_current_stage": "2026-01-01T10:00:00.000Z",
            "hubspotscore": str(score),
            "createdate": "2025-01-01T10:00:00.000Z",
            "lastmodifieddate": "2026-01-01T10:00:00.000Z",
            "country": "Norway",
        },
        modified_at=START + timedelta(seconds=number, minutes=score),
        created_at=START,
    )


def _pages(all_records: Sequence[Record], size: int) -> Iterator[Sequence[Record]]:
    for start in range(0, len(all_records), size):
        yield all_records[start : start + size]


def _print_timing(name: str, rows: int, action: Callable[[], object]) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:<28} {rows / wall:>9,.0f} rows/s  {rows / cpu:>9,.0f} rows/CPU s")


def _put(store: Store, all_records: Sequence[Record], page: int) -> None:
    for batch in _pages(all_records, page):
        with store.begin(PORTAL) as session:
            mirror.put(session, batch, due_at=START)


def _read_due(store: Store) -> None:
    after = "0"
    with store.reading(PORTAL) as session:
        object_type = ObjectType.CONTACTS
        while refs := due_times.due_refs(session, object_type, until=START, after_id=after):
            mirror.get(session, refs)
            after = refs[-1].id


def main(rows: int, page: int) -> None:
    """Measure on a new database in a temporary folder."""
    old, new = records(rows, score=1), records(rows, score=2)
    # A page lives for a moment in a real pull: keep the collector from walking all of them.
    gc.freeze()
    with tempfile.TemporaryDirectory() as folder, Store.open(f"sqlite:///{folder}/x.db") as store:
        _print_timing(f"insert, {page} a transaction", rows, lambda: _put(store, old, page))
        _print_timing("the same again", rows, lambda: _put(store, old, page))
        _print_timing("update all", rows, lambda: _put(store, new, page))
        _print_timing("walk all due ones", rows, lambda: _read_due(store))


if __name__ == "__main__":
    main(*(int(argument) for argument in (*sys.argv[1:], "100000", "1000")[:2]))
