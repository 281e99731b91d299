"""Convert record names to key columns and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    Table,
    any_,
    bindparam,
    literal,
    text,
)

from connector.core.model import ObjectType, Ref
from state.db.transaction import Transaction

# Far below SQLite's 32,766 and PostgreSQL's 65,535 parameters, and large enough that the
# cost of a statement does not matter.
_CHUNK: Final = 1000
_TYPES: Final = {object_type.value: object_type for object_type in ObjectType}

RefChunk = tuple[ObjectType, list[int]]


def chunk_refs(refs: Iterable[Ref]) -> Iterator[RefChunk]:
    """Yield each record once, as chunks of at most 1,000 ids of one type, ordered by id."""
    by_type: dict[ObjectType, set[int]] = defaultdict(set)
    for ref in refs:
        by_type[ref.object_type].add(int(ref.id))
    for object_type, ids in by_type.items():
        ordered = sorted(ids)
        for start in range(0, len(ordered), _CHUNK):
            yield object_type, ordered[start : start + _CHUNK]


def chunk_conditions(
    session: Transaction, table: Table, chunk: RefChunk
) -> Sequence[ColumnElement[bool]]:
    """Return the conditions that select a chunk of records from a table keyed by record."""
    object_type, ids = chunk
    return (
        table.c.portal_id == session.portal_key,
        table.c.object_type == object_type.value,
        is_any(session, table.c.object_id, ids),
    )


def is_any(
    session: Transaction, column: ColumnElement[Any], ids: Sequence[int]
) -> ColumnElement[bool]:
    """Return the condition that a column is one of these ids, which are one parameter.

    A list of a thousand parameters costs SQLAlchemy ten times what the database needs for it.

    https://www.sqlite.org/json1.html#jeach, and for PostgreSQL
    https://www.postgresql.org/docs/current/functions-comparisons.html, "ANY/SOME (array)".
    """
    if session.dialect_name == "sqlite":
        ids_text: BindParameter[str] = bindparam("ids", orjson.dumps(ids).decode(), unique=True)
        return column.in_(text("SELECT value FROM json_each(:ids)").bindparams(ids_text))
    return column == any_(literal(list(ids), ARRAY(BigInteger)))


def ref_of(object_type: str, object_id: int) -> Ref:
    """Return the name of the record with these key columns."""
    return Ref(_TYPES[object_type], str(object_id))
