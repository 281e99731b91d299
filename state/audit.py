"""Store the audit: an append-only list of lines, each chained to the line before by its hash.

Triggers of the database (`state/migrations/append_only.py`) refuse every change of a line except
the redaction of its two values and the deletion of lines that were cut into an archive
(`state/audit_cuts.py`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, TypedDict, Unpack

from sqlalchemy import (
    ColumnElement,
    Index,
    Select,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DatabaseError
from sqlmodel import SQLModel

from connector.core.corrections.audit import (
    AuditCut,
    AuditLine,
    BrokenChain,
    ChainCheck,
    IntactChain,
    line_hash,
    values_digest,
)
from connector.core.model import Outcome, Ref
from state import audit_cuts, merged_records
from state.db.columns import number, number_key, table_of, text
from state.db.keys import chunk_conditions, chunk_refs, ref_of
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction


class _Row(SQLModel, table=True):
    """The salt is redacted with the values: without it the seal reveals nothing about them."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_record", "portal_id", "object_type", "object_id"),
        Index("audit_run", "portal_id", "run"),
        Index("audit_at", "portal_id", "at"),
    )

    portal_id: int = number_key()
    place: int = number_key()
    at: int = number()
    run: str = text()
    object_type: str = text()
    object_id: int = number()
    property_name: str = text()
    before: str | None = text()
    after: str | None = text()
    rule: str = text()
    policy: str = text()
    outcome: str = text()
    correlation_id: str = text()
    salt: bytes | None
    seal: str = text()
    hash: str = text()


TABLE: Final = table_of(_Row)
_C: Final = TABLE.c
_NOT_CHAINED: Final = frozenset({"before", "after", "salt", "hash"})
_CHAINED_COLUMNS: Final = tuple(column.name for column in _C if column.name not in _NOT_CHAINED)
_PAGE: Final = 1000
UNREADABLE: Final = (AttributeError, KeyError, OverflowError, TypeError, ValueError)
"""What reading a changed line raises: no such type, time or outcome, or bytes in place of text."""
StoredLine = Mapping[Any, Any]
"""A line by column name, with the hash, seal and salt that prove it."""


def append(
    session: Transaction,
    lines: Sequence[AuditLine],
    *,
    salt: Callable[[int], bytes] = secrets.token_bytes,
) -> None:
    """Append lines; each line's hash is computed here from its content and the hash before."""
    last = head(session)
    rows, hash_ = [], last.last_hash
    for place, line in enumerate(lines, start=last.line_count + 1):
        row = _row(session, place, line, salt(16))
        row["hash"] = hash_ = line_hash(hash_, _chained_content(row))
        rows.append(row)
    if rows:
        session.execute(insert(TABLE), rows)


class LineFilter(TypedDict, total=False):
    """Conditions on lines; an absent or None value selects all. `until` itself is excluded."""

    record: Ref | None
    run: str | None
    since: datetime | None
    until: datetime | None
    rule: str | None
    outcome: Outcome | None
    property_name: str | None


def read(
    session: Transaction, *, limit: int | None = None, **filters: Unpack[LineFilter]
) -> Iterator[AuditLine]:
    """Yield lines, oldest first; with `limit` only the newest `limit` lines.

    The lines of a merged record are selected by its old ids as well as by the survivor's.
    """
    query = select(TABLE).where(_C.portal_id == session.portal_key)
    for name, value in filters.items():
        if value is not None:
            query = query.where(*_filter_conditions(session, name, value))
    yield from map(_line, _stream(session, _limit_to_newest(query, limit)))


def read_after(session: Transaction, place: int, *, limit: int) -> list[tuple[int, AuditLine]]:
    """Return the next lines after a place, oldest first, each with its own place."""
    query = (
        select(TABLE)
        .where(_C.portal_id == session.portal_key, _C.place > place)
        .order_by(_C.place)
        .limit(limit)
    )
    return [(row["place"], _line(row)) for row in session.execute(query).mappings()]


def read_of_records(session: Transaction, records: Iterable[Ref]) -> Iterator[AuditLine]:
    """Yield the lines of many records, ordered within each thousand records."""
    for chunk in chunk_refs(records):
        query = select(TABLE).where(*chunk_conditions(session, TABLE, chunk)).order_by(_C.place)
        yield from map(_line, _stream(session, query))


