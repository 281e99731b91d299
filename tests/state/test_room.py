"""What the store tells about its room: how much it takes, and how much is left."""

from __future__ import annotations

from state.store import Store


def test_the_size_counts_the_log_that_is_not_written_back_yet(store: Store) -> None:
    before = store.size_bytes()
    with store.begin() as session:
        session.connection().exec_driver_sql("CREATE TABLE room (text TEXT)")
        session.connection().exec_driver_sql("INSERT INTO room VALUES (?)", [("x" * 500_000,)])
    assert store.size_bytes() > before + 500_000
    assert store.free_bytes() > 0
