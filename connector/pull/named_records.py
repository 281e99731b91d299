"""Look at the records that HubSpot named by webhook, so that the mirror holds what they are now.

An event says only that there is something to see: what it claims is never believed, so neither
its order, nor its repetition, nor its loss can lead to a wrong decision.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.context import RunContext
from connector.core.binding.bind import needed_properties
from connector.core.event import Event
from connector.core.model import ObjectType, Ref
from connector.pull.ingest import ingest, read_batch
from connector.pull.missing_records import resolve_missing
from state import mirror, webhook_inbox

# Deals first: a contact's new deal is then in the mirror before the contact is looked at.
_ORDER = (ObjectType.DEALS, ObjectType.COMPANIES, ObjectType.CONTACTS)


def read_named_records(context: RunContext) -> int:
    """Look at everything that waits in the inbox; return how many events that were.

    A process that dies in between looks again. A record that is as the mirror has it, as after
    a write of our own, costs its reading and nothing more.
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
    """Read the records of one type afresh; whoever is not there has gone, or was merged."""
    refs = sorted({event.record for event in events})
    if not refs:
        return
    records = context.api.read(refs, needed_properties(context.policy, context.portal)[kind])
    present = [record for ref, record in records.items() if record.ref == ref]
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
    """Return what the mirror holds and HubSpot no more by this id, and what another id answers.

    A record that neither knows was created and deleted again: nobody needs it.
    """
    return [ref for ref in refs if ref not in present and (ref in mirrored or ref in answered)]
