"""Store small JSON values under a name; each user keeps its own typed value and codec."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select
from sqlmodel import SQLModel

from state.db.columns import number_key, table_of, text, text_key
from state.db.encoding import canonical_json, parse_json
from state.db.transaction import Transaction
from state.db.upsert import upsert


class _Row(SQLModel, table=True):
    __tablename__ = "checkpoints"

    portal_id: int = number_key()
    name: str = text_key()
    value: str = text()


_TABLE: Final = table_of(_Row)


def get(session: Transaction, name: str) -> Any:
    """Return the JSON value stored under that name, None where there is none."""
    conditions = (_TABLE.c.portal_id == session.portal_key, _TABLE.c.name == name)
    stored = session.scalar(select(_TABLE.c.value).where(*conditions))
    return None if stored is None else parse_json(stored)


def portals_with(session: Transaction, name: str) -> tuple[str, ...]:
    """Return the ids of the portals that have a value under that name, in ascending order."""
    query = select(_TABLE.c.portal_id).where(_TABLE.c.name == name).order_by(_TABLE.c.portal_id)
    return tuple(str(portal_id) for portal_id in session.scalars(query))


def put(session: Transaction, name: str, value: Any) -> None:
    """Store a JSON value, in the transaction of the records that it describes."""
    row = {"portal_id": session.portal_key, "name": name, "value": canonical_json(value)}
    upsert(session, _TABLE, [row])
