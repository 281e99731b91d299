"""Define the kinds of columns that the tables share."""

from __future__ import annotations

from typing import Any, Final, cast

from sqlalchemy import BigInteger, MetaData, Table, Text, inspect
from sqlmodel import Field, SQLModel

METADATA: Final[MetaData] = SQLModel.metadata
"""Every table that was defined so far; `state.all_tables` defines them all."""


def number_key() -> Any:
    """Return a number column of the primary key; HubSpot's ids exceed 32 bits."""
    # Without this, PostgreSQL makes a single-column key a serial and counts it up by itself.
    return Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})


def text_key() -> Any:
    """Return a text column of the primary key."""
    return Field(primary_key=True, sa_type=Text)


def number(**options: Any) -> Any:
    """Return a 64-bit number column: an id, or a time in milliseconds since 1970 (UTC)."""
    return Field(sa_type=BigInteger, **options)


def text(**options: Any) -> Any:
    """Return a text column of any length; JSON is stored as canonical text."""
    return Field(sa_type=Text, **options)


def table_of(row: type[SQLModel]) -> Table:
    """Return the table of a row class; bulk statements use it directly."""
    return cast(Table, inspect(row).local_table)
