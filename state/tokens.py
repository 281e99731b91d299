"""Store secrets that change while the daemon runs; the caller encrypts them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select

from state.db.columns import define_table, number, number_key, text, text_key
from state.db.timestamps import to_millis
from state.db.transaction import Transaction
from state.db.upsert import upsert

# The portal is 0 while the portal of the secret is not known yet.
_TABLE: Final = define_table(
    "tokens",
    number_key("portal_id"),
    text_key("name"),
    text("sealed"),
    number("at"),
)


def get(session: Transaction, name: str) -> str | None:
    """Return the stored secret, encrypted as `put` received it; None where there is none."""
    conditions = (_TABLE.c.portal_id == session.portal_key, _TABLE.c.name == name)
    return session.scalar(select(_TABLE.c.sealed).where(*conditions))


def put(session: Transaction, name: str, sealed: str, *, at: datetime) -> None:
    """Store an encrypted secret; it replaces the one before."""
    row = {"portal_id": session.portal_key, "name": name, "sealed": sealed, "at": to_millis(at)}
    upsert(session, _TABLE, [row])
