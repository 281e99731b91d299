"""List what is set aside, and let it be tried again or taken off the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connector.context import RunContext
from connector.core.model import Ref
from connector.errors import UserError
from state import due_times, quarantine, unreadable_records
from state.db.transaction import Transaction
from state.quarantine import FailedCorrection
from state.unreadable_records import FailedReading, UnreadableRecord

_READING_NAMES: Final = {
    FailedReading.PAGE: "row in a list",
    FailedReading.RECORD: "record",
    FailedReading.HISTORY: "history",
    FailedReading.ASSOCIATIONS: "associations",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A record that cannot be read, or a correction that failed twice.

    `property_name` is "" for a record that cannot be read. `next_try` is None for a correction:
    it is tried again when its evidence changes.
    """

    record: Ref
    property_name: str
    reason: str
    since: datetime
    times: int
    next_try: datetime | None


def list_set_aside(session: Transaction) -> tuple[SetAside, ...]:
    """Return everything that is set aside, the newest first."""
    entries = [
        *map(_of_record, unreadable_records.read_all(session)),
        *map(_of_correction, quarantine.read_quarantined(session)),
    ]
    return tuple(sorted(entries, key=lambda entry: entry.since, reverse=True))


def retry(context: RunContext, record: Ref | None) -> int:
    """Let a record, or all, be tried again by the next sync; return how many entries that were.

    Raise UserError where the record is not set aside.
    """
    now = context.api.now()
    with context.begin() as session:
        entries = _entries_of(session, record)
        refs = [entry.record for entry in entries]
        unreadable_records.try_now(session, refs, at=now)
        for ref in refs:
            quarantine.forget_failures(session, ref)
        due_times.mark_due(session, refs, at=now)
    return len(entries)


def drop(context: RunContext, record: Ref | None) -> int:
    """Take a record, or all, off the list; return how many entries that were.

    Nothing is tried now. What fails again comes back. Raise UserError where the record is not
    set aside.
    """
    with context.begin() as session:
        entries = _entries_of(session, record)
        refs = [entry.record for entry in entries]
        unreadable_records.forget(session, refs)
        for ref in refs:
            quarantine.forget_failures(session, ref)
    return len(entries)


def _entries_of(session: Transaction, record: Ref | None) -> Sequence[SetAside]:
    entries = list_set_aside(session)
    if record is None:
        return entries
    of_record = [entry for entry in entries if entry.record == record]
    if not of_record:
        raise UserError(f"{record} is not set aside: `connector quarantine list` shows what is.")
    return of_record


def _of_record(entry: UnreadableRecord) -> SetAside:
    return SetAside(
        record=entry.record,
        property_name="",
        reason=f"{_READING_NAMES[entry.reading]} unreadable: {entry.reason}",
        since=entry.since,
        times=entry.times,
        next_try=entry.next_try,
    )


def _of_correction(failure: FailedCorrection) -> SetAside:
    return SetAside(
        record=failure.record,
        property_name=failure.property_name,
        reason=f"{failure.outcome}: {failure.note}" if failure.note else str(failure.outcome),
        since=failure.at,
        times=failure.times,
        next_try=None,
    )
