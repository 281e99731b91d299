"""Try the records that were set aside again, when it is time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connector.context import RunContext
from connector.core.binding.bind import needed_properties
from connector.core.model import ObjectType, Ref
from connector.plan.fresh_reads import TRACKED_PROPERTIES
from connector.plan.quarantine_unreadable import note_unreadable, read_by_id
from connector.pull.ingest import ingest, read_batch
from connector.pull.missing_records import resolve_missing
from state import associations, due_times, unreadable_records
from state.unreadable_records import FailedReading

_MAX_TRIES: Final = 20
"""Records of one type that are tried at once: each that fails costs a few requests."""
_HISTORY_PROPERTIES: Final = {**TRACKED_PROPERTIES, ObjectType.DEALS: ("dealstage",)}


def retry_set_aside(context: RunContext) -> None:
    """Read the records whose next try has come; those that can be read are decided again."""
    with context.reading() as session:
        entries = unreadable_records.read_due(session, at=context.api.now())
    for kind in needed_properties(context.policy, context.portal):
        due = [entry for entry in entries if entry.record.object_type is kind][:_MAX_TRIES]
        with_history = [entry.record for entry in due if entry.reading is FailedReading.HISTORY]
        failing = _retry_histories(context, kind, with_history)
        _retry_records(
            context, kind, [entry.record for entry in due if entry.record not in failing]
        )


def _retry_histories(context: RunContext, kind: ObjectType, refs: Sequence[Ref]) -> frozenset[Ref]:
    """Release the records whose histories can be read again; return the others."""
    if not refs:
        return frozenset()
    names = _HISTORY_PROPERTIES[kind]
    result = context.api.read_available(refs, names, history=names)
    note_unreadable(context, result.unreadable, FailedReading.HISTORY)
    with context.begin() as session:
        readable = [ref for ref in refs if ref not in result.unreadable]
        unreadable_records.release(session, readable, readings={FailedReading.HISTORY})
    return frozenset(result.unreadable)


def _retry_records(context: RunContext, kind: ObjectType, refs: Sequence[Ref]) -> None:
    """Read records and their associations, and look up those that HubSpot no longer shows."""
    if not refs:
        return
    reading = read_by_id(context, refs, needed_properties(context.policy, context.portal)[kind])
    present = [record for ref, record in reading.records.items() if record.ref == ref]
    ingest(context, read_batch(context, kind, present))
    missing = sorted(set(refs) - {record.ref for record in present} - reading.set_aside)
    resolve_missing(context, missing)
    with context.begin() as session:
        unreadable_records.forget(session, missing)
        set_aside = {entry.record for entry in unreadable_records.read(session, refs)}
        readable = sorted({record.ref for record in present} - set_aside)
        # A record that was left alone because its deal could not be read is decided as well.
        links_by_deal = associations.read_of_deals(session, readable)
        linked = [link.target for links in links_by_deal.values() for link in links]
        due_times.mark_due(session, [*readable, *linked], at=context.api.now())
