"""Remember how far each reading has come."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from state.db.columns import number_key, table_of, text, text_key
from state.db.encoding import canonical_json, parse_json
from state.db.upsert import upsert


class _Row(SQLModel, table=True):
    __tablename__ = "checkpoints"

    portal_id: int = number_key()
    name: str = text_key()
    value: str = text()


_TABLE: Final = table_of(_Row)


def get(session: Session, portal_id: str, name: str) -> Any:
    """Return the JSON value stored under that name, None where there is none."""
    conditions = (_TABLE.c.portal_id == int(portal_id), _TABLE.c.name == name)
    stored = session.scalar(select(_TABLE.c.value).where(*conditions))
    return None if stored is None else parse_json(stored)


def put(session: Session, portal_id: str, name: str, value: Any) -> None:
    """Store a JSON value, in the same transaction as the records that it stands for."""
    row = {"portal_id": int(portal_id), "name": name, "value": canonical_json(value)}
    upsert(session, _TABLE, [row])
