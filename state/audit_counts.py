"""Count the lines of the audit: by outcome, by rule, by run."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import String, cast, distinct, func, select

from connector.core.model import STAGE, ObjectType, Outcome
from state.audit import TABLE
from state.db.timestamps import to_millis
from state.db.transaction import Transaction

_C: Final = TABLE.c


def count_outcomes(session: Transaction, *, since: datetime) -> dict[Outcome, int]:
    """Count outcomes since then; a property of a record counts once for each outcome."""
    target = _C.object_type + "/" + cast(_C.object_id, String) + "." + _C.property_name
    query = (
        select(_C.outcome, func.count(distinct(target)))
        .where(_C.portal_id == session.portal_key, _C.at >= to_millis(since))
        .group_by(_C.outcome)
    )
    return {Outcome(name): target_count for name, target_count in session.execute(query)}


def count_outcomes_by_period(
    session: Transaction, *, since: datetime, period: timedelta
) -> dict[int, dict[Outcome, int]]:
    """Count the lines in each period since then by outcome; the first period is number 0."""
    length = period // timedelta(milliseconds=1)
    number = ((_C.at - to_millis(since)) // length).label("number")
    query = (
        select(number, _C.outcome, func.count())
        .where(_C.portal_id == session.portal_key, _C.at >= to_millis(since))
        .group_by(number, _C.outcome)
    )
    counts: dict[int, dict[Outcome, int]] = {}
    for period_number, name, line_count in session.execute(query):
        counts.setdefault(period_number, {})[Outcome(name)] = line_count
    return counts


def count_run_outcomes(session: Transaction, run: str) -> dict[Outcome, int]:
    """Count the lines of one run by outcome."""
    query = (
        select(_C.outcome, func.count())
        .where(_C.portal_id == session.portal_key, _C.run == run)
        .group_by(_C.outcome)
        .order_by(_C.outcome)
    )
    return {Outcome(name): line_count for name, line_count in session.execute(query)}


def count_lines_by_run(session: Transaction) -> dict[str, int]:
    """Count the lines of each run."""
    query = select(_C.run, func.count()).where(_C.portal_id == session.portal_key)
    return {row[0]: row[1] for row in session.execute(query.group_by(_C.run))}


def count_refused_stages(
    session: Transaction, *, since: datetime
) -> dict[tuple[ObjectType, str, str], int]:
    """Count the records whose stage was refused since then, by type, value before and after."""
    query = (
        select(_C.object_type, _C.before, _C.after, func.count(distinct(_C.object_id)))
        .where(
            _C.portal_id == session.portal_key,
            _C.at >= to_millis(since),
            _C.outcome == Outcome.REFUSED.value,
            _C.property_name == STAGE,
        )
        .group_by(_C.object_type, _C.before, _C.after)
    )
    return {
        (ObjectType(object_type), before or "", after or ""): record_count
        for object_type, before, after, record_count in session.execute(query)
    }


def count_records_by_rule(
    session: Transaction, *, since: datetime, except_runs: Collection[str] = ()
) -> dict[str, int]:
    """Count, for each rule, the records of which it wrote a property since then.

    A stale correction was never sent, so it does not count; nor do the lines of `except_runs`.
    """
    record = _C.object_type + "/" + cast(_C.object_id, String)
    query = (
        select(_C.rule, func.count(distinct(record)))
        .where(_C.portal_id == session.portal_key, _C.at >= to_millis(since))
        .where(_C.outcome != Outcome.STALE.value, _C.run.not_in(except_runs))
        .group_by(_C.rule)
    )
    return {row[0]: row[1] for row in session.execute(query)}
