"""Represent one transaction on the data of one portal."""

from __future__ import annotations

from sqlalchemy import Connection


class Transaction:
    """A transaction that knows its portal; every statement of the store concerns it alone.

    `portal_id` is "" in a transaction across all portals, which therefore has no `portal_key`.
    Whoever began the transaction on the connection ends it.
    """

    def __init__(self, connection: Connection, portal_id: str, *, fence: int | None = None) -> None:
        self._connection = connection
        self.portal_id = portal_id
        self.fence = fence
        """The number of the writer's lock that its process holds; None: nothing to compare."""
        self.execute = connection.execute
        self.scalars = connection.scalars
        self.scalar = connection.scalar

    @property
    def portal_key(self) -> int:
        """Return the portal's id as the key columns hold it."""
        return int(self.portal_id)

    @property
    def dialect_name(self) -> str:
        """Return the database's kind: `sqlite` or `postgresql`."""
        return self._connection.dialect.name

    def connection(self) -> Connection:
        """Return the connection that the transaction runs on."""
        return self._connection
