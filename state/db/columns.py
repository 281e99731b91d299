"""Name the kinds of columns that every table is made of."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import BigInteger, Table, Text, inspect
from sqlmodel import Field, SQLModel


def number_key() -> Any:
    """Make an id or a place a part of the primary key; HubSpot's ids outgrow 32 bits."""
    # Never counted up by the database: PostgreSQL would make a lone one a serial.
    return Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})


def text_key() -> Any:
    """Make a text a part of the primary key."""
    return Field(primary_key=True, sa_type=Text)


def number(**options: Any) -> Any:
    """Make a 64-bit number: an id, or a moment in milliseconds."""
    return Field(sa_type=BigInteger, **options)


def text(**options: Any) -> Any:
    """Make a text of any length; JSON is stored as text as well, in its canonical form."""
    return Field(sa_type=Text, **options)


def table_of(row: type[SQLModel]) -> Table:
    """Return the table behind a row class: bulk work goes to it directly."""
    return cast(Table, inspect(row).local_table)
