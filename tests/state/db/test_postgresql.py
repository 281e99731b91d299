"""PostgreSQL: many machines on one store, and error messages without values."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from connector.core.corrections.moves import Phase
from connector.errors import TemporaryError, UserError
from state import audit, checkpoints, outbox
from state.all_tables import METADATA
from state.db import advisory_locks, migrate, postgresql
from state.db.errors import DatabaseUnreachable
from state.db.locks import Busy
from state.db.postgresql_errors import explain_errors
from state.db.store import Store
from state.db.transaction import Transaction
from state.db.writer_fences import WriterReplaced
from tests.databases import PostgresqlServer
from tests.state.examples import PORTAL, contact
from tests.state.test_audit import line
from tests.state.test_outbox import move

LIMIT = {"limit": 2, "interval": 10.0}
PERSON = "kari@example.com"


@pytest.fixture
def url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """Return an empty database at the newest schema."""
    with postgresql_server.empty_database() as database_url:
        yield database_url


@pytest.fixture
def raw_url(postgresql_server: PostgresqlServer) -> str:
    """Return a database without a schema, which this test may spoil."""
    return postgresql_server.create_database(migrated=False)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened_store:
        yield opened_store


@pytest.fixture
def other_store(url: str) -> Iterator[Store]:
    """Return the same database, as another machine has it open."""
    with Store.open(url) as opened_store:
        yield opened_store


def administer(url: str, statement: str) -> list[object]:
    """Run a statement as somebody who knows PostgreSQL and goes around the program."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            result = connection.execute(text(statement))
            return list(result.scalars()) if result.returns_rows else []
    finally:
        engine.dispose()


def end_connections(url: str, name: str) -> None:
    """Let the server end the connections that go by this name."""
    ended = administer(
        url,
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        f"WHERE application_name LIKE '{name}%' AND datname = current_database()",
    )
    assert ended == [True] * len(ended) != []


# Opening


def test_the_migrations_end_where_the_tables_are(url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert migrate.current_revision(connection) == migrate.HEAD
    engine.dispose()


def test_many_may_open_a_new_database_at_once(raw_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for store in pool.map(lambda _: Store.open(raw_url), range(4)):
            store.close()
    assert administer(raw_url, "SELECT version_num FROM alembic_version") == [migrate.HEAD]


def test_a_migration_that_dies_leaves_nothing_behind(
    raw_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = command.upgrade

    def upgrade_and_die(*arguments: object) -> None:
        upgrade(*arguments)  # type: ignore[arg-type]  # as they came
        raise ZeroDivisionError

    monkeypatch.setattr(command, "upgrade", upgrade_and_die)
    with pytest.raises(ZeroDivisionError):
        Store.open(raw_url)
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert administer(raw_url, tables) == []


def test_a_newer_database_is_refused_without_its_password(raw_url: str) -> None:
    Store.open(raw_url).close()
    administer(raw_url, "UPDATE alembic_version SET version_num = '9999'")
    with_password = make_url(raw_url).set(password="hemmelig")
    with pytest.raises(UserError, match=r"newer version .*schema 9999") as refused:
        Store.open(with_password.render_as_string(hide_password=False))
    assert "hemmelig" not in str(refused.value)


def test_a_missing_driver_is_told_with_what_to_install(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_no_driver(name: str) -> object:
        return None if name == "psycopg" else find_spec(name)

    monkeypatch.setattr(postgresql, "find_spec", find_no_driver)
    with pytest.raises(UserError, match=r"pip install .*\[fleet\]"):
        Store.open(url)


def test_the_usual_short_url_is_understood(url: str) -> None:
    Store.open(url.replace("postgresql+psycopg", "postgresql")).close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"database": "nowhere"}, "no such database .*createdb"),
        ({"username": "nobody"}, "refuses this user"),
    ],
)
def test_a_server_that_does_not_let_us_in_is_told_with_what_to_correct(
    url: str, changes: dict[str, str], message: str
) -> None:
    wrong_url = make_url(url).set(**changes)  # type: ignore[arg-type]  # parts of a URL
    with pytest.raises(UserError, match=message):
        Store.open(wrong_url.render_as_string(hide_password=False))


def test_a_server_that_does_not_answer_is_worth_waiting_for(tmp_path: Path) -> None:
    with pytest.raises(TemporaryError, match="cannot be reached"):
        Store.open(f"postgresql+psycopg://postgres@/postgres?host={tmp_path}")


# Transactions


def test_the_writers_of_a_portal_go_one_after_the_other(store: Store, other_store: Store) -> None:
    wrote, may_commit = Event(), Event()

    def first() -> None:
        with store.begin(PORTAL) as session:
            checkpoints.put(session, "first", 1)
            wrote.set()
            assert may_commit.wait(30)

    thread = Thread(target=first)
    thread.start()
    assert wrote.wait(30)
    with other_store.begin("4712") as session:
        checkpoints.put(session, "first", 2)  # another portal does not wait
    may_commit.set()
    with other_store.begin(PORTAL) as session:
        assert checkpoints.get(session, "first") == 1
    thread.join(30)


