"""Represent one transaction on the data of one portal."""

from __future__ import annotations

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session


class Transaction(Session):
    """A database session that knows its portal; every statement of the store concerns it alone.

    `portal_id` is "" in a transaction across all portals, which therefore has no `portal_key`.
    """

    def __init__(
        self, bind: Engine | Connection, portal_id: str, *, fence: int | None = None
    ) -> None:
        super().__init__(bind)
        self.portal_id = portal_id
        self.fence = fence
        """The number of the writer's lock that its process holds; None: nothing to compare."""

    @property
    def portal_key(self) -> int:
        """Return the portal's id as the key columns hold it."""
        return int(self.portal_id)
