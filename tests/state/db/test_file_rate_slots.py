"""All processes on a database share the rate slots, whatever happens to their file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from connector.errors import StorageError, UserError
from state.db.store import Store

MONDAY, TUESDAY = date(2026, 3, 9), date(2026, 3, 10)
LIMIT = {"limit": 2, "interval": 10.0}


def test_two_stores_on_one_database_share_the_rate_slots_of_a_portal(database: Path) -> None:
    with (
        Store.open(f"sqlite:///{database}") as first,
        Store.open(f"sqlite:///{database}") as second,
    ):
        times = [
            store.rate_slots("1").take("burst", 0.0, **LIMIT) for store in (first, second, first)
        ]
        assert times == [0.0, 5.0, 10.0]
        assert second.rate_slots("2").take("burst", 0.0, **LIMIT) == 0.0
        assert second.rate_slots("1").take("search", 0.0, **LIMIT) == 0.0


def test_what_was_taken_before_counts_as_well(store: Store) -> None:
    store.rate_slots("1").add("burst", [3.0, 1.0], 4.0)
    assert store.rate_slots("1").take("burst", 4.0, **LIMIT) == pytest.approx(11.0, abs=0.5)


@pytest.mark.sqlite
def test_a_clock_that_began_anew_stops_nobody(store: Store) -> None:
    store.rate_slots("1").take("burst", 5000.0, **LIMIT)
    assert store.rate_slots("1").take("burst", 7.0, **LIMIT) == 7.0


def test_requests_are_counted_by_day(store: Store) -> None:
    days = (MONDAY, MONDAY, TUESDAY)
    assert [store.rate_slots("1").count_request(day) for day in days] == [1, 2, 1]


def test_a_file_that_a_crash_cut_off_counts_as_empty(store: Store, database: Path) -> None:
    store.rate_slots("1").take("burst", 0.0, **LIMIT)
    database.with_name("connector.db.1.turns").write_bytes(b'{"burst":[0.')
    assert store.rate_slots("1").take("burst", 1.0, **LIMIT) == 1.0


def test_a_lock_that_cannot_be_made_is_named_as_a_failure_of_storage(
    store: Store, database: Path
) -> None:
    database.with_name("connector.db.1.turns.lock").mkdir()
    with pytest.raises(UserError, match="right to write the folder") as failure:
        store.rate_slots("1").count_request(MONDAY)
    # So that a set after a clear goes on by the slots of its own process.
    assert isinstance(failure.value, StorageError)