def hash_at(session: Transaction, place: int) -> str | None:
    """Return the hash of the line at this place, None where it is not in the database.

    The place 0 is before the first line; a place that a cut ends in has the cut's hash.
    """
    if place == 0:
        return ""
    conditions = (_C.portal_id == session.portal_key, _C.place == place)
    stored_hash: str | None = session.scalar(select(_C.hash).where(*conditions))
    if stored_hash is not None:
        return stored_hash
    cut = audit_cuts.at_place(session, place)
    return cut.hash if cut else None


def redact(session: Transaction, records: Iterable[Ref]) -> int:
    """Remove the values from the lines of these records; return the number of lines.

    The chain stays intact, because a line's hash covers the seal of its values and not the values.
    """
    redacted_lines = 0
    for chunk in chunk_refs(records):
        conditions = (*chunk_conditions(session, TABLE, chunk), _C.salt.is_not(None))
        blank = {"before": None, "after": None, "salt": None}
        result = session.connection().execute(update(TABLE).where(*conditions).values(blank))
        redacted_lines += result.rowcount
    return redacted_lines


def verify(session: Transaction) -> ChainCheck:
    """Follow the chain from its first line, or its last cut; tell its head, or what breaks it."""
    try:
        cut = audit_cuts.last(session)
    except UNREADABLE:
        return BrokenChain(row=1, line=None)
    lines, last_hash = (cut.position, cut.hash) if cut else (0, "")
    verdict = follow_chain(_stream_rows(session), lines=lines, head=last_hash)
    return verdict if isinstance(verdict, BrokenChain) else replace(verdict, cut=cut)


def follow_chain(rows: Iterable[StoredLine], *, lines: int, head: str) -> ChainCheck:
    """Check stored lines that continue a chain of `lines` lines with the hash `head`."""
    place = lines
    for place, row in enumerate(rows, start=lines + 1):
        try:
            head = line_hash(head, _chained_content(row))
            is_intact = row["hash"] == head and _is_sealed(row)
        except UNREADABLE:
            is_intact = False
        if not is_intact:
            return BrokenChain(row=place, line=_readable_line(row))
    return IntactChain(line_count=place, last_hash=head)


def _stream_rows(session: Transaction) -> Iterator[StoredLine]:
    """Yield the rows in their order; {} stands for one whose text is no UTF-8, and ends them."""
    query = select(TABLE).where(_C.portal_id == session.portal_key).order_by(_C.place)
    last_place = 0
    try:
        for row in _stream(session, query):
            yield row
            last_place = row["place"]
    except DatabaseError as error:
        if not _is_undecodable(error):
            raise
        # Rows are fetched by the page: some of this page come before the one that is meant.
        yield from _rows_until_undecodable(session, last_place)


def _rows_until_undecodable(session: Transaction, place: int) -> Iterator[StoredLine]:
    """Yield the rows after a place one by one, and {} for the first that cannot be read."""
    while True:
        conditions = (_C.portal_id == session.portal_key, _C.place > place)
        query = select(TABLE).where(*conditions).order_by(_C.place).limit(1)
        try:
            row = session.execute(query).mappings().one()
        except DatabaseError:
            break
        yield row
        place = row["place"]
    yield {}


def _is_undecodable(error: DatabaseError) -> bool:
    """Return whether the driver met a text that is no UTF-8: SQLite itself stores any bytes."""
    return "decode to UTF-8" in str(error.orig)


def _readable_line(row: StoredLine) -> AuditLine | None:
    try:
        return _line(row)
    except UNREADABLE:
        return None


def read_stored(session: Transaction, *, until: int) -> Iterator[StoredLine]:
    """Yield the lines up to this place, with hash, seal and salt."""
    conditions = (_C.portal_id == session.portal_key, _C.place <= until)
    yield from _stream(session, select(TABLE).where(*conditions).order_by(_C.place))


def place_to_cut(session: Transaction, *, older_than: datetime, max_lines: int) -> int | None:
    """Return the last place of the oldest lines that may be cut, at most `max_lines` of them.

    None where the first line that is kept is not older.
    """
    cut = audit_cuts.last(session)
    cut_place, of_portal = (cut.position if cut else 0), _C.portal_id == session.portal_key
    first_young_query = select(func.min(_C.place)).where(of_portal, _C.at >= to_millis(older_than))
    first_kept = session.scalar(first_young_query) or head(session).line_count + 1
    place = min(first_kept - 1, cut_place + max_lines)
    return place if place > cut_place else None


