"""Read the records that HubSpot named by webhook, so that the mirror holds their present state.

An event only names a record: the values that it claims are never used, so neither its order,
nor its repetition, nor its loss can lead to a wrong decision.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.context import RunContext
from connector.core.binding.bind import needed_properties
from connector.core.model import ObjectType, Ref
from connector.core.webhook_event import Event
from connector.plan.quarantine_unreadable import read_by_id
from connector.pull.ingest import ingest, read_batch
from connector.pull.missing_records import resolve_missing
from state import mirror, webhook_inbox

# Deals first: a contact's new deal is then in the mirror before the contact is read.
_ORDER = (ObjectType.DEALS, ObjectType.COMPANIES, ObjectType.CONTACTS)


def read_named_records(context: RunContext) -> int:
    """Read the records of all waiting events; return how many events that were.

    Events are marked as seen after their records are stored, so a process that dies reads
    them again. A record that did not change, as after a write of our own, is not stored anew.
    """
    event_count = 0
    while True:
        with context.reading() as session:
            events = webhook_inbox.read_waiting(session)
        if not events:
            return event_count
        for kind in _ORDER:
            _read_records(
                context, kind, [event for event in events if event.record.object_type is kind]
            )
        with context.begin() as session:
            webhook_inbox.mark_seen(session, events, at=context.api.now())
        event_count += len(events)
        context.progress("notice", event_count, None)


def _read_records(context: RunContext, kind: ObjectType, events: Sequence[Event]) -> None:
    """Read the records of one type; look up those that HubSpot no longer shows by their ids.

    Comes in: events, of which only the names of the records count. Afterwards the mirror holds
    what HubSpot shows of them. Rests on batch reads, which leave out missing and archived records
    and answer a merged id with its survivor (HubSpot's guide to the CRM object APIs).
    """
    refs = sorted({event.record for event in events})
    if not refs:
        return
    reading = read_by_id(context, refs, needed_properties(context.policy, context.portal)[kind])
    # A record that answered under another id is a merged one, and is looked up below.
    records = reading.records
    refs = [ref for ref in refs if ref not in reading.set_aside]
    present = [record for ref, record in records.items() if record.ref == ref]
    # Store what changed, and what an association event names: its record may be unchanged.
    relinked = {event.record for event in events if event.read_associations}
    with context.reading() as session:
        changed = {record.ref for record in mirror.select_changed(session, present)}
        mirrored = mirror.known_refs(session, refs)
    ingest(
        context,
        read_batch(
            context, kind, [record for record in present if record.ref in changed | relinked]
        ),
    )
    resolve_missing(
        context, _missing_refs(refs, {record.ref for record in present}, mirrored, set(records))
    )


def _missing_refs(
    refs: Sequence[Ref], present: set[Ref], mirrored: frozenset[Ref], answered: set[Ref]
) -> list[Ref]:
    """Return the absent records that the mirror holds, or that answered under another id.

    A record that neither the mirror nor HubSpot knows was created and deleted again.
    """
    return [ref for ref in refs if ref not in present and (ref in mirrored or ref in answered)]