def test_who_waits_too_long_for_another_writer_is_busy(store: Store, url: str) -> None:
    with (
        store.begin(PORTAL),
        Store.open(url, busy_timeout=0.05) as impatient,
        pytest.raises(Busy, match="another transaction keeps it locked"),
        impatient.begin(PORTAL),
    ):
        pass


def test_a_reading_transaction_cannot_write(store: Store) -> None:
    with pytest.raises(UserError, match="accepts no writes"), store.reading(PORTAL) as session:
        checkpoints.put(session, "one", 1)


def test_a_connection_that_the_server_ended_is_worth_waiting_for(store: Store, url: str) -> None:
    with pytest.raises(TemporaryError, match="ended this connection"), store.begin(PORTAL) as lost:
        checkpoints.put(lost, "one", 1)
        end_connections(url, "connector")
        checkpoints.put(lost, "one", 2)
    with store.reading(PORTAL) as session:
        assert checkpoints.get(session, "one") is None


def test_a_connection_that_died_unused_is_replaced_unnoticed(store: Store, url: str) -> None:
    with store.begin(PORTAL) as session:
        checkpoints.put(session, "one", 1)
    end_connections(url, "connector")
    with store.reading(PORTAL) as session:
        assert checkpoints.get(session, "one") == 1


def test_what_only_the_server_knows_of_its_disk_is_not_guessed(store: Store) -> None:
    assert store.free_bytes() is None
    assert store.size_bytes() > 1_000_000


def test_nothing_lies_in_files_beside_a_server(store: Store) -> None:
    assert store.pause_file(PORTAL) is None
    assert store.folder == Path("var")


# Errors


def _same_key_twice(session: Transaction) -> None:
    statement = text("INSERT INTO checkpoints VALUES (4711, :name, '1')")
    for _ in range(2):
        session.execute(statement, {"name": PERSON})


def _no_number(session: Transaction) -> None:
    session.execute(text("SELECT CAST(:value AS bigint)"), {"value": PERSON})


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (_same_key_twice, IntegrityError, "checkpoints_pkey"),
        (_no_number, DataError, "SQLSTATE 22P02"),
    ],
)
def test_an_error_names_what_broke_and_no_value(
    store: Store, act: Callable[[Transaction], None], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as failed, store.begin(PORTAL) as session:
        act(session)
    texts = [str(failed.value), repr(failed.value), str(failed.value.__cause__)]
    assert not [shown for shown in texts if PERSON in shown]


def test_an_error_of_the_driver_itself_is_a_bug_of_ours(store: Store) -> None:
    with pytest.raises(DataError, match="NUL"), store.begin(PORTAL) as session:
        session.execute(text("SELECT :value"), {"value": "a\0b"})


# The audit


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET outcome = 'refused' WHERE place = 2",
        "UPDATE audit SET \"after\" = 'lead' WHERE place = 2",
        "DELETE FROM audit WHERE place = 3",
        "TRUNCATE audit",
        "TRUNCATE audit_cuts",
    ],
)
def test_the_server_refuses_to_change_a_line(store: Store, url: str, statement: str) -> None:
    with store.begin(PORTAL) as session:
        audit.append(session, [line(minutes) for minutes in range(3)])
    with pytest.raises(IntegrityError, match="the audit is append-only"):
        administer(url, statement)


# The writer's lock


def test_a_portal_has_one_writer_on_all_machines_who_is_named(
    store: Store, other_store: Store
) -> None:
    with (
        store.writer_lock(PORTAL, holder_name="connector sync"),
        other_store.writer_lock("4712"),
        pytest.raises(Busy, match=r"portal 4711 is busy: connector sync \(process \d+\)"),
        other_store.writer_lock(PORTAL),
    ):
        pass


def test_a_writer_that_waits_long_enough_comes_in(store: Store, other_store: Store) -> None:
    with store.writer_lock(PORTAL), pytest.raises(Busy), other_store.writer_lock(PORTAL, wait=0.05):
        pass
    with other_store.writer_lock(PORTAL, wait=30):
        pass


def test_a_writer_whose_connection_ends_while_it_waits_tries_again_later(
    store: Store, other_store: Store, url: str
) -> None:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'"

    def wait_for_lock() -> None:
        with other_store.writer_lock(PORTAL, wait=60, holder_name="waiting"):
            pass

    with store.writer_lock(PORTAL), ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(wait_for_lock)
        while not administer(url, waiting):
            pass
        end_connections(url, "waiting")
        with pytest.raises(TemporaryError, match="ended this connection"):
            outcome.result(60)


def test_a_lock_by_a_word_has_no_number(store: Store) -> None:
    with store.writer_lock("tokens"):
        pass


