"""Copy all rows of one portal from one database to another, on whatever engines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Table, delete, func, insert, select

from state import audit
from state.all_tables import METADATA
from state.db.shared_rate_slots import RATE_SLOTS
from state.db.transaction import Transaction
from state.db.upsert import insert_missing
from state.db.writer_fences import FENCES

NO_PORTAL: Final = "0"
"""The key of rows that belong to no portal: the tokens of OAuth apps."""

_BATCH: Final = 5000
_AUDIT: Final = METADATA.tables["audit"]
_CUTS: Final = METADATA.tables["audit_cuts"]
_NEVER_COPIED: Final = (
    # They are about processes that use the database now, not about the portal.
    FENCES,
    RATE_SLOTS,
    # These have an order of their own, below.
    _AUDIT,
    _CUTS,
)
_TABLES: Final = tuple(table for table in METADATA.sorted_tables if table not in _NEVER_COPIED)


def portal_ids(session: Transaction) -> tuple[str, ...]:
    """Return every portal that has a row anywhere, `NO_PORTAL` included, in the order of ids."""
    ids: set[int] = set()
    for table in (*_TABLES, _AUDIT):
        ids.update(session.scalars(select(table.c.portal_id).distinct()))
    return tuple(str(portal_id) for portal_id in sorted(ids))


def count_rows(session: Transaction) -> dict[str, int]:
    """Count the rows of a portal in each table that is copied."""
    return {table.name: _count(session, table) for table in (*_TABLES, _AUDIT, _CUTS)}


def copy_portal(source: Transaction, target: Transaction) -> None:
    """Copy the rows of a portal into a database that has none of it.

    Both transactions are of that portal. The caller makes sure that the target is empty of it
    (`count_rows`), since a portal's audit is one chain and cannot be joined to another.
    """
    for table in _TABLES:
        for rows in _read_batches(source, table):
            target.execute(insert(table), rows)
    _copy_audit(source, target)


def copy_app_tokens(source: Transaction, target: Transaction) -> None:
    """Copy the sealed tokens of OAuth apps; one that the target has already stays as it is."""
    tokens = METADATA.tables["tokens"]
    for rows in _read_batches(source, tokens):
        insert_missing(target, tokens, rows)


def same_audit(source: Transaction, target: Transaction) -> bool:
    """Return whether both chains hold, go on from the same cut and end in the same line."""
    return audit.verify(source) == audit.verify(target)


def _copy_audit(source: Transaction, target: Transaction) -> None:
    """Copy cuts and lines; the triggers of the target hold, so it is done as the audit is made."""
    for cut in source.execute(_of_portal(source, _CUTS).order_by(_CUTS.c.place)).mappings():
        # A cut may be noted only at a line that is there, and the line may be deleted only after
        # that. It lies in the archive; here stands for it a line with nothing but its hash.
        target.execute(insert(_AUDIT), [_last_line_of_cut(cut)])
        target.execute(insert(_CUTS), [dict(cut)])
        of_cut = (_AUDIT.c.portal_id == target.portal_key, _AUDIT.c.place <= cut["place"])
        target.execute(delete(_AUDIT).where(*of_cut))
    for rows in _read_batches(source, _AUDIT):
        target.execute(insert(_AUDIT), rows)


def _last_line_of_cut(cut: Mapping[Any, Any]) -> dict[str, Any]:
    names = [column.name for column in _AUDIT.c if not column.nullable]
    return dict.fromkeys(names, "") | {
        "portal_id": cut["portal_id"],
        "place": cut["place"],
        "hash": cut["hash"],
        "at": cut["latest"],
        "object_id": 0,
    }


def _read_batches(session: Transaction, table: Table) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a portal in the order of their keys, which for the audit is the chain's."""
    query = _of_portal(session, table).order_by(*table.primary_key)
    rows = session.execute(query.execution_options(yield_per=_BATCH)).mappings()
    for batch in rows.partitions():
        yield [dict(row) for row in batch]


def _of_portal(session: Transaction, table: Table) -> Any:
    return select(table).where(table.c.portal_id == session.portal_key)


def _count(session: Transaction, table: Table) -> int:
    query = select(func.count()).select_from(table)
    return session.execute(query.where(table.c.portal_id == session.portal_key)).scalar_one()
