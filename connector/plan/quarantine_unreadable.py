"""Set aside the records that cannot be read, so that they never hold up the others.

A record that is set aside is neither blank, nor missing, nor without associations: the mirror
keeps what it last held, no decision is made for it, and it is tried again at growing intervals.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from connector.context import DecisionContext, RunContext
from connector.core.model import Record, Ref
from state import unreadable_records
from state.unreadable_records import FailedReading

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Records by asked ref, and those that are set aside; HubSpot has no other asked ref."""

    records: Mapping[Ref, Record]
    set_aside: frozenset[Ref]


def read_by_id(context: RunContext, refs: Sequence[Ref], properties: Sequence[str]) -> Reading:
    """Read records of one type; set aside those that HubSpot does not serve.

    A record that failed before is not asked for until its next try, since each failing request
    costs many others.
    """
    waiting = waiting_records(context, refs, FailedReading.RECORD)
    asked = [ref for ref in refs if ref not in waiting]
    result = context.api.read_available(asked, properties) if asked else None
    if result is None:
        return Reading(records={}, set_aside=waiting)
    note_unreadable(context, result.unreadable, FailedReading.RECORD)
    with context.reading() as session:
        known = [entry.record for entry in unreadable_records.read(session, result.records)]
    if known:
        with context.begin() as session:
            unreadable_records.release(session, known, readings={FailedReading.RECORD})
    return Reading(records=result.records, set_aside=waiting | result.unreadable.keys())


def note_unreadable(
    context: DecisionContext, reasons: Mapping[Ref, str], reading: FailedReading
) -> None:
    """Remember records that could not be read, and log each once."""
    if not reasons:
        return
    with context.begin() as session:
        new = unreadable_records.set_aside(session, reasons, reading=reading, at=context.api.now())
    for ref in new:
        _log.warning("record.set_aside", record=str(ref), reading=str(reading), reason=reasons[ref])


def unreadable_refs(context: DecisionContext, refs: Collection[Ref]) -> frozenset[Ref]:
    """Return the records that are set aside, whatever could not be read of them."""
    with context.reading() as session:
        return frozenset(entry.record for entry in unreadable_records.read(session, refs))


def waiting_records(
    context: RunContext, refs: Sequence[Ref], *readings: FailedReading
) -> frozenset[Ref]:
    """Return the records that are set aside for such a reading and not to be tried yet."""
    with context.reading() as session:
        entries = unreadable_records.read(session, refs)
    now = context.api.now()
    return frozenset(
        entry.record for entry in entries if entry.reading in readings and entry.next_try > now
    )
