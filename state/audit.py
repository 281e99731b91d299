"""Remember every write for good: append-only, each line chained to the one before.

Triggers of the database (see the first migration) refuse every change of a line, save the
redaction of its two values, and the deletion of what was cut into a file (`state/cuts.py`).
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
    String,
    cast,
    delete,
    distinct,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from connector.core.audit import AuditLine, Broken, Cut, Intact, Verdict, link, seal
from connector.core.model import Outcome, Ref
from state import aliases, cuts
from state.columns import number, number_key, table_of, text
from state.keys import among, pieces, ref_of
from state.moments import from_millis, to_millis


class _Row(SQLModel, table=True):
    """The salt goes with the values: without it, the seal tells nothing of them."""

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


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c
_BESIDE_THE_CHAIN: Final = frozenset({"before", "after", "salt", "hash"})
_CHAINED: Final = tuple(one.name for one in _C if one.name not in _BESIDE_THE_CHAIN)
_PAGE: Final = 1000
Stored = Mapping[Any, Any]
"""A line by the names of its columns, with everything that proves it."""


def append(
    session: Session,
    portal_id: str,
    lines: Sequence[AuditLine],
    *,
    salt: Callable[[int], bytes] = secrets.token_bytes,
) -> None:
    """Append lines; their hashes are made here, each from the one before."""
    last = head(session, portal_id)
    rows, hash_ = [], last.head
    for place, line in enumerate(lines, start=last.lines + 1):
        row = _row(int(portal_id), place, line, salt(16))
        row["hash"] = hash_ = link(hash_, _content(row))
        rows.append(row)
    if rows:
        session.execute(insert(_TABLE), rows)


class Which(TypedDict, total=False):
    """Which lines are meant; what is not there, or None, does not narrow. `until` is excluded."""

    record: Ref | None
    run: str | None
    since: datetime | None
    until: datetime | None
    rule: str | None
    outcome: Outcome | None
    property_name: str | None


def read(
    session: Session, portal_id: str, *, limit: int | None = None, **which: Unpack[Which]
) -> Iterator[AuditLine]:
    """Yield lines in their order; with `limit` the newest so many.

    A merged record's lines are found by its old ids and by the survivor's.
    """
    query = select(_TABLE).where(_C.portal_id == int(portal_id))
    for name, value in which.items():
        if value is not None:
            query = query.where(*_meant(session, portal_id, name, value))
    yield from map(_line, _streamed(session, _newest(query, limit)))


def of_records(session: Session, portal_id: str, records: Iterable[Ref]) -> Iterator[AuditLine]:
    """Yield the lines of many records, in their order within each thousand."""
    for piece in pieces(records):
        query = select(_TABLE).where(*among(_TABLE, portal_id, piece)).order_by(_C.place)
        yield from map(_line, _streamed(session, query))


def count(session: Session, portal_id: str, *, since: datetime) -> dict[Outcome, int]:
    """Count what ended since then by outcome; a property of a record counts once in each."""
    what = _C.object_type + "/" + cast(_C.object_id, String) + "." + _C.property_name
    query = (
        select(_C.outcome, func.count(distinct(what)))
        .where(_C.portal_id == int(portal_id), _C.at >= to_millis(since))
        .group_by(_C.outcome)
    )
    return {Outcome(name): number for name, number in session.execute(query)}


def redact(session: Session, portal_id: str, records: Iterable[Ref]) -> int:
    """Take the values out of the lines of these records; return of how many.

    The chain holds without them.
    """
    redacted = 0
    for piece in pieces(records):
        which = (*among(_TABLE, portal_id, piece), _C.salt.is_not(None))
        gone = {"before": None, "after": None, "salt": None}
        done = session.connection().execute(update(_TABLE).where(*which).values(gone))
        redacted += done.rowcount
    return redacted


def verify(session: Session, portal_id: str) -> Verdict:
    """Follow the chain from its first line, or its last cut; tell its head, or what breaks it."""
    cut = cuts.last(session, portal_id)
    lines, end = (cut.place, cut.hash) if cut else (0, "")
    query = select(_TABLE).where(_C.portal_id == int(portal_id)).order_by(_C.place)
    verdict = follow(_streamed(session, query), lines=lines, head=end)
    return verdict if isinstance(verdict, Broken) else replace(verdict, cut=cut)


def follow(rows: Iterable[Stored], *, lines: int, head: str) -> Verdict:
    """Follow stored lines in their order, that go on after so many and the hash of the last."""
    place = lines
    for place, row in enumerate(rows, start=lines + 1):
        head = link(head, _content(row))
        if row["hash"] != head or not _sealed(row):
            return Broken(row=place, line=_line(row))
    return Intact(lines=place, head=head)


def stored(session: Session, portal_id: str, *, until: int) -> Iterator[Stored]:
    """Yield the lines up to this place with everything that proves them."""
    which = (_C.portal_id == int(portal_id), _C.place <= until)
    yield from _streamed(session, select(_TABLE).where(*which).order_by(_C.place))


def older(session: Session, portal_id: str, *, than: datetime, most: int) -> int | None:
    """Return the place up to which every line is older, after `most` at the latest.

    None where the first line that is kept is not.
    """
    cut = cuts.last(session, portal_id)
    begun, mine = (cut.place if cut else 0), _C.portal_id == int(portal_id)
    young = select(func.min(_C.place)).where(mine, _C.at >= to_millis(than))
    first = session.scalar(young) or head(session, portal_id).lines + 1
    place = min(first - 1, begun + most)
    return place if place > begun else None


def cut(session: Session, portal_id: str, place: int, *, at: datetime, file: str) -> Cut:
    """Delete the lines up to this place, which lie in that file; the chain goes on from there."""
    which = (_C.portal_id == int(portal_id), _C.place <= place)
    last = select(_C.hash).where(_C.portal_id == int(portal_id), _C.place == place)
    latest = session.execute(select(func.max(_C.at)).where(*which)).scalar_one()
    made = Cut(
        place=place,
        hash=session.execute(last).scalar_one(),
        latest=from_millis(latest),
        at=at,
        file=file,
    )
    cuts.note(session, portal_id, made)
    session.execute(delete(_TABLE).where(*which))
    return made


def redacted(session: Session, portal_id: str, *, until: int) -> int:
    """Count the lines up to this place that have lost their values."""
    which = (_C.portal_id == int(portal_id), _C.place <= until, _C.salt.is_(None))
    return session.execute(select(func.count()).where(*which)).scalar_one()


def head(session: Session, portal_id: str) -> Intact:
    """Return how many lines there are and the last one's hash, without following the chain."""
    query = select(_C.place, _C.hash).where(_C.portal_id == int(portal_id))
    last = session.execute(query.order_by(_C.place.desc()).limit(1)).one_or_none()
    cut = cuts.last(session, portal_id)
    lines, end = last or ((cut.place, cut.hash) if cut else (0, ""))
    return Intact(lines=lines, head=end, cut=cut)


