"""One transaction on what is remembered of one portal."""

from __future__ import annotations

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session


class Transaction(Session):
    """A session that knows its portal: every statement of the store is about that one alone."""

    def __init__(self, bind: Engine | Connection, portal_id: str) -> None:
        super().__init__(bind)
        self.portal_id = portal_id
