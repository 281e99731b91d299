"""Create the tables of webhook events and of refreshed tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def create() -> None:
    """Create both tables."""
    _inbox()
    op.create_table(
        "tokens",
        *(_number("portal_id"), _text("name"), _text("sealed"), _number("at")),
        sa.PrimaryKeyConstraint("portal_id", "name"),
    )


def _inbox() -> None:
    op.create_table(
        "inbox",
        *(_number("portal_id"), _text("event_key"), _text("object_type")),
        *(_number(name) for name in ("object_id", "links", "at", "received_at")),
        sa.Column("seen_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("portal_id", "event_key"),
    )
    where = sa.text("seen_at IS NULL")
    op.create_index(
        "inbox_waiting",
        "inbox",
        ["portal_id", "received_at"],
        sqlite_where=where,
        postgresql_where=where,
    )


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)
