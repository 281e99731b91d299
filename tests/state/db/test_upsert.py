"""The upsert has a statement for each supported database."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.dialects import postgresql

from state.all_tables import METADATA
from state.db.transaction import Transaction
from state.db.upsert import insert_missing, upsert, upsert_statement
from state.mirror import TABLE, is_newer


def test_postgresql_is_asked_in_its_own_words() -> None:
    statement = upsert_statement("postgresql", TABLE, is_newer)
    sql = str(statement.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]  # SQLAlchemy's
    assert "ON CONFLICT (portal_id, object_type, object_id) DO UPDATE SET" in sql
    assert "WHERE excluded.modified_at >= mirror.modified_at" in sql


def test_no_rows_are_no_statement() -> None:
    with create_engine("sqlite://").begin() as connection:
        session = Transaction(connection, "4711")
        upsert(session, TABLE, [])
        insert_missing(session, TABLE, [])


def test_a_driver_that_takes_values_by_name_gets_them_so() -> None:
    engine = create_engine("sqlite://", paramstyle="named")
    row = {"portal_id": 4711, "name": "contacts", "value": "1"}
    with engine.begin() as connection:
        session = Transaction(connection, "4711")
        table = METADATA.tables["checkpoints"]
        table.create(connection)
        upsert(session, table, [row])
        upsert(session, table, [{**row, "value": "2"}])
        assert session.execute(select(table)).all() == [(4711, "contacts", "2")]
    engine.dispose()


def test_an_unknown_database_is_our_bug() -> None:
    with pytest.raises(KeyError):
        upsert_statement("oracle", TABLE)
