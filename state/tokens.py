"""Remember secrets that change while the daemon runs; what is stored is sealed by whoever asks."""

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
    """The portal is 0 where it is not known yet whose the secret is."""

    __tablename__ = "tokens"

    portal_id: int = number_key()
    name: str = text_key()
    sealed: str = text()
    at: int = number()


_TABLE: Final = table_of(_Row)


def get(session: Transaction, name: str) -> str | None:
    """Return what is stored, sealed as it was put."""
    conditions = (_TABLE.c.portal_id == int(session.portal_id), _TABLE.c.name == name)
    return session.scalar(select(_TABLE.c.sealed).where(*conditions))


def put(session: Transaction, name: str, sealed: str, *, at: datetime) -> None:
    """Store a sealed secret in place of the one before."""
    row = {"portal_id": int(session.portal_id), "name": name, "sealed": sealed, "at": to_millis(at)}
    upsert(session, _TABLE, [row])
