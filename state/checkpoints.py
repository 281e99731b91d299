"""Store small JSON values under a name; each user keeps its own typed value and codec."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import bindparam, select
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
# Built once: a cycle of the daemon reads a dozen checkpoints, and to build one costs more than
# to read one.
_VALUES: Final = select(_TABLE.c.name, _TABLE.c.value).where(
    _TABLE.c.portal_id == bindparam("portal_key"),
    _TABLE.c.name.in_(bindparam("names", expanding=True)),
)


def get(session: Transaction, name: str) -> Any:
    """Return the JSON value stored under that name, None where there is none."""
    return get_all(session, [name]).get(name)


def get_all(session: Transaction, names: Iterable[str]) -> dict[str, Any]:
    """Return the JSON values stored under some names, without those that have none."""
    parameters = {"portal_key": session.portal_key, "names": list(names)}
    rows = session.execute(_VALUES, parameters)
    return {name: parse_json(value) for name, value in rows}


def portals_with(session: Transaction, name: str) -> tuple[str, ...]:
    """Return the ids of the portals that have a value under that name, in ascending order."""
    query = select(_TABLE.c.portal_id).where(_TABLE.c.name == name).order_by(_TABLE.c.portal_id)
    return tuple(str(portal_id) for portal_id in session.scalars(query))


def put(session: Transaction, name: str, value: Any) -> None:
    """Store a JSON value, in the transaction of the records that it describes."""
    row = {"portal_id": session.portal_key, "name": name, "value": canonical_json(value)}
    upsert(session, _TABLE, [row])
