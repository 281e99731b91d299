"""Number the writers of a portal, so that a replaced writer can commit nothing more.

A writer's lock on PostgreSQL ends with its connection, and a process may outlive that: cut off
from the network, or stopped and continued. The next writer takes a higher number, and each
transaction that touches the outbox compares its own with the newest one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import ColumnElement, Connection, select
from sqlmodel import SQLModel

from state.db.columns import number, number_key, table_of
from state.db.locks import Busy
from state.db.transaction import Transaction
from state.db.upsert import Columns, upsert_statement


class _Fence(SQLModel, table=True):
    __tablename__ = "writer_fences"

    portal_id: int = number_key()
    fence: int = number()


FENCES: Final = table_of(_Fence)


class WriterReplaced(Busy):
    """Another process became the writer of this portal while this one was cut off."""


def take_over(connection: Connection, portal_id: str) -> int:
    """Return the number of a new writer: higher than any before."""
    row = {"portal_id": int(portal_id), "fence": 1}
    statement = upsert_statement(connection.dialect.name, FENCES, None, _next_fence)
    fence: int = connection.execute(statement.returning(FENCES.c.fence), row).scalar_one()
    return fence


def refuse_replaced_writer(session: Transaction) -> None:
    """Raise WriterReplaced where a newer writer has taken over since this one began.

    The row stays locked until the transaction ends, so that nobody can take over between
    this look and the commit.
    """
    if session.fence is None:
        return
    query = select(FENCES.c.fence).where(FENCES.c.portal_id == int(session.portal_id))
    if session.scalar(query.with_for_update(read=True)) != session.fence:
        raise WriterReplaced(
            f"another connector became the writer of portal {session.portal_id} while this one was "
            "cut off from the database: it stores nothing more of this run, and the other one "
            "finishes what was open"
        )


def _next_fence(old: Columns, _new: Columns) -> Mapping[str, ColumnElement[int]]:
    return {"fence": old.fence + 1}
