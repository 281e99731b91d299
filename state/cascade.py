"""Let everything that is remembered of a record share the record's fate in HubSpot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from connector.core.model import ObjectType, Ref
from state import (
    applied_corrections,
    associations,
    audit,
    follow_up_tasks,
    holds,
    ledger,
    merged_records,
    mirror,
    outbox,
    quarantine,
)


def follow_merge(
    session: Session, portal_id: str, merged: Mapping[Ref, Ref], *, at: datetime
) -> None:
    """Carry what is remembered of merged records over to their survivors.

    Ledger, holds, open move, quarantine and what held go over, the audit is found by either id,
    and the survivor and whoever was linked with the old record become due.
    """
    known_survivors = merged_records.read_survivors(session, portal_id, merged)
    new_merges = {
        old: new for old, new in merged.items() if known_survivors.get(old) != new and old != new
    }
    if not new_merges:
        return
    merged_records.add(session, portal_id, new_merges, at=at)
    ledger.move_to_survivors(session, portal_id, new_merges)
    outbox.move_to_survivors(session, portal_id, new_merges)
    holds.move_to_survivors(session, portal_id, new_merges)
    quarantine.move_to_survivors(session, portal_id, new_merges)
    follow_up_tasks.move_to_survivors(session, portal_id, new_merges)
    applied_corrections.move_to_survivors(session, portal_id, new_merges)
    affected = _remove_links(session, portal_id, new_merges)
    mirror.erase(session, portal_id, new_merges)
    mirror.mark_due(session, portal_id, sorted({*affected, *new_merges.values()}), at=at)


def follow_archive(session: Session, portal_id: str, refs: Iterable[Ref], *, at: datetime) -> None:
    """Take archived records out of every decision; whoever was linked with them is due."""
    archived_refs = tuple(refs)
    mirror.archive(session, portal_id, archived_refs, at=at)
    mirror.mark_due(
        session, portal_id, sorted(_linked_refs(session, portal_id, archived_refs)), at=at
    )


def erase(session: Session, portal_id: str, refs: Iterable[Ref], *, at: datetime) -> None:
    """Forget records that HubSpot deleted for good, and the audit's values of them."""
    deleted_refs = tuple(refs)
    affected = _remove_links(session, portal_id, deleted_refs)
    known_refs = {
        known_ref
        for ref in deleted_refs
        for known_ref in merged_records.all_refs(session, portal_id, ref)
    }
    audit.redact(session, portal_id, sorted(known_refs))
    ledger.erase(session, portal_id, known_refs)
    outbox.close(session, portal_id, deleted_refs)
    follow_up_tasks.erase(session, portal_id, known_refs)
    for ref in deleted_refs:
        quarantine.forget_failures(session, portal_id, ref)
    mirror.erase(session, portal_id, deleted_refs)
    mirror.mark_due(session, portal_id, sorted(affected), at=at)


def _linked_refs(session: Session, portal_id: str, refs: Iterable[Ref]) -> set[Ref]:
    linked_refs: set[Ref] = set()
    for object_type, refs_of_type in _refs_by_type(refs).items():
        for to in ObjectType:
            if to is not object_type:
                links = associations.read(session, portal_id, refs_of_type, to)
                linked_refs.update(
                    link.target for record_links in links.values() for link in record_links
                )
    return linked_refs


def _remove_links(session: Session, portal_id: str, refs: Iterable[Ref]) -> set[Ref]:
    """Take the links of records out; return the other ends."""
    linked_refs: set[Ref] = set()
    for object_type, refs_of_type in _refs_by_type(refs).items():
        for to in ObjectType:
            if to is not object_type:
                no_links = dict.fromkeys(refs_of_type, ())
                pairs = associations.replace_all(session, portal_id, no_links, to)
                linked_refs.update(other_end for _, other_end in pairs)
    return linked_refs


def _refs_by_type(refs: Iterable[Ref]) -> dict[ObjectType, list[Ref]]:
    refs_by_type: dict[ObjectType, list[Ref]] = {}
    for ref in refs:
        refs_by_type.setdefault(ref.object_type, []).append(ref)
    return refs_by_type
