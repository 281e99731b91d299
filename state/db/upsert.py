"""Insert or update rows in bulk, in the SQL of each database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import ColumnElement, Dialect, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.compiler import SQLCompiler

from state.db.transaction import Transaction

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

Columns = ReadOnlyColumnCollection[str, Any]
Condition = Callable[[Columns, Columns], ColumnElement[bool]]
Overrides = Callable[[Columns, Columns], Mapping[str, ColumnElement[Any]]]
Insert: TypeAlias = "sqlite.Insert | postgresql.Insert"
Row = Mapping[str, Any]


def _insert(dialect: str, table: Table) -> Insert:
    """Return an insert of a dialect; PostgreSQL's is loaded where it is used: it takes a while."""
    if dialect == "sqlite":
        return sqlite.insert(table)
    if dialect != "postgresql":
        raise KeyError(dialect)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def upsert(
    session: Transaction,
    table: Table,
    rows: Sequence[Row],
    *,
    only_if: Condition | None = None,
    overrides: Overrides | None = None,
) -> None:
    """Insert rows; where a key exists already, overwrite its other columns.

    `only_if` returns the condition, on the old and the new columns, for a row to be changed at all.
    `overrides` returns the columns that get another value than the new one. Both must be functions
    of a module and not lambdas: the statement is cached for each of them.
    """
    if rows:
        _execute(session, upsert_statement(session.dialect_name, table, only_if, overrides), rows)


def insert_missing(session: Transaction, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows; where a key exists already, leave its row unchanged."""
    if rows:
        _execute(session, insert_missing_statement(session.dialect_name, table), rows)


@cache
def upsert_statement(
    dialect: str, table: Table, only_if: Condition | None = None, overrides: Overrides | None = None
) -> Insert:
    """Return the statement that `upsert` executes."""
    insert = _insert(dialect, table)
    old, new = table.c, insert.excluded
    values = {column.name: new[column.name] for column in table.c if not column.primary_key}
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={**values, **(overrides(old, new) if overrides else {})},
        where=only_if(old, new) if only_if else None,
    )


@cache
def insert_missing_statement(dialect: str, table: Table) -> Insert:
    """Return the statement behind `insert_missing`."""
    return _insert(dialect, table).on_conflict_do_nothing(index_elements=list(table.primary_key))


def _execute(session: Transaction, statement: Insert, rows: Sequence[Row]) -> None:
    """Pass rows to the driver as tuples where it takes parameters by position.

    SQLAlchemy needs 4 µs to prepare a row's parameters, as long as SQLite needs to store it.
    """
    connection = session.connection()
    compiled = _compile(connection.dialect, statement)
    if compiled.positiontup:
        parameters_of = itemgetter(*compiled.positiontup)
        connection.exec_driver_sql(str(compiled), [parameters_of(row) for row in rows])
    else:
        connection.execute(statement, rows)


@lru_cache(maxsize=64)
def _compile(dialect: Dialect, statement: Insert) -> SQLCompiler:
    return statement.compile(dialect=dialect)
