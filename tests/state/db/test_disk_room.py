"""What the store tells about its room: how much it takes, and how much is left."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import pytest

from state import checkpoints
from state.db.store import Store
from tests.state.examples import PORTAL


@pytest.mark.sqlite
def test_the_size_counts_the_log_that_is_not_written_back_yet(store: Store) -> None:
    before = store.size_bytes()
    with store.begin(PORTAL) as session:
        session.connection().exec_driver_sql("CREATE TABLE room (text TEXT)")
        session.connection().exec_driver_sql("INSERT INTO room VALUES (?)", [("x" * 500_000,)])
    assert store.size_bytes() > before + 500_000
    assert store.free_bytes() > 0


def test_threads_of_one_process_wait_for_each_other_without_asking_sqlite(database: Path) -> None:
    first_wrote, may_commit = Event(), Event()
    with Store.open(f"sqlite:///{database}", busy_timeout=0) as store:

        def first() -> None:
            with store.begin(PORTAL) as session:
                checkpoints.put(session, "first", 1)
                first_wrote.set()
                assert may_commit.wait(10)

        def second() -> None:
            with store.begin(PORTAL) as session:
                values_seen.append(checkpoints.get(session, "first"))

        values_seen: list[int] = []
        threads = [Thread(target=first), Thread(target=second)]
        threads[0].start()
        assert first_wrote.wait(10)
        threads[1].start()
        threads[1].join(0.05)
        may_commit.set()
        for thread in threads:
            thread.join(10)
    assert values_seen == [1]
