"""Store which rules were introduced in a portal: reviewed by a person before they went on alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlmodel import SQLModel

from state.db.columns import number, number_key, table_of, text, text_key
from state.db.timestamps import to_millis
from state.db.transaction import Transaction
from state.db.upsert import insert_missing


class _Row(SQLModel, table=True):
    """A rule or lead-status row by its name; `run` is the run of the reviewed plan."""

    __tablename__ = "introduced_rules"

    portal_id: int = number_key()
    rule: str = text_key()
    run: str = text()
    at: int = number()


_TABLE: Final = table_of(_Row)


def add(session: Transaction, rules: Iterable[str], *, run: str, at: datetime) -> None:
    """Introduce rules; a rule that is introduced already keeps its first run and time."""
    rows = [
        {"portal_id": session.portal_key, "rule": rule, "run": run, "at": to_millis(at)}
        for rule in sorted(set(rules))
    ]
    insert_missing(session, _TABLE, rows)


def read(session: Transaction) -> frozenset[str]:
    """Return the names of the introduced rules."""
    query = select(_TABLE.c.rule).where(_TABLE.c.portal_id == session.portal_key)
    return frozenset(session.scalars(query))
