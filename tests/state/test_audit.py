"""The audit keeps every line, and its chain shows any change."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from connector.core.corrections.audit import AuditLine, BrokenChain, IntactChain
from connector.core.model import STAGE, STATUS, Outcome
from state import audit, audit_counts
from state.db.columns import METADATA
from state.db.store import Store
from state.db.transaction import Transaction
from tests.state.examples import OTHER_PORTAL, PORTAL, at, company, contact

REDACT = 'UPDATE audit SET "before" = NULL, "after" = NULL, salt = NULL WHERE place = 2'


def line(minutes: int, **changes: object) -> AuditLine:
    default = AuditLine(
        at=at(minutes),
        run="r1",
        record=contact(1),
        property_name=STAGE,
        before="customer",
        after="opportunity",
        rule="reopened",
        policy="standard@abc",
        outcome=Outcome.APPLIED,
        correlation_id="c-1",
    )
    return replace(default, **changes)  # type: ignore[arg-type]  # the test names the fields


@pytest.fixture
def store_with_lines(store: Store) -> Store:
    """Return a store with three lines, each from a transaction of its own."""
    for minutes in range(3):
        with store.begin(PORTAL) as session:
            audit.append(session, [line(minutes)])
    return store


@pytest.fixture
def raw_connection(store_with_lines: Store, database: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection of somebody who knows SQLite and goes around the program."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        yield connection


def test_lines_come_back_in_their_order_with_their_hashes(store_with_lines: Store) -> None:
    with store_with_lines.reading(PORTAL) as session:
        lines = list(audit.read(session))
    assert [replace(entry, hash="") for entry in lines] == [line(minutes) for minutes in range(3)]
    assert len({entry.hash for entry in lines} - {""}) == 3


def test_the_records_of_a_rule_count_once_and_stale_corrections_never(session: Transaction) -> None:
    lines = [
        line(0),
        line(1, property_name=STATUS),
        line(2, record=contact(2), outcome=Outcome.IGNORED),
        line(3, record=contact(3), outcome=Outcome.STALE),
        line(4, record=company(1), rule="won"),
    ]
    audit.append(session, lines)
    assert audit_counts.count_records_by_rule(session, since=at(0)) == {"reopened": 2, "won": 1}
    assert audit_counts.count_records_by_rule(session, since=at(3)) == {"won": 1}
    assert audit_counts.count_records_by_rule(session, since=at(0), except_runs={"r1"}) == {}


def test_nothing_appended_is_nothing_told(session: Transaction) -> None:
    audit.append(session, [])
    assert list(audit.read(session)) == []
    assert audit.verify(session) == IntactChain(line_count=0, last_hash="")


def test_lines_are_found_by_record_run_and_time(session: Transaction) -> None:
    lines = [
        line(0),
        line(1, record=company(1)),
        line(2, run="r2"),
        line(3, run="r2", record=contact(2)),
    ]
    audit.append(session, lines)
    assert _minutes(session, record=contact(1)) == [0, 2]
    assert _minutes(session, run="r2") == [2, 3]
    assert _minutes(session, since=at(1)) == [1, 2, 3]
    assert _minutes(session, record=contact(1), run="r2", since=at(1)) == [2]
    assert _minutes(session, since=at(1), until=at(3)) == [1, 2]
    assert _minutes(session, record=None, run=None) == [0, 1, 2, 3]


def test_lines_are_found_by_rule_outcome_and_property(session: Transaction) -> None:
    lines = [
        line(0),
        line(1, rule="won"),
        line(2, rule="won", outcome=Outcome.REVERTED),
        line(3, rule="won", property_name=STATUS),
    ]
    audit.append(session, lines)
    assert _minutes(session, rule="won") == [1, 2, 3]
    assert _minutes(session, outcome=Outcome.REVERTED) == [2]
    assert _minutes(session, property_name=STATUS) == [3]
    assert _minutes(session, rule="won", property_name=STAGE, outcome=Outcome.APPLIED) == [1]


def test_what_ended_since_a_time_is_counted_by_outcome_each_property_once(
    session: Transaction,
) -> None:
    ignored = [line(minute, outcome=Outcome.IGNORED) for minute in (2, 3)]
    audit.append(session, [line(0), line(1), *ignored])
    assert audit_counts.count_outcomes(session, since=at(1)) == {
        Outcome.APPLIED: 1,
        Outcome.IGNORED: 1,
    }


def test_what_ended_is_counted_by_period_from_its_first_moment_on(session: Transaction) -> None:
    refused = line(5, outcome=Outcome.REFUSED)
    audit.append(session, [line(minute) for minute in (0, 1, 2, 4)] + [refused])
    counts = audit_counts.count_outcomes_by_period(
        session, since=at(1), period=timedelta(minutes=3)
    )
    assert counts == {0: {Outcome.APPLIED: 2}, 1: {Outcome.APPLIED: 1, Outcome.REFUSED: 1}}


def test_the_lines_of_many_records_are_found_together(session: Transaction) -> None:
    audit.append(session, [line(0), line(1, record=company(1)), line(2)])
    lines = list(audit.read_of_records(session, [contact(1), contact(7)]))
    assert [entry.at for entry in lines] == [at(0), at(2)]


def test_with_a_limit_the_newest_lines_are_told_in_their_order(session: Transaction) -> None:
    audit.append(session, [line(minutes) for minutes in range(12)])
    assert _minutes(session, limit=3) == [9, 10, 11]


def test_the_chain_holds_and_ends_in_the_last_hash(store_with_lines: Store) -> None:
    with store_with_lines.reading(PORTAL) as session:
        head = list(audit.read(session))[-1].hash
        assert audit.verify(session) == IntactChain(line_count=3, last_hash=head)


def test_each_portal_has_its_own_chain(store_with_lines: Store) -> None:
    with store_with_lines.begin(OTHER_PORTAL) as session:
        audit.append(session, [line(0)])
        verdict = audit.verify(session)
        assert isinstance(verdict, IntactChain)
        assert verdict.line_count == 1
    with store_with_lines.reading(PORTAL) as session:
        assert len(list(audit.read(session))) == 3


def test_equal_lines_have_unequal_seals(session: Transaction) -> None:
    audit.append(session, [line(0), line(0)])
    seals = session.scalars(text("SELECT seal FROM audit")).all()
    assert len(set(seals)) == 2


def test_the_salt_may_be_given(session: Transaction) -> None:
    audit.append(session, [line(0), line(0)], salt=lambda length: b"s" * length)
    assert len(set(session.scalars(text("SELECT seal FROM audit")))) == 1
    assert isinstance(audit.verify(session), IntactChain)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET outcome = 'refused' WHERE place = 2",
        "UPDATE audit SET \"after\" = 'lead' WHERE place = 2",
        'UPDATE audit SET "before" = NULL, "after" = NULL WHERE place = 2',
        REDACT.replace("WHERE", ", rule = 'won' WHERE"),
        "DELETE FROM audit WHERE place = 3",
        "DELETE FROM audit",
        "INSERT INTO audit SELECT * FROM audit WHERE place = 2",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE place = 2",
        "REPLACE INTO audit SELECT portal_id, 0, at, run, object_type, object_id, property_name, "
        '"before", "after", rule, policy, outcome, correlation_id, salt, seal, hash FROM audit',
    ],
)
def test_the_database_refuses_to_change_a_line(
    raw_connection: sqlite3.Connection, statement: str
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="the audit is append-only"):
        raw_connection.execute(statement)


def test_the_program_cannot_change_a_line_either(store_with_lines: Store) -> None:
    with (
        pytest.raises(IntegrityError, match="append-only"),
        store_with_lines.begin(PORTAL) as session,
    ):
        session.execute(text("DELETE FROM audit"))


# Words that the program could read: what no byte of them must be changed to.
_OTHER_VALUES = {"object_type": "companies", "outcome": "refused", "place": 9}


@pytest.mark.parametrize(
    "column", [table_column.name for table_column in METADATA.tables["audit"].columns]
)
def test_one_changed_byte_in_any_column_of_the_table_is_found(
    store_with_lines: Store, raw_connection: sqlite3.Connection, column: str
) -> None:
    raw_connection.execute("DROP TRIGGER audit_refuses_update")
    stored = raw_connection.execute(f'SELECT "{column}" FROM audit WHERE place = 2').fetchone()[0]
    values = [_OTHER_VALUES.get(column, _change_one_byte(stored))]
    raw_connection.execute(f'UPDATE audit SET "{column}" = ? WHERE place = 2', values)
    with store_with_lines.reading(PORTAL) as session:
        verdict = audit.verify(session)
    assert isinstance(verdict, BrokenChain)
    assert verdict.row == 2


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit WHERE place = 2",
        "UPDATE audit SET place = 9 WHERE place = 2",
        'UPDATE audit SET "before" = NULL, "after" = NULL WHERE place = 2',
        "UPDATE audit SET salt = NULL WHERE place = 2",
        REDACT.replace("WHERE", ", rule = 'won' WHERE"),
    ],
)
def test_a_lost_moved_or_half_redacted_line_is_found(
    store_with_lines: Store, raw_connection: sqlite3.Connection, statement: str
) -> None:
    raw_connection.execute("DROP TRIGGER audit_refuses_update")
    raw_connection.execute("DROP TRIGGER audit_refuses_delete")
    raw_connection.execute(statement)
    with store_with_lines.reading(PORTAL) as session:
        verdict = audit.verify(session)
    assert isinstance(verdict, BrokenChain)
    assert verdict.row == 2


def test_a_cut_tail_shows_in_the_head(
    store_with_lines: Store, raw_connection: sqlite3.Connection
) -> None:
    with store_with_lines.reading(PORTAL) as session:
        before = audit.verify(session)
    raw_connection.execute("DROP TRIGGER audit_refuses_delete")
    raw_connection.execute("DELETE FROM audit WHERE place = 3")
    with store_with_lines.reading(PORTAL) as session:
        after = audit.verify(session)
    assert isinstance(before, IntactChain)
    assert isinstance(after, IntactChain)
    assert (after.line_count, after.last_hash != before.last_hash) == (2, True)


def test_a_redacted_line_has_lost_its_values_while_the_chain_holds(
    store_with_lines: Store, raw_connection: sqlite3.Connection
) -> None:
    raw_connection.execute(REDACT)
    with store_with_lines.begin(PORTAL) as session:
        audit.append(session, [line(9)])
        lines = list(audit.read(session))
        assert isinstance(audit.verify(session), IntactChain)
    assert replace(lines[1], hash="") == line(1, before="", after="", redacted=True)


def _change_one_byte(stored: str | int | bytes) -> str | int | bytes:
    if isinstance(stored, int):
        return stored ^ 1
    if isinstance(stored, bytes):
        return bytes([stored[0] ^ 1]) + stored[1:]
    return chr(ord(stored[0]) ^ 1) + stored[1:]


def _minutes(session: Transaction, **filters: object) -> list[int]:
    lines = audit.read(session, **filters)  # type: ignore[arg-type]  # the test names them
    return [round((entry.at - at(0)).total_seconds() / 60) for entry in lines]
