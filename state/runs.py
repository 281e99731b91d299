"""Store each run: its kind, when it began and ended, and its outcome counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, insert, select, update
from sqlmodel import SQLModel

from state.db.columns import number, number_key, table_of, text, text_key
from state.db.encoding import canonical_json, parse_json
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run; `finished_at` is None while it goes on, and stays None where its process died."""

    run: str
    kind: str
    began_at: datetime
    finished_at: datetime | None
    summary: Mapping[str, Any]


class _Row(SQLModel, table=True):
    __tablename__ = "runs"

    portal_id: int = number_key()
    run: str = text_key()
    kind: str = text()
    began_at: int = number()
    finished_at: int | None = number()
    summary: str = text()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c
_CLOCK_ERROR: Final = timedelta(seconds=2)  # of two processes: HubSpot's dates are whole seconds


def begin(session: Transaction, run: str, kind: str, at: datetime) -> None:
    """Store the beginning of a run.

    A run that the portal's clock places up to two seconds before the last one began after it all
    the same: it is stored a millisecond later, so that runs are listed in their order.
    """
    last = latest(session)
    if last is not None and timedelta() <= last.began_at - at < _CLOCK_ERROR:
        at = last.began_at + timedelta(milliseconds=1)
    row = {
        "portal_id": session.portal_key,
        "run": run,
        "kind": kind,
        "began_at": to_millis(at),
        "finished_at": None,
        "summary": canonical_json({}),
    }
    session.execute(insert(_TABLE), [row])


def finish(session: Transaction, run: str, at: datetime, summary: Mapping[str, Any]) -> None:
    """Store the end of a run and its outcome counts."""
    conditions = (_C.portal_id == session.portal_key, _C.run == run)
    values = {"finished_at": to_millis(at), "summary": canonical_json(summary)}
    session.execute(update(_TABLE).where(*conditions).values(values))


def latest(session: Transaction) -> Run | None:
    """Return the run that began last, None where there is none."""
    return next(iter(read(session, limit=1)), None)


def read(
    session: Transaction, *, limit: int | None = None, since: datetime | None = None, kind: str = ""
) -> tuple[Run, ...]:
    """Return runs, the newest first; `since`, `kind` and `limit` narrow them where given."""
    query = select(_TABLE).where(_C.portal_id == session.portal_key)
    if since is not None:
        query = query.where(_C.began_at >= to_millis(since))
    if kind:
        query = query.where(_C.kind == kind)
    newest_first = query.order_by(_C.began_at.desc(), _C.run.desc()).limit(limit)
    return tuple(map(_run, session.execute(newest_first)))


def get(session: Transaction, run: str) -> Run | None:
    """Return the run with this id, None where there is none."""
    conditions = (_C.portal_id == session.portal_key, _C.run == run)
    row = session.execute(select(_TABLE).where(*conditions)).one_or_none()
    return None if row is None else _run(row)


def prune(session: Transaction, *, before: datetime) -> None:
    """Delete the runs that ended before then; runs that died stay."""
    conditions = (_C.portal_id == session.portal_key, _C.finished_at < to_millis(before))
    session.execute(delete(_TABLE).where(*conditions))


def _run(row: Any) -> Run:
    return Run(
        run=row.run,
        kind=row.kind,
        began_at=from_millis(row.began_at),
        finished_at=None if row.finished_at is None else from_millis(row.finished_at),
        summary=parse_json(row.summary),
    )
