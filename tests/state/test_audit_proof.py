"""The proof of the audit ends in a verdict whatever was done to its rows; a cut tail shows."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Text

from connector.core.corrections.audit import BrokenChain, IntactChain
from connector.errors import ConnectorError, UserError
from state import audit, audit_proof, runs
from state.audit_proof import HeadCheck, RunShortfall, check_head
from state.db.columns import METADATA
from state.db.store import Store
from state.db.transaction import Transaction
from tests.state.examples import PORTAL, at
from tests.state.test_audit import line

TABLE = METADATA.tables["audit"]
COLUMNS = [column.name for column in TABLE.columns]
TEXT_COLUMNS = [column.name for column in TABLE.columns if isinstance(column.type, Text)]
ODD_VALUES = [None, "x", "\ud800", b"\xff\xfe", 2**62, 1.5, [1], {"a": object()}]


@pytest.fixture
def store_with_lines(store: Store) -> Store:
    """Return a store with three lines of a run that ended with three corrections."""
    with store.begin(PORTAL) as session:
        runs.begin(session, "r1", "sync", at(0))
        audit.append(session, [line(minutes) for minutes in range(3)])
        runs.finish(session, "r1", at(5), {"applied": 3})
    return store


@pytest.fixture
def raw_connection(store_with_lines: Store, database: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection that goes around the program and the triggers."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield connection


@pytest.fixture
def stored_rows(store_with_lines: Store) -> list[dict[Any, Any]]:
    with store_with_lines.reading(PORTAL) as session:
        return [dict(row) for row in audit.read_stored(session, until=9)]


@pytest.mark.parametrize("column", COLUMNS)
def test_no_value_of_any_column_ends_in_a_traceback(
    stored_rows: list[dict[Any, Any]], column: str
) -> None:
    first, second, third = stored_rows
    for odd_value in ODD_VALUES:
        rows = [first, {**second, column: odd_value}, third]
        verdict = audit.follow_chain(rows, lines=0, head="")
        assert isinstance(verdict, BrokenChain), odd_value
        assert verdict.row == 2
    missing = {name: value for name, value in second.items() if name != column}
    assert isinstance(audit.follow_chain([first, missing], lines=0, head=""), BrokenChain)


@pytest.mark.parametrize("column", TEXT_COLUMNS)
def test_a_text_that_is_no_utf_8_is_found_at_its_row(
    store_with_lines: Store, raw_connection: sqlite3.Connection, column: str
) -> None:
    raw_connection.execute(
        f"""UPDATE audit SET "{column}" = CAST(x'ff41' AS TEXT) WHERE place = 2"""
    )
    with store_with_lines.reading(PORTAL) as session:
        verdict = audit.verify(session)
    assert verdict == BrokenChain(row=2, line=None)


def test_it_is_found_at_its_row_among_many(
    store_with_lines: Store, raw_connection: sqlite3.Connection
) -> None:
    with store_with_lines.begin(PORTAL) as session:
        audit.append(session, [line(minutes) for minutes in range(60)])
    raw_connection.execute("UPDATE audit SET rule = CAST(x'ff41' AS TEXT) WHERE place = 50")
    with store_with_lines.reading(PORTAL) as session:
        assert audit.verify(session) == BrokenChain(row=50, line=None)


def test_other_errors_of_the_database_are_not_taken_for_a_changed_line(
    store_with_lines: Store, raw_connection: sqlite3.Connection
) -> None:
    raw_connection.execute("ALTER TABLE audit RENAME COLUMN seal TO sael")
    with (
        pytest.raises(UserError, match="the database is damaged"),
        store_with_lines.reading(PORTAL) as session,
    ):
        audit.verify(session)


def test_a_cut_that_cannot_be_read_breaks_the_chain(
    store_with_lines: Store, raw_connection: sqlite3.Connection
) -> None:
    with store_with_lines.begin(PORTAL) as session:
        audit.cut(session, 2, at=at(9), file="f.jsonl")
    raw_connection.execute("UPDATE audit_cuts SET latest = 9000000000000000000")
    with store_with_lines.reading(PORTAL) as session:
        assert audit.verify(session) == BrokenChain(row=1, line=None)


def test_whatever_byte_of_the_file_is_changed_there_is_a_verdict_or_a_message(
    store_with_lines: Store, database: Path, tmp_path: Path
) -> None:
    store_with_lines.close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = database.read_bytes()
    with_content = [place for place, byte in enumerate(content) if byte]
    changed = tmp_path / "changed.db"
    for place in random.Random(7).sample(with_content, 60):
        damaged = bytearray(content)
        damaged[place] ^= 0x55
        for suffix in ("-wal", "-shm"):
            changed.with_name(changed.name + suffix).unlink(missing_ok=True)
        changed.write_bytes(damaged)
        with (
            suppress(ConnectorError),
            Store.open(f"sqlite:///{changed}") as store,
            store.reading(PORTAL) as session,
        ):
            assert isinstance(audit.verify(session), BrokenChain | IntactChain), place


def head(session: Transaction) -> IntactChain:
    verdict = audit.verify(session)
    assert isinstance(verdict, IntactChain)
    return verdict


def test_a_head_that_was_noted_is_contained_until_the_tail_is_cut_or_rewritten(
    store_with_lines: Store, raw_connection: sqlite3.Connection
) -> None:
    with store_with_lines.begin(PORTAL) as session:
        noted = head(session)
        assert check_head(session, noted, noted) is HeadCheck.CONTAINED
        beginning = IntactChain(line_count=0, last_hash="")
        assert check_head(session, noted, beginning) is HeadCheck.CONTAINED
        audit.append(session, [line(3)])
        assert check_head(session, head(session), noted) is HeadCheck.CONTAINED
    raw_connection.execute("DELETE FROM audit WHERE place >= 3")
    with store_with_lines.begin(PORTAL) as session:
        assert check_head(session, head(session), noted) is HeadCheck.CUT_SHORT
        audit.append(session, [line(8), line(9)])
        assert check_head(session, head(session), noted) is HeadCheck.REWRITTEN


def test_a_head_before_a_cut_lies_in_a_file_unless_the_cut_ended_there(
    store_with_lines: Store,
) -> None:
    with store_with_lines.begin(PORTAL) as session:
        second = audit.hash_at(session, 2) or ""
        audit.cut(session, 2, at=at(9), file="f.jsonl")
        first_line = IntactChain(line_count=1, last_hash="0" * 64)
        assert check_head(session, head(session), first_line) is HeadCheck.ARCHIVED
        cut_end = IntactChain(line_count=2, last_hash=second)
        assert check_head(session, head(session), cut_end) is HeadCheck.CONTAINED


def test_a_run_with_fewer_lines_than_corrections_shows_a_cut_tail(
    store_with_lines: Store, raw_connection: sqlite3.Connection
) -> None:
    with store_with_lines.begin(PORTAL) as session:
        assert audit_proof.runs_with_missing_lines(session) == ()
        runs.begin(session, "died", "sync", at(6))
    raw_connection.execute("DELETE FROM audit WHERE place = 3")
    with store_with_lines.reading(PORTAL) as session:
        assert isinstance(audit.verify(session), IntactChain)
        assert audit_proof.runs_with_missing_lines(session) == (
            RunShortfall(run="r1", corrections=3, lines=2),
        )


def test_runs_before_a_cut_are_not_missed(store_with_lines: Store) -> None:
    with store_with_lines.begin(PORTAL) as session:
        audit.cut(session, 3, at=at(9), file="f.jsonl")
        runs.begin(session, "r2", "sync", at(2))  # when the last line was written
        runs.finish(session, "r2", at(5), {"applied": 1})
        assert audit_proof.runs_with_missing_lines(session) == ()