def test_the_lock_dies_with_its_process(store: Store, url: str) -> None:
    program = (
        "import sys; from state.db.store import Store\n"
        "with Store.open(sys.argv[1]) as store, store.writer_lock('4711'):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(Busy), store.writer_lock(PORTAL):
            pass
        child.kill()
        child.wait()
    with store.writer_lock(PORTAL, wait=30):
        pass


def test_a_writer_that_was_replaced_stores_nothing_more(
    store: Store, other_store: Store, url: str
) -> None:
    with store.writer_lock(PORTAL, holder_name="cut off"):
        with store.begin(PORTAL) as session:
            outbox.promise(session, [move(contact(1))])
        end_connections(url, "cut off")
        with store.begin(PORTAL) as session:
            outbox.advance(session, [contact(1)], Phase.CLEARING)  # nobody has taken over yet
        with other_store.writer_lock(PORTAL):
            for touch in (
                lambda session: outbox.promise(session, [move(contact(2))]),
                lambda session: outbox.advance(session, [contact(1)], Phase.CLEARED),
                lambda session: outbox.close(session, [contact(1)]),
            ):
                with pytest.raises(WriterReplaced, match="4711"), store.begin(PORTAL) as session:
                    touch(session)
            with other_store.begin(PORTAL) as session:
                outbox.advance(session, [contact(1)], Phase.CLEARED)
                assert len(outbox.open_moves(session)) == 1
    with store.writer_lock(PORTAL), store.begin(PORTAL) as session:
        outbox.close(session, [contact(1)])


def test_a_replaced_writer_is_refused_where_another_thread_of_its_process_took_over(
    store: Store, url: str
) -> None:
    def take_over(has_taken_over: Event, may_end: Event) -> None:
        with store.writer_lock(PORTAL):
            with store.begin(PORTAL) as session:
                outbox.promise(session, [move(contact(2))])
            has_taken_over.set()
            assert may_end.wait(60)

    def assert_refused() -> None:
        with pytest.raises(WriterReplaced), store.begin(PORTAL) as session:
            outbox.promise(session, [move(contact(1))])

    has_taken_over, may_end = Event(), Event()
    with ThreadPoolExecutor(1) as pool, store.writer_lock(PORTAL, holder_name="cut off"):
        end_connections(url, "cut off")
        second_writer = pool.submit(take_over, has_taken_over, may_end)
        assert has_taken_over.wait(60)
        assert_refused()
        may_end.set()
        second_writer.result(60)
        assert_refused()  # the other thread's end gives nobody a free hand


def test_a_process_has_connections_for_every_portal_that_it_works_on_at_once(url: str) -> None:
    with Store.open(url, portals_at_once=3) as opened_store, ExitStack() as stack:
        for _ in range(20):
            session = stack.enter_context(opened_store.reading(PORTAL))
            assert checkpoints.get(session, "one") is None


def test_a_process_that_uses_all_its_connections_waits_for_them() -> None:
    with pytest.raises(DatabaseUnreachable, match="--concurrency"), explain_errors("crm"):
        raise PoolTimeoutError


def test_a_writer_that_is_frozen_loses_its_lock(
    store: Store, other_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisory_locks, "_LEASE_MILLISECONDS", 50)
    with store.writer_lock(PORTAL):  # its next sign of life is due in ten seconds
        with other_store.writer_lock(PORTAL, wait=30):
            pass
        with pytest.raises(WriterReplaced), store.begin(PORTAL) as session:
            outbox.promise(session, [move(contact(1))])


def test_a_writer_shows_that_it_lives_until_its_lock_is_lost(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisory_locks, "_HEARTBEAT_SECONDS", 0.01)
    last_sign = "SELECT state_change FROM pg_stat_activity WHERE application_name LIKE 'alive%'"
    with store.writer_lock(PORTAL, holder_name="alive"):
        signs = set()
        while len(signs) < 3:
            signs.update(administer(url, last_sign))
        end_connections(url, "alive")
    with store.writer_lock(PORTAL):
        pass


# Slots of requests


def test_machines_share_the_slots_of_a_portal_whatever_their_clocks_show(
    store: Store, other_store: Store
) -> None:
    first = store.rate_slots("1").take("burst", 100.0, **LIMIT)
    second = other_store.rate_slots("1").take("burst", 9000.0, **LIMIT)
    third = store.rate_slots("1").take("burst", 100.0, **LIMIT)
    assert first == 100.0
    assert second == pytest.approx(9005.0, abs=2)
    assert third == pytest.approx(110.0, abs=2)
    assert other_store.rate_slots("2").take("burst", 7.0, **LIMIT) == 7.0


def test_requests_of_a_day_are_counted_together(store: Store, other_store: Store) -> None:
    day = date(2026, 3, 9)
    counts = [machine.rate_slots("1").count_request(day) for machine in (store, other_store)]
    assert counts == [1, 2]
