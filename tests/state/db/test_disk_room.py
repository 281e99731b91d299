"""The store reports its own size and the room that is left."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import Engine

from state import checkpoints
from state.db import migrate
from state.db.disk_reserve import RESERVE_BYTES
from state.db.errors import DatabaseUnusable
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


def test_the_reserve_takes_real_room_until_it_is_released(database: Path) -> None:
    reserve = database.with_name(f"{database.name}.reserve")
    with Store.open(f"sqlite:///{database}") as store:
        store.keep_reserve()
        store.keep_reserve()  # which changes nothing
        assert reserve.stat().st_blocks * 512 >= RESERVE_BYTES
        assert reserve.stat().st_mode & 0o777 == 0o600
        assert store.release_reserve()
        assert not reserve.exists()
        assert not store.release_reserve()


@pytest.mark.parametrize("call", ["missing", "refused"])
def test_where_blocks_cannot_be_asked_for_they_are_written(
    database: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    if call == "missing":
        monkeypatch.delattr(os, "posix_fallocate")
    else:
        monkeypatch.setattr(os, "posix_fallocate", refuse)
    with Store.open(f"sqlite:///{database}") as store:
        store.keep_reserve()
    reserve = database.with_name(f"{database.name}.reserve")
    assert reserve.stat().st_blocks * 512 >= RESERVE_BYTES


def test_without_the_room_nothing_is_begun(database: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Store.open(f"sqlite:///{database}") as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (RESERVE_BYTES - 1, hard))
        try:
            with pytest.raises(DatabaseUnusable, match="16 MiB that finishing writes may take"):
                store.keep_reserve()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not database.with_name(f"{database.name}.reserve").exists()


@pytest.mark.parametrize("has_reserve", [True, False])
def test_a_database_that_cannot_be_opened_for_want_of_room_is_opened_in_the_reserve(
    database: Path, monkeypatch: pytest.MonkeyPatch, *, has_reserve: bool
) -> None:
    with Store.open(f"sqlite:///{database}") as store:
        if has_reserve:
            store.keep_reserve()
    reserve = database.with_name(f"{database.name}.reserve")
    is_current = migrate.is_current

    def needs_room(engine: Engine, name: str) -> bool:
        if reserve.exists() or not has_reserve:
            raise DatabaseUnusable("the disk is full")
        return is_current(engine, name)

    monkeypatch.setattr(migrate, "is_current", needs_room)
    if has_reserve:
        Store.open(f"sqlite:///{database}").close()
        assert not reserve.exists()
    else:
        with pytest.raises(DatabaseUnusable, match="the disk is full"):
            Store.open(f"sqlite:///{database}")