def cut(session: Transaction, place: int, *, at: datetime, file: str) -> AuditCut:
    """Delete the lines up to this place, which `file` holds; the chain continues from there."""
    conditions = (_C.portal_id == session.portal_key, _C.place <= place)
    last_hash = select(_C.hash).where(_C.portal_id == session.portal_key, _C.place == place)
    latest = session.execute(select(func.max(_C.at)).where(*conditions)).scalar_one()
    new_cut = AuditCut(
        position=place,
        hash=session.execute(last_hash).scalar_one(),
        last_line_at=from_millis(latest),
        at=at,
        file=file,
    )
    audit_cuts.add(session, new_cut)
    session.execute(delete(TABLE).where(*conditions))
    return new_cut


def count_redacted(session: Transaction, *, until: int) -> int:
    """Count the redacted lines up to this place."""
    conditions = (_C.portal_id == session.portal_key, _C.place <= until, _C.salt.is_(None))
    return session.execute(select(func.count()).where(*conditions)).scalar_one()


def head(session: Transaction) -> IntactChain:
    """Return the number of lines and the last line's hash, without checking the chain."""
    query = select(_C.place, _C.hash).where(_C.portal_id == session.portal_key)
    last_line = session.execute(query.order_by(_C.place.desc()).limit(1)).one_or_none()
    cut = audit_cuts.last(session)
    lines, last_hash = last_line or ((cut.position, cut.hash) if cut else (0, ""))
    return IntactChain(line_count=lines, last_hash=last_hash, cut=cut)


def _filter_conditions(
    session: Transaction, name: str, value: object
) -> Sequence[ColumnElement[bool]]:
    """Return the conditions of one entry of a LineFilter."""
    match name, value:
        case "record", Ref() as ref:
            known_refs = merged_records.all_refs(session, ref)
            numbers = [int(known_ref.id) for known_ref in known_refs]
            return (_C.object_type == ref.object_type.value, _C.object_id.in_(numbers))
        case "since", datetime() as start:
            return (_C.at >= to_millis(start),)
        case "until", datetime() as end:
            return (_C.at < to_millis(end),)
        case _:
            return (_C[name] == str(value),)


def _limit_to_newest(query: Select[Any], limit: int | None) -> Select[Any]:
    if limit is None:
        return query.order_by(_C.place)
    newest = query.order_by(_C.place.desc()).limit(limit).subquery()
    return select(newest).order_by(newest.c.place)


def _stream(session: Transaction, query: Select[Any]) -> Iterator[StoredLine]:
    return iter(session.execute(query.execution_options(yield_per=_PAGE)).mappings())


def _chained_content(row: StoredLine) -> dict[str, str | int]:
    return {name: row[name] for name in _CHAINED_COLUMNS}


def _is_sealed(row: StoredLine) -> bool:
    if row["salt"] is None:
        return row["before"] is None and row["after"] is None
    return bool(row["seal"] == values_digest(row["salt"], row["before"], row["after"]))


def _row(session: Transaction, place: int, line: AuditLine, salt: bytes) -> dict[str, Any]:
    return {
        "portal_id": session.portal_key,
        "place": place,
        "at": to_millis(line.at),
        "run": line.run,
        "object_type": line.record.object_type.value,
        "object_id": int(line.record.id),
        "property_name": line.property_name,
        "before": line.before,
        "after": line.after,
        "rule": line.rule,
        "policy": line.policy,
        "outcome": line.outcome.value,
        "correlation_id": line.correlation_id,
        "salt": salt,
        "seal": values_digest(salt, line.before, line.after),
    }


def _line(row: StoredLine) -> AuditLine:
    return AuditLine(
        at=from_millis(row["at"]),
        run=row["run"],
        record=ref_of(row["object_type"], row["object_id"]),
        property_name=row["property_name"],
        before=row["before"] or "",
        after=row["after"] or "",
        rule=row["rule"],
        policy=row["policy"],
        outcome=Outcome(row["outcome"]),
        correlation_id=row["correlation_id"],
        hash=row["hash"],
        redacted=row["salt"] is None,
    )
