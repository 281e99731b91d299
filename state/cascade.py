"""Apply a merge, archiving or deletion in HubSpot to everything that is stored of a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from connector.core.model import ObjectType, Ref
from state import (
    applied_corrections,
    associations,
    audit,
    due_times,
    follow_up_tasks,
    holds,
    ledger,
    merged_records,
    mirror,
    mirror_queries,
    observed_changes,
    operator_actions,
    outbox,
    outgoing_events,
    quarantine,
    unreadable_records,
)
from state.db.transaction import Transaction


def follow_merge(session: Transaction, merged: Mapping[Ref, Ref], *, at: datetime) -> None:
    """Move everything stored of merged records to their survivors.

    `merged` maps old records to survivors; merges that are known already are skipped. Ledger,
    holds, open moves, quarantine, tasks and applied corrections move over. The audit keeps its
    lines and finds them by either id. The survivors, and the records that were linked with the old
    ones, become due. HubSpot gives the merged record a new id (`newObjectId`, webhooks guide) and
    lists its old ids in `hs_merged_object_ids`.
    """
    known_survivors = merged_records.read_survivors(session, merged)
    new_merges = {
        old: new for old, new in merged.items() if known_survivors.get(old) != new and old != new
    }
    if not new_merges:
        return
    merged_records.add(session, new_merges, at=at)
    ledger.move_to_survivors(session, new_merges)
    outbox.move_to_survivors(session, new_merges)
    holds.move_to_survivors(session, new_merges)
    quarantine.move_to_survivors(session, new_merges)
    follow_up_tasks.move_to_survivors(session, new_merges)
    applied_corrections.move_to_survivors(session, new_merges)
    unreadable_records.forget(session, new_merges)
    associations.move_lead_links(session, new_merges)
    affected = _remove_links(session, new_merges)
    mirror.erase(session, new_merges)
    due_times.mark_due(session, sorted({*affected, *new_merges.values()}), at=at)


def follow_archive(session: Transaction, refs: Iterable[Ref], *, at: datetime) -> None:
    """Exclude archived records from decisions; the records linked with them become due, once.

    HubSpot may change nothing on a record when another one that is linked with it goes.
    """
    archived_refs = tuple(refs)
    mirrored = mirror.get(session, archived_refs)
    new_refs = [ref for ref, record in mirrored.items() if not record.archived]
    affected = _linked_refs(session, new_refs) | _company_group(session, new_refs)
    mirror.archive(session, archived_refs, at=at)
    due_times.mark_due(session, sorted(affected), at=at)


def erase(session: Transaction, refs: Iterable[Ref], *, at: datetime) -> None:
    """Delete everything stored of records that HubSpot deleted for good; redact their audit."""
    deleted_refs = tuple(refs)
    affected = _remove_links(session, deleted_refs) | _company_group(session, deleted_refs)
    known_refs = {
        known_ref for ref in deleted_refs for known_ref in merged_records.all_refs(session, ref)
    }
    audit.redact(session, sorted(known_refs))
    operator_actions.redact(session, known_refs)
    ledger.erase(session, known_refs)
    outbox.close(session, deleted_refs)
    follow_up_tasks.erase(session, known_refs)
    observed_changes.erase(session, known_refs)
    outgoing_events.erase(session, known_refs)
    for ref in deleted_refs:
        quarantine.forget_failures(session, ref)
    unreadable_records.forget(session, deleted_refs)
    mirror.erase(session, deleted_refs)
    due_times.mark_due(session, sorted(affected), at=at)


def _linked_refs(session: Transaction, refs: Iterable[Ref]) -> set[Ref]:
    linked_refs: set[Ref] = set()
    for object_type, refs_of_type in _refs_by_type(refs).items():
        for to in ObjectType:
            if to is not object_type:
                links = associations.read(session, refs_of_type, to)
                linked_refs.update(
                    link.target for record_links in links.values() for link in record_links
                )
    return linked_refs


def _company_group(session: Transaction, refs: Iterable[Ref]) -> set[Ref]:
    """Return the contacts of these companies, and the companies of these contacts."""
    refs_by_type = _refs_by_type(refs)
    contacts = mirror.contacts_of_companies(session, refs_by_type.get(ObjectType.COMPANIES, ()))
    companies = mirror_queries.read_companies(session, refs_by_type.get(ObjectType.CONTACTS, ()))
    return {*companies.values(), *(ref for group in contacts.values() for ref in group)}


def _remove_links(session: Transaction, refs: Iterable[Ref]) -> set[Ref]:
    """Remove the links of these records; return the records that were linked with them."""
    linked_refs: set[Ref] = set()
    for object_type, refs_of_type in _refs_by_type(refs).items():
        for to in ObjectType:
            if to is not object_type:
                no_links = dict.fromkeys(refs_of_type, ())
                pairs = associations.replace_all(session, no_links, to)
                linked_refs.update(linked for _, linked in pairs)
    return linked_refs


def _refs_by_type(refs: Iterable[Ref]) -> dict[ObjectType, list[Ref]]:
    refs_by_type: dict[ObjectType, list[Ref]] = {}
    for ref in refs:
        refs_by_type.setdefault(ref.object_type, []).append(ref)
    return refs_by_type
