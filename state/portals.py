"""Store each portal's account, definitions and pipelines as they were last read."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlmodel import SQLModel

from connector.core.model import Portal
from state.db.columns import number, number_key, table_of, text
from state.db.encoding import canonical_json
from state.db.timestamps import to_millis
from state.db.transaction import Transaction
from state.db.upsert import upsert


class _Row(SQLModel, table=True):
    __tablename__ = "portals"

    portal_id: int = number_key()
    portal: str = text()
    digest: str = text()
    seen_at: int = number()


_TABLE: Final = table_of(_Row)
_PORTAL: Final = TypeAdapter(Portal)


def digest(portal: Portal) -> str:
    """Return the digest of a portal's account, definitions and pipelines."""
    return hashlib.sha256(_portal_json(portal).encode()).hexdigest()


def save(session: Transaction, portal: Portal, at: datetime) -> bool:
    """Store a portal; return whether it is new or differs from the stored one."""
    row = {
        "portal_id": int(portal.account.portal_id),
        "portal": _portal_json(portal),
        "digest": digest(portal),
        "seen_at": to_millis(at),
    }
    digest_query = select(_TABLE.c.digest).where(_TABLE.c.portal_id == row["portal_id"])
    known_digest = session.scalar(digest_query)
    upsert(session, _TABLE, [row])
    return known_digest != row["digest"]


def load(session: Transaction) -> Portal | None:
    """Return the portal as it was last read, None where it never was."""
    query = select(_TABLE.c.portal).where(_TABLE.c.portal_id == session.portal_key)
    stored = session.scalar(query)
    return None if stored is None else _PORTAL.validate_json(stored)


def ids(session: Transaction) -> tuple[str, ...]:
    """Return the ids of the stored portals, in ascending order."""
    query = select(_TABLE.c.portal_id).order_by(_TABLE.c.portal_id)
    return tuple(str(portal_id) for portal_id in session.scalars(query))


def _portal_json(portal: Portal) -> str:
    return canonical_json(_PORTAL.dump_python(portal, mode="json"))
