"""What the audit promises: every line for good, and a chain that tells of any change."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from connector.core.audit import AuditLine, Broken, Intact
from connector.core.model import STAGE, STATUS, Outcome
from state import audit
from state.store import Store
from tests.state.nouns import OTHER_PORTAL, PORTAL, at, company, contact

REDACT = 'UPDATE audit SET "before" = NULL, "after" = NULL, salt = NULL WHERE place = 2'


def line(minutes: int, **changes: object) -> AuditLine:
    told = AuditLine(
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
    return replace(told, **changes)  # type: ignore[arg-type]  # the test names the fields


@pytest.fixture
def written(store: Store) -> Store:
    """Return a store with three lines, each from a transaction of its own."""
    for minutes in range(3):
        with store.begin() as session:
            audit.append(session, PORTAL, [line(minutes)])
    return store


@pytest.fixture
def intruder(written: Store, database: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection of somebody who knows SQLite and goes around the program."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        yield connection


def test_lines_come_back_in_their_order_with_their_hashes(written: Store) -> None:
    with written.reading() as session:
        told = list(audit.read(session, PORTAL))
    assert [replace(one, hash="") for one in told] == [line(minutes) for minutes in range(3)]
    assert len({one.hash for one in told} - {""}) == 3


def test_nothing_appended_is_nothing_told(session: Session) -> None:
    audit.append(session, PORTAL, [])
    assert list(audit.read(session, PORTAL)) == []
    assert audit.verify(session, PORTAL) == Intact(lines=0, head="")


def test_lines_are_found_by_record_run_and_time(session: Session) -> None:
    lines = [
        line(0),
        line(1, record=company(1)),
        line(2, run="r2"),
        line(3, run="r2", record=contact(2)),
    ]
    audit.append(session, PORTAL, lines)
    assert _minutes(session, record=contact(1)) == [0, 2]
    assert _minutes(session, run="r2") == [2, 3]
    assert _minutes(session, since=at(1)) == [1, 2, 3]
    assert _minutes(session, record=contact(1), run="r2", since=at(1)) == [2]
    assert _minutes(session, since=at(1), until=at(3)) == [1, 2]
    assert _minutes(session, record=None, run=None) == [0, 1, 2, 3]


def test_lines_are_found_by_rule_outcome_and_property(session: Session) -> None:
    lines = [
        line(0),
        line(1, rule="won"),
        line(2, rule="won", outcome=Outcome.REVERTED),
        line(3, rule="won", property_name=STATUS),
    ]
    audit.append(session, PORTAL, lines)
    assert _minutes(session, rule="won") == [1, 2, 3]
    assert _minutes(session, outcome=Outcome.REVERTED) == [2]
    assert _minutes(session, property_name=STATUS) == [3]
    assert _minutes(session, rule="won", property_name=STAGE, outcome=Outcome.APPLIED) == [1]


def test_what_ended_since_a_time_is_counted_by_outcome_each_property_once(session: Session) -> None:
    ignored = [line(minute, outcome=Outcome.IGNORED) for minute in (2, 3)]
    audit.append(session, PORTAL, [line(0), line(1), *ignored])
    assert audit.count(session, PORTAL, since=at(1)) == {Outcome.APPLIED: 1, Outcome.IGNORED: 1}


def test_the_lines_of_many_records_are_found_together(session: Session) -> None:
    audit.append(session, PORTAL, [line(0), line(1, record=company(1)), line(2)])
    told = list(audit.of_records(session, PORTAL, [contact(1), contact(7)]))
    assert [one.at for one in told] == [at(0), at(2)]


def test_with_a_limit_the_newest_lines_are_told_in_their_order(session: Session) -> None:
    audit.append(session, PORTAL, [line(minutes) for minutes in range(12)])
    assert _minutes(session, limit=3) == [9, 10, 11]


def test_the_chain_holds_and_ends_in_the_last_hash(written: Store) -> None:
    with written.reading() as session:
        head = list(audit.read(session, PORTAL))[-1].hash
        assert audit.verify(session, PORTAL) == Intact(lines=3, head=head)


def test_each_portal_has_its_own_chain(written: Store) -> None:
    with written.begin() as session:
        audit.append(session, OTHER_PORTAL, [line(0)])
        verdict = audit.verify(session, OTHER_PORTAL)
        assert isinstance(verdict, Intact)
        assert verdict.lines == 1
        assert len(list(audit.read(session, PORTAL))) == 3


def test_equal_lines_have_unequal_seals(session: Session) -> None:
    audit.append(session, PORTAL, [line(0), line(0)])
    seals = session.scalars(text("SELECT seal FROM audit")).all()
    assert len(set(seals)) == 2


def test_the_salt_may_be_given(session: Session) -> None:
    audit.append(session, PORTAL, [line(0), line(0)], salt=lambda length: b"s" * length)
    assert len(set(session.scalars(text("SELECT seal FROM audit")))) == 1
    assert isinstance(audit.verify(session, PORTAL), Intact)


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
    intruder: sqlite3.Connection, statement: str
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="the audit is append-only"):
        intruder.execute(statement)


def test_the_program_cannot_change_a_line_either(written: Store) -> None:
    with pytest.raises(IntegrityError, match="append-only"), written.begin() as session:
        session.execute(text("DELETE FROM audit"))


# Words that the program could read: what no byte of them must be changed to.
_OTHER_WORDS = {"object_type": "companies", "outcome": "refused", "place": 9}


@pytest.mark.parametrize("column", [one.name for one in SQLModel.metadata.tables["audit"].columns])
def test_one_changed_byte_in_any_column_of_the_table_is_found(
    written: Store, intruder: sqlite3.Connection, column: str
) -> None:
    intruder.execute("DROP TRIGGER audit_refuses_update")
    stored = intruder.execute(f'SELECT "{column}" FROM audit WHERE place = 2').fetchone()[0]
    values = [_OTHER_WORDS.get(column, _with_one_byte_changed(stored))]
    intruder.execute(f'UPDATE audit SET "{column}" = ? WHERE place = 2', values)
    with written.reading() as session:
        verdict = audit.verify(session, PORTAL)
    assert isinstance(verdict, Broken)
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
    written: Store, intruder: sqlite3.Connection, statement: str
) -> None:
    intruder.execute("DROP TRIGGER audit_refuses_update")
    intruder.execute("DROP TRIGGER audit_refuses_delete")
    intruder.execute(statement)
    with written.reading() as session:
        verdict = audit.verify(session, PORTAL)
    assert isinstance(verdict, Broken)
    assert verdict.row == 2


def test_a_cut_tail_shows_in_the_head(written: Store, intruder: sqlite3.Connection) -> None:
    with written.reading() as session:
        before = audit.verify(session, PORTAL)
    intruder.execute("DROP TRIGGER audit_refuses_delete")
    intruder.execute("DELETE FROM audit WHERE place = 3")
    with written.reading() as session:
        after = audit.verify(session, PORTAL)
    assert isinstance(before, Intact)
    assert isinstance(after, Intact)
    assert (after.lines, after.head != before.head) == (2, True)


def test_a_redacted_line_has_lost_its_values_while_the_chain_holds(
    written: Store, intruder: sqlite3.Connection
) -> None:
    intruder.execute(REDACT)
    with written.begin() as session:
        audit.append(session, PORTAL, [line(9)])
        told = list(audit.read(session, PORTAL))
        assert isinstance(audit.verify(session, PORTAL), Intact)
    assert replace(told[1], hash="") == line(1, before="", after="", redacted=True)


def _with_one_byte_changed(stored: str | int | bytes) -> str | int | bytes:
    if isinstance(stored, int):
        return stored ^ 1
    if isinstance(stored, bytes):
        return bytes([stored[0] ^ 1]) + stored[1:]
    return chr(ord(stored[0]) ^ 1) + stored[1:]


def _minutes(session: Session, **which: object) -> list[int]:
    told = audit.read(session, PORTAL, **which)  # type: ignore[arg-type]  # the test names them
    return [round((one.at - at(0)).total_seconds() / 60) for one in told]
