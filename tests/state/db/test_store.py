"""The store opens or says what to do, and keeps what was stored."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from connector.errors import UserError
from state import checkpoints
from state.db.locks import Busy
from state.db.store import Store
from state.db.transaction import Transaction

PORTAL = "4711"


def _same_key_twice(session: Transaction) -> None:
    row = "INSERT INTO checkpoints VALUES (4711, :name, '1')"
    for _ in range(2):
        session.execute(text(row), {"name": "kari@example.com"})


def test_the_folder_of_the_database_is_made(tmp_path: Path) -> None:
    path = tmp_path / "var" / "deep" / "connector.db"
    Store.open(f"sqlite:///{path}").close()
    assert path.exists()


def test_a_transaction_is_kept_at_its_end(store: Store) -> None:
    with store.begin(PORTAL) as session:
        checkpoints.put(session, "one", 1)
    with store.reading(PORTAL) as session:
        assert checkpoints.get(session, "one") == 1


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.begin(PORTAL) as session:
        checkpoints.put(session, "one", 1)
        raise ZeroDivisionError
    with store.reading(PORTAL) as session:
        assert checkpoints.get(session, "one") is None


def test_a_reader_sees_one_moment_while_a_writer_goes_on(store: Store) -> None:
    with store.reading(PORTAL) as reader:
        before = checkpoints.get(reader, "one")
        with store.begin(PORTAL) as writer:
            checkpoints.put(writer, "one", 1)
        assert checkpoints.get(reader, "one") == before


def test_what_was_kept_is_there_after_opening_again(database: Path) -> None:
    with Store.open(f"sqlite:///{database}") as store, store.begin(PORTAL) as session:
        checkpoints.put(session, "one", {"since": 1})
    with Store.open(f"sqlite:///{database}") as store, store.reading(PORTAL) as session:
        assert checkpoints.get(session, "one") == {"since": 1}


@pytest.mark.sqlite
def test_each_commit_reaches_the_disk_and_references_hold(store: Store) -> None:
    with store.begin(PORTAL) as session:
        pragmas = [
            session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert pragmas == ["wal", 2, 1]


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://u:secret@host/db", "var/connector.db", ""]
)
def test_a_url_that_is_no_file_is_refused_with_the_setting_to_change(url: str) -> None:
    with pytest.raises(UserError, match="CONNECTOR_DATABASE_URL") as refused:
        Store.open(url)
    assert "secret" not in str(refused.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    with pytest.raises(UserError, match=r"var: .*cannot be made"):
        Store.open(f"sqlite:///{tmp_path}/var/connector.db")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "connector.db"
    path.write_text("a shopping list, long enough to be taken for a header" * 99)
    with pytest.raises(UserError, match="this is not a database"):
        Store.open(f"sqlite:///{path}")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="names no database that the connector can use"):
        Store.open(f"sqlite:///{tmp_path}")


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("pragma", "message"),
    [("query_only = ON", "may not be written"), ("max_page_count = 1", "the disk is full")],
)
def test_what_the_disk_refuses_is_told_with_what_to_do(
    store: Store, pragma: str, message: str
) -> None:
    with pytest.raises(UserError, match=message), store.begin(PORTAL) as session:
        session.execute(text(f"PRAGMA {pragma}"))
        checkpoints.put(session, "one", "x" * 100_000)


def test_a_file_that_another_program_locks_is_busy(database: Path) -> None:
    other_connection = sqlite3.connect(database, isolation_level=None)
    other_connection.execute("BEGIN IMMEDIATE")
    with (
        closing(other_connection),
        Store.open(f"sqlite:///{database}", busy_timeout=0) as store,
        pytest.raises(Busy, match="keeps it locked"),
        store.begin(PORTAL) as session,
    ):
        checkpoints.put(session, "one", 1)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda session: session.execute(text("SELEC nonsense")), DBAPIError),
        (_same_key_twice, IntegrityError),
    ],
)
def test_a_bug_of_ours_is_no_fault_of_the_file(
    store: Store, act: Callable[[Transaction], object], error: type[Exception]
) -> None:
    with pytest.raises(error), store.begin(PORTAL) as session:
        act(session)


def test_errors_do_not_tell_the_values(store: Store) -> None:
    with pytest.raises(IntegrityError) as failed, store.begin(PORTAL) as session:
        _same_key_twice(session)
    assert "kari@example.com" not in str(failed.value)


def test_a_portal_has_one_writer_who_is_named(store: Store) -> None:
    with (
        store.writer_lock(PORTAL, holder_name="connector sync"),
        pytest.raises(Busy, match=r"portal 4711 is busy: connector sync \(process \d+\)"),
        store.writer_lock(PORTAL),
    ):
        pass


def test_another_portal_has_another_writer(store: Store) -> None:
    with store.writer_lock(PORTAL), store.writer_lock("4712"):
        pass


def test_a_writer_comes_in_after_the_last_one(store: Store) -> None:
    with store.writer_lock(PORTAL):
        pass
    with store.writer_lock(PORTAL):
        pass


def test_a_writer_whose_name_is_unreadable_is_busy_all_the_same(
    store: Store, database: Path
) -> None:
    with store.writer_lock(PORTAL):
        database.with_name("connector.db.4711.holder").unlink()
        with pytest.raises(Busy, match="another process holds it"), store.writer_lock(PORTAL):
            pass


def test_a_lock_that_cannot_be_made_is_told(store: Store, database: Path) -> None:
    database.with_name("connector.db.4711.lock").mkdir()
    with pytest.raises(UserError, match="right to write the folder"), store.writer_lock(PORTAL):
        pass


def test_the_lock_dies_with_its_process(store: Store, database: Path) -> None:
    program = (
        "import sys, time; from state.db.store import Store\n"
        "store = Store.open(sys.argv[1])\n"
        "with store.writer_lock('4711'):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, f"sqlite:///{database}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(Busy), store.writer_lock(PORTAL):
            pass
        child.kill()
        child.wait()
    with store.writer_lock(PORTAL, wait=5):
        pass
