"""Find out what became of records that HubSpot shows no more, and let the mirror follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from connector.core.binding import needed_properties
from connector.core.model import Record, Ref
from connector.desk import Desk
from connector.storing import complete, store
from state import fates

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """What became of records: found again, merged, in the recycling bin, or deleted for good."""

    found: Mapping[Ref, Record] = field(default_factory=dict)
    merged: Mapping[Ref, Ref] = field(default_factory=dict)
    archived: frozenset[Ref] = frozenset()
    deleted: frozenset[Ref] = frozenset()


def settle_gone(desk: Desk, refs: Sequence[Ref]) -> Gone:
    """Ask for records of one type that were missed, and do in the mirror as HubSpot did.

    A record that HubSpot has nowhere any more was deleted for a person's privacy, since what
    is merely archived stays in the recycling bin for 90 days: the mirror forgets it, and its
    audit lines lose their values.
    """
    if not refs:
        return Gone()
    gone = _ask(desk, refs)
    kind, now = refs[0].object_type, desk.door.now()
    with desk.store.begin() as session:
        fates.succeed(session, desk.portal_id, gone.merged, at=now)
        fates.bury(session, desk.portal_id, sorted(gone.archived), at=now)
        fates.wipe(session, desk.portal_id, sorted(gone.deleted), at=now)
    store(desk, complete(desk, kind, list(gone.found.values())))
    _log.info(
        "records.gone",
        portal=desk.portal_id,
        object_type=str(kind),
        merged=len(gone.merged),
        archived=len(gone.archived),
        deleted=len(gone.deleted),
    )
    return gone


def _ask(desk: Desk, refs: Sequence[Ref]) -> Gone:
    """Ask by ids, then the recycling bin, and for the rest one by one who answers to the id."""
    properties = needed_properties(desk.policy, desk.portal)[refs[0].object_type]
    read = desk.door.read(refs, properties)
    merged = {ref: one.ref for ref, one in read.items() if one.ref != ref}
    found = {one.ref: one for one in read.values()}
    absent = [ref for ref in refs if ref not in read]
    archived = desk.door.archived(absent) if absent else frozenset()
    deleted = set(absent) - archived
    for ref in sorted(deleted):
        survivor = desk.door.survivor(ref)
        if survivor is not None:
            merged[ref] = survivor
            deleted.discard(ref)
    unread = sorted({one for one in merged.values() if one not in found})
    found |= {
        one.ref: one for one in (desk.door.read(unread, properties) if unread else {}).values()
    }
    return Gone(found=found, merged=merged, archived=archived, deleted=frozenset(deleted))
