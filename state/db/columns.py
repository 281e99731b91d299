"""Define tables, and the kinds of columns that they share."""

from __future__ import annotations

from typing import Final, TypeVar

from sqlalchemy import BigInteger, Column, MetaData, Table, Text
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

_T = TypeVar("_T")

METADATA: Final = MetaData()
"""Every table that was defined so far; `state.all_tables` defines them all."""


def define_table(name: str, *items: SchemaItem) -> Table:
    """Return a new table of these columns, indexes and constraints."""
    table = Table(name, METADATA, *items)
    for table_column in table.columns:
        # SQLAlchemy keeps names in a class of its own, which orjson refuses as keys of rows.
        table_column.name = str(table_column.name)
    return table


def column(name: str, kind: TypeEngine[_T], *, nullable: bool = False) -> Column[_T]:
    """Return a column of any type."""
    return Column(name, kind, nullable=nullable)


def number_key(name: str) -> Column[int]:
    """Return a number column of the primary key; HubSpot's ids exceed 32 bits."""
    # Without this, PostgreSQL makes a single-column key a serial and counts it up by itself.
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def text_key(name: str) -> Column[str]:
    """Return a text column of the primary key."""
    return Column(name, Text, primary_key=True)


def number(name: str, *, nullable: bool = False) -> Column[int]:
    """Return a 64-bit number column: an id, or a time in milliseconds since 1970 (UTC)."""
    return column(name, BigInteger(), nullable=nullable)


def text(name: str, *, nullable: bool = False) -> Column[str]:
    """Return a text column of any length; JSON is stored as canonical text."""
    return column(name, Text(), nullable=nullable)
