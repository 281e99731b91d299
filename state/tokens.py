"""Store secrets that change while the daemon runs; the caller encrypts them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlmodel import SQLModel

from state.db.columns import number, number_key, table_of, text, text_key
from state.db.timestamps import to_millis
from state.db.transaction import Transaction
from state.db.upsert import upsert


class _Row(SQLModel, table=True):
    """The portal is 0 while the portal of the secret is not known yet."""

    __tablename__ = "tokens"

    portal_id: int = number_key()
    name: str = text_key()
    sealed: str = text()
    at: int = number()


_TABLE: Final = table_of(_Row)


def get(session: Transaction, name: str) -> str | None:
    """Return the stored secret, encrypted as `put` received it; None where there is none."""
    conditions = (_TABLE.c.portal_id == session.portal_key, _TABLE.c.name == name)
    return session.scalar(select(_TABLE.c.sealed).where(*conditions))


def put(session: Transaction, name: str, sealed: str, *, at: datetime) -> None:
    """Store an encrypted secret; it replaces the one before."""
    row = {"portal_id": session.portal_key, "name": name, "sealed": sealed, "at": to_millis(at)}
    upsert(session, _TABLE, [row])
