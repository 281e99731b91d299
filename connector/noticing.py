"""Look at the records that HubSpot named by webhook, so that the mirror holds what they are now.

An event says only that there is something to see: what it claims is never believed, so neither
its order, nor its repetition, nor its loss can lead to a wrong decision.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.core.binding import needed_properties
from connector.core.event import Event
from connector.core.model import ObjectType, Ref
from connector.desk import Desk
from connector.gone import settle_gone
from connector.storing import complete, store
from state import inbox, mirror

# Deals first: a contact's new deal is then in the mirror before the contact is looked at.
_ORDER = (ObjectType.DEALS, ObjectType.COMPANIES, ObjectType.CONTACTS)


def notice(desk: Desk) -> int:
    """Look at everything that waits in the inbox; return how many events that were.

    A process that dies in between looks again. A record that is as the mirror has it, as after
    a write of our own, costs its reading and nothing more.
    """
    looked_at = 0
    while True:
        with desk.store.reading() as session:
            events = inbox.waiting(session, desk.portal_id)
        if not events:
            return looked_at
        for kind in _ORDER:
            _look(desk, kind, [one for one in events if one.record.object_type is kind])
        with desk.store.begin() as session:
            inbox.see(session, desk.portal_id, events, at=desk.door.now())
        looked_at += len(events)
        desk.tell("notice", looked_at, None)


def _look(desk: Desk, kind: ObjectType, events: Sequence[Event]) -> None:
    """Read the records of one type afresh; whoever is not there has gone, or was merged."""
    refs = sorted({one.record for one in events})
    if not refs:
        return
    found = desk.door.read(refs, needed_properties(desk.policy, desk.portal)[kind])
    there = [one for ref, one in found.items() if one.ref == ref]
    linked = {one.record for one in events if one.links}
    with desk.store.reading() as session:
        news = {one.ref for one in mirror.changed(session, desk.portal_id, there)}
        known = mirror.known(session, desk.portal_id, refs)
    store(desk, complete(desk, kind, [one for one in there if one.ref in news | linked]))
    settle_gone(desk, _missing(refs, {one.ref for one in there}, known, set(found)))


def _missing(
    refs: Sequence[Ref], there: set[Ref], known: frozenset[Ref], answered: set[Ref]
) -> list[Ref]:
    """Return what the mirror holds and HubSpot no more by this id, and what another id answers.

    A record that neither knows was created and deleted again: nobody needs it.
    """
    return [ref for ref in refs if ref not in there and (ref in known or ref in answered)]