def _meant(
    session: Session, portal_id: str, name: str, value: object
) -> Sequence[ColumnElement[bool]]:
    """Return the conditions that one word of a selection stands for."""
    match name, value:
        case "record", Ref() as ref:
            known = aliases.family(session, portal_id, ref)
            numbers = [int(one.id) for one in known]
            return (_C.object_type == ref.object_type.value, _C.object_id.in_(numbers))
        case "since", datetime() as start:
            return (_C.at >= to_millis(start),)
        case "until", datetime() as end:
            return (_C.at < to_millis(end),)
        case _:
            return (_C[name] == str(value),)


def _newest(query: Select[Any], limit: int | None) -> Select[Any]:
    if limit is None:
        return query.order_by(_C.place)
    newest = query.order_by(_C.place.desc()).limit(limit).subquery()
    return select(newest).order_by(newest.c.place)


def _streamed(session: Session, query: Select[Any]) -> Iterator[Stored]:
    return iter(session.execute(query.execution_options(yield_per=_PAGE)).mappings())


def _content(row: Stored) -> dict[str, str | int]:
    return {name: row[name] for name in _CHAINED}


def _sealed(row: Stored) -> bool:
    if row["salt"] is None:
        return row["before"] is None and row["after"] is None
    return bool(row["seal"] == seal(row["salt"], row["before"], row["after"]))


def _row(portal: int, place: int, line: AuditLine, salt: bytes) -> dict[str, Any]:
    return {
        "portal_id": portal,
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
        "seal": seal(salt, line.before, line.after),
    }


def _line(row: Stored) -> AuditLine:
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
