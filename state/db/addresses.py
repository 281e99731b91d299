"""Read the address of a database."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit


def password_of(url: str) -> str | None:
    """Return the password in the address of a database, None where it has none.

    >>> password_of("postgresql+psycopg://crm:p%40ss@db/connector")
    'p@ss'
    """
    try:
        password = urlsplit(url).password
    except ValueError:  # it is no address at all: opening it says so
        return None
    return unquote(password) if password else None


def driver_url(url: str) -> str:
    """Return the address of a PostgreSQL database as its driver itself takes it.

    >>> driver_url("postgresql+psycopg://crm@db/connector")
    'postgresql://crm@db/connector'
    """
    return "postgresql" + url.removeprefix("postgresql").removeprefix("+psycopg")
