"""Ask what happened to records that HubSpot no longer shows, and update the mirror."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from connector.context import RunContext
from connector.core.binding.bind import needed_properties
from connector.core.model import Record, Ref
from connector.plan.quarantine_unreadable import read_by_id
from connector.pull.ingest import ingest, read_batch
from state import cascade

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingRecords:
    """What happened to records: found again, merged, in the recycling bin, or deleted for good."""

    found_again: Mapping[Ref, Record] = field(default_factory=dict)
    merged: Mapping[Ref, Ref] = field(default_factory=dict)
    archived: frozenset[Ref] = frozenset()
    deleted: frozenset[Ref] = frozenset()


def resolve_missing(context: RunContext, refs: Sequence[Ref]) -> MissingRecords:
    """Look up records of one type that were missed; merge, archive or erase them in the mirror.

    A record that HubSpot has nowhere any more was deleted for a person's privacy, since an
    archived one stays in the recycling bin for 90 days (Knowledge Base, "Restore deleted
    records"): the mirror erases it, and its audit lines lose their values.
    """
    if not refs:
        return MissingRecords()
    missing = _look_up(context, refs)
    kind, now = refs[0].object_type, context.api.now()
    with context.begin() as session:
        cascade.follow_merge(session, missing.merged, at=now)
        cascade.follow_archive(session, sorted(missing.archived), at=now)
        cascade.erase(session, sorted(missing.deleted), at=now)
    ingest(context, read_batch(context, kind, list(missing.found_again.values())))
    _log.info(
        "records.missing",
        portal=context.portal_id,
        object_type=str(kind),
        merged=len(missing.merged),
        archived=len(missing.archived),
        deleted=len(missing.deleted),
    )
    return missing


def _look_up(context: RunContext, refs: Sequence[Ref]) -> MissingRecords:
    """Look up absent records in three ways, each only for those that the way before left open.

    A read by ids finds records that a search hid, and survivors that name their merged ids. The
    recycling bin shows archived ones. A single read of an id answers with its survivor where the
    batch did not name it; an id that nothing answers was deleted for good.
    """
    properties = needed_properties(context.policy, context.portal)[refs[0].object_type]
    # What is set aside is not missing: it is looked up once it can be read.
    reading = read_by_id(context, refs, properties)
    records = reading.records
    refs = [ref for ref in refs if ref not in reading.set_aside]
    merged = {ref: record.ref for ref, record in records.items() if record.ref != ref}
    found_records = {record.ref: record for record in records.values()}
    absent = [ref for ref in refs if ref not in records]
    archived = context.api.find_archived(absent) if absent else frozenset()
    # Neither live nor archived: merged into a record that does not name it, or deleted for good.
    deleted = set(absent) - archived
    for ref in sorted(deleted):
        survivor = context.api.find_survivor(ref)
        if survivor is not None:
            merged[ref] = survivor
            deleted.discard(ref)
    # The survivors that were not read yet.
    unread = sorted({target for target in merged.values() if target not in found_records})
    found_records |= {
        record.ref: record for record in read_by_id(context, unread, properties).records.values()
    }
    return MissingRecords(
        found_again=found_records, merged=merged, archived=archived, deleted=frozenset(deleted)
    )
